import { toOrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import { type Attempt, isFinal, type Reason, type Task } from '../task/task.ts'
import { writeResult } from './attempt/result.ts'
import { eventOf, savedEvent, saveIfPossible, stopAgent } from './attempt/stop.ts'
import type { Crew } from './crew.ts'
import type { Parts } from './parts.ts'

const BY_A_PERSON: Reason = { code: 'cancelled', message: 'cancelled by a person' }

/**
 * Ends a task whatever it does. First the arrow, so that nothing more is written in its name; then its agent is stopped
 * and its work saved, before anybody else may have the task.
 */
export async function cancel(parts: Parts, crew: Crew, taskId: TaskId): Promise<Task> {
  const { tasks } = parts.store
  const task = await tasks.cancel(taskId, parts.clock.now(), BY_A_PERSON)
  await crew.alone(taskId, async () => {
    const attempt = (await tasks.attempts(taskId)).find((it) => it.epoch === task.epoch)
    if (attempt?.outcome === 'cancelled') await endCancelled(parts, task, attempt)
  })
  return task
}

/** Cancels everything that is queued or under way. Gives the number of agents that were stopped. */
export async function cancelAll(parts: Parts, crew: Crew): Promise<number> {
  const open = (await parts.store.tasks.list()).filter((task) => !isFinal(task.state))
  const cancelled = await Promise.all(open.map((task) => cancelIfOpen(parts, crew, task)))
  return cancelled.filter((had) => had).length
}

/** Whether it had an agent. A task that came to its end by itself in the meantime is what was wanted. */
async function cancelIfOpen(parts: Parts, crew: Crew, { id }: Task): Promise<boolean> {
  try {
    const { epoch } = await cancel(parts, crew, id)
    return (await parts.store.tasks.attempts(id)).some(
      (it) => it.epoch === epoch && it.outcome === 'cancelled',
    )
  } catch (error) {
    if (toOrchError(error).code === 'E_STATE') return false
    throw error
  }
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
