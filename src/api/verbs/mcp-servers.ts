import { z } from 'zod'
import { mcpServerName } from '../../config/schema.ts'
import { routeTable } from '../route-table.ts'
import { absolutePath, route, text } from './shape.ts'

/** The verbs of MCP servers that profiles hand to agents: the user's own and, with `repo`, those that it declares. */

const repo = absolutePath.optional()
const names = z.array(mcpServerName).max(100)
/** Variables of the caller's shell: PATH, HOME and those that declarations name. Kept out of logs. */
const env = z.record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), text(32_768)).default({})

/** A server as it is declared: secrets by the names of their variables. */
export const declaredMcpServerSchema = z.object({
  name: z.string(),
  command: z.array(z.string()).optional(),
  env: z.array(z.string()).optional(),
  url: z.string().optional(),
  bearer: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Whose file declares it. */
  origin: z.enum(['user', 'project']),
  /** `outdated`: it is declared otherwise than when it was approved. */
  approval: z.enum(['none', 'approved', 'outdated']),
  approvedAt: z.iso.datetime().optional(),
  /** How many tools it had then. */
  tools: z.int().optional(),
})
export type DeclaredMcpServerView = z.output<typeof declaredMcpServerSchema>

/** What a server showed when it was asked. */
export const mcpFindingSchema = z.object({
  name: z.string(),
  state: z.enum(['ready', 'changed', 'unapproved', 'failed']),
  tools: z.array(z.object({ name: z.string(), description: z.string().optional() })),
  /** SHA-256 over its declaration and all that a model sees of it. */
  hash: z.string().optional(),
  message: z.string().optional(),
})
export type McpFindingView = z.output<typeof mcpFindingSchema>
const findings = z.object({ servers: z.array(mcpFindingSchema) })

export const mcpServerVerbs = {
  mcpServers: route({
    ...routeTable.mcpServers,
    query: z.object({ repo }),
    answer: z.object({ servers: z.array(declaredMcpServerSchema) }),
  }),
  /** Starts and asks each. Without names it is all, but none that a repository declares and nobody approved. */
  checkMcpServers: route({
    ...routeTable.checkMcpServers,
    body: z.strictObject({ repo, names: names.default([]), env }),
    answer: findings,
  }),
  /** Pins what each shows now: all of them or, when one fails, none. */
  approveMcpServers: route({
    ...routeTable.approveMcpServers,
    body: z.strictObject({ repo, names: names.min(1), env }),
    answer: findings,
  }),
  revokeMcpServers: route({
    ...routeTable.revokeMcpServers,
    body: z.strictObject({ repo, names: names.min(1) }),
    answer: z.object({ revoked: z.int() }),
  }),
}
