import { checkFence } from '../../task/life.ts'
import type { Fence } from '../../task/task.ts'
import { countFailure, countSuccess, delayOf, leaveBreakers, putOff } from '../breakers.ts'
import { openTaskMailbox } from '../bus/audience.ts'
import type { Parts } from '../parts.ts'
import { hasFallback } from './driver-choice.ts'
import { AttemptFailed, isPassing, isStale, toFailure } from './failure.ts'
import { accept, fail } from './finish.ts'
import { follow } from './follow.ts'
import type { Held } from './held.ts'
import { launch } from './launch.ts'
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
    await leaveBreakers(parts, fence)
  }
  parts.hearings.forget(fence) // not when it throws: it is driven on soon, and who speaks meanwhile must be heard
}

async function runStages(parts: Parts, fence: Fence, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const held = await read(parts, fence, signal)
    if (!held) return
    try {
      await stage(held)
    } catch (error) {
      if (isStale(error) || signal.aborted) return
      const delay = held.task.state === 'leased' ? delayOf(parts, error) : undefined
      if (delay) return await putOff(held, delay)
      if (isPassing(error, held.task.state)) throw error
      await end(held, toFailure(error))
      return
    }
  }
}

/** The mailbox is there before the agent is; also of a task that a daemon began that knew no mailboxes. */
async function stage(held: Held): Promise<void> {
  if (held.task.state === 'leased') await held.parts.carrying?.ready(held.task) // its profile may be the repository's own
  await openTaskMailbox(held.parts, held.task, held.attempt.agent)
  switch (held.task.state) {
    case 'leased':
      await launch(held)
      return await started(held)
    case 'working':
    case 'waiting':
      return await follow(held)
    case 'reported':
      await countSuccess(held)
      return await prove(held)
    case 'verified':
      return await accept(held)
    default:
      throw new AttemptFailed('E_STATE', `nothing to run in state ${held.task.state}`)
  }
}

/** Both in one turn, so that they share one transaction. */
async function started({ parts, task, attempt, fence }: Held): Promise<void> {
  const { store, clock } = parts
  const { profile, runtime } = task.spec
  const { driver = task.spec.driver } = await store.tasks.progress(fence, {})
  const event = eventOf({ clock }, attempt, 'agent.started')
  const data = { driver, profile, runtime, workspace: workspaceOf(parts, task).path }
  await Promise.all([
    store.tasks.progress(fence, { events: [{ ...event, data }] }),
    store.tasks.start(fence, clock.now()),
  ])
}

/** The task and its attempt while this fence holds them; undefined when they are over or somebody else's. */
async function read(parts: Parts, fence: Fence, signal: AbortSignal): Promise<Held | undefined> {
  const task = await parts.store.tasks.get(fence.taskId)
  if (!task) return undefined
  try {
    checkFence(task, fence)
  } catch {
    return undefined
  }
  const attempt = (await parts.store.tasks.attempts(task.id)).find((it) => it.epoch === fence.epoch)
  return attempt && { parts, task, attempt, fence, signal }
}

async function end(held: Held, failure: AttemptFailed): Promise<void> {
  const { parts, task, attempt } = held
  parts.log.info('attempt failed', {
    task: task.id,
    agent: attempt.agent,
    reason: failure.reason,
    error: failure.cause,
  })
  try {
    const final = failure.final && !(await hasFallback(parts, task, failure.reason.code))
    await fail(held, await countFailure(held, { ...failure, final, cause: failure.cause }))
  } catch (error) {
    if (!isStale(error)) throw error
  }
}
