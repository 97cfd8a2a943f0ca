import { checkFence } from '../task/life.ts'
import type { Attempt, Fence, Task } from '../task/task.ts'
import { AttemptFailed, isPassing, isStale, toFailure } from './failure.ts'
import { accept, fail } from './finish.ts'
import { follow } from './follow.ts'
import { launch } from './launch.ts'
import type { Parts } from './parts.ts'
import { prove } from './prove.ts'
import { eventOf, workspaceOf } from './stop.ts'

/**
 * One attempt, from wherever it stands to its end: each stage ends with one arrow of the task's life, and each may be
 * done again, so that a new daemon goes on where the old one was killed. When `signal` aborts it returns where it is.
 */
export async function runTask(parts: Parts, fence: Fence, signal: AbortSignal): Promise<void> {
  try {
    await runStages(parts, fence, signal)
  } finally {
    parts.hearings.forget(fence)
  }
}

async function runStages(parts: Parts, fence: Fence, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const held = await read(parts, fence)
    if (!held) return
    try {
      await stage(parts, held.task, held.attempt, fence, signal)
    } catch (error) {
      if (isStale(error) || signal.aborted) return
      if (isPassing(error, held.task.state)) throw error
      await end(parts, held, fence, toFailure(error))
      return
    }
  }
}

async function stage(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  fence: Fence,
  signal: AbortSignal,
): Promise<void> {
  switch (task.state) {
    case 'leased':
      await launch(parts, task, attempt)
      return await started(parts, task, attempt, fence)
    case 'working':
    case 'waiting':
      return await follow(parts, task, attempt, fence, signal)
    case 'reported':
      return await prove(parts, task, attempt, fence, signal)
    case 'verified':
      return await accept(parts, task, attempt, fence)
    default:
      throw new AttemptFailed('E_STATE', `nothing to run in state ${task.state}`)
  }
}

/** Both in one turn, so that they share one transaction. */
async function started(
  { store, clock, ...parts }: Parts,
  task: Task,
  attempt: Attempt,
  fence: Fence,
): Promise<void> {
  const { driver, profile, runtime } = task.spec
  const event = eventOf({ clock }, attempt, 'agent.started')
  const data = { driver, profile, runtime, workspace: workspaceOf(parts, task).path }
  await Promise.all([
    store.tasks.progress(fence, { events: [{ ...event, data }] }),
    store.tasks.start(fence, clock.now()),
  ])
}

/** The task and its attempt while this fence holds them; undefined when they are over or somebody else's. */
async function read(parts: Parts, fence: Fence): Promise<{ task: Task; attempt: Attempt } | undefined> {
  const task = await parts.store.tasks.get(fence.taskId)
  if (!task) return undefined
  try {
    checkFence(task, fence)
  } catch {
    return undefined
  }
  const attempt = (await parts.store.tasks.attempts(task.id)).find((it) => it.epoch === fence.epoch)
  return attempt && { task, attempt }
}

async function end(
  parts: Parts,
  { task, attempt }: { task: Task; attempt: Attempt },
  fence: Fence,
  failure: AttemptFailed,
): Promise<void> {
  parts.log.info('attempt failed', {
    task: task.id,
    agent: attempt.agent,
    reason: failure.reason,
    error: failure.cause,
  })
  try {
    await fail(parts, task, attempt, fence, failure)
  } catch (error) {
    if (!isStale(error)) throw error
  }
}
