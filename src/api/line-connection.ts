import type { Socket } from 'node:net'
import { OrchError } from '../errors.ts'
import { splitLines } from './lines.ts'
import { LINES_PATH, LINES_PROTOCOL } from './route-table.ts'
import { refusalOf, unreachable } from './transport.ts'

const http = process.getBuiltinModule('node:http')

/** One connection that speaks lines. What is asked before it is open goes out when it is. */
export interface LineConnection {
  state: 'opening' | 'open' | 'lost'
  /**
   * Undefined when the daemon there speaks no lines: nothing was asked then.
   * @throws OrchError what the daemon answered; E_DAEMON when the connection is lost or `signal` aborts, E_TIMEOUT
   */
  call(line: LineCall): Promise<{ answer: unknown } | undefined>
  /** What waits has lost its connection. */
  close(): void
}

export interface LineCall {
  /** The line for a call of this id. */
  text: (id: number) => string
  signal: AbortSignal | undefined
  timeoutMs: number
}

type Given = { answer: unknown } | undefined
interface Waiting {
  text: string
  resolve(given: Given): void
  reject(error: OrchError): void
}

export function openLines(address: { socketPath: string }): LineConnection {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let socket: Socket | undefined
  const headers = { host: 'orchd', connection: 'Upgrade', upgrade: LINES_PROTOCOL }
  const request = http.request({ ...address, path: LINES_PATH, headers, agent: false })

  const lose = (end: (waiting: Waiting) => void) => {
    connection.state = 'lost'
    request.destroy()
    socket?.destroy()
    for (const call of waiting.values()) end(call)
    waiting.clear()
  }
  const cut = (cause: Error) => lose(({ reject }) => reject(unreachable(address, cause, undefined)))
  const remove = (id: number) => {
    waiting.delete(id)
    if (waiting.size > 0) return
    if (socket)
      socket.unref() // it keeps no process alive that has nothing to wait for
    else lose(() => {})
  }
  const hear = (line: Buffer) => {
    const { id, answer, error } = parse(line)
    if (id === undefined) return cut(new Error('it speaks no lines'))
    const call = waiting.get(id)
    if (!call) return // it was given up
    remove(id)
    if (answer !== undefined) call.resolve({ answer })
    else call.reject(refusalOf(error, 'a line that is no answer'))
  }
  const connection: LineConnection = {
    state: 'opening',
    call: (call) => {
      const id = ++last
      const { promise, resolve, reject } = Promise.withResolvers<Given>()
      const giveUp = (error: OrchError) => {
        socket?.write(`{"id":${id},"gone":true}\n`)
        remove(id)
        reject(error)
      }
      const text = call.text(id)
      waiting.set(id, { text, ...limited(call, address, { resolve, reject, giveUp }) })
      socket?.ref().write(text)
      return promise
    },
    close: () => cut(new Error('this client was closed')),
  }
  request.on('upgrade', (_, opened: Socket, head: Buffer) => {
    socket = opened
    connection.state = 'open'
    opened.on(
      'data',
      splitLines(Number.POSITIVE_INFINITY, hear, () => {}),
    )
    opened.on('error', cut)
    opened.on('close', () => cut(hangUp()))
    opened.on('end', () => cut(hangUp()))
    if (head.length > 0) opened.unshift(head)
    opened.write([...waiting.values()].map(({ text }) => text).join(''))
  })
  request.on('response', (answer) => {
    answer.resume()
    lose(({ resolve }) => resolve(undefined))
  })
  request.on('error', cut)
  request.end()
  return connection
}

interface Ends {
  resolve(given: Given): void
  reject(error: OrchError): void
  giveUp(error: OrchError): void
}

/** Gives up when the time is over or the signal aborts. */
function limited({ signal, timeoutMs }: LineCall, address: { socketPath: string }, ends: Ends) {
  const settled = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
  const over = (error: OrchError) => {
    settled()
    ends.giveUp(error)
  }
  const abort = () => over(givenUp(address, signal))
  const silent = `the daemon did not answer in ${timeoutMs} ms`
  const timer = setTimeout(() => over(new OrchError('E_TIMEOUT', silent)), timeoutMs)
  signal?.addEventListener('abort', abort, { once: true })
  return {
    resolve(given: Given) {
      settled()
      ends.resolve(given)
    },
    reject(error: OrchError) {
      settled()
      ends.reject(error)
    },
  }
}

/** What Node's HTTP says of the same. */
const hangUp = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })

export function givenUp(address: { socketPath: string }, signal?: AbortSignal): OrchError {
  const facts = { name: 'AbortError', code: 'ABORT_ERR' }
  const cause = Object.assign(new Error('it was aborted', { cause: signal?.reason }), facts)
  return unreachable(address, cause, signal)
}

function parse(line: Buffer): { id?: number; answer?: unknown; error?: unknown } {
  try {
    return JSON.parse(line.toString('utf8')) ?? {}
  } catch {
    return {}
  }
}
