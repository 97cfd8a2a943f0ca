import type { Clock } from '../../clock.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Git } from '../../git.ts'
import type { Log } from '../../log.ts'
import type { BareRepository } from '../bare.ts'
import type { Merged, MergeOptions } from '../forge.ts'
import { followBase, headRef } from './base.ts'
import { land } from './land.ts'
import { mergeCommit } from './merge-commit.ts'
import { checksOfHead } from './pull-request.ts'
import type { PullRecord, PullRequestRecords } from './records.ts'

export interface MergeDeps {
  git: Git
  records: PullRequestRecords
  clock: Clock
  log: Log
}

/**
 * Merges a pull request (its record as it is now). To be called alone (`bare.alone`).
 *
 * The steps, and why a crash between any two of them is mended by calling again: (1) the merge commit is noted under a
 * ref of its own, (2) the base branch moves to it by compare-and-swap, (3) the record says merged, (4) the result goes
 * into the person's repository. A noted commit that the base branch holds means that (2) was done; one that it does not
 * hold is forgotten. (4) is repeated for a pull request that is merged, and by `followBase`.
 */
export async function mergePullRequest(
  deps: MergeDeps,
  bare: BareRepository,
  record: PullRecord,
  options: MergeOptions,
): Promise<Merged> {
  if (record.state === 'closed')
    throw new OrchError('E_STATE', `pull request ${record.number} is closed and cannot be merged`)
  const commit =
    record.mergeCommit ?? (await noted(bare, record)) ?? (await mergeNow(deps, bare, record, options))
  if (record.state !== 'merged')
    await deps.records.merged(record.repo, record.number, commit, deps.clock.now())
  return { commit, repository: await bringIn(deps, bare, record.base) }
}

/** The pull request is merged whatever comes of this, so a failure is told and does not look like a failed merge. */
async function bringIn(deps: MergeDeps, bare: BareRepository, branch: string): Promise<Merged['repository']> {
  try {
    const { updated, message } = await land(deps.git, bare, branch)
    return { updated, message }
  } catch (error) {
    const { message } = toOrchError(error)
    deps.log.warn('a merge could not be brought into the repository', { repo: bare.source, branch, error })
    return {
      updated: false,
      message: `${bare.source} could not be updated: ${message}; merging again tries again`,
    }
  }
}

const noteRef = (number: number) => `refs/orch/merge/${number}`

async function noted(bare: BareRepository, { number, base }: PullRecord): Promise<string | undefined> {
  const commit = await bare.commit(noteRef(number))
  const tip = await bare.commit(headRef(base))
  return commit && tip && (await bare.isAncestor(commit, tip)) ? commit : undefined
}

async function mergeNow(
  deps: MergeDeps,
  bare: BareRepository,
  record: PullRecord,
  options: MergeOptions,
): Promise<string> {
  expectMergeable(record, options.expectedHead)
  const base = await followBase(deps, bare, record.base)
  const head = options.expectedHead
  if (await bare.isAncestor(head, base)) return base
  await bare.compare(base, head)
  const message = options.message ?? messageOf(record, options)
  const date = `@${Math.floor(deps.clock.now() / 1_000)} +0000`
  const committer = { ...(await personOf(deps.git.in(bare.source))), date }
  const commit = await mergeCommit(bare.git, { method: options.method, base, head, message, committer })
  await bare.git(['update-ref', noteRef(record.number), commit])
  await bare.move(headRef(record.base), commit, base)
  return commit
}

function expectMergeable(record: PullRecord, expectedHead: string): void {
  const { number, head, headCommit } = record
  if (headCommit !== expectedHead)
    throw new OrchError(
      'E_HEAD_MOVED',
      `${head} of pull request ${number} is at ${headCommit}, not at ${expectedHead}`,
    )
  const inTheWay = checksOfHead(record).filter((check) => check.required && check.state !== 'success')
  if (inTheWay.length === 0) return
  const said = inTheWay.map(({ name, state }) => `${name} (${state})`).join(', ')
  throw new OrchError('E_CHECKS', `required checks of pull request ${number} are not green: ${said}`)
}

function messageOf({ number, head, title, body }: PullRecord, { method }: MergeOptions): string {
  if (method === 'squash') return `${title} (#${number})\n${body ? `\n${body}\n` : ''}`
  return `Merge pull request #${number} from ${head}\n\n${title}\n`
}

/** Who merges: the repository's own identity, or Orch where there is none. Reading configuration runs nothing. */
async function personOf(git: Git): Promise<{ name: string; email: string }> {
  const read = async (key: string) => (await git.try(['config', '--get', key])).stdout.trim()
  return { name: (await read('user.name')) || 'Orch', email: (await read('user.email')) || 'orch@localhost' }
}
