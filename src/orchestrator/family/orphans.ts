import type { TaskId } from '../../id.ts'
import { isFinal, type Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/**
 * Unfinished tasks of a run that nobody waits for any more, since the task that they were made for is at its end. A task
 * that took the work of another over was made for whom that one had been made for: when that is a person, it lives on. Nor
 * is one ended that a person has started again since, or that has given the answer it was made for: it ends by itself.
 */
export async function orphansOf(parts: Parts, runId: Task['runId']): Promise<Task[]> {
  const tasks = await parts.store.tasks.list({ runId })
  const known = new Map(tasks.map((task) => [task.id, task]))
  const orphans = new Map<TaskId, Task>()
  for (const task of tasks.reverse()) {
    const owner = ownerOf(known, task)
    if (!owner || isFinal(task.state)) continue
    if (owner.state === 'accepted' && (await hasAnswered(parts, task))) continue
    const alone =
      orphans.has(owner.id) || (isFinal(owner.state) && !(await wasRetriedSince(parts, task, owner)))
    if (alone) orphans.set(task.id, task)
  }
  return [...orphans.values()]
}

/** The task that waits for it. Oldest first, an owner comes before those it owns. */
function ownerOf(known: ReadonlyMap<TaskId, Task>, { spec }: Task): Task | undefined {
  const maker = spec.parent && known.get(spec.parent)
  if (!maker || !spec.origin) return undefined
  if (spec.origin.kind !== 'handoff') return maker
  return spec.origin.transfers ? ownerOf(known, maker) : undefined
}

async function hasAnswered({ store }: Parts, { id, spec }: Task): Promise<boolean> {
  const request = spec.proof === 'answer' ? await store.mailboxes.get(spec.origin?.message ?? '') : undefined
  const answer = request?.answer && (await store.mailboxes.get(request.answer.id))
  return answer?.message.from === id
}

async function wasRetriedSince({ store }: Parts, { id }: Task, owner: Task): Promise<boolean> {
  const retries = await store.journal.read({ taskId: id, types: ['task.retried'], limit: 10_000 })
  return retries.some(({ at }) => at >= owner.updatedAt)
}
