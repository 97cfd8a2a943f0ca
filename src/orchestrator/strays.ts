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

/** Why an attempt is over that another host has put back into the queue (`TaskStore.rescue`). */
const LEASE_EXPIRED = 'lease-expired'

interface Stray {
  task: Task
  attempt: Attempt
  /** A later attempt began on this host: what is in the workspace is its own. */
  newer: boolean
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
    if (state === 'running' || state === 'lost') return await unowned(parts, agent)
    if (state !== 'exited') return undefined
    // Who has ended has nothing to be ended; but what another host took over was not saved here.
    const stray = parts.store.exchange && (await unowned(parts, agent))
    if (stray?.attempt.reason?.code === LEASE_EXPIRED) return stray
    if (stray || !parts.store.exchange) over.add(agent)
    return undefined
  }
  /** True when there was something to end. */
  const end = async ({ attempt: { agent }, task: { id } }: Stray): Promise<boolean> =>
    crew.alone(id, async () => {
      const stray = await unowned(parts, agent) // nobody else had the task since, or it looks different now
      if (!stray) return false
      const { state } = await parts.directories.status(agent)
      await stopAgent(parts, stray.task, agent)
      over.add(agent)
      if (!stray.newer) await saveWork(parts, stray.task, stray.attempt.epoch)
      return state !== 'exited'
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
  const attempts = task ? await parts.store.tasks.attempts(task.id) : []
  const attempt = attempts.find((it) => it.agent === agent)
  if (!task || !attempt) return undefined // not of this store: nothing of ours to end
  if (isHeld(task.state) && task.epoch === attempt.epoch) return undefined
  const newer = attempts.some((it) => it.epoch > attempt.epoch && it.host === parts.host)
  return { task, attempt, newer }
}
