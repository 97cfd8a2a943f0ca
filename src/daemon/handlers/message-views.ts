import type { DeliveryView, MailboxView } from '../../api/contract.ts'
import type { Delivery } from '../../message/delivery.ts'
import { openRequestsTo } from '../../orchestrator/mail/free-mailbox.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import type { Mailbox } from '../../store/store.ts'

/** What the API shows of messages and mailboxes. */

const iso = (at: number) => new Date(at).toISOString()
const isoIf = (at: number | undefined) => (at === undefined ? undefined : iso(at))

export function viewDelivery(delivery: Delivery): DeliveryView {
  const { message, state, ordinal, sentAt, deliveredAt, acknowledgedAt, answer, notBefore, reason } = delivery
  const took = (at: number | undefined) => (at === undefined ? undefined : Math.max(0, at - sentAt))
  return {
    message,
    state,
    ordinal,
    sentAt: iso(sentAt),
    deliveredAt: isoIf(deliveredAt),
    readAt: isoIf(acknowledgedAt),
    answer: answer && { id: answer.id, at: iso(answer.at) },
    notBefore: isoIf(notBefore),
    reason,
    took: { delivered: took(deliveredAt), read: took(acknowledgedAt), answered: took(answer?.at) },
  }
}

export async function viewMailbox(parts: Parts, box: Mailbox): Promise<MailboxView> {
  const [waiting, openRequests] = await Promise.all([
    parts.store.mailboxes.waiting(box.name),
    openRequestsTo(parts, box.name),
  ])
  const { name, open, openedAt, runId, taskId, agent, profile, capabilities, topics, capacity } = box
  const facts = { name, open, openedAt: iso(openedAt), runId, taskId, agent, profile }
  return { ...facts, capabilities, topics, capacity, waiting, openRequests }
}
