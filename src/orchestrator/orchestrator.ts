import type { TaskId } from '../id.ts'
import type { Task } from '../task/task.ts'
import { writeMissingResults } from './attempt/result.ts'
import { dropUnknownEnvs } from './attempt/run-env.ts'
import { cancel, cancelAll } from './cancel.ts'
import { type Cleaned, type CleanupOptions, cleanUp } from './cleanup.ts'
import { permit, type Question } from './conversation/permit.ts'
import { interrupt, say } from './conversation/say.ts'
import { createCrew } from './crew.ts'
import { followOtherHosts } from './other-hosts.ts'
import type { Parts } from './parts.ts'
import { createPostman, type Postman } from './postman.ts'
import { resolve } from './resolve.ts'
import { createScheduler } from './scheduler.ts'
import { createStrays, type Strays } from './strays.ts'
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
  /** Ends the turn of an agent; it goes on with `text` or the next word. @throws OrchError E_CANNOT_HEAR, E_STATE */
  interrupt(taskId: TaskId, text?: string): Promise<void>
  /** Answers the oldest permission question of an agent. @throws OrchError E_STATE, E_CANNOT_HEAR */
  permit(taskId: TaskId, allowed: boolean): Promise<{ question: Question; open: number }>
  cleanUp(options: CleanupOptions): Promise<Cleaned>
  /** Cancels everything that is queued or under way, of this host alone where there are others. Gives the number of agents that were stopped. */
  stopAgents(): Promise<number>
  running(): number
  /** Looks for work: something that is not in the store has changed. */
  wake(): void
}

export function createOrchestrator(parts: Parts): Orchestrator {
  const { store, clock } = parts
  const crew = createCrew(parts, () => scheduler.wake())
  const strays = createStrays(parts, crew)
  const scheduler = createScheduler(parts, crew, strays)
  let tidying = Promise.resolve()
  let postman: Postman | undefined
  let unfollow: (() => Promise<void>) | undefined

  return {
    async begin() {
      await dropUnknownEnvs(parts.paths, store.tasks)
      postman = createPostman(parts)
      await scheduler.begin()
      unfollow = followOtherHosts(parts, crew, scheduler.claim)
      tidying = tidyUp(parts, strays)
    },
    async end() {
      await unfollow?.()
      await scheduler.end()
      postman?.end()
      await tidying
    },
    async submit(order) {
      const tasks = await submit(parts, order)
      scheduler.wake()
      return tasks
    },
    resolve: (name) => resolve(parts, name),
    cancel: (taskId) => cancel(parts, crew, taskId),
    async retry(taskId) {
      const task = await store.tasks.retry(taskId, clock.now())
      scheduler.wake()
      return task
    },
    say: async (taskId, text) => say(parts, await resolve(parts, taskId), text),
    interrupt: async (taskId, text) => interrupt(parts, await resolve(parts, taskId), text),
    permit: async (taskId, allowed) => permit(parts, await resolve(parts, taskId), allowed),
    cleanUp: (options) => cleanUp(parts, crew, strays, options),
    stopAgents: () => cancelAll(parts, crew),
    running: () => crew.size(),
    wake: () => scheduler.wake(),
  }
}

/** What a daemon that was killed had left to do; nobody waits for it. */
async function tidyUp(parts: Parts, strays: Strays): Promise<void> {
  try {
    await strays.end()
    await writeMissingResults(parts)
    await parts.workspaces.sweep()
  } catch (error) {
    parts.log.error('tidying up after the last daemon failed', { error })
  }
}
