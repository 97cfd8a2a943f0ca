import type { Delivery, DeliveryState } from '../../../message/delivery.ts'
import type { Message } from '../../../message/message.ts'
import type { Reason } from '../../../task/task.ts'

/** What is needed to decide about a message, without the message itself. */
export interface MessageRow {
  ordinal: number
  id: string
  mailbox: string
  sender: string
  run_id: string | null
  copy: number
  state: DeliveryState
  expires_at: number | null
  returns: number
  not_before: number | null
  delivered_at: number | null
}
export interface WholeRow extends MessageRow {
  sent_at: number
  acknowledged_at: number | null
  answer_id: string | null
  answer_at: number | null
  reason: string | null
  message: string
}

export const messageOf = ({ message, returns }: Pick<WholeRow, 'message' | 'returns'>): Message => ({
  ...(JSON.parse(message) as Message),
  retryCount: returns,
})

export function toDelivery(row: WholeRow): Delivery {
  const { ordinal, state, sent_at: sentAt } = row
  return {
    message: messageOf(row),
    state,
    ordinal,
    sentAt,
    ...(row.not_before !== null && { notBefore: row.not_before }),
    ...(row.delivered_at !== null && { deliveredAt: row.delivered_at }),
    ...(row.acknowledged_at !== null && { acknowledgedAt: row.acknowledged_at }),
    ...(row.answer_id !== null &&
      row.answer_at !== null && { answer: { id: row.answer_id, at: row.answer_at } }),
    ...(row.reason !== null && { reason: JSON.parse(row.reason) as Reason }),
  }
}
