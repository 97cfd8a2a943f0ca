import { z } from 'zod'
import { routeTable } from '../route-table.ts'
import { statusSchema } from '../views.ts'
import { absolutePath, route } from './shape.ts'

/** The verbs of the daemon itself and its store. */

export const upkeepVerbs = {
  health: route({
    ...routeTable.health,
    answer: z.object({ ok: z.literal(true), version: z.string(), pid: z.int() }),
  }),
  status: route({
    ...routeTable.status,
    query: z.object({ repo: absolutePath.optional() }),
    answer: statusSchema,
  }),
  /** Removes workspaces, branches and directories of tasks that ended; `force` also ends agents that nothing owns. Never unmerged work. */
  cleanup: route({
    ...routeTable.cleanup,
    body: z.strictObject({ force: z.boolean().default(false), dryRun: z.boolean().default(false) }),
    answer: z.object({
      removed: z.array(z.string()),
      kept: z.array(z.object({ what: z.string(), why: z.string() })),
    }),
  }),
  /** Ends the daemon; `agents` ends all agents first (their tasks are cancelled). Otherwise agents live on. */
  stop: route({
    ...routeTable.stop,
    body: z.strictObject({ agents: z.boolean().default(false) }),
    answer: z.object({ stoppedAgents: z.int() }),
  }),
  backup: route({
    ...routeTable.backup,
    body: z.strictObject({ file: absolutePath }),
    answer: z.object({ file: z.string(), bytes: z.int() }),
  }),
  checkStore: route({ ...routeTable.checkStore, answer: z.object({ faults: z.array(z.string()) }) }),
}
