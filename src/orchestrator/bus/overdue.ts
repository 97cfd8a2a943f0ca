import { toOrchError } from '../../errors.ts'
import type { TaskId } from '../../id.ts'
import { ANSWERS, MESSAGE_VERSION, type Message, ORCH, type PayloadOf } from '../../message/message.ts'
import { isFinal, type TaskState } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import type { Parts } from '../parts.ts'
import { isRequestDelivery, type Request } from './answer.ts'
import { answerIdOf } from './derived-id.ts'

/**
 * Requests that a task's agents have sent and that nobody has answered. One whose time is over counts until it has its
 * answer from `answerOverdue`: a turn that ends in between must not end the task.
 */
export async function openRequests(parts: Parts, taskId: TaskId): Promise<Message[]> {
  const open = await unanswered(parts, taskId)
  return open.map(({ message }) => message).filter(({ from }) => from === taskId)
}

/** Requests that were asked of a mailbox and that it has not answered. */
export async function requestsOf(parts: Parts, mailbox: string): Promise<Message[]> {
  const open = await unanswered(parts, mailbox)
  return open.map(({ message }) => message).filter(({ to }) => to === mailbox)
}

/** In the order of sending. */
async function unanswered({ store }: Parts, mailbox?: string): Promise<Request[]> {
  const found: Request[] = []
  for (let after = 0; ; ) {
    const page = await store.mailboxes.history({
      unanswered: true,
      after,
      limit: PAGE,
      ...(mailbox && { mailbox }),
    })
    found.push(...page.filter(isRequestDelivery).filter(({ answer }) => !answer))
    if (page.length < PAGE) return found
    after = page.at(-1)?.ordinal ?? after
  }
}

const PAGE = 1_000

/**
 * Gives each request that nobody will answer an answer that says so, from `orch`: its time is over, or who was asked is gone.
 * Safe to be done twice, and by two at once: the answer has one id.
 */
export async function answerOverdue(parts: Parts): Promise<void> {
  for (const request of await unanswered(parts)) {
    const why = await whyNobody(parts, request)
    if (why) await giveUp(parts, request, why)
  }
}

/** Why nobody will answer it any more; undefined while somebody may. */
async function whyNobody(
  { store, clock }: Parts,
  { message, state, reason }: Request,
): Promise<string | undefined> {
  const { from, to, expiresAt } = message
  if (expiresAt && Date.parse(expiresAt) <= clock.now()) return `${to} did not answer in time`
  if (state === 'dead' || state === 'dropped')
    return `it did not reach ${to}${reason ? `: ${oneLine(reason.message, 300)}` : ''}`
  const asked = await ended(store, to)
  if (asked) return `${to} is ${asked} and has not answered`
  const asker = await ended(store, from)
  return asker && `${from} is ${asker} and waits for nothing`
}

/** The state of a task that is over. */
async function ended({ tasks }: Parts['store'], name: string): Promise<TaskState | undefined> {
  const task = name.startsWith('t-') ? await tasks.get(name as TaskId) : undefined
  return task && isFinal(task.state) ? task.state : undefined
}

async function giveUp(parts: Parts, { message }: Request, why: string): Promise<void> {
  const { store, clock, log } = parts
  const asker = await store.mailboxes.find(message.from)
  if (!asker) return
  const now = clock.now()
  const answer: Message = {
    id: answerIdOf(message.id),
    version: MESSAGE_VERSION,
    type: ANSWERS[message.type],
    from: ORCH,
    to: message.from,
    // Who is gone waits for nothing: the store drops a copy at once, and the request is not looked at again.
    ...(!asker.open && { audience: '*' }),
    priority: message.priority,
    timestamp: new Date(now).toISOString(),
    correlationId: message.correlationId ?? message.id,
    retryCount: 0,
    ...(message.runId && { runId: message.runId }),
    payload: message.type === 'assistance_request' ? notAnswered(why) : notJudged(why),
  }
  try {
    await store.mailboxes.send([answer], now)
  } catch (error) {
    // The asker has just ended, or has no place left: then the next time.
    if (!['E_STATE', 'E_MAILBOX_FULL', 'E_NOT_FOUND'].includes(toOrchError(error).code)) throw error
    log.warn('a request could not be given up', { request: message.id, error })
  }
}

const notAnswered = (why: string): PayloadOf<'assistance_response'> => ({
  status: 'timed-out',
  answer: `Nobody has answered: ${why}. Go on without it, or ask somebody else.`,
  files: [],
})

const notJudged = (why: string): PayloadOf<'validation_result'> => ({
  verdict: 'refused',
  summary: `Nobody has judged it: ${why}. This says nothing about the work; ask again or somebody else.`,
  findings: [],
})
