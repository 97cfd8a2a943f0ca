import { countAsRead } from '../bus/count-as-read.ts'
import { openRequests } from '../bus/overdue.ts'
import { settleChildren } from '../family/children.ts'
import { conversationOf, driverOf } from './driver-choice.ts'
import type { Held } from './held.ts'
import { readGiven, takeMail } from './mail.ts'
import type { Watch } from './watch.ts'

/**
 * What an agent that says it is done has left: `mail` that is a word of its conversation now; something to wait for (its
 * children, an answer); or nothing. Who cannot be spoken to is not kept by mail, but by its children.
 */
export async function unfinished({ held, hearing }: Watch): Promise<'mail' | 'wait' | 'nothing'> {
  const { parts, task, attempt } = held
  await readGiven(held, hearing)
  const { pending } = await settleChildren(parts, held, { idle: true })
  const canHear = conversationOf(driverOf(parts, task, attempt), task) !== 'none'
  const words = hearing.words.length
  if (canHear) await takeMail(held, hearing)
  if (hearing.words.length > words) return 'mail'
  if (pending > 0) return 'wait'
  if (!canHear) await readByItsEnd(held)
  return canHear && (await openRequests(parts, task.id)).length > 0 ? 'wait' : 'nothing'
}

/** What its tools have given it, or its branch holds by now. */
const GIVEN = ['task_result', 'assistance_response', 'validation_result'] as const

/**
 * Who cannot be spoken to has no further turn to read what its children came to and what it was answered; a daemon that was
 * killed does not know what its tools have shown it. A next attempt is told of its children.
 */
async function readByItsEnd(held: Held): Promise<void> {
  const { parts, task } = held
  const found = await parts.store.mailboxes.history({
    mailbox: task.id,
    types: [...GIVEN],
    states: ['waiting'],
  })
  const ids = found.filter(({ message }) => message.to === task.id).map(({ message }) => message.id)
  if (ids.length > 0) await countAsRead(parts, held, ids)
}
