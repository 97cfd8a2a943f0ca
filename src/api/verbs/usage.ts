import { z } from 'zod'
import { USAGE_KEYS } from '../../task/usage.ts'
import { routeTable } from '../route-table.ts'
import { usageSchema } from '../views.ts'
import { id, route, taskName } from './shape.ts'

/** The verb that sums up what agents have used. */

const sumSchema = z.object({
  /** Each attempt is one agent. */
  agents: z.int(),
  /** Agents whose program tells no cost; their part is missing from `usage.costUsd`. */
  withoutCost: z.int(),
  /** Wall time of all attempts together in ms, until now for those that go on. */
  agentMs: z.number(),
  usage: usageSchema,
})

export const usageVerbs = {
  /** `since`: only attempts that began then or later. The newest `limit` sums, the newest last; `total` is over all. */
  usage: route({
    ...routeTable.usage,
    query: z.object({
      by: z.enum(USAGE_KEYS).default('run'),
      run: id.optional(),
      task: taskName.optional(),
      since: z.iso.datetime({ offset: true }).optional(),
      limit: z.coerce.number<number>().int().min(1).max(10_000).default(1_000),
    }),
    answer: z.object({
      by: z.enum(USAGE_KEYS),
      sums: z.array(sumSchema.extend({ key: z.string() })),
      total: sumSchema,
      /** Whether there are more sums than these. */
      more: z.boolean(),
    }),
  }),
}
