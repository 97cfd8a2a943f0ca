import type { Check, NewPullRequest, PullRequestState } from '../forge.ts'

/**
 * What the local forge asks of the store: its pull requests, their checks and reviews. Each verb is one
 * transaction and journals itself (pr.opened, pr.updated, pr.checked, pr.reviewed, pr.merged, pr.closed).
 */
export interface PullRequestRecords {
  /** Opens a pull request numbered per repository from 1, or gives the open one that the head branch has. */
  open(
    repo: string,
    request: NewPullRequest & { author: string; headCommit: string },
    now: number,
  ): Promise<{ record: PullRecord; created: boolean }>
  get(repo: string, number: number): Promise<PullRecord | undefined>
  /** Newest first. */
  list(repo: string, filter?: { head?: string; state?: PullRequestState }): Promise<PullRecord[]>
  /** Notes that the head is at another commit now. */
  moved(repo: string, number: number, headCommit: string, now: number): Promise<PullRecord>
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
