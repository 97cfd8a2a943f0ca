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

/**
 * Merges it into the worktree and branch of the held task; a conflict leaves them as they were. May be done again: what the
 * journal knows to be in asks git nothing.
 */
export async function bringIn(parts: Parts, parent: Parent, child: Task, { head }: Work): Promise<Merging> {
  const { task } = parent
  const before = await mergedBefore(parts, task, child, head)
  if (before) return { merged: before }
  await parts.carrying?.take(task, head)
  const { title, branch } = child.spec
  const message = `Merge ${branch}\n\n${title} (task ${child.id})`
  const merging = await parts.workspaces.merge(workspaceOf(parts, task), head, message)
  if ('merged' in merging)
    await noteMerged(parts, parent, { child: child.id, branch, head, commit: merging.merged })
  return merging
}

/** The merge commit, when this head was brought in. */
async function mergedBefore(
  parts: Parts,
  task: Task,
  { id }: Task,
  head: string,
): Promise<string | undefined> {
  const { journal } = parts.store
  const noted = await journal.read({ taskId: task.id, types: ['branch.merged'], limit: 10_000 })
  const found = noted.find(({ data }) => data?.child === id && data.head === head)
  return found && String(found.data?.commit)
}

async function noteMerged(
  parts: Parts,
  { attempt, fence }: Parent,
  data: Record<string, string>,
): Promise<void> {
  await parts.store.tasks.progress(fence, { events: [{ ...eventOf(parts, attempt, 'branch.merged'), data }] })
}
