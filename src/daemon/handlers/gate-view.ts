import type { TaskDetail } from '../../api/contract.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { gateOf } from '../../task/gate.ts'
import type { Task } from '../../task/task.ts'

/** What a queued task waits for: those that it comes after and that are not accepted. */
export async function waitsForOf(
  { store }: Pick<Parts, 'store'>,
  task: Pick<Task, 'state' | 'spec'>,
): Promise<TaskDetail['waitsFor']> {
  if (task.state !== 'queued' || !task.spec.after?.length) return undefined
  const found = await Promise.all(gateOf(task).map((id) => store.tasks.get(id)))
  // What was forgotten was accepted: nobody waits for it.
  const open = found.flatMap((it) => (it && it.state !== 'accepted' ? [it] : []))
  if (open.length === 0) return undefined
  return open.map(({ id, state, spec }) => ({ id, state, title: spec.title }))
}
