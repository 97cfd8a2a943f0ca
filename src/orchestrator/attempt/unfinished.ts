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
  if (!canHear) await readResults(held)
  return canHear && (await openRequests(parts, task.id)).length > 0 ? 'wait' : 'nothing'
}

/**
 * Who cannot be spoken to has no further turn to read what its children came to: their work is in its branch by now, and
 * a next attempt is told of them.
 */
async function readResults({ parts, task, attempt }: Held): Promise<void> {
  const { mailboxes } = parts.store
  const found = await mailboxes.history({ mailbox: task.id, types: ['task_result'], states: ['waiting'] })
  const ids = found.map(({ message }) => message.id)
  if (ids.length === 0) return
  await mailboxes.acknowledge({ mailbox: task.id, reader: attempt.agent, ids, now: parts.clock.now() })
}
