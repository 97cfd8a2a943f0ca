import type { Attempt, Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'
import { backoff } from './backoff.ts'
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
}

/** The branch must stay at the commit that was proven: leftovers are kept beside it. */
async function putAway(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  const place = workspaceOf(parts, task)
  const left = await parts.workspaces.setAside(place, `Left uncommitted by ${attempt.agent}`)
  if (left) parts.log.info('kept what the agent had left uncommitted', { task: task.id, commit: left })
  await parts.workspaces.remove(place)
}

/** A failed attempt: its processes end, its work is saved, the task goes back to the queue or dies. */
export async function fail({ parts, task, attempt, fence }: Held, failure: Failure): Promise<void> {
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
  const now = parts.clock.now()
  await writeResult(parts, task, { ...attempt, ...kept }, { outcome: 'failed', reason, endedAt: now })
  const retryAt = now + backoff(lost ? (task.losses ?? 0) : task.used, parts.config, parts.ids.fraction())
  if (lost) await parts.store.tasks.lose(fence, now, { reason, retryAt })
  else await parts.store.tasks.fail(fence, now, { reason, retryAt, final })
}
