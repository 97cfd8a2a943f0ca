import type { Message } from '../../message/message.ts'
import type { Names } from '../../message/prompt.ts'
import type { Parts } from '../parts.ts'

/** Who sent these, as agents know them: for `messageText`. */
export async function namesOf(
  { store }: Pick<Parts, 'store'>,
  messages: readonly Pick<Message, 'from'>[],
): Promise<Names> {
  const senders = [...new Set(messages.map(({ from }) => from))]
  const boxes = await Promise.all(senders.map((name) => store.mailboxes.find(name)))
  return new Map(boxes.flatMap((box) => (box ? [[box.name, box] as const] : [])))
}
