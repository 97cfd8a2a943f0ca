import { z } from 'zod'
import { handoffSchema } from '../../handoff/handoff.ts'
import { handoffOrder } from '../../handoff/order.ts'
import { DELIVERY_STATES } from '../../message/delivery.ts'
import { PRIORITIES } from '../../message/message.ts'
import { TASK_STATES } from '../../task/task.ts'
import { routeTable } from '../route-table.ts'
import { id, route, taskName } from './shape.ts'

/** The verbs of handoffs: work that moves from one agent to another. */

const time = z.iso.datetime()

export const handoffViewSchema = z.object({
  /** Of the handoff: that of its message. */
  id: z.string(),
  at: time,
  /** Task that handed over, and that got it. */
  from: z.string(),
  to: z.string(),
  goal: z.string(),
  urgency: z.enum(PRIORITIES),
  /** The sender's work goes on with the receiver. */
  transfers: z.boolean(),
  branch: z.string(),
  /** Commit that was handed over. */
  commit: z.string(),
  /** Of its message: `acknowledged` when the receiver has read it. */
  state: z.enum(DELIVERY_STATES),
  readAt: time.optional(),
  /** Absent when the task is gone. */
  receiver: z.object({ title: z.string(), profile: z.string(), state: z.enum(TASK_STATES) }).optional(),
})
export type HandoffView = z.infer<typeof handoffViewSchema>

export const handoffDetailSchema = handoffViewSchema.extend({
  package: handoffSchema,
  /** The package as its receiver reads it. */
  prompt: z.string(),
})
export type HandoffDetail = z.infer<typeof handoffDetailSchema>

export const handoffVerbs = {
  /** For the agent that works on the task: as its tool `handoff`. The agent is not told, and goes on until its turn ends. */
  handOver: route({
    ...routeTable.handOver,
    params: z.object({ id: taskName }),
    body: handoffOrder,
    /** `created`: false when it had been handed over before. */
    answer: handoffDetailSchema.extend({ created: z.boolean() }),
  }),
  /** The newest `limit`, the newest last. `task`: those that it gave and those that it got. */
  handoffs: route({
    ...routeTable.handoffs,
    query: z.object({
      run: id.optional(),
      task: taskName.optional(),
      limit: z.coerce.number<number>().int().min(1).max(1_000).default(200),
    }),
    answer: z.object({ handoffs: z.array(handoffViewSchema) }),
  }),
  /** By its id, or the newest that a task or an agent got. */
  handoff: route({
    ...routeTable.handoff,
    params: z.object({
      id: z.string().regex(/^[A-Za-z0-9][\w-]{0,129}$/, 'the id of a handoff, a task or an agent'),
    }),
    answer: handoffDetailSchema,
  }),
}
