import { z } from 'zod'
import { deadGroupSchema, deadLetterSchema, deliverySchema } from '../message-views.ts'
import { routeTable } from '../route-table.ts'
import { taskSchema } from '../views.ts'
import { jsonObject, route, text } from './shape.ts'

/** The verbs of what could not be delivered (messages) or done (tasks); only a person's word moves it. */

/** Of a message, or of a task: also the beginning of its id. */
const letterId = z.string().regex(/^[\w-]{2,130}$/, 'the id of a message or a task')
const byLetter = z.object({ id: letterId })

const oneLetter = deadLetterSchema.extend({
  delivery: deliverySchema.optional(),
  task: taskSchema.optional(),
})
export type DeadLetterDetail = z.infer<typeof oneLetter>

const several = z.strictObject({ ids: z.array(letterId).min(1).max(1_000) })
const failure = z.object({
  id: z.string(),
  error: z.object({ code: z.string(), message: z.string(), fix: z.string() }),
})
/** Each one by itself: one that fails leaves the others. */
const outcome = z.object({
  done: z.array(z.string()),
  failures: z.array(failure),
})

export const deadLetterVerbs = {
  /** The newest `limit` messages and tasks, and all of these by what they died of. */
  deadLetters: route({
    ...routeTable.deadLetters,
    query: z.object({
      what: z.enum(['message', 'task']).optional(),
      /** Code of the reason. */
      reason: text(60).optional(),
      type: text(60).optional(),
      to: text(100).optional(),
      limit: z.coerce.number<number>().int().min(1).max(10_000).default(1_000),
    }),
    answer: z.object({ groups: z.array(deadGroupSchema), letters: z.array(deadLetterSchema) }),
  }),
  deadLetter: route({ ...routeTable.deadLetter, params: byLetter, answer: oneLetter }),
  /** Of a message `payload` or `to`; of a task `word`: what its next attempt is told. */
  editDeadLetter: route({
    ...routeTable.editDeadLetter,
    params: byLetter,
    body: z.strictObject({
      payload: jsonObject.optional(),
      to: text(100).min(1).optional(),
      word: text(100_000).min(1).optional(),
    }),
    answer: oneLetter,
  }),
  /** A message goes to its receiver again, a task back to the queue with all its tries. */
  redriveDeadLetters: route({ ...routeTable.redriveDeadLetters, body: several, answer: outcome }),
  /** A message is dropped, a task cancelled. */
  dropDeadLetters: route({ ...routeTable.dropDeadLetters, body: several, answer: outcome }),
}
