import type { Attempt, Fence, Task } from '../task/task.ts'
import { backoff } from './backoff.ts'
import type { AttemptFailed } from './failure.ts'
import type { Parts } from './parts.ts'
import { writeResult } from './result.ts'
import { saveWork, stopAgent, workspaceOf } from './stop.ts'

/** verified ─▶ accepted: the workspace goes (its branch stays), the record is written. */
export async function accept(parts: Parts, task: Task, attempt: Attempt, fence: Fence): Promise<void> {
  const left = await saveIfDirty(parts, task, attempt)
  if (left) parts.log.info('kept what the agent had left uncommitted', { task: task.id, commit: left })
  await parts.workspaces.remove(workspaceOf(parts, task))
  const now = parts.clock.now()
  await writeResult(parts, task, attempt, { outcome: 'accepted', endedAt: now })
  await parts.store.tasks.accept(fence, now)
}

/** The branch must stay at the commit that was proven: leftovers are kept beside it. */
async function saveIfDirty(parts: Parts, task: Task, attempt: Attempt): Promise<string | undefined> {
  return await parts.workspaces.setAside(workspaceOf(parts, task), `Left uncommitted by ${attempt.agent}`)
}

/** A failed attempt: its processes end, its work is saved, the task goes back to the queue or dies. */
export async function fail(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  fence: Fence,
  failure: AttemptFailed,
): Promise<void> {
  await stopAgent(parts, task, attempt.agent)
  const saved = await saveWork(parts, task, fence.epoch)
  const event = {
    type: 'work.saved',
    at: parts.clock.now(),
    runId: task.runId,
    taskId: task.id,
    epoch: fence.epoch,
    agent: attempt.agent,
  } as const
  const note = {
    ...(saved.head && { commit: saved.head }),
    committed: saved.committed,
    ...(saved.lost && { lost: saved.lost }),
  }
  const kept = saved.committed && saved.head ? { saved: saved.head } : {}
  await parts.store.tasks.progress(fence, { events: [{ ...event, data: note }], attempt: kept })
  const now = parts.clock.now()
  await writeResult(
    parts,
    task,
    { ...attempt, ...kept },
    { outcome: 'failed', reason: failure.reason, endedAt: now },
  )
  const retryAt = now + backoff(task.used, parts.config, parts.ids.fraction())
  await parts.store.tasks.fail(fence, now, { reason: failure.reason, retryAt, final: failure.final })
}
