import { isFinal, type Task, workOf } from '../../task/task.ts'
import type { Held } from '../attempt/held.ts'
import type { Parts } from '../parts.ts'

/** Tasks that this one has delegated, oldest first. */
export async function childrenOf({ store }: Parts, { id }: Pick<Task, 'id'>): Promise<Task[]> {
  const all = await store.tasks.list({ parent: id })
  return all.filter(({ spec }) => spec.origin?.kind === 'delegation').reverse()
}

/** How many of its children are not at their end. `idle`: the agent does nothing right now. */
export async function settleChildren(
  parts: Parts,
  { task }: Pick<Held, 'task' | 'attempt' | 'fence'>,
  _: { idle: boolean },
): Promise<{ pending: number }> {
  const children = await childrenOf(parts, task)
  return { pending: children.filter(({ state }) => !isFinal(state)).length }
}

/** A line for each, for the prompt of a new attempt. */
export async function childrenSummary(parts: Parts, task: Task): Promise<string[]> {
  const children = await childrenOf(parts, task)
  return children.map(({ id, state, spec }) => `- ${id} (${spec.title}): ${state}, branch ${spec.branch}`)
}

/** Accepted children whose commits are to be in `head` and are not. */
export async function missingChildren(parts: Parts, task: Task, head: string): Promise<Task[]> {
  const missing: Task[] = []
  for (const child of await childrenOf(parts, task)) {
    const work = child.state === 'accepted' && child.spec.proof === 'branch' ? workOf(child.proof) : undefined
    if (!work) continue
    const { commits } = await parts.forges[task.spec.forge].compare(task.spec.repo, head, work.head)
    if (commits > 0) missing.push(child)
  }
  return missing
}
