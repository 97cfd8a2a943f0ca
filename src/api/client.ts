import type { Answer, Input, RouteName } from './contract.ts'
import { type EventsOptions, readEvents } from './event-reader.ts'
import { routeTable } from './route-table.ts'
import { type Address, createTransport, readAnswer, type Send } from './transport.ts'
import type { EventView } from './views.ts'

/** The API as functions. Every command loads this file, so it takes of the schemas nothing but their types. */

export interface CallOptions {
  signal?: AbortSignal
  /** ms until E_TIMEOUT. Default ten minutes: a merge or a backup may take its time. */
  timeoutMs?: number
}

type Arguments<N extends RouteName> = keyof Input<N> extends never
  ? [input?: Input<N>, options?: CallOptions]
  : [input: Input<N>, options?: CallOptions]

export interface Client {
  /**
   * Asks the daemon. @throws OrchError what the daemon answered, E_DAEMON when it cannot be reached or is none,
   * E_TIMEOUT.
   */
  call<N extends RouteName>(name: N, ...args: Arguments<N>): Promise<Answer<N>>
  /** Follows the journal. Comes back by itself, without gap or double, after the daemon was away. */
  events(options?: EventsOptions): AsyncIterable<EventView>
  /** Lets the connections go. */
  close(): void
}

/** A client of the daemon at `address`. It connects with the first call. */
export function createClient(address: Address): Client {
  const { send, close } = createTransport(address)
  return {
    call: async (name, ...[input = {}, options = {}]) =>
      (await callOnce(send, name, input as Parts, options)) as never,
    events: (options = {}) => readEvents(send, options),
    close,
  }
}

interface Parts {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  bearer?: string
  body?: unknown
}

async function callOnce(send: Send, name: RouteName, input: Parts, options: CallOptions): Promise<unknown> {
  const { method, path } = routeTable[name]
  const body = method === 'POST' ? JSON.stringify(input.body ?? {}) : undefined
  const answer = await send({
    method,
    path: fillPath(path, input.params ?? {}) + queryString(input.query ?? {}),
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(input.bearer !== undefined && { authorization: `Bearer ${input.bearer}` }),
    },
    ...(body !== undefined && { body }),
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? 600_000,
  })
  return readAnswer(answer)
}

function fillPath(path: string, params: Record<string, unknown>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))
}

function queryString(query: Record<string, unknown>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const pairs = given.map(([key, value]): [string, string] => [key, String(value)])
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ''
}
