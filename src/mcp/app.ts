import { createMcpHandler, type McpServerFactory, requireBearerAuth } from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { guardPlace } from '../api/guard.ts'
import type { Log } from '../log.ts'
import { MCP_PATH } from './listener.ts'
import { createVerifier } from './verifier.ts'

/** Bytes of a request; the largest input of a tool is a quarter of it. */
const MOST_BYTES = 1024 * 1024

export interface McpAppOptions {
  /** A fresh server for every request: no state is between two of them, so that a restart disturbs nobody. */
  factory: McpServerFactory
  /** Whether a token was issued by us. Whose attempt is over is told so by the tools. */
  knows(token: string): boolean
  /** The port that we answer on. */
  port(): number
  log: Log
}

/**
 * MCP over Streamable HTTP behind three doors: Host, Origin, bearer token. Clients of the revision 2026-07-28
 * (stateless) and those before it, which begin with `initialize`, are served alike; there are no sessions.
 * https://modelcontextprotocol.io/specification
 */
export function createMcpApp({ factory, knows, port, log }: McpAppOptions): Hono {
  const handler = createMcpHandler(factory, {
    maxRequestBodySize: MOST_BYTES,
    onerror: (error) => log.debug('MCP request refused', { error: error.message }),
  })
  const authenticate = requireBearerAuth({ verifier: createVerifier(knows) })
  const app = new Hono()
  app.use(guardPlace(port))
  app.all(MCP_PATH, async ({ req }) => {
    const authInfo = await authenticate(req.raw)
    return authInfo instanceof Response ? authInfo : handler.fetch(req.raw, { authInfo })
  })
  return app
}
