import type { TaskId } from '../../id.ts'
import type { Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/** Tasks that have taken this task's work over: then it goes on in their pull requests. */
export async function handedOver({ store }: Parts, { id }: Pick<Task, 'id'>): Promise<TaskId[]> {
  const made = await store.tasks.list({ parent: id })
  const live = made.filter(
    ({ spec, state }) => spec.origin?.kind === 'handoff' && state !== 'cancelled' && state !== 'dead',
  )
  return live.map((it) => it.id).reverse()
}
