import { toOrchError } from '../../errors.ts'
import type { TaskId } from '../../id.ts'
import { checkFence } from '../../task/life.ts'
import { isFinal, type Task, workOf } from '../../task/task.ts'
import type { Merging } from '../../workspace/workspace.ts'
import { workspaceOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import { bringIn, type Parent, type Work, workToBringIn } from './bring-in.ts'
import { resultIdOf, sendResult } from './child-result.ts'

/**
 * Tasks that this one has delegated, oldest first. One that handed its work over stands no longer for itself: those stand
 * for it in which its work goes on.
 */
export async function childrenOf(parts: Parts, { id }: Pick<Task, 'id'>): Promise<Task[]> {
  const made = (await parts.store.tasks.list({ parent: id })).reverse()
  const children: Task[] = []
  for (const child of made)
    if (child.spec.origin?.kind === 'delegation') children.push(...(await thoseFor(parts, child)))
  return children
}

/** Handing over goes down the family, where there is no circle: a receiver is a task that the sender has made. */
async function thoseFor(parts: Parts, task: Task): Promise<Task[]> {
  const { proof } = task
  if (task.state !== 'accepted' || !proof || !('handedTo' in proof)) return [task]
  const found: Task[] = []
  for (const id of proof.handedTo) {
    const receiver = await parts.store.tasks.get(id)
    if (receiver) found.push(...(await thoseFor(parts, receiver)))
  }
  return found
}

/** How many of them are not at their end. */
export async function pendingChildren(parts: Parts, task: Pick<Task, 'id'>): Promise<number> {
  return (await childrenOf(parts, task)).filter(({ state }) => !isFinal(state)).length
}

export interface SettleOptions {
  /** The agent does nothing right now: only then its worktree is touched. What has to be merged waits else. */
  idle: boolean
  /** It is told of each at once. Else of those that ask for something at once (failed, conflicts), of the others together: each time that it is told is a turn. */
  each?: boolean
}

/**
 * Brings what accepted children have committed into the branch of this task, and tells it of each that is at its end, once
 * (`task_result` from `orch`). Safe to be killed in, and to be called by two at once.
 * @returns how many children are not at their end, and who was told of now
 * @throws OrchError E_STALE when the attempt is over
 */
export async function settleChildren(
  parts: Parts,
  parent: Parent,
  { idle, each = false }: SettleOptions,
): Promise<{ pending: number; told: TaskId[] }> {
  const children = await childrenOf(parts, parent.task)
  const pending = children.filter(({ state }) => !isFinal(state)).length
  const told: TaskId[] = []
  for (const child of await untold(parts, children)) {
    const work = workToBringIn(child)
    if (work && !idle) continue
    await checkHeld(parts, parent)
    const merging = work && (await bringIn(parts, parent, child, work))
    const asks = child.state !== 'accepted' || (merging && !('merged' in merging))
    if ((asks || each || pending === 0) && (await tell(parts, parent.task, child, merging)))
      told.push(child.id)
  }
  return { pending, told }
}

/** Those at their end that the task was not told of. */
async function untold({ store }: Parts, children: readonly Task[]): Promise<Task[]> {
  const found: Task[] = []
  for (const child of children)
    if (isFinal(child.state) && !(await store.mailboxes.get(resultIdOf(child)))) found.push(child)
  return found
}

async function checkHeld({ store }: Parts, { task, fence }: Parent): Promise<void> {
  const now = await store.tasks.get(task.id)
  if (now) checkFence(now, fence)
}

/** Whether it was not known. A mailbox that is full is written to later. */
async function tell(parts: Parts, task: Task, child: Task, merging?: Merging): Promise<boolean> {
  try {
    return await sendResult(parts, task, child, merging)
  } catch (error) {
    if (toOrchError(error).code !== 'E_MAILBOX_FULL') throw error
    parts.log.warn('a task could not be told of one that it made; it is tried again', {
      task: task.id,
      error,
    })
    return false
  }
}

/**
 * Accepted children whose commits are to be in `head` and are not. Those that died or were cancelled have nothing that must
 * be there.
 */
export async function missingChildren(parts: Parts, task: Task, head: string): Promise<Task[]> {
  const missing: Task[] = []
  for (const child of await childrenOf(parts, task)) {
    const work = workToBringIn(child)
    if (!work) continue
    await parts.carrying?.take(task, work.head)
    if (!(await parts.workspaces.contains(task.spec.repo, work.head, head))) missing.push(child)
  }
  return missing
}

/**
 * Tasks that stand for one that has committed nothing itself, because each of its parts has a pull request of its own
 * (setting `integrate`); else none, and the task is proven like any other.
 */
export async function publishedByChildren(parts: Parts, task: Task): Promise<TaskId[]> {
  const { repo, base, forge } = task.spec
  const children = await childrenOf(parts, task)
  const published = children.filter(({ state, proof }) => state === 'accepted' && workOf(proof)?.pullRequest)
  const head = published.length > 0 ? await parts.workspaces.head(workspaceOf(parts, task)) : undefined
  if (!head || !(await parts.workspaces.contains(repo, head, await parts.forges[forge].base(repo, base))))
    return []
  return published.map(({ id }) => id)
}

/**
 * Tries once more for those that could not be brought in when the task was told of them: by now nothing uncommitted is in
 * the way any more. To be called when the agent has ended. What conflicts stays missing.
 */
export async function bringInMissing(parts: Parts, parent: Parent): Promise<void> {
  const head = await parts.workspaces.head(workspaceOf(parts, parent.task))
  for (const child of head ? await missingChildren(parts, parent.task, head) : []) {
    const work = workToBringIn(child)
    if (work) await bringIn(parts, parent, child, work)
  }
}

/** A line for each, for the prompt of a new attempt. */
export async function childrenSummary(parts: Parts, task: Task): Promise<string[]> {
  const children = await childrenOf(parts, task)
  const head = children.length > 0 ? await parts.workspaces.head(workspaceOf(parts, task)) : undefined
  const lines: string[] = []
  for (const child of children) lines.push(await lineOf(parts, child, head))
  return lines
}

async function lineOf(parts: Parts, child: Task, head: string | undefined): Promise<string> {
  const { id, spec, state } = child
  return `- ${id} (${spec.title}; ${spec.profile}): ${await standingOf(parts, child, state, head)}`
}

async function standingOf(
  { workspaces }: Parts,
  child: Task,
  state: Task['state'],
  head: string | undefined,
): Promise<string> {
  const { spec, reason } = child
  if (!isFinal(state)) return `not at its end yet (${state})`
  if (state !== 'accepted') return `${state}: ${reason?.message ?? 'nobody says why'} (branch ${spec.branch})`
  const work: Work | undefined = workToBringIn(child)
  if (!work) return `accepted, ${workOf(child.proof)?.pullRequest?.url ?? `branch ${spec.branch}`}`
  const isIn = head !== undefined && (await workspaces.contains(spec.repo, work.head, head))
  return isIn ? 'accepted, its commits are in your branch' : `accepted; bring it in: git merge ${work.head}`
}
