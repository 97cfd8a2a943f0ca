import { REFUSED } from '../../agent/agent.ts'
import type { Check, Forge, Publisher } from '../../forge/forge.ts'
import {
  beginningOf,
  type Facts,
  judgeCommits,
  judgeProof,
  proofOfBranch,
  type Verdict,
} from '../../task/proof.ts'
import type { WorkProof } from '../../task/task.ts'
import { missingChildren } from '../family/children.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'
import { inheritedEnv } from './launch-spec.ts'
import { compare, look, publish } from './publish.ts'
import { validations } from './validations.ts'

/**
 * What the forge shows of the work: commits, then the pull request with its checks where one is asked for, then the verdicts
 * of those who must approve it. Undefined when this process lets go of the task meanwhile. @throws AttemptFailed
 */
export async function proveWork(held: Held): Promise<WorkProof | undefined> {
  const { parts, task, attempt } = held
  const { spec } = task
  const forge = parts.forges[spec.forge]
  const head = await forge.fetch(spec.repo, spec.branch)
  if (!head) throw new AttemptFailed('no-commit', `the branch ${spec.branch} is gone`)
  const comparison = await compare(forge, task, head, publisherOf(held))
  const commits = { ...beginningOf(await parts.store.tasks.attempts(task.id), attempt), head, comparison }
  const verdict = judgeCommits(task, commits)
  settle(verdict?.proven === false ? await withRefusals(held, verdict) : verdict)
  await checkChildren(held, head)
  const proof = spec.proof === 'branch' ? proofOfBranch(task, commits) : await askForge(held, forge, commits)
  if (!proof || !spec.validate) return proof
  const verdicts = await validations(held, head)
  return verdicts && { ...proof, validations: verdicts }
}

/** What was delegated and accepted belongs to the work. */
async function checkChildren({ parts, task }: Held, head: string): Promise<void> {
  const missing = await missingChildren(parts, task, head)
  if (missing.length === 0) return
  const branches = missing.map((it) => `${it.spec.branch} (${it.id})`).join(', ')
  const message = `the work of delegated tasks is not in ${task.spec.branch}: merge ${branches}`
  throw new AttemptFailed('children-unmerged', message)
}

const publisherOf = ({ parts, fence }: Held): Publisher => ({
  fence,
  check: () => parts.store.tasks.progress(fence, {}),
})

async function askForge(
  held: Held,
  forge: Forge,
  commits: Pick<Facts, 'head' | 'from' | 'before' | 'comparison'>,
): Promise<WorkProof | undefined> {
  const { task } = held
  const { spec } = task
  const { head } = commits
  const by = publisherOf(held)
  const published =
    spec.publish === 'orch' ? await publish(forge, task, head, by) : await look(forge, task, head, by)
  const first = { ...commits, ...published, checks: [] }
  settle(judgeProof(task, first))
  const checks = await greenChecks(held, forge, published.pullRequest?.ref.number ?? 0)
  return checks && settle(judgeProof(task, { ...first, checks }))
}

type Refused = Extract<Verdict, { proven: false }>

/** Who was not allowed to work has often nothing to show: what was refused belongs to the reason. */
async function withRefusals({ parts, attempt }: Held, verdict: Refused): Promise<Verdict> {
  const { taskId, epoch } = attempt
  const notes = await parts.store.journal.read({ taskId, types: ['note'], limit: 10_000 })
  const refused = notes
    .filter((note) => note.epoch === epoch)
    .flatMap(({ data }) => (String(data?.text).startsWith(REFUSED) ? [String(data?.text)] : []))
  const { code, message } = verdict.reason
  const shown = [...new Set(refused)].slice(0, 5)
  return { proven: false, reason: { code, message: [message, ...shown].join('\n') } }
}

function settle(verdict: Verdict | undefined): WorkProof | undefined {
  if (verdict?.proven === false) throw new AttemptFailed(verdict.reason.code, verdict.reason.message)
  return verdict?.proof
}

/** Runs what is configured, then waits until no required check is pending. Undefined when aborted. */
async function greenChecks(held: Held, forge: Forge, number: number): Promise<Check[] | undefined> {
  const { parts, task, signal } = held
  const { repo } = task.spec
  const by = publisherOf(held)
  const settings = await parts.settings(repo)
  const env = await inheritedEnv(parts, task)
  if (forge.name === 'local') await parts.runChecks(repo, number, settings.checks, env, signal, by)
  const until = parts.clock.now() + task.spec.limits.wallMs
  for (
    let pause = forge.name === 'github' ? parts.config.checksGraceSeconds * 1_000 : 0;
    ;
    pause = Math.min(30_000, pause * 2 || 2_000)
  ) {
    if (pause > 0) await parts.clock.sleep(pause, signal)
    if (signal.aborted) return undefined
    const checks = await forge.checks(repo, number, by)
    const pending = checks.some((check) => check.required && check.state === 'pending')
    if (!pending || parts.clock.now() > until) return checks
  }
}
