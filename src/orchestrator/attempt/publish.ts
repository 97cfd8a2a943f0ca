import { OrchError } from '../../errors.ts'
import type { Comparison, Forge, Publisher, PullRequest } from '../../forge/forge.ts'
import type { Facts } from '../../task/proof.ts'
import type { Task } from '../../task/task.ts'
import { AttemptFailed } from './failure.ts'

/** What the forge has of a task's work, and bringing there what it has not. */

export type Published = Pick<Facts, 'remote' | 'pullRequest'>

/** The pull request that is open from the branch; else the one that brought just this head into the base. */
export async function look(forge: Forge, { spec }: Task, head: string, by: Publisher): Promise<Published> {
  const all = await forge.find(spec.repo, spec.branch, by)
  const open = all.find((it) => it.state === 'open')
  const merged = open ? undefined : all.find((it) => isMergeOf(it, head))
  if (merged) return { remote: head, pullRequest: factOf(merged, false) } // its branch may be deleted by now
  const remote = await forge.head(spec.repo, spec.branch)
  return { remote, pullRequest: open && factOf(open, false) }
}

const isMergeOf = (it: PullRequest, head: string) => it.state === 'merged' && it.headCommit === head

/**
 * Pushes and opens what is missing. A branch that moved on the remote is never overwritten.
 * @throws OrchError E_STALE when the attempt is somebody else's by now: asked right before what other hosts see
 */
export async function publish(forge: Forge, task: Task, head: string, by: Publisher): Promise<Published> {
  const { spec } = task
  const seen = await look(forge, task, head, by)
  if (seen.remote !== head) await push(forge, task, by)
  if (seen.pullRequest) return seen.remote === head ? seen : await look(forge, task, head, by)
  const body =
    `${spec.description.slice(0, 4_000)}\n\n${task.report?.summary ?? ''}\n\nTask ${task.id}`.trim()
  await by.check()
  const { branch, base, title } = spec
  const request = { head: branch, base, title, body, taskId: task.id, runId: task.runId }
  const opened = await forge.open(spec.repo, request, by)
  const remote = await forge.head(spec.repo, spec.branch)
  return { remote, pullRequest: factOf(opened.pullRequest, opened.created) }
}

async function push(forge: Forge, { spec }: Task, by: Publisher): Promise<void> {
  try {
    await forge.push(spec.repo, spec.branch, by)
  } catch (error) {
    const moved = error instanceof OrchError && error.code === 'E_HEAD_MOVED'
    throw moved ? new AttemptFailed('stale-head', error.message) : error
  }
}

/** What the task changes. When a person was so quick to merge it that the base has it all: what it changed then. */
export async function compare(
  forge: Forge,
  { spec }: Task,
  head: string,
  by: Publisher,
): Promise<Comparison> {
  if (spec.proof === 'branch' && spec.from) return await forge.compare(spec.repo, spec.from, head)
  const comparison = await forge.compare(spec.repo, await forge.base(spec.repo, spec.base), head)
  if (comparison.commits > 0) return comparison
  const merged = (await forge.find(spec.repo, spec.branch, by)).find((it) => isMergeOf(it, head))
  return merged?.mergeCommit ? await forge.compare(spec.repo, `${merged.mergeCommit}^1`, head) : comparison
}

function factOf(it: PullRequest, openedByOrch: boolean): NonNullable<Facts['pullRequest']> {
  return {
    ref: { forge: it.forge, number: it.number, url: it.url },
    base: it.base,
    headCommit: it.headCommit,
    openedByOrch,
  }
}
