import { toOrchError } from '../../errors.ts'
import { ANSWERS, isRequest } from '../../message/message.ts'
import type { Proof } from '../../task/task.ts'
import { send } from '../bus/bus.ts'
import { senderOf } from '../bus/sender.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'

/**
 * The proof of who was asked is the answer. To a question the agent's last words are one, when it sent none itself; a verdict
 * is never guessed. @throws AttemptFailed
 */
export async function proveAnswer(held: Held): Promise<Proof> {
  const { parts, task } = held
  const { mailboxes } = parts.store
  const request = await mailboxes.get(task.spec.origin?.message ?? '')
  if (!request || !isRequest(request.message.type))
    throw new AttemptFailed('no-request', 'the request that was to be answered is gone', { final: true })
  const { correlationId, type } = request.message
  const answers = await mailboxes.history({ correlationId, types: [ANSWERS[type]] })
  const own = answers.find(({ message }) => message.from === task.id)
  if (own) return { answer: own.message.id }
  const summary = task.report?.summary.trim()
  if (type === 'assistance_request' && summary) return { answer: await answerWith(held, summary) }
  throw new AttemptFailed(
    'no-answer',
    `the agent ended without an answer to ${correlationId} (the tool answer)`,
  )
}

async function answerWith({ parts, task }: Held, summary: string): Promise<string> {
  const request = await parts.store.mailboxes.get(task.spec.origin?.message ?? '')
  const { from: to = '', correlationId = '' } = request?.message ?? {}
  const id = `m-${task.id}-${task.epoch}-answer`
  const payload = { answer: summary.slice(0, 50_000) }
  try {
    await send(parts, senderOf(task), { to, type: 'assistance_response', correlationId, id, payload })
    return id
  } catch (error) {
    if (toOrchError(error).code !== 'E_STATE') throw error
    throw new AttemptFailed('asker-gone', `${to} waits for no answer any more`, { final: true, cause: error })
  }
}
