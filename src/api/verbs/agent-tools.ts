import { z } from 'zod'
import { routeTable } from '../route-table.ts'
import { route } from './shape.ts'

/** What agents can do through Orch, for programs without MCP; on the Unix socket only: on loopback TCP the header is taken. */

const jsonObject = z.record(z.string(), z.unknown())

export const agentToolSchema = z.object({
  name: z.string(),
  description: z.string(),
  /** JSON Schemas of what goes in and comes out. */
  inputSchema: jsonObject,
  outputSchema: jsonObject,
  /** Calling it twice does no more than calling it once. */
  idempotent: z.boolean(),
  readOnly: z.boolean(),
})
export type AgentToolView = z.infer<typeof agentToolSchema>

export const agentToolVerbs = {
  agentTools: route({
    ...routeTable.agentTools,
    answer: z.object({ tools: z.array(agentToolSchema) }),
  }),
  /** The body is what the tool takes, the answer what it gives: see its schemas. */
  agentCall: route({
    ...routeTable.agentCall,
    params: z.object({ tool: z.string().regex(/^[a-z][a-z_-]{0,59}$/, 'the name of a tool') }),
    /** Token of an agent: `Authorization: Bearer`. */
    bearer: z.string().max(200),
    body: jsonObject,
    answer: jsonObject,
  }),
}
