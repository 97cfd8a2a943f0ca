import { type Attempt, type Fence, type Task, workOf } from '../../task/task.ts'
import type { Merging } from '../../workspace/workspace.ts'
import { eventOf, workspaceOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'

/** The task that has made others, while an attempt holds it. */
export interface Parent {
  task: Task
  attempt: Attempt
  fence: Fence
}

export interface Work {
  head: string
}

/** What an accepted task has committed for the branch of the task that made it; undefined when it publishes its own. */
export function workToBringIn({ state, spec, proof }: Task): Work | undefined {
  return state === 'accepted' && spec.proof === 'branch' ? workOf(proof) : undefined
}

/** Merges it into the worktree and branch of the held task; a conflict leaves them as they were. May be done again. */
export async function bringIn(parts: Parts, parent: Parent, child: Task, { head }: Work): Promise<Merging> {
  const { task } = parent
  const { title, branch } = child.spec
  const message = `Merge ${branch}\n\n${title} (task ${child.id})`
  const merging = await parts.workspaces.merge(workspaceOf(parts, task), head, message)
  if ('merged' in merging) await noteMerged(parts, parent, child, { branch, head, commit: merging.merged })
  return merging
}

/** Once, also when the daemon was killed between the merge and this. */
async function noteMerged(
  parts: Parts,
  { task, attempt, fence }: Parent,
  { id: child }: Task,
  data: { branch: string; head: string; commit: string },
): Promise<void> {
  const { store } = parts
  const noted = await store.journal.read({ taskId: task.id, types: ['branch.merged'], limit: 10_000 })
  if (noted.some((event) => event.data?.child === child && event.data.head === data.head)) return
  const event = { ...eventOf(parts, attempt, 'branch.merged'), data: { child, ...data } }
  await store.tasks.progress(fence, { events: [event] })
}
