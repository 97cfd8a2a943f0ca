import type { TaskId } from '../id.ts'
import type { Task } from '../task/task.ts'

/** What agents are called. */

/** So long that with the id and the number of the attempt it is a SAFE_NAME. */
const KIND_LENGTH = 22

/** Unique by construction: task ids are, and each attempt has its own number. Safe as a tmux and directory name. */
export function agentName(task: Task, epoch: number): string {
  const { profile } = task.spec
  const kind = profile === 'general' ? 'task-agent' : profile.slice(0, KIND_LENGTH).replace(/-+$/, '')
  return `${kind}-${task.id.slice(2)}-${epoch}`
}

/** The task an agent's name speaks of. */
export function taskOf(agent: string): TaskId | undefined {
  const word = agent.match(/-([0-9a-z]{12})-\d+$/)?.[1]
  return word ? `t-${word}` : undefined
}
