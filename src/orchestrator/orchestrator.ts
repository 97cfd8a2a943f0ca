import { OrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import { type Attempt, isFinal, isHeld, type Task } from '../task/task.ts'
import { type Cleaned, type CleanupOptions, cleanUp } from './cleanup.ts'
import { createCrew } from './crew.ts'
import type { Parts } from './parts.ts'
import { writeMissingResults, writeResult } from './result.ts'
import { say } from './say.ts'
import { createScheduler } from './scheduler.ts'
import { saveWork, stopAgent } from './stop.ts'
import { endStrays, taskOf } from './strays.ts'
import { type RunOrder, submit } from './submit.ts'

/** The public verbs. Whoever calls them (API, library) translates; nothing else starts, ends or moves a task. */
export interface Orchestrator {
  /** Takes up what is under way on this host and begins to claim. */
  begin(): Promise<void>
  /** Lets go: agents live on, and the next begin() takes them up again. */
  end(): Promise<void>
  submit(order: RunOrder): Promise<Task[]>
  /** The task with this id, id prefix or agent name. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS */
  resolve(name: string): Promise<Task>
  /** Ends a task whatever it does; its agent is stopped and its work saved when the promise resolves. */
  cancel(taskId: TaskId): Promise<Task>
  retry(taskId: TaskId): Promise<Task>
  /** @throws OrchError E_CANNOT_HEAR, E_STATE */
  say(taskId: TaskId, text: string): Promise<void>
  cleanUp(options: CleanupOptions): Promise<Cleaned>
  /** Cancels everything that is queued or under way. Gives the number of agents that were stopped. */
  stopAgents(): Promise<number>
  running(): number
}

export function createOrchestrator(parts: Parts): Orchestrator {
  const { store, clock } = parts
  const crew = createCrew(parts, () => scheduler.wake())
  const scheduler = createScheduler(parts, crew)
  let tidying = Promise.resolve()

  const orchestrator: Orchestrator = {
    async begin() {
      await scheduler.begin()
      tidying = tidyUp(parts)
    },
    async end() {
      await scheduler.end()
      await tidying
    },
    async submit(order) {
      const tasks = await submit(parts, order)
      scheduler.wake()
      return tasks
    },
    resolve: (name) => resolve(parts, name),
    async cancel(taskId) {
      const attempt = (await store.tasks.attempts(taskId)).at(-1)
      const task = await store.tasks.cancel(taskId, clock.now(), {
        code: 'cancelled',
        message: 'cancelled by a person',
      })
      await crew.release(taskId)
      if (attempt && attempt.epoch === task.epoch) await endCancelled(parts, task, attempt)
      scheduler.wake()
      return task
    },
    async retry(taskId) {
      const task = await store.tasks.retry(taskId, clock.now())
      scheduler.wake()
      return task
    },
    say: async (taskId, text) => say(parts, await resolve(parts, taskId), text),
    cleanUp: (options) => cleanUp(parts, options),
    async stopAgents() {
      const open = (await store.tasks.list({ limit: 100_000 })).filter((task) => !isFinal(task.state))
      await Promise.all(open.map((task) => orchestrator.cancel(task.id)))
      return open.filter((task) => isHeld(task.state)).length
    },
    running: () => crew.size(),
  }
  return orchestrator
}

/** What a daemon that was killed had left to do; nobody waits for it. */
async function tidyUp(parts: Parts): Promise<void> {
  try {
    await endStrays(parts)
    await writeMissingResults(parts)
    await parts.workspaces.sweep()
  } catch (error) {
    parts.log.error('tidying up after the last daemon failed', { error })
  }
}

async function endCancelled(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  await stopAgent(parts, task, attempt.agent)
  await saveWork(parts, task, attempt.epoch)
  await writeResult(parts, task, attempt, {
    outcome: 'cancelled',
    reason: task.reason,
    endedAt: parts.clock.now(),
  })
}

async function resolve(parts: Parts, name: string): Promise<Task> {
  const id = taskOf(name) ?? (name.startsWith('t-') ? name : `t-${name}`)
  const found = await parts.store.tasks.find(id, 2)
  const exact = found.find((task) => task.id === id) ?? found[0]
  if (!exact) throw new OrchError('E_NOT_FOUND', `there is no task or agent ${name}`)
  if (found.length > 1 && exact.id !== id)
    throw new OrchError('E_AMBIGUOUS', `${name} is the beginning of several ids`)
  return exact
}
