import { OrchError } from '../../errors.ts'
import type { EventType, NewEvent } from '../../journal/journal.ts'
import type { Fence } from '../../task/task.ts'
import type { Check, NewPullRequest, PullRequestState } from '../forge.ts'

/**
 * What the local forge asks of the store: its pull requests, their checks and reviews. Each verb is one
 * transaction and journals itself (pr.opened, pr.updated, pr.checked, pr.reviewed, pr.merged, pr.closed).
 *
 * `fence`: of the attempt that it is done for. It is checked in the same transaction and before everything else, so that nothing
 * is left between asking and writing. @throws OrchError E_STALE when the task is somebody else's by now
 */
export interface PullRequestRecords {
  /** Opens a pull request numbered per repository from 1, or gives the open one that the head branch has. */
  open(
    repo: string,
    request: NewPullRequest & { author: string; headCommit: string },
    now: number,
    fence?: Fence,
  ): Promise<{ record: PullRecord; created: boolean }>
  get(repo: string, number: number): Promise<PullRecord | undefined>
  /** Newest first. */
  list(repo: string, filter?: { head?: string; state?: PullRequestState }): Promise<PullRecord[]>
  /** Notes that the head is at another commit now. */
  moved(repo: string, number: number, headCommit: string, now: number, fence?: Fence): Promise<PullRecord>
  /** open ─▶ merged, once. @throws OrchError E_STATE when it is closed; merged with the same commit again is no error. */
  merged(repo: string, number: number, mergeCommit: string, now: number): Promise<PullRecord>
  closed(repo: string, number: number, now: number): Promise<PullRecord>
  /** Adds a check or replaces the one of that name and commit. */
  checked(repo: string, number: number, check: Check, now: number): Promise<PullRecord>
  reviewed(repo: string, number: number, review: Review, now: number): Promise<PullRecord>
}

export interface PullRecord extends NewPullRequest {
  repo: string
  number: number
  state: PullRequestState
  headCommit: string
  author: string
  createdAt: number
  updatedAt: number
  mergeCommit?: string
  checks: Check[]
  reviews: Review[]
}

export interface Review {
  author: string
  verdict: 'approve' | 'request-changes' | 'comment'
  body: string
  commit: string
  at: number
}

/** What a verb makes of a record, and what it says in the journal. */
export interface PullChange {
  record: PullRecord
  event: NewEvent
}

/** What the verbs do to a record, whatever store it is in. Undefined = it is so already. All throw OrchError E_STATE. */
const pullChanges = {
  moved(record: PullRecord, headCommit: string, now: number): PullChange | undefined {
    if (record.headCommit === headCommit) return undefined
    expectOpen(record, 'move the head of')
    return change({ ...record, headCommit, updatedAt: now }, 'pr.updated', { headCommit })
  },
  merged(record: PullRecord, mergeCommit: string, now: number): PullChange | undefined {
    if (record.state === 'merged' && record.mergeCommit === mergeCommit) return undefined
    expectOpen(record, 'merge')
    return change({ ...record, state: 'merged', mergeCommit, updatedAt: now }, 'pr.merged', { mergeCommit })
  },
  closed(record: PullRecord, now: number): PullChange | undefined {
    if (record.state === 'closed') return undefined
    expectOpen(record, 'close')
    return change({ ...record, state: 'closed', updatedAt: now }, 'pr.closed', {})
  },
  checked(record: PullRecord, check: Check, now: number): PullChange {
    const others = record.checks.filter(({ name, commit }) => name !== check.name || commit !== check.commit)
    return change({ ...record, checks: [...others, check], updatedAt: now }, 'pr.checked', { ...check })
  },
  reviewed(record: PullRecord, review: Review, now: number): PullChange {
    const { body: _, ...said } = review
    return change({ ...record, reviews: [...record.reviews, review], updatedAt: now }, 'pr.reviewed', said)
  },
}

export function newPull(
  repo: string,
  number: number,
  request: Parameters<PullRequestRecords['open']>[1],
  now: number,
): PullChange {
  const { head, base, title, author, headCommit } = request
  const times = { createdAt: now, updatedAt: now }
  const record: PullRecord = { ...request, repo, number, state: 'open', ...times, checks: [], reviews: [] }
  return change(record, 'pr.opened', { head, base, title, author, headCommit })
}

export const noPull = (repo: string, number: number) =>
  new OrchError('E_NOT_FOUND', `there is no pull request ${number} in ${repo}`)

function change(record: PullRecord, type: EventType, data: object): PullChange {
  const { repo, number, taskId, runId, updatedAt } = record
  const of = { ...(taskId && { taskId }), ...(runId && { runId }) }
  return { record, event: { type, at: updatedAt, ...of, data: { repo, number, ...data } } }
}

function expectOpen(record: PullRecord, action: string): void {
  if (record.state === 'open') return
  throw new OrchError('E_STATE', `cannot ${action} pull request ${record.number}: it is ${record.state}`)
}

/** Changes one record in one transaction, by what `decide` makes of it as it is. @throws OrchError E_NOT_FOUND, E_STALE */
export type UpdatePull = (
  repo: string,
  number: number,
  decide: (record: PullRecord) => PullChange | undefined,
  fence?: Fence,
) => Promise<PullRecord>

/** The verbs that change a record that is there, by the one way in which a store does so. */
export function pullVerbs(
  update: UpdatePull,
): Pick<PullRequestRecords, 'moved' | 'merged' | 'closed' | 'checked' | 'reviewed'> {
  return {
    moved: (repo, number, headCommit, now, fence) =>
      update(repo, number, (it) => pullChanges.moved(it, headCommit, now), fence),
    merged: (repo, number, mergeCommit, now) =>
      update(repo, number, (it) => pullChanges.merged(it, mergeCommit, now)),
    closed: (repo, number, now) => update(repo, number, (it) => pullChanges.closed(it, now)),
    checked: (repo, number, check, now) => update(repo, number, (it) => pullChanges.checked(it, check, now)),
    reviewed: (repo, number, review, now) =>
      update(repo, number, (it) => pullChanges.reviewed(it, review, now)),
  }
}
