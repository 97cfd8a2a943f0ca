import type { Delivery } from '../../message/delivery.ts'
import { messageText } from '../../message/prompt.ts'
import { countAsRead } from '../bus/count-as-read.ts'
import { namesOf } from '../bus/names.ts'
import type { Hearing, Interrupt, Word } from '../conversation/hearing.ts'
import type { Held } from './held.ts'
import { eventOf } from './stop.ts'

/** What an agent's mailbox holds for it, at the end of a turn: messages become words of its conversation (decision 016). */

/** So many messages go into one prompt (some programs take it as one argument of 128 KiB at most); the next ones into the next. */
const MOST_AT_ONCE = 8

/** What its prompt or its inbox tool has given it counts as read when the turn in which it did is over. */
export async function readGiven(held: Held, hearing: Hearing): Promise<void> {
  const { parts, task } = held
  const { origin } = task.spec
  const first = origin?.message && (await parts.store.mailboxes.get(origin.message))
  const ids = [...hearing.given]
  if (first && first.state === 'waiting' && first.message.to === task.id) ids.unshift(first.message.id)
  if (ids.length === 0) return
  await countAsRead(parts, held, ids)
  for (const id of ids) hearing.given.delete(id)
}

/**
 * Messages for this agent become words, which survive the daemon; only then they count as read. Copies of what went to many
 * come along, but do not keep an agent going by themselves.
 */
export async function takeMail(held: Held, hearing: Hearing): Promise<void> {
  const { parts, task, attempt } = held
  const { mailboxes } = parts.store
  if ((await mailboxes.waiting(task.id)).direct === 0) return
  const leaseMs = parts.config.messageLeaseSeconds * 1_000
  await hearing.alone(async () => {
    const now = parts.clock.now()
    const request = {
      mailbox: task.id,
      reader: attempt.agent,
      now,
      leaseMs,
      limit: MOST_AT_ONCE,
      again: true,
    }
    const mail = await mailboxes.lease(request)
    const known = new Set([task.spec.origin?.message, ...hearing.words.map(({ id }) => id)])
    for (const delivery of mail) if (!known.has(delivery.message.id)) await tell(held, hearing, delivery)
    const ids = mail.map(({ message }) => message.id)
    if (ids.length > 0) await countAsRead(parts, held, ids)
  })
}

const GO_ON =
  'A message that could not wait has ended your turn. You have read it already, or it is gone. Go on where you were.'

/**
 * For an agent whose turn a critical message has ended: its mail, also what a tool of it gave in that turn, since nobody knows
 * whether it came that far. When the message is read or gone meanwhile it is told to go on: nobody else would.
 */
export async function takeCritical(held: Held, hearing: Hearing, { id }: Interrupt): Promise<void> {
  const words = hearing.words.length
  hearing.given.clear()
  await takeMail(held, hearing)
  if (hearing.words.length === words) await addWord(held, hearing, { id, text: GO_ON, message: true })
}

/** A message becomes a word of the conversation, durably. */
export async function tell(held: Held, hearing: Hearing, { message }: Delivery): Promise<void> {
  const names = await namesOf(held.parts, [message])
  await addWord(held, hearing, { id: message.id, text: messageText(message, names), message: true })
}

async function addWord({ parts, attempt }: Held, hearing: Hearing, word: Word): Promise<void> {
  await parts.store.journal.append([{ ...eventOf(parts, attempt, 'agent.told'), data: { ...word } }])
  hearing.words.push(word)
}
