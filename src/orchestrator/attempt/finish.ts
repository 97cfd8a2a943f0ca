import type { TaskId } from '../../id.ts'
import { type Attempt, isFinal, type Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'
import { backoff } from './backoff.ts'
import { shareWork } from './courier.ts'
import type { Failure } from './failure.ts'
import type { Held } from './held.ts'
import { writeResult } from './result.ts'
import { eventOf, savedEvent, saveIfPossible, stopAgent, workspaceOf } from './stop.ts'

/**
 * verified ─▶ accepted: the workspace goes (its branch stays), the record is written. The work is proven, so that a
 * workspace that cannot be put away is left for `orch cleanup` and changes nothing.
 */
export async function accept({ parts, task, attempt, fence }: Held): Promise<void> {
  await putAway(parts, task, attempt).catch((error) => {
    parts.log.warn('a workspace could not be put away', { task: task.id, error })
  })
  const now = parts.clock.now()
  await writeResult(parts, task, attempt, { outcome: 'accepted', endedAt: now })
  await parts.store.tasks.accept(fence, now)
  await letGo(parts, task)
}

/**
 * What a forge has as a pull request need not be kept for other hosts; nor what is in it by now, nor where it began. Tasks that
 * are open still may begin at a commit of this one.
 */
async function letGo(parts: Parts, task: Task): Promise<void> {
  const { carrying, store } = parts
  if (!carrying || task.spec.proof) return
  try {
    const madeBy = (id: TaskId) => store.tasks.list({ parent: id })
    const allOver = async (id: TaskId) => (await madeBy(id)).every(({ state }) => isFinal(state))
    for (const made of await madeBy(task.id)) if (isFinal(made.state)) await carrying.letGo(made)
    if (await allOver(task.id)) await carrying.letGo(task)
    const parent = task.spec.parent && (await store.tasks.get(task.spec.parent))
    if (parent && isFinal(parent.state) && (await allOver(parent.id))) await carrying.letGo(parent)
  } catch (error) {
    parts.log.warn('what was kept for other hosts could not be let go of', { task: task.id, error })
  }
}

/** The branch must stay at the commit that was proven: leftovers are kept beside it. */
async function putAway(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  const place = workspaceOf(parts, task)
  const left = await parts.workspaces.setAside(place, `Left uncommitted by ${attempt.agent}`)
  if (left) parts.log.info('kept what the agent had left uncommitted', { task: task.id, commit: left })
  await parts.workspaces.remove(place)
}

/** A failed attempt: its processes end, its work is saved, the task goes back to the queue or dies. */
export async function fail(held: Held, failure: Failure): Promise<void> {
  const { parts, task, attempt, fence } = held
  const { reason, final, lost } = failure
  const { state } = await parts.directories.status(attempt.agent)
  await stopAgent(parts, task, attempt.agent)
  const saved = await saveIfPossible(parts, task, fence.epoch)
  const kept = saved.committed && saved.head ? { saved: saved.head } : {}
  const stopped =
    state === 'running' ? [{ ...eventOf(parts, attempt, 'agent.stopped'), data: { reason } }] : []
  await parts.store.tasks.progress(fence, {
    events: [...stopped, savedEvent(parts, attempt, saved)],
    attempt: kept,
  })
  await shareWork(held)
  const now = parts.clock.now()
  await writeResult(parts, task, { ...attempt, ...kept }, { outcome: 'failed', reason, endedAt: now })
  const retryAt = now + backoff(lost ? (task.losses ?? 0) : task.used, parts.config, parts.ids.fraction())
  if (lost) await parts.store.tasks.lose(fence, now, { reason, retryAt })
  else await parts.store.tasks.fail(fence, now, { reason, retryAt, final })
}
