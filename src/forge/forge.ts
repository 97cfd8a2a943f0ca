import type { RunId, TaskId } from '../id.ts'
import type { Fence, PullRequestRef } from '../task/task.ts'

/**
 * The forge port: where pull requests live. `local` keeps them in the store over a bare repository that the
 * daemon owns; `github` asks GitHub through `gh`. One contract suite runs over both (test/contract/forge.ts).
 *
 * Every verb may be called again after a crash: opening gives the pull request that is there already, pushing
 * what is there is no error, merging what is merged gives its result.
 *
 * Errors: E_FORGE (unreachable, refused), E_FORGE_LOGIN, E_NOT_FOUND, E_CONFLICT, E_HEAD_MOVED, E_CHECKS, E_GIT.
 */
export interface Forge {
  readonly name: 'local' | 'github'
  /** What the agent's environment must hold to push and open pull requests with plain git and gh (no secrets in names). */
  agentEnv(repo: string): Promise<Record<string, string>>
  /** The commit of `branch` that new work starts from, made sure to be in the person's repository. */
  base(repo: string, branch: string): Promise<string>
  /** Commit of a branch on the remote; undefined when the remote has no such branch. */
  head(repo: string, branch: string): Promise<string | undefined>
  /**
   * Brings the branch as it stands in the person's repository to the remote, through a bare repository of the daemon's own,
   * fast-forward only. `by` is asked right before others see it: who has lost the task pushes nothing.
   * @throws OrchError E_HEAD_MOVED when the remote has commits that the branch has not.
   */
  push(repo: string, branch: string, by?: Publisher): Promise<string>
  /** Takes over a branch as it stands in the person's repository and gives its commit; undefined when there is none. Publishes nothing. */
  fetch(repo: string, branch: string): Promise<string | undefined>
  /** Compares two commits by merge base: what a pull request from `head` into `base` would change. */
  compare(repo: string, base: string, head: string): Promise<Comparison>
  /** All pull requests, open or not, whose head is `branch`; newest first. */
  find(repo: string, branch: string, by?: Publisher): Promise<PullRequest[]>
  /** Opens a pull request, or gives the open one that the branch has. Never makes a second. */
  open(
    repo: string,
    request: NewPullRequest,
    by?: Publisher,
  ): Promise<{ pullRequest: PullRequest; created: boolean }>
  get(repo: string, number: number): Promise<PullRequest>
  list(repo: string, filter?: { state?: PullRequestState }): Promise<PullRequest[]>
  /** The diff as `git diff base...head` prints it. */
  diff(repo: string, number: number): Promise<string>
  checks(repo: string, number: number, by?: Publisher): Promise<Check[]>
  /** Merges when the head is still `expectedHead` and no required check is red or pending. */
  merge(repo: string, number: number, options: MergeOptions): Promise<Merged>
  close(repo: string, number: number): Promise<PullRequest>
  /**
   * Keeps a commit of the person's repository at the remote under a name of ours (`TASK/EPOCH`, replacing what had it), so that
   * other hosts get it. Absent where there is no remote that hosts share.
   */
  keep?(repo: string, name: string, commit: string): Promise<void>
  /** Whether a commit could be brought from the remote into the person's repository, where a ref of ours keeps it. */
  obtain?(repo: string, commit: string): Promise<boolean>
  /** Lets go of what was kept under names that begin with `prefix`. */
  letGo?(repo: string, prefix: string): Promise<void>
}

/** The attempt for which something is published; absent when a person does it. */
export interface Publisher {
  /** What the store writes for it is refused in the same transaction when the task is somebody else's. */
  fence: Fence
  /** @throws OrchError E_STALE when the task is somebody else's by now */
  check(): Promise<unknown>
}

/** How commits that the forge of one host is told of by another get here. Paths are those of repositories on this host. */
export interface CommitCarrier {
  give(repo: string, commit: string, known: readonly string[]): Promise<unknown>
  take(repo: string, commit: string): Promise<boolean>
}

export type PullRequestState = 'open' | 'merged' | 'closed'

export interface NewPullRequest {
  head: string
  base: string
  title: string
  body: string
  /** For whom it is opened, when Orch knows. */
  taskId?: TaskId
  runId?: RunId
}

export interface PullRequest extends PullRequestRef, NewPullRequest {
  state: PullRequestState
  /** Commit of the head as the forge shows it. */
  headCommit: string
  author: string
  /** ms since the epoch. */
  createdAt: number
  mergeCommit?: string
}

export interface Comparison {
  mergeBase: string
  commits: number
  files: { path: string; additions: number; deletions: number }[]
}

export interface Check {
  name: string
  state: 'pending' | 'success' | 'failure'
  required: boolean
  /** Commit the check ran on. */
  commit: string
  summary?: string
  url?: string
}

export type MergeMethod = 'merge' | 'squash' | 'rebase'

export interface MergeOptions {
  method: MergeMethod
  expectedHead: string
  message?: string
}

export interface Merged {
  commit: string
  /** What became of the base branch in the person's repository. */
  repository: { updated: boolean; message: string }
}
