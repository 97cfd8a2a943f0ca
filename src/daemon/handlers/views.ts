import type { PullRequestView, RunView, StatusView, TaskDetail, TaskView } from '../../api/contract.ts'
import type { BreakerView } from '../../breaker.ts'
import type { PullRequest } from '../../forge/forge.ts'
import { type Attempt, NO_USAGE, type Proof, type Run, type Task, type Usage } from '../../task/task.ts'

/** What the API shows of tasks, runs, pull requests and events. */

const iso = (at: number) => new Date(at).toISOString()

/** As people name it: a clone of ours is called by the host that has the repository. */
const repositoryOf = ({ spec: { repo, source } }: Task): string =>
  source && source.path !== repo ? `${source.host}:${source.path}` : repo

export function viewTask(task: Task, attempts: Attempt[]): TaskView {
  const { spec } = task
  return {
    id: task.id,
    runId: task.runId,
    repo: repositoryOf(task),
    title: spec.title,
    state: task.state,
    driver: spec.driver,
    profile: spec.profile,
    base: spec.base,
    branch: spec.branch,
    forge: spec.forge,
    runtime: spec.runtime,
    priority: spec.priority,
    agent: attempts.at(-1)?.agent,
    host: attempts.at(-1)?.host,
    attempt: task.epoch,
    tries: spec.tries,
    used: task.used,
    waitingFor: task.waitingFor,
    resetAt: task.resetAt === undefined ? undefined : iso(task.resetAt),
    notBefore: task.notBefore === undefined ? undefined : iso(task.notBefore),
    reason: task.reason,
    summary: task.report?.summary,
    ...viewProof(task.proof),
    parent: spec.parent,
    origin: spec.origin?.kind,
    usage: sumUsage(attempts.map((attempt) => attempt.usage)),
    createdAt: iso(task.createdAt),
    updatedAt: iso(task.updatedAt),
  }
}

function viewProof(shown?: Proof): Pick<TaskView, 'pullRequest' | 'proof' | 'answer' | 'handedTo'> {
  if (!shown) return {}
  if ('answer' in shown) return { answer: shown.answer }
  if ('handedTo' in shown) return { handedTo: shown.handedTo }
  return { pullRequest: shown.pullRequest, proof: shown }
}

export interface Whereabouts {
  workspace?: string
  log?: string
  result?: string
  unmet?: string[] | undefined
  waitsFor?: TaskDetail['waitsFor']
}

export function viewDetail(task: Task, attempts: Attempt[], where: Whereabouts): TaskDetail {
  const { description, argv, model, labels } = task.spec
  return {
    ...viewTask(task, attempts),
    description,
    argv,
    model,
    labels,
    ...where,
    attempts: attempts.map(viewAttempt),
  }
}

function viewAttempt(attempt: Attempt): TaskDetail['attempts'][number] {
  const { epoch, agent, host, outcome, reason, from, saved, session, usage } = attempt
  const endedAt = attempt.endedAt === undefined ? undefined : iso(attempt.endedAt)
  return {
    number: epoch,
    agent,
    host,
    startedAt: iso(attempt.startedAt),
    endedAt,
    outcome,
    reason,
    from,
    saved,
    session,
    usage,
  }
}

export function viewRun(run: Run, tasks: TaskView[]): RunView {
  return { id: run.id, repo: tasks[0]?.repo ?? run.repo, createdAt: iso(run.createdAt), tasks }
}

export function viewPull(pull: PullRequest, repo: string, taskId?: string): PullRequestView {
  const { forge, number, url, state, title, body, head, base, headCommit, author, mergeCommit } = pull
  const createdAt = iso(pull.createdAt)
  return {
    forge,
    number,
    url,
    repo,
    state,
    title,
    body,
    head,
    base,
    headCommit,
    author,
    createdAt,
    mergeCommit,
    taskId,
  }
}

function sumUsage(all: Usage[]): Usage {
  return all.reduce(addUsage, NO_USAGE)
}

function addUsage(sum: Usage, usage: Usage): Usage {
  const cost =
    sum.costUsd === undefined && usage.costUsd === undefined
      ? {}
      : { costUsd: (sum.costUsd ?? 0) + (usage.costUsd ?? 0) }
  return {
    inputTokens: sum.inputTokens + usage.inputTokens,
    outputTokens: sum.outputTokens + usage.outputTokens,
    cacheReadTokens: sum.cacheReadTokens + usage.cacheReadTokens,
    cacheWriteTokens: sum.cacheWriteTokens + usage.cacheWriteTokens,
    turns: sum.turns + usage.turns,
    toolCalls: sum.toolCalls + usage.toolCalls,
    ...cost,
  }
}

export function viewBreaker({ until, ...view }: BreakerView): StatusView['breakers'][number] {
  return { ...view, ...(until !== undefined && { until: iso(until) }) }
}
