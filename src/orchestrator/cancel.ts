import { toOrchError } from '../errors.ts'
import type { RunId, TaskId } from '../id.ts'
import type { JournalEvent } from '../journal/journal.ts'
import { type Attempt, FINAL_STATES, isFinal, type Reason, TASK_STATES, type Task } from '../task/task.ts'
import { writeResult } from './attempt/result.ts'
import { eventOf, savedEvent, saveIfPossible, stopAgent } from './attempt/stop.ts'
import type { Crew } from './crew.ts'
import { orphansOf } from './family/orphans.ts'
import type { Parts } from './parts.ts'

const BY_A_PERSON: Reason = { code: 'cancelled', message: 'cancelled by a person' }

/**
 * Ends a task whatever it does, with all that were made for it. First the arrows, so that nothing more is written in their
 * names; then their agents are stopped and their work saved, before anybody else may have the tasks.
 */
export async function cancel(parts: Parts, crew: Crew, taskId: TaskId): Promise<Task> {
  const task = await parts.store.tasks.cancel(taskId, parts.clock.now(), BY_A_PERSON)
  await Promise.all([stopCancelled(parts, crew, task), cancelOrphansOf(parts, crew, task.runId)])
  return task
}

/**
 * Cancels everything that is queued or under way; where other hosts are, what is under way on this one: they go on, with what is
 * queued too. Gives the number of agents that were stopped.
 */
export async function cancelAll(parts: Parts, crew: Crew): Promise<number> {
  const isAlone = (await parts.hosts.known()).every(({ name }) => name === parts.host)
  const all = await parts.store.tasks.list(isAlone ? {} : { host: parts.host })
  const open = all.filter((task) => !isFinal(task.state))
  const cancelled = await Promise.all(open.map((task) => cancelIfOpen(parts, crew, task, BY_A_PERSON)))
  return cancelled.filter((had) => had).length
}

const OPEN_STATES = TASK_STATES.filter((state) => !(FINAL_STATES as readonly string[]).includes(state))

/**
 * Cancels tasks that were made for a task that is at its end: died, cancelled while the daemon was killed, or accepted
 * without an answer that it had asked for. To be called again and again. Gives how many there were.
 */
export async function cancelOrphans(parts: Parts, crew: Crew): Promise<number> {
  const open = await parts.store.tasks.list({ states: OPEN_STATES })
  const runs = new Set(open.filter(({ spec }) => spec.parent).map(({ runId }) => runId))
  let cancelled = 0
  for (const runId of runs) cancelled += await cancelOrphansOf(parts, crew, runId)
  return cancelled
}

async function cancelOrphansOf(parts: Parts, crew: Crew, runId: RunId): Promise<number> {
  const orphans = await orphansOf(parts, runId)
  await Promise.all(
    orphans.map((task) => {
      const message = `${task.spec.parent}, which had made it, is at its end`
      return cancelIfOpen(parts, crew, task, { code: 'parent-ended', message })
    }),
  )
  return orphans.length
}

/** Whether it had an agent. A task that came to its end by itself in the meantime is what was wanted. */
async function cancelIfOpen(parts: Parts, crew: Crew, { id }: Task, reason: Reason): Promise<boolean> {
  try {
    const task = await parts.store.tasks.cancel(id, parts.clock.now(), reason)
    return await stopCancelled(parts, crew, task)
  } catch (error) {
    if (toOrchError(error).code === 'E_STATE') return false
    throw error
  }
}

/** Stops the agent of a task that another host has cancelled, and saves its work, if it runs on this one. */
export async function stopIfHere(parts: Parts, crew: Crew, { taskId, epoch }: JournalEvent): Promise<void> {
  const task = taskId && epoch ? await parts.store.tasks.get(taskId) : undefined
  // Whoever has retried it since had to wait for its host, or takes it up from what that one saves.
  if (task) await stopCancelled(parts, crew, task, epoch)
}

/** What runs on another host that one ends: it is told by the event. */
async function stopCancelled(parts: Parts, crew: Crew, task: Task, of = task.epoch): Promise<boolean> {
  return await crew.alone(task.id, async () => {
    const attempts = await parts.store.tasks.attempts(task.id)
    const attempt = attempts.find(({ epoch, outcome }) => epoch === of && outcome === 'cancelled')
    if (attempt?.host === parts.host && !(await isStopped(parts, attempt)))
      await endCancelled(parts, task, attempt)
    return attempt !== undefined
  })
}

/** By the verb, when the event comes; or the other way round. */
async function isStopped({ store }: Parts, { taskId, epoch: of }: Attempt): Promise<boolean> {
  if (!store.exchange) return false
  const events = await store.journal.read({ taskId, types: ['agent.stopped'], limit: 10_000 })
  return events.some(({ epoch }) => epoch === of)
}

async function endCancelled(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  await stopAgent(parts, task, attempt.agent)
  const saved = await saveIfPossible(parts, task, attempt.epoch)
  await parts.store.journal.append([
    eventOf(parts, attempt, 'agent.stopped'),
    savedEvent(parts, attempt, saved),
  ])
  const end = {
    outcome: 'cancelled',
    reason: task.reason,
    endedAt: attempt.endedAt ?? parts.clock.now(),
  } as const
  await writeResult(parts, task, attempt, end)
}
