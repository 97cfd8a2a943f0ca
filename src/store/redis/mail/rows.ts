import type { RunId, TaskId } from '../../../id.ts'
import type { Delivery, DeliveryState } from '../../../message/delivery.ts'
import type { Message } from '../../../message/message.ts'
import type { Reason } from '../../../task/task.ts'
import type { Mailbox } from '../../mailboxes.ts'

/** Fields of a hash, name and value in turn. */
export type Flat = string[]
/** A message as the scripts give it: its fields (lua/mail-base.ts), and what was stored. */
export type MessageRow = [fields: Flat, message: Message]

export function fieldsOf(flat: Flat): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let at = 0; at < flat.length; at += 2) fields[flat[at] ?? ''] = flat[at + 1] ?? ''
  return fields
}

/** `given`: when it is given to its reader right now, ms since the epoch. */
export function toDelivery([flat, stored]: MessageRow, given?: number): Delivery {
  const row = fieldsOf(flat)
  const { expiresAt, ...message } = stored
  const deliveredAt = given ?? (row.d === undefined ? undefined : Number(row.d))
  return {
    // What was sent again after its end has none.
    message: { ...message, ...(row.e && expiresAt && { expiresAt }), retryCount: Number(row.n ?? 0) },
    state: row.s as DeliveryState,
    ordinal: Number(row.o),
    sentAt: Number(row.at),
    ...(row.nb && { notBefore: Number(row.nb) }),
    ...(deliveredAt !== undefined && { deliveredAt }),
    ...(row.a && { acknowledgedAt: Number(row.a) }),
    ...(row.ai && { answer: { id: row.ai, at: Number(row.aa) } }),
    ...(row.re && { reason: JSON.parse(row.re) as Reason }),
  }
}

export function toMailbox(name: string, flat: Flat): Mailbox {
  const { reader, runId, taskId, agent, profile, ...box } = fieldsOf(flat)
  return {
    name,
    ...(reader !== undefined && { reader }),
    ...(runId !== undefined && { runId: runId as RunId }),
    ...(taskId !== undefined && { taskId: taskId as TaskId }),
    ...(agent !== undefined && { agent }),
    ...(profile !== undefined && { profile }),
    capabilities: JSON.parse(box.capabilities ?? '[]') as string[],
    topics: JSON.parse(box.topics ?? '[]') as string[],
    capacity: Number(box.capacity),
    open: box.open === '1',
    openedAt: Number(box.openedAt),
  }
}
