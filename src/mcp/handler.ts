import { createMcpHandler, type McpServerFactory, requireBearerAuth } from '@modelcontextprotocol/server'
import type { Log } from '../log.ts'
import { createVerifier } from './verifier.ts'

/** Bytes of a request; the largest input of a tool is a quarter of it. */
const MOST_BYTES = 1024 * 1024

export interface McpHandlerOptions {
  /** A fresh server for every request: no state is between two of them, so that a restart disturbs nobody. */
  factory: McpServerFactory
  /** Whether a token was issued by us. Whose attempt is over is told so by the tools. */
  knows(token: string): boolean
  log: Log
}

/** Answers requests of agents: who they are first, then what they want. */
export function createHandler({
  factory,
  knows,
  log,
}: McpHandlerOptions): (request: Request) => Promise<Response> {
  const handler = createMcpHandler(factory, {
    maxRequestBodySize: MOST_BYTES,
    onerror: (error) => log.debug('MCP request refused', { error: error.message }),
  })
  const authenticate = requireBearerAuth({ verifier: createVerifier(knows) })
  return async (request) => {
    const authInfo = await authenticate(request)
    return authInfo instanceof Response ? authInfo : handler.fetch(request, { authInfo })
  }
}
