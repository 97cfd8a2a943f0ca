import { Hono } from 'hono'
import { guardPlace } from '../api/guard.ts'
import type { McpHandlerOptions } from './handler.ts'
import { MCP_PATH } from './listener.ts'

export interface McpAppOptions extends McpHandlerOptions {
  /** The port that we answer on. */
  port(): number
}

/**
 * MCP over Streamable HTTP behind three doors: Host, Origin, bearer token. Clients of the revision 2026-07-28
 * (stateless) and those before it, which begin with `initialize`, are served alike; there are no sessions.
 * https://modelcontextprotocol.io/specification
 */
export function createMcpApp(options: McpAppOptions): Hono {
  // The SDK takes 11 MB and 85 ms: a daemon whose agents do without it is spared both.
  const handler = once(async () => (await import('./handler.ts')).createHandler(options))
  const app = new Hono()
  app.use(guardPlace(options.port))
  app.all(MCP_PATH, async ({ req }) => (await handler())(req.raw))
  return app
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
