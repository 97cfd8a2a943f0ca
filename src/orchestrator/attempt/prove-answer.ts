import { toOrchError } from '../../errors.ts'
import { ANSWERS } from '../../message/message.ts'
import type { Proof } from '../../task/task.ts'
import { answerTo, isRequestDelivery, type Request } from '../bus/answer.ts'
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
  if (!request || !isRequestDelivery(request))
    throw new AttemptFailed('no-request', 'the request that was to be answered is gone', { final: true })
  const { correlationId, type } = request.message
  const answers = await mailboxes.history({ correlationId, types: [ANSWERS[type]] })
  const own = answers.find(({ message }) => message.from === task.id)
  if (own) return { answer: own.message.id }
  const summary = task.report?.summary.trim()
  if (type === 'assistance_request' && summary) return { answer: await answerWith(held, request, summary) }
  throw new AttemptFailed(
    'no-answer',
    `the agent ended without an answer to ${correlationId} (the tool answer)`,
  )
}

/** An asker that is gone, or was answered by the end of its time, is nothing that another try could mend. */
async function answerWith({ parts, task }: Held, request: Request, summary: string): Promise<string> {
  try {
    const payload = { answer: summary.slice(0, 50_000) }
    return (await answerTo(parts, senderOf(task), request, payload)).id
  } catch (error) {
    if (toOrchError(error).code !== 'E_STATE') throw error
    throw new AttemptFailed('asker-gone', toOrchError(error).message, { final: true, cause: error })
  }
}
