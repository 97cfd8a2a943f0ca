import type { ProjectConfig } from '../../config/schema.ts'
import { OrchError } from '../../errors.ts'
import type { Delivery, RetryPolicy } from '../../message/delivery.ts'
import {
  ANSWERS,
  isAnswer,
  isRequest,
  MESSAGE_VERSION,
  type Message,
  type MessageType,
  type Priority,
} from '../../message/message.ts'
import type { Parts } from '../parts.ts'
import { type Audience, audienceOf } from './audience.ts'
import { checkPayload } from './payload.ts'
import type { Sender } from './sender.ts'

export interface SendOrder {
  /** Name of an agent, id of a task, name of a mailbox, `person`, `#topic`, or `*` for all of the run. */
  to: string
  type: MessageType
  payload: unknown
  /** Given by the sender to send it twice safely. */
  id?: string
  priority?: Priority
  /** Of an answer: that of its request. */
  correlationId?: string
  /** Not delivered later than this, in ms. */
  ttlMs?: number
}

export interface Sent {
  /** Of one message; of many, their common correlation id. */
  id: string
  /** Mailboxes that it went to. */
  to: string[]
  /** False when it had been sent before. */
  created: boolean
}

/**
 * Makes a message (or one for each receiver of a broadcast), checks it, and stores it. When the promise resolves it is durable.
 * @throws OrchError E_INVALID (type, payload, answer without a request), E_TOO_LARGE, E_NOT_FOUND (receiver, request),
 *   E_AMBIGUOUS, E_FORBIDDEN (answers a request that was asked of somebody else), E_STATE, E_MAILBOX_FULL
 */
export async function send(parts: Parts, sender: Sender, order: SendOrder): Promise<Sent> {
  const checked = { ...order, payload: checkPayload(order.type, order.payload) }
  const answered = isAnswer(order.type) ? await checkAnswers(parts, sender, order) : undefined
  return await post(parts, sender, checked, answered ?? (await audienceOf(parts, sender, order.to)))
}

/** An order whose payload was checked. */
export type CheckedOrder = Omit<SendOrder, 'to'> & { payload: Record<string, unknown> }

/**
 * Makes and stores what has been checked, for receivers that have been found.
 * @throws OrchError E_STATE, E_MAILBOX_FULL
 */
export async function post(
  parts: Parts,
  sender: Sender,
  order: CheckedOrder,
  { names, audience, ...receiver }: Audience,
): Promise<Sent> {
  const id = order.id ?? parts.ids.message()
  const runId = sender.runId ?? receiver.runId // a message to one agent belongs to the story of its run, whoever sent it
  const now = parts.clock.now()
  const correlationId = correlationOf(order, id, audience)
  const common = {
    version: MESSAGE_VERSION,
    type: order.type,
    from: sender.mailbox,
    ...(audience && { audience }),
    priority: order.priority ?? 'normal',
    timestamp: new Date(now).toISOString(),
    ...(correlationId && { correlationId }),
    retryCount: 0,
    ...(order.ttlMs !== undefined && { expiresAt: new Date(now + order.ttlMs).toISOString() }),
    ...(runId && { runId }),
    payload: order.payload,
  } as const
  const messages = names.map((to): Message => ({ ...common, id: audience ? `${id}-${to}` : id, to }))
  const sent = await parts.store.mailboxes.send(messages, now)
  return { id, to: names, created: sent.some(({ created }) => created) }
}

function correlationOf(
  { type, correlationId }: CheckedOrder,
  id: string,
  audience?: string,
): string | undefined {
  return correlationId ?? (isRequest(type) || audience ? id : undefined)
}

/** Gives the one who asked. @throws OrchError E_INVALID, E_NOT_FOUND, E_FORBIDDEN */
async function checkAnswers(
  parts: Parts,
  sender: Sender,
  { type, correlationId, to }: SendOrder,
): Promise<Audience> {
  if (!correlationId) throw new OrchError('E_INVALID', `${type} answers a request: give its correlationId`)
  const [request] = await requestsOf(parts, correlationId, sender.mailbox)
  if (!request)
    throw new OrchError('E_NOT_FOUND', `there is no request ${correlationId} that was asked of you`)
  if (!isRequest(request.message.type) || ANSWERS[request.message.type] !== type)
    throw new OrchError('E_INVALID', `a ${request.message.type} is not answered by a ${type}`)
  const audience = await audienceOf(parts, sender, to)
  const { names } = audience
  if (names.length !== 1 || names[0] !== request.message.from)
    throw new OrchError(
      'E_FORBIDDEN',
      `the request ${correlationId} came from ${request.message.from}: answer there`,
    )
  return audience
}

/** Requests with this correlation id that were asked of this mailbox. */
async function requestsOf({ store }: Parts, correlationId: string, mailbox: string): Promise<Delivery[]> {
  const found = await store.mailboxes.history({ correlationId, mailbox, limit: 100 })
  return found.filter(({ message }) => isRequest(message.type) && message.to === mailbox)
}

/** How messages that come back are tried again. */
export function retryPolicy({ config, ids }: Pick<Parts, 'config' | 'ids'>): RetryPolicy {
  return { tries: config.messageTries, baseMs: 1_000, maxMs: 60_000, fraction: ids.fraction() }
}

/** How long a request waits for its answer, in ms. */
export const requestMs = ({ requestMinutes }: ProjectConfig): number => requestMinutes * 60_000
