import type { TaskId } from '../id.ts'
import { isHeld } from '../task/task.ts'
import type { Parts } from './parts.ts'
import { saveWork, stopAgent } from './stop.ts'

/**
 * Ends agents that run though no attempt owns them: their task was cancelled, or given to a newer attempt, while no
 * daemon was there to stop them. What is in their workspace is saved first. Gives their names.
 */
export async function endStrays(parts: Parts): Promise<string[]> {
  const ended: string[] = []
  for (const agent of await runningAgents(parts)) {
    const taskId = taskOf(agent)
    const task = taskId && (await parts.store.tasks.get(taskId))
    const attempt = task && (await parts.store.tasks.attempts(task.id)).find((it) => it.agent === agent)
    if (!task || !attempt) continue // not of this store: nothing of ours to end
    if (isHeld(task.state) && task.epoch === attempt.epoch) continue
    await stopAgent(parts, task, agent)
    if (task.epoch === attempt.epoch) await saveWork(parts, task, attempt.epoch)
    ended.push(agent)
  }
  if (ended.length > 0) parts.log.info('ended agents that no attempt owned', { agents: ended })
  return ended
}

async function runningAgents(parts: Parts): Promise<string[]> {
  const shown = await Promise.all(
    Object.values(parts.runtimes).map((runtime) => runtime.list().catch(() => new Set<string>())),
  )
  const running = new Set(shown.flatMap((names) => [...names]))
  for (const agent of await parts.directories.list()) {
    if (running.has(agent)) continue
    const { state } = await parts.directories.status(agent)
    if (state === 'running' || state === 'lost') running.add(agent)
  }
  return [...running]
}

/** The task an agent's name speaks of. */
export function taskOf(agent: string): TaskId | undefined {
  const word = agent.match(/-([0-9a-z]{12})-\d+$/)?.[1]
  return word ? `t-${word}` : undefined
}
