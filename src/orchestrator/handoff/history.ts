import { OrchError } from '../../errors.ts'
import type { Handoff } from '../../handoff/handoff.ts'
import { handoffPrompt } from '../../handoff/prompt.ts'
import type { RunId, TaskId } from '../../id.ts'
import type { Delivery } from '../../message/delivery.ts'
import { isHeld, type Task } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import type { Caller } from '../agent-tools/agent-tools.ts'
import type { Parts } from '../parts.ts'
import { resolve } from '../resolve.ts'

/** Handoffs as they were made: each is a message, and most of them a task. */

export interface PastHandoff {
  delivery: Delivery
  package: Handoff
  /** Undefined when it is gone. */
  receiver: Task | undefined
}

/** The newest `limit`, the newest last: of a run, of a task (given and got), or all. */
export async function pastHandoffs(
  parts: Parts,
  { runId, taskId, limit }: { runId?: RunId; taskId?: TaskId; limit: number },
): Promise<PastHandoff[]> {
  const found = await parts.store.mailboxes.history({
    types: ['handoff'],
    newest: true,
    limit,
    ...(runId && { runId }),
    ...(taskId && { mailbox: taskId }),
  })
  const past = await Promise.all(found.map((delivery) => pastOf(parts, delivery)))
  return past.toSorted((a, b) => a.delivery.ordinal - b.delivery.ordinal)
}

/** By its id, or the newest that a task or an agent got. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS */
export async function pastHandoff(parts: Parts, name: string): Promise<PastHandoff> {
  const delivery = await parts.store.mailboxes.get(name)
  if (delivery?.message.type === 'handoff') return await pastOf(parts, delivery)
  const none = new OrchError('E_NOT_FOUND', `there is no handoff ${oneLine(name, 80)}`, {
    fix: '`orch handoffs` lists them.',
  })
  const task = await resolve(parts, name).catch(() => {
    throw none
  })
  const all = await pastHandoffs(parts, { taskId: task.id, limit: 1_000 })
  const got = all.findLast(({ delivery: { message } }) => message.to === task.id)
  if (!got) throw none
  return got
}

async function pastOf({ store }: Parts, delivery: Delivery): Promise<PastHandoff> {
  const { to, payload } = delivery.message
  return { delivery, package: payload as Handoff, receiver: await store.tasks.get(to as TaskId) }
}

/** What its receiver reads. */
export async function promptOf({ store }: Parts, { delivery, package: pack, receiver }: PastHandoff) {
  const { id, from } = delivery.message
  const agent = (await store.mailboxes.find(from))?.agent ?? from
  const isNew = receiver?.spec.origin?.message === id
  return handoffPrompt(pack, { id, agent, ...(!isNew && { toRunning: true }) })
}

/** The agent that works on the task right now. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS, E_STATE */
export async function workerOn(parts: Parts, name: string): Promise<Caller> {
  const task = await resolve(parts, name)
  const attempt = (await parts.store.tasks.attempts(task.id)).find(({ epoch }) => epoch === task.epoch)
  if (attempt && isHeld(task.state))
    return { task, attempt, fence: { taskId: task.id, epoch: task.epoch, host: attempt.host } }
  throw new OrchError('E_STATE', `${task.id} is ${task.state}: nobody works on it who could hand over`)
}
