import { OrchError } from '../errors.ts'
import { type Ask, type Asker, asText, type Parts, TIMEOUT_MS } from './asking.ts'
import type { RouteName } from './contract.ts'
import { givenUp, type LineConnection, openLines } from './line-connection.ts'
import { routeTable } from './route-table.ts'

/** In characters. A longer one goes by HTTP: it would hold up what is behind it, and is told its limit there. */
const LONGEST = 1_000_000

/** Asks by lines over one connection, which is opened again when it was lost; by `http` where the daemon speaks none. */
export function createLineClient(address: { socketPath: string }, http: Ask): Asker {
  let connection: LineConnection | undefined
  let refused = false
  const overHttp: Ask = async (...call) => {
    try {
      return await http(...call)
    } catch (error) {
      // The daemon that comes next may speak them.
      if (error instanceof OrchError && error.code === 'E_DAEMON') refused = false
      throw error
    }
  }
  const ask: Ask = async (name, input, options) => {
    if (refused) return overHttp(name, input, options)
    const rest = restOfLine(name, input)
    if (rest.length > LONGEST) return http(name, input, options)
    const { signal, timeoutMs = TIMEOUT_MS } = options
    if (signal?.aborted) throw givenUp(address, signal)
    const once = () => {
      if (!connection || connection.state === 'lost') connection = openLines(address)
      return connection.call({ text: (id) => `{"id":${id},${rest}`, signal, timeoutMs })
    }
    const kept = connection?.state === 'open'
    const given = await once().catch((error) => {
      if (kept && isStale(name, error)) return once()
      throw error
    })
    if (given) return given.answer
    refused = true
    return overHttp(name, input, options)
  }
  return { ask, close: () => connection?.close() }
}

function restOfLine(verb: RouteName, { params = {}, query = {}, ...others }: Parts): string {
  const input = { params: asText(params), query: asText(query), ...others }
  return `${JSON.stringify({ verb, input }).slice(1)}\n`
}

/** As of transport.ts: a kept connection that was closed before the call came, perhaps. Only what changes nothing is asked twice. */
function isStale(name: RouteName, error: OrchError): boolean {
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
  return (code === 'ECONNRESET' || code === 'EPIPE') && routeTable[name].method === 'GET'
}
