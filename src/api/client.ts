import { type Ask, type Asker, asText, type CallOptions, type Parts, TIMEOUT_MS } from './asking.ts'
import type { Answer, Input, RouteName } from './contract.ts'
import { type EventsOptions, readEvents } from './event-reader.ts'
import { routeTable } from './route-table.ts'
import { type Address, createTransport, readAnswer, type Send } from './transport.ts'
import type { EventView } from './views.ts'

export type { CallOptions } from './asking.ts'

/** The API as functions. Every command loads this file, so it takes of the schemas nothing but their types. */

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

export interface ClientOptions {
  /** Calls go as lines over one connection when the daemon speaks them there: for who calls often. Default: HTTP. */
  lines?: boolean
}

/** A client of the daemon at `address`. It connects with the first call. */
export function createClient(address: Address, { lines = false }: ClientOptions = {}): Client {
  const { send, close } = createTransport(address)
  const http: Ask = (name, input, options) => callOnce(send, name, input, options)
  const asker = lines && 'socketPath' in address ? overLines(address, http) : { ask: http, close: () => {} }
  return {
    call: async (name, ...[input = {}, options = {}]) =>
      (await asker.ask(name, input as Parts, options)) as never,
    events: (options = {}) => readEvents(send, options),
    close() {
      asker.close()
      close()
    },
  }
}

/** Loads what speaks lines with the first call: commands have no use for it. */
function overLines(address: { socketPath: string }, http: Ask): Asker {
  let loading: Promise<Asker> | undefined
  const load = async () => (await import('./line-client.ts')).createLineClient(address, http)
  return {
    async ask(...call) {
      loading ??= load()
      return (await loading).ask(...call)
    },
    close: () => void loading?.then(({ close }) => close()),
  }
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
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  })
  return readAnswer(answer)
}

function fillPath(path: string, params: Record<string, unknown>): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name])))
}

function queryString(query: Record<string, unknown>): string {
  const pairs = Object.entries(asText(query))
  return pairs.length > 0 ? `?${new URLSearchParams(pairs)}` : ''
}
