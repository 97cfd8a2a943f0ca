import { type Attempt, isHeld, type Task } from '../task/task.ts'
import { taskOf } from './agent-name.ts'
import { saveWork, stopAgent } from './attempt/stop.ts'
import type { Crew } from './crew.ts'
import type { Parts } from './parts.ts'

/**
 * Agents that run though no attempt owns them: their task was cancelled, or given to a newer attempt, while no daemon
 * was there to stop them.
 */
export interface Strays {
  /** Their names. */
  find(): Promise<string[]>
  /** Ends them and saves what is in their workspace. Gives the names of those that were ended. */
  end(): Promise<string[]>
}

interface Stray {
  task: Task
  attempt: Attempt
}

export function createStrays(parts: Parts, crew: Crew): Strays {
  /** Attempts whose processes are known to be gone for good: not looked at again. */
  let over = new Set<string>()

  const find = async (): Promise<Stray[]> => {
    const agents = await parts.directories.list()
    over = new Set(agents.filter((agent) => over.has(agent)))
    const found: Stray[] = []
    for (const agent of agents) {
      const stray = over.has(agent) ? undefined : await strayOf(agent)
      if (stray) found.push(stray)
    }
    return found
  }
  const strayOf = async (agent: string): Promise<Stray | undefined> => {
    const { state } = await parts.directories.status(agent)
    if (state === 'exited') over.add(agent)
    return state === 'running' || state === 'lost' ? await unowned(parts, agent) : undefined
  }
  const end = async ({ attempt: { agent }, task: { id } }: Stray): Promise<boolean> =>
    crew.alone(id, async () => {
      const stray = await unowned(parts, agent) // nobody else had the task since, or it looks different now
      if (!stray) return false
      await stopAgent(parts, stray.task, agent)
      over.add(agent)
      if (stray.task.epoch === stray.attempt.epoch) await saveWork(parts, stray.task, stray.attempt.epoch)
      return true
    })

  return {
    find: async () => (await find()).map(({ attempt }) => attempt.agent),
    async end() {
      const ended: string[] = []
      for (const stray of await find()) if (await end(stray)) ended.push(stray.attempt.agent)
      if (ended.length > 0) parts.log.info('ended agents that no attempt owned', { agents: ended })
      return ended
    },
  }
}

async function unowned(parts: Parts, agent: string): Promise<Stray | undefined> {
  const taskId = taskOf(agent)
  const task = taskId && (await parts.store.tasks.get(taskId))
  const attempt = task && (await parts.store.tasks.attempts(task.id)).find((it) => it.agent === agent)
  if (!task || !attempt) return undefined // not of this store: nothing of ours to end
  return isHeld(task.state) && task.epoch === attempt.epoch ? undefined : { task, attempt }
}
