import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { type ErrorBody, OrchError } from '../errors.ts'

/**
 * HTTP to the daemon. Every command loads this file: node:http is taken without the import that would also load its
 * WebSocket (4 ms against 30).
 */
const http = process.getBuiltinModule('node:http')

/** Where the daemon answers. */
export type Address = { socketPath: string } | { url: string; token: string }

export interface Outgoing {
  method: string
  path: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal | undefined
  /** ms without a byte from the daemon until E_TIMEOUT. */
  timeoutMs: number
}
/** Sends a request and gives the answer whose head has come. @throws OrchError E_DAEMON, E_TIMEOUT */
export type Send = (outgoing: Outgoing) => Promise<IncomingMessage>

export interface Transport {
  send: Send
  /** Lets the connections go. */
  close(): void
}

export function createTransport(address: Address): Transport {
  const agent = new http.Agent({ keepAlive: true })
  return { send: createSend(address, agent), close: () => agent.destroy() }
}

function createSend(address: Address, agent: Agent): Send {
  const base = addressOptions(address)
  const attempt = (outgoing: Outgoing) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { ...base.headers, ...outgoing.headers }
      const request = http.request({ ...base, agent, ...outgoing, headers }, resolve)
      request.setTimeout(outgoing.timeoutMs, () =>
        request.destroy(new OrchError('E_TIMEOUT', `the daemon did not answer in ${outgoing.timeoutMs} ms`)),
      )
      request.on('error', (error) => reject(Object.assign(error, { stale: isStale(request, error) })))
      request.end(outgoing.body)
    })
  return async (outgoing) => {
    try {
      return await attempt(outgoing).catch((error) => {
        if (error.stale) return attempt(outgoing)
        throw error
      })
    } catch (error) {
      throw error instanceof OrchError ? error : unreachable(address, error as Error, outgoing.signal)
    }
  }
}

/** A kept connection that the daemon had closed already when we used it again. Only what changes nothing is sent twice. */
function isStale(request: ClientRequest, error: NodeJS.ErrnoException): boolean {
  const gone = error.code === 'ECONNRESET' || error.code === 'EPIPE'
  return gone && request.reusedSocket && request.method === 'GET'
}

function addressOptions(address: Address): RequestOptions & { headers: Record<string, string> } {
  if ('socketPath' in address) return { socketPath: address.socketPath, headers: { host: 'orchd' } }
  const { hostname, port } = new URL(address.url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host, port, headers: { authorization: `Bearer ${address.token}` } }
}

/** What befell a request that has no answer. */
export function unreachable(address: Address, cause: Error, signal: AbortSignal | undefined): OrchError {
  const where = 'socketPath' in address ? address.socketPath : address.url
  const what = signal?.aborted
    ? 'the request was given up'
    : `no daemon answers at ${where}: ${cause.message}`
  return new OrchError('E_DAEMON', what, { cause })
}

/** The JSON of an answer. @throws OrchError what the daemon says, or E_DAEMON when this is not how a daemon talks. */
export async function readAnswer(answer: IncomingMessage): Promise<unknown> {
  const text = await readAll(answer).catch((cause) => {
    if (cause instanceof OrchError) throw cause
    throw new OrchError('E_DAEMON', `the daemon went away in the middle of its answer`, { cause })
  })
  const status = answer.statusCode ?? 0
  const body = parse(text)
  if (status >= 200 && status < 300 && body !== undefined) return body
  const error = (body as { error?: unknown } | undefined)?.error
  throw refusalOf(error, `status ${status}`)
}

/** The error that a daemon has answered; E_DAEMON when it is none, told by `what`. */
export function refusalOf(error: unknown, what: string): OrchError {
  if (isErrorBody(error)) return OrchError.fromBody(error)
  return new OrchError('E_DAEMON', `what answers there is no orchd (${what})`)
}

function readAll(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    answer.on('data', (chunk) => chunks.push(chunk))
    answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    answer.on('error', reject)
    answer.on('close', () => reject(new Error('it was cut off')))
  })
}

/** Undefined when it is no JSON. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isErrorBody(error: unknown): error is ErrorBody {
  const body = error as Partial<ErrorBody> | null | undefined
  return [body?.code, body?.message, body?.fix].every((value) => typeof value === 'string')
}
