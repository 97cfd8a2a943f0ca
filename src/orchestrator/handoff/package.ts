import { OrchError } from '../../errors.ts'
import { checkHandoff, filesOf } from '../../handoff/check.ts'
import type { Handoff } from '../../handoff/handoff.ts'
import { type Given, mergeHandoff } from '../../handoff/merge.ts'
import type { HandoffOrder } from '../../handoff/order.ts'
import { MOST_PAYLOAD } from '../../message/message.ts'
import type { Task } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import { workspaceOf } from '../attempt/stop.ts'
import { checkPayload } from '../bus/payload.ts'
import type { Parts } from '../parts.ts'
import { collect } from './collect.ts'

/**
 * The package of a handoff: what the sender says, what Orch knows, held against the repository.
 * @throws OrchError E_STATE (uncommitted work, another branch checked out), E_INVALID with each fault, E_TOO_LARGE
 */
export async function packageOf(
  parts: Parts,
  task: Task,
  order: HandoffOrder & { transfers: boolean },
): Promise<Handoff> {
  const head = await committedHead(parts, task)
  const { commits, ...given } = order
  const named = await commitsNamed(parts, task, commits ?? [])
  const known = await collect(parts, task, head)
  const merged = mergeHandoff({ ...given, commits: named } as Given, known, MOST_PAYLOAD)
  const pack = checkPayload('handoff', merged) as Handoff
  const faults = await faultsOf(parts, task, head, { pack, own: known.commits.map(({ id }) => id) })
  if (faults.length === 0) return pack
  const more = faults.length > 10 ? `; and ${faults.length - 10} more` : ''
  throw new OrchError(
    'E_INVALID',
    `the handoff does not fit the repository: ${faults.slice(0, 10).join('; ')}${more}`,
  )
}

/** @throws OrchError E_STATE */
async function committedHead(parts: Parts, task: Task): Promise<string> {
  const workspace = workspaceOf(parts, task)
  const { branch } = task.spec
  const head = await parts.workspaces.head(workspace)
  const { onBranch, uncommitted } = await parts.workspaces.standing(workspace)
  if (!head || !onBranch)
    throw new OrchError('E_STATE', `${branch} is not what is checked out in your workspace`, {
      fix: `Bring your work to ${branch} and check it out, then hand over again.`,
    })
  if (uncommitted.length === 0) return head
  const some = uncommitted.slice(0, 10).join(', ')
  const more = uncommitted.length > 10 ? ` and ${uncommitted.length - 10} more` : ''
  throw new OrchError('E_STATE', `commit first: ${some}${more} would not get to the receiver`, {
    fix: 'Commit what belongs to the work (git add, git commit), remove or ignore the rest, then hand over again.',
  })
}

/** @throws OrchError E_INVALID */
async function commitsNamed({ workspaces }: Parts, { spec }: Task, ids: readonly string[]) {
  const found: { id: string; subject: string }[] = []
  for (const id of ids) {
    const commit = await workspaces.commit(spec.repo, id)
    if (!commit) throw new OrchError('E_INVALID', `commits: there is no commit ${oneLine(id, 64)}`)
    found.push(commit)
  }
  return found
}

/** @param own commits that are known to be on the branch */
async function faultsOf(
  { workspaces }: Parts,
  { spec }: Task,
  head: string,
  { pack, own }: { pack: Handoff; own: string[] },
): Promise<string[]> {
  const known = new Set(await workspaces.known(spec.repo, head, filesOf(pack)))
  const onBranch = new Set(own)
  for (const { id } of pack.context.commits)
    if (!onBranch.has(id) && (await workspaces.contains(spec.repo, id, head))) onBranch.add(id)
  return checkHandoff(pack, { branch: spec.branch, head, known, onBranch })
}
