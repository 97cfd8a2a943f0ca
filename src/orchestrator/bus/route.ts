import { OrchError, toOrchError } from '../../errors.ts'
import { PERSON, type Priority, type RequestType } from '../../message/message.ts'
import { type Fence, isFinal, type Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'
import { audienceOf } from './audience.ts'
import { requestMs, send } from './bus.ts'
import { startExpert } from './expert.ts'
import { freeAgents } from './free-agents.ts'
import { checkPayload } from './payload.ts'
import { type Sender, senderOf } from './sender.ts'

export interface AskOrder {
  /** The same again is the same request. */
  id: string
  type: RequestType
  payload: unknown
  /** Who is asked: an agent, a task, a person, a program. */
  to?: string | undefined
  /** Or what somebody must be able to do: a capability, or the name of a profile. */
  capability?: string | undefined
  priority?: Priority | undefined
}

export interface Asked {
  id: string
  /** The mailbox that it went to. */
  to: string
  /** An agent was started for it. */
  started: boolean
}

type Asker = { task: Task; fence: Fence }

/**
 * Sends a request to one who can answer it: who is named; or an agent of the run that has the capability, is running and
 * free; else one that is started for it, within the limits. Asked again with the same id after a crash, it goes on where it
 * was.
 * @throws OrchError E_INVALID (both or neither of `to` and `capability`, oneself, many), E_NOT_FOUND (nobody of that name;
 *   no profile with that capability, with those that there are), E_LIMIT, and what `send` and `spawnTasks` throw
 */
export async function ask(parts: Parts, asker: Asker, order: AskOrder): Promise<Asked> {
  const { mailboxes } = parts.store
  const sent = await mailboxes.get(order.id)
  if (sent) return { id: order.id, to: sent.message.to, started: await isStartedFor(parts, sent.message) }
  const checked = { ...order, payload: checkPayload(order.type, order.payload) }
  if ((order.to === undefined) === (order.capability === undefined))
    throw new OrchError(
      'E_INVALID',
      'say either who is asked (to) or what it must be able to do (capability)',
    )
  if (order.to !== undefined) return await askNamed(parts, asker, checked, order.to)
  return await askAble(parts, asker, checked, order.capability ?? '')
}

async function isStartedFor({ store }: Parts, { id, to }: { id: string; to: string }): Promise<boolean> {
  const task = to.startsWith('t-') ? await store.tasks.get(to as Task['id']) : undefined
  return task?.spec.origin?.message === id
}

async function askNamed(parts: Parts, asker: Asker, order: AskOrder, to: string): Promise<Asked> {
  const sender = senderOf(asker.task)
  if (to === '*' || to.startsWith('#'))
    throw new OrchError('E_INVALID', `a request goes to one, not to ${to}`, {
      fix: 'Name an agent, or the capability that is needed; share_discovery and send_message write to many.',
    })
  const { names } = await audienceOf(parts, sender, to)
  const name = names[0] ?? PERSON
  if (name === sender.mailbox) throw new OrchError('E_INVALID', 'an agent cannot ask itself')
  return await sendTo(parts, sender, asker, order, name, false)
}

async function askAble(parts: Parts, asker: Asker, order: AskOrder, capability: string): Promise<Asked> {
  const sender = senderOf(asker.task)
  const started = await startedBefore(parts, asker.task, order.id)
  if (started) return await sendTo(parts, sender, asker, order, started.id, true)
  for (const name of await freeAgents(parts, asker.task, capability)) {
    try {
      return await sendTo(parts, sender, asker, order, name, false)
    } catch (error) {
      // It has just ended, or has too much to read: the next one.
      if (!['E_STATE', 'E_MAILBOX_FULL'].includes(toOrchError(error).code)) throw error
    }
  }
  const expert = await startExpert(parts, asker, order, capability)
  return await sendTo(parts, sender, asker, order, expert.id, true)
}

/** The task that was made for this request before a crash. */
async function startedBefore({ store }: Parts, { id }: Task, request: string): Promise<Task | undefined> {
  const made = await store.tasks.list({ parent: id })
  return made.find(({ spec, state }) => spec.origin?.message === request && !isFinal(state))
}

async function sendTo(
  parts: Parts,
  sender: Sender,
  { task }: Asker,
  { id, type, payload, priority }: AskOrder,
  to: string,
  started: boolean,
): Promise<Asked> {
  const ttlMs = requestMs(await parts.settings(task.spec.repo))
  await send(parts, sender, { id, to, type, payload, ttlMs, ...(priority && { priority }) })
  return { id, to, started }
}
