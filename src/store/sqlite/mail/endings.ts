import type { MessageEventType } from '../../../journal/journal.ts'
import type { Reason } from '../../../task/task.ts'
import type { EventTable } from '../journal.ts'
import type { Arrivals } from './arrivals.ts'
import type { Leases } from './leases.ts'
import type { MailboxTable } from './mailbox-table.ts'
import type { MessageRow } from './message-row.ts'
import type { MessageTable } from './message-table.ts'

/** What the verbs of the mailboxes write with, each inside its transaction. */
export interface MailTools {
  boxes: MailboxTable
  messages: MessageTable
  events: EventTable
  leases: Leases
  arrivals: Arrivals
}

/** Tells the journal what became of a message, as an event of its receiver's task. Gives the seq. */
export function tell(
  { boxes, events }: MailTools,
  type: MessageEventType,
  { id, mailbox, run_id }: Pick<MessageRow, 'id' | 'mailbox' | 'run_id'>,
  at: number,
  data: object = {},
): number {
  return events.add({ type, at, ...boxes.scopeOf(mailbox, run_id), data: { id, ...data } })
}

/** waiting ─▶ dead. Later ones of the same sender may be due now. */
export function bury(tools: MailTools, row: MessageRow, now: number, reason: Reason): void {
  tools.leases.release(row.mailbox, row.id)
  tools.messages.settle(row, 'dead', reason)
  tell(tools, 'message.dead', row, now, { reason })
  tools.arrivals.ring(row.mailbox)
}

/** waiting | dead ─▶ dropped. */
export function drop(tools: MailTools, row: MessageRow, now: number, reason?: Reason): void {
  tools.leases.release(row.mailbox, row.id)
  tools.messages.settle(row, 'dropped', reason)
  tell(tools, 'message.dropped', row, now, reason && { reason })
}

/** waiting ─▶ acknowledged. */
export function read(tools: MailTools, row: MessageRow, now: number): void {
  const deliveredAt = tools.leases.release(row.mailbox, row.id)?.at ?? row.delivered_at ?? now
  tools.messages.read(row, deliveredAt, now)
  tell(tools, 'message.read', row, now, { deliveredAt })
  if ((row.not_before ?? 0) > now) tools.arrivals.ring(row.mailbox)
}

/** Nobody reads there any more: what waits is dead, what went to many is dropped. */
export function closeMailbox(tools: MailTools, name: string, now: number, { message }: Reason): void {
  const box = tools.boxes.get(name)
  if (!box.open) return
  tools.boxes.save({ ...box, open: false })
  const reason = { code: 'receiver-gone', message }
  for (const row of tools.messages.waitingIn(name)) {
    if (row.copy) drop(tools, row, now, reason)
    else bury(tools, row, now, reason)
  }
}

export const isExpired = ({ expires_at }: Pick<MessageRow, 'expires_at'>, now: number): boolean =>
  expires_at !== null && expires_at <= now
