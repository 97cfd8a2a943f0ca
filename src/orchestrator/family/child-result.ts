import { ORCH, type PayloadOf } from '../../message/message.ts'
import { repositoryPath } from '../../message/words.ts'
import { type Task, workOf } from '../../task/task.ts'
import type { Merging } from '../../workspace/workspace.ts'
import { send } from '../bus/bus.ts'
import type { Parts } from '../parts.ts'

export type ChildResult = PayloadOf<'task_result'>

/** The message that tells of the end of a task: one for each end, whoever sends it, and however often. */
export const resultIdOf = ({ id, epoch }: Pick<Task, 'id' | 'epoch'>): string => `result-${id}-${epoch}`

/** Tells a task of the end of one that it made. Gives whether it was not known. @throws what `send` throws */
export async function sendResult(parts: Parts, task: Task, child: Task, merging?: Merging): Promise<boolean> {
  const { created } = await send(
    parts,
    { mailbox: ORCH, runId: task.runId },
    { to: task.id, type: 'task_result', id: resultIdOf(child), payload: resultOf(child, merging) },
  )
  return created
}

/** What became of a task, and what is to be done about it. @param child at its end */
export function resultOf(child: Task, merging?: Merging): ChildResult {
  const { id, spec, state, report, reason, proof } = child
  const work = workOf(proof)
  const url = work?.pullRequest?.url
  return {
    task: id,
    title: text(spec.title, 500) || id,
    status: state as ChildResult['status'],
    summary: text(report?.summary ?? '', MOST_SUMMARY),
    branch: spec.branch,
    ...(work && { head: work.head }),
    ...(url && { pullRequest: url }),
    ...(state !== 'accepted' && reason && { reason: text(reason.message, MOST_SUMMARY) }),
    ...(merging && mergeOf(merging)),
    next: nextOf(child, merging),
  }
}

/** Characters. An agent may have said anything in any length; it is read by a model that pays for each word. */
const MOST_SUMMARY = 10_000
const text = (said: string, most: number) => said.replaceAll('\0', '').trim().slice(0, most)

function mergeOf(merging: Merging): Pick<ChildResult, 'merge' | 'conflicts'> {
  if ('merged' in merging) return { merge: 'merged' }
  if ('blocked' in merging) return { merge: 'open' }
  const nameable = merging.conflicts.filter((file) => repositoryPath.safeParse(file).success)
  return { merge: 'conflict', conflicts: nameable.slice(0, 500) }
}

function nextOf({ state, spec, proof }: Task, merging?: Merging): string {
  if (state === 'dead')
    return `It has failed for good; what there is of it is on ${spec.branch}. Do that part yourself, or delegate it again in other words or to another profile; if neither is possible, say in your summary that it is missing.`
  if (state === 'cancelled')
    return 'It was cancelled. Go on without it; say in your summary that it is missing.'
  const work = workOf(proof)
  if (!merging || !work)
    return work?.pullRequest ? 'It has a pull request of its own; there is nothing to bring in.' : ''
  if ('merged' in merging)
    return `Its commits are in your branch now (${merging.merged}). Look at what came in, and test the whole.`
  const why =
    'conflicts' in merging
      ? `it conflicts with your branch in ${merging.conflicts.slice(0, 10).join(', ')}`
      : merging.blocked
  return `It was not brought into your branch: ${why}. Nothing was changed. Commit what you have, then: git merge ${work.head} — resolve, test, commit; never by rebase or squash, its commits have to be in your branch. To leave its work out: git merge --strategy=ours ${work.head}, and say why in your summary.`
}
