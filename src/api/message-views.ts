import { z } from 'zod'
import { DELIVERY_STATES } from '../message/delivery.ts'
import { messageSchema } from '../message/message.ts'
import { reasonSchema } from './views.ts'

/** What the API answers with where messages, mailboxes and dead letters are concerned. */

const time = z.iso.datetime()

/** A message with what became of it. */
export const deliverySchema = z.object({
  message: messageSchema.extend({ id: z.string(), correlationId: z.string().optional() }),
  state: z.enum(DELIVERY_STATES),
  /** Place in the order of all messages. */
  ordinal: z.int(),
  sentAt: time,
  /** Given to its reader. */
  deliveredAt: time.optional(),
  /** Read: acknowledged by its reader. */
  readAt: time.optional(),
  /** The answer to it. */
  answer: z.object({ id: z.string(), at: time }).optional(),
  /** Not given to its reader before this time, after it came back. */
  notBefore: time.optional(),
  reason: reasonSchema.optional(),
  /** How long it took from sending, in ms. */
  took: z.object({
    delivered: z.number().optional(),
    read: z.number().optional(),
    answered: z.number().optional(),
  }),
})
export type DeliveryView = z.infer<typeof deliverySchema>

export const mailboxSchema = z.object({
  name: z.string(),
  open: z.boolean(),
  openedAt: time,
  runId: z.string().optional(),
  taskId: z.string().optional(),
  /** Agent that reads it now. */
  agent: z.string().optional(),
  profile: z.string().optional(),
  capabilities: z.array(z.string()),
  topics: z.array(z.string()),
  capacity: z.int(),
  /** How many messages wait: for it alone, and copies of what went to many. */
  waiting: z.object({ direct: z.int(), copies: z.int() }),
  /** Requests that were asked of it and have no answer yet. */
  openRequests: z.int(),
})
export type MailboxView = z.infer<typeof mailboxSchema>

/** What could not be delivered, or not be done. */
export const deadLetterSchema = z.object({
  what: z.enum(['message', 'task']),
  /** Of the message, or of the task. */
  id: z.string(),
  /** When the message was sent, or the task died. */
  at: time,
  reason: reasonSchema,
  /** Type of the message; `task` for a task. */
  type: z.string(),
  /** Mailbox that the message was for; profile of the task. */
  to: z.string(),
  from: z.string().optional(),
  runId: z.string().optional(),
  /** What it is about, in one line. */
  about: z.string(),
})
export type DeadLetterView = z.infer<typeof deadLetterSchema>

/** Dead letters that died of the same. */
export const deadGroupSchema = z.object({
  what: z.enum(['message', 'task']),
  code: z.string(),
  type: z.string(),
  to: z.string(),
  count: z.int(),
  /** Of the newest of them. */
  latest: time,
  message: z.string(),
})
export type DeadGroupView = z.infer<typeof deadGroupSchema>
