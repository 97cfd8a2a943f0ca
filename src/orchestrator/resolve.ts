import { OrchError } from '../errors.ts'
import type { Task } from '../task/task.ts'
import { taskOf } from './agent-name.ts'
import type { Parts } from './parts.ts'

/** The task with this id, beginning of an id, or name of an agent. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS */
export async function resolve(parts: Parts, name: string): Promise<Task> {
  return (await byAgent(parts, name)) ?? (await byId(parts, name))
}

async function byAgent({ store }: Parts, name: string): Promise<Task | undefined> {
  const taskId = taskOf(name)
  const task = taskId && (await store.tasks.get(taskId))
  if (!task) return undefined
  return (await store.tasks.attempts(task.id)).some(({ agent }) => agent === name) ? task : undefined
}

async function byId({ store }: Parts, name: string): Promise<Task> {
  const id = name.startsWith('t-') ? name : `t-${name}`
  const found = id === 't-' ? [] : await store.tasks.find(id, 2)
  const exact = found.find((task) => task.id === id) ?? found[0]
  if (!exact) throw new OrchError('E_NOT_FOUND', `there is no task or agent ${name}`)
  if (found.length > 1 && exact.id !== id)
    throw new OrchError('E_AMBIGUOUS', `${name} is the beginning of several ids`)
  return exact
}
