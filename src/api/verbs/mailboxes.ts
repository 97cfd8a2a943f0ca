import { z } from 'zod'
import { mailboxName, topicName } from '../../message/message.ts'
import { capability } from '../../message/words.ts'
import { deliverySchema, mailboxSchema } from '../message-views.ts'
import { routeTable } from '../route-table.ts'
import { addressee, anyMessageId, waitMs } from './messages.ts'
import { id, none, route, text } from './shape.ts'

/** The verbs of mailboxes: who has one, and how a program or a person reads its own. */

const byName = z.object({ name: mailboxName })
/** A process of the program: another one that opens the mailbox takes it over, and this one is refused (`E_STALE`). */
const reader = z.string().regex(/^[\w-]{1,80}$/, 'a name of letters, digits, - and _')
const ids = z.array(anyMessageId).max(1_000)

export const mailboxVerbs = {
  /** Those that are open; of them who can do something, has subscribed, or belongs to a run. */
  mailboxes: route({
    ...routeTable.mailboxes,
    query: z.object({
      capability: capability.optional(),
      topic: topicName.optional(),
      run: id.optional(),
      open: z.enum(['yes', 'no']).default('yes'),
    }),
    answer: z.object({ mailboxes: z.array(mailboxSchema) }),
  }),
  /** Makes the mailbox of a program, or opens it again; what is given replaces what was there. */
  openMailbox: route({
    ...routeTable.openMailbox,
    body: z.strictObject({
      name: mailboxName,
      reader,
      capabilities: z.array(capability).max(100).default([]),
      topics: z.array(topicName).max(100).default([]),
    }),
    answer: mailboxSchema,
  }),
  /** What waits there becomes dead letters. */
  closeMailbox: route({
    ...routeTable.closeMailbox,
    params: byName,
    body: z.strictObject({ reader }),
    answer: none,
  }),
  /** What waits in a mailbox, in order, without taking it: `waitMs` for the first one. */
  peek: route({
    ...routeTable.peek,
    params: z.object({ name: addressee }),
    query: z.object({ waitMs, limit: z.coerce.number<number>().int().min(1).max(1_000).default(200) }),
    answer: z.object({ mailbox: z.string(), messages: z.array(deliverySchema) }),
    waits: true,
  }),
  /** Takes messages for `leaseMs`, after acknowledging others; one round trip a message. */
  receive: route({
    ...routeTable.receive,
    params: byName,
    body: z.strictObject({
      reader,
      acknowledge: ids.default([]),
      limit: z.int().min(1).max(1_000).default(1),
      waitMs,
      /** Default: the setting `messageLeaseSeconds`. */
      leaseMs: z.int().min(1_000).max(3_600_000).optional(),
      /** Also those that this reader has taken already, first: their lease begins anew. */
      again: z.boolean().default(false),
    }),
    answer: z.object({ messages: z.array(deliverySchema) }),
    waits: true,
  }),
  acknowledge: route({
    ...routeTable.acknowledge,
    params: byName,
    /** Without a `reader` it is that of the mailbox itself: `person` reads `person`. */
    body: z.strictObject({ reader: reader.optional(), ids: ids.min(1) }),
    answer: none,
  }),
  /** They come again after a while; after the setting `messageTries` they are dead letters. */
  giveBack: route({
    ...routeTable.giveBack,
    params: byName,
    body: z.strictObject({ reader, ids: ids.min(1), why: text(2_000).default('') }),
    answer: none,
  }),
}
