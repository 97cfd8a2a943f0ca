import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Clock } from '../clock.ts'
import type { Env } from '../exec.ts'
import { mcpFailure } from './failure.ts'
import { type Link, MOST_BYTES, TOO_MUCH } from './link.ts'
import type { McpUrl } from './mcp-servers.ts'

/** An MCP server over Streamable HTTP. Redirects to another origin are not followed: the token would go along. */

const PATIENCE_MS = 1_000

/** @throws OrchError E_MCP_FAILED when a variable holds what no header may. */
export function openHttp({ clock }: { clock: Clock }, server: McpUrl, env: Env): Link {
  let fault: string | undefined
  const transport = new StreamableHTTPClientTransport(new URL(server.url), {
    requestInit: { headers: headersOf(server, env) },
    fetch: async (url, init) => {
      const response = await fetch(url, init).catch((error) => {
        fault ??= unreachable(error)
        throw error
      })
      if (!response.ok) fault ??= refusal(response.status, init?.method)
      return limited(response, () => {
        fault ??= TOO_MUCH
      })
    },
    reconnectionOptions: {
      maxRetries: 0,
      initialReconnectionDelay: PATIENCE_MS,
      maxReconnectionDelay: PATIENCE_MS,
      reconnectionDelayGrowFactor: 1,
    },
  })
  return {
    transport,
    fault: () => fault,
    said: () => undefined,
    async end() {
      const bye = transport.terminateSession().catch(() => {}) // a server need not know how to end sessions
      await Promise.race([bye, clock.sleep(PATIENCE_MS)])
      await transport.close()
    },
  }
}

function headersOf(server: McpUrl, env: Env): Record<string, string> {
  const value = (name: string) => {
    const text = (env[name] ?? '').trim()
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(text)) return text
    throw mcpFailure(server.name, `${name} holds what no header may hold`)
  }
  const given = Object.entries(server.headers).map(([header, name]) => [header, value(name)])
  return {
    ...Object.fromEntries(given),
    ...(server.bearer && { authorization: `Bearer ${value(server.bearer)}` }),
  }
}

function unreachable(error: Error): string | undefined {
  const cause = error.cause as NodeJS.ErrnoException | undefined
  return error.name === 'AbortError'
    ? undefined
    : `it cannot be reached: ${cause?.code ?? cause?.message ?? error.message}`
}

/** A server that pushes nothing answers 405 to GET, one without sessions to DELETE. */
function refusal(status: number, method = 'GET'): string | undefined {
  if (method !== 'POST') return undefined
  return status === 401 || status === 403
    ? `it refuses the login: HTTP ${status}`
    : `it answers HTTP ${status} instead of MCP (Streamable HTTP)`
}

function limited(response: Response, tooMuch: () => void): Response {
  if (!response.ok || !response.body) return response
  let bytes = 0
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length
      if (bytes <= MOST_BYTES) return controller.enqueue(chunk)
      tooMuch()
      controller.error(new Error(TOO_MUCH))
    },
  })
  const { status, statusText, headers } = response
  return new Response(response.body.pipeThrough(counting), { status, statusText, headers })
}
