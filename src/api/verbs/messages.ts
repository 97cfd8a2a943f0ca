import { z } from 'zod'
import { DELIVERY_STATES } from '../../message/delivery.ts'
import {
  MESSAGE_TYPES,
  MESSAGE_VERSION,
  mailboxName,
  messageId,
  PERSON,
  PRIORITIES,
} from '../../message/message.ts'
import { capability } from '../../message/words.ts'
import { deliverySchema } from '../message-views.ts'
import { routeTable } from '../route-table.ts'
import { id, jsonObject, listOf, MOST_WAIT_MS, route, text } from './shape.ts'

/** The verbs of messages: for people and programs. Agents have tools. */

/** How long a request may stay open until there is something to answer, in ms. */
export const waitMs = z.coerce.number<number>().int().min(0).max(MOST_WAIT_MS).default(0)

/** Who is called so: a mailbox, a task or the beginning of its id, an agent. */
export const addressee = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/, 'a mailbox, a task or an agent')

/** Ids of copies for many hold the name of the mailbox, too. */
export const anyMessageId = z.string().regex(/^[\w-]{8,130}$/, 'the id of a message')

const sendSchema = z.strictObject({
  /** Whose message it is: `person`, or the mailbox of a program. */
  from: mailboxName.default(PERSON),
  /** An agent, a task, a mailbox, `person`, `#topic`; `*` = all of `run`. Absent for an answer and with `capability`. */
  to: text(100).min(1).optional(),
  /** Of a request: asked of whoever can do this and has the fewest open requests. */
  capability: capability.optional(),
  /** One of those that `messageTypes` gives, with a payload of its schema. */
  type: text(60),
  payload: z.unknown(),
  version: z.literal(MESSAGE_VERSION).optional(),
  /** Sent again with the same id it is the same message. An answer has an id made from that of its request. */
  id: messageId.optional(),
  priority: z.enum(PRIORITIES).optional(),
  /** Of an answer: that of its request. */
  correlationId: anyMessageId.optional(),
  /** Not delivered later than this. */
  ttlMs: z.int().min(1).max(31_536_000_000).optional(),
  /** The run that `*` and `#topic` are limited to. */
  run: id.optional(),
})

export const messageVerbs = {
  /** Durable when answered. `created` is false when it had been sent before; `to` are the mailboxes it went to. */
  sendMessage: route({
    ...routeTable.sendMessage,
    body: sendSchema,
    answer: z.object({ id: z.string(), to: z.array(z.string()), created: z.boolean() }),
  }),
  /** In the order of sending. `last`: seq of the newest event at that time: events after it tell of what comes later. */
  messages: route({
    ...routeTable.messages,
    query: z.object({
      run: id.optional(),
      /** Sent by or to it. */
      mailbox: addressee.optional(),
      from: addressee.optional(),
      to: addressee.optional(),
      /** With commas between them. */
      types: listOf(MESSAGE_TYPES).optional(),
      states: listOf(DELIVERY_STATES).optional(),
      correlation: anyMessageId.optional(),
      /** `ordinal` of the last one that is known; with `newest` that of the oldest. */
      after: z.coerce.number<number>().int().min(0).optional(),
      /** Which ones when there are more than `limit`. */
      newest: z.enum(['yes', 'no']).default('no'),
      limit: z.coerce.number<number>().int().min(1).max(1_000).default(200),
    }),
    answer: z.object({ messages: z.array(deliverySchema), last: z.int() }),
  }),
  message: route({
    ...routeTable.message,
    params: z.object({ id: anyMessageId }),
    answer: deliverySchema,
  }),
  /** The first answer to a request, as soon as it is there. `dead`: nobody will answer, and why. */
  response: route({
    ...routeTable.response,
    params: z.object({ id: anyMessageId }),
    query: z.object({ mailbox: mailboxName.default(PERSON), waitMs }),
    answer: z.object({
      response: deliverySchema.optional(),
      dead: z.object({ code: z.string(), message: z.string() }).optional(),
    }),
    waits: true,
  }),
  messageTypes: route({
    ...routeTable.messageTypes,
    answer: z.object({
      version: z.int(),
      types: z.array(
        z.object({
          type: z.enum(MESSAGE_TYPES),
          description: z.string(),
          /** Type of the answer that it asks for. */
          answeredBy: z.enum(MESSAGE_TYPES).optional(),
          /** JSON Schema of its payload. */
          schema: jsonObject,
        }),
      ),
    }),
  }),
  mailStatistics: route({
    ...routeTable.mailStatistics,
    answer: z.object({
      mailboxes: z.int(),
      states: z.record(z.enum(DELIVERY_STATES), z.int()),
      types: z.partialRecord(z.enum(MESSAGE_TYPES), z.int()),
    }),
  }),
}
