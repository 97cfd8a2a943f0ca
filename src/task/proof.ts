import type { Attempt, PullRequestRef, Reason, Task, WorkProof } from './task.ts'

/**
 * Proof: what the forge must show before a task counts as done. Pure: facts in, verdict out.
 * The agent's own word is not among the facts.
 */
export interface Facts {
  /** Commit of the task's branch in the person's repository. */
  head: string
  /** Commit that the work of this attempt started from, see beginningOf. */
  from: string | undefined
  /** Why the attempt that was judged before this one failed, when there was one. */
  before: string | undefined
  comparison: { commits: number; files: { path: string; additions: number; deletions: number }[] }
  /** Commit of the branch on the remote. */
  remote: string | undefined
  /** The open (or merged) pull request whose head is the task's branch. */
  pullRequest: { ref: PullRequestRef; base: string; headCommit: string; openedByOrch: boolean } | undefined
  checks: { name: string; state: 'pending' | 'success' | 'failure'; required: boolean; summary?: string }[]
}

export type Verdict = { proven: true; proof: WorkProof } | { proven: false; reason: Reason }

/** Reasons after which the work itself was there: the next attempt need not commit anything to mend them. */
const WORK_WAS_THERE = new Set([
  'validation-failed',
  'children-unmerged',
  'not-pushed',
  'stale-head',
  'no-pull-request',
  'wrong-base',
  'red-check',
  'E_FORGE',
  'E_FORGE_LOGIN',
])

/**
 * Reasons that say something of the work. After any other end (lost, no quota, over a limit) nobody has looked at it: that
 * attempt and the one after it are judged as one, which may find everything committed already.
 */
const JUDGED = new Set(['no-commit', 'empty-diff', 'validation-refused', ...WORK_WAS_THERE])

/** Where the work began that this attempt answers for, and why the last attempt failed that was judged before it. */
export function beginningOf(attempts: readonly Attempt[], attempt: Attempt): Pick<Facts, 'from' | 'before'> {
  let from = attempt.from
  for (const before of attempts.filter((it) => it.epoch < attempt.epoch).reverse()) {
    if (!before.reason || JUDGED.has(before.reason.code)) return { from, before: before.reason?.code }
    from = before.from ?? from
  }
  return { from, before: undefined }
}

const refuse = (code: string, message: string): Verdict => ({ proven: false, reason: { code, message } })

/** What can be said of the commits alone, before anything is published. Undefined = nothing against them. */
export function judgeCommits(
  task: Task,
  facts: Pick<Facts, 'head' | 'from' | 'before' | 'comparison'>,
): Verdict | undefined {
  const { branch, base } = task.spec
  if (facts.comparison.commits === 0)
    return refuse(
      'no-commit',
      `the agent said that it is done, but ${branch} has no commit that ${base} has not`,
    )
  if (facts.comparison.files.length === 0)
    return refuse('empty-diff', `the commits of ${branch} change nothing against ${base}`)
  const idle = facts.head === facts.from && !WORK_WAS_THERE.has(facts.before ?? '')
  return idle
    ? refuse('no-commit', `attempt ${task.epoch} said that it is done and added no commit to ${branch}`)
    : undefined
}

export function judgeProof(task: Task, facts: Facts): Verdict {
  return (
    judgeCommits(task, facts) ??
    judgePublished(task, facts) ??
    judgeChecks(facts) ?? { proven: true, proof: proofOf(task, facts) }
  )
}

function judgePublished({ spec }: Task, facts: Facts): Verdict | undefined {
  const { remote, head, pullRequest } = facts
  if (!remote) return refuse('not-pushed', `the forge has no branch ${spec.branch}`)
  if (remote !== head)
    return refuse(
      'stale-head',
      `the forge has ${short(remote)} on ${spec.branch}, the agent's work is ${short(head)}`,
    )
  if (!pullRequest) return refuse('no-pull-request', `the forge shows no pull request from ${spec.branch}`)
  const name = `pull request #${pullRequest.ref.number}`
  if (pullRequest.base !== spec.base)
    return refuse('wrong-base', `${name} goes to ${pullRequest.base}, not to ${spec.base}`)
  if (pullRequest.headCommit === head) return undefined
  return refuse(
    'stale-head',
    `${name} shows ${short(pullRequest.headCommit)}, the agent's work is ${short(head)}`,
  )
}

function judgeChecks({ checks }: Facts): Verdict | undefined {
  const bad = checks.filter((check) => check.required && check.state !== 'success')
  if (bad.length === 0) return undefined
  const lines = bad.map(
    (check) => `${check.name}: ${check.state}${check.summary ? `\n${check.summary}` : ''}`,
  )
  return refuse('red-check', `required checks are not green:\n${lines.join('\n')}`)
}

/** Of a task that is asked for commits only: its branch goes into that of the task that made it. */
export function proofOfBranch(task: Task, facts: Pick<Facts, 'head' | 'comparison'>): WorkProof {
  return proofOf(task, { ...facts, pullRequest: undefined, checks: [] })
}

function proofOf(
  task: Task,
  facts: Pick<Facts, 'head' | 'comparison' | 'pullRequest' | 'checks'>,
): WorkProof {
  const { comparison, pullRequest } = facts
  const sum = (key: 'additions' | 'deletions') =>
    comparison.files.reduce((total, file) => total + file[key], 0)
  return {
    ...(pullRequest && { pullRequest: pullRequest.ref }),
    head: facts.head,
    base: task.spec.base,
    filesChanged: comparison.files.map((file) => file.path),
    additions: sum('additions'),
    deletions: sum('deletions'),
    commits: comparison.commits,
    checks: facts.checks
      .filter((check) => check.state === 'success')
      .map(({ name }) => ({ name, state: 'success' })),
    openedByOrch: pullRequest?.openedByOrch ?? false,
  }
}

const short = (commit: string) => commit.slice(0, 10)
