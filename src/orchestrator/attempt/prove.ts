import { REFUSED } from '../../agent/agent.ts'
import { toOrchError } from '../../errors.ts'
import type { Check, Forge } from '../../forge/forge.ts'
import { beginningOf, judgeCommits, judgeProof, type Verdict } from '../../task/proof.ts'
import type { Proof } from '../../task/task.ts'
import { driverOf } from './driver-choice.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'
import { inheritedEnv } from './launch-spec.ts'
import { compare, look, publish } from './publish.ts'
import { eventOf, stopAgent, workspaceOf } from './stop.ts'

/**
 * reported ─▶ verified: the agent is stopped, then the forge is asked. Publishes what the agent left unpublished when
 * the task says that Orch does. Every step may be done again. @throws AttemptFailed, and OrchError when the forge is out
 * of reach for good.
 */
export async function prove(held: Held): Promise<void> {
  const { parts, task, attempt, fence } = held
  await stopAgent(parts, task, attempt.agent)
  await commitLeftovers(held)
  const proof = await patiently(held, () => ask(held))
  if (proof) await parts.store.tasks.verify(fence, parts.clock.now(), proof)
}

/** What a command left uncommitted is its work. */
async function commitLeftovers({ parts, task, attempt }: Held): Promise<void> {
  if (driverOf(parts, task, attempt).commitsLeftovers) {
    const saved = await parts.workspaces.save(workspaceOf(parts, task), task.spec.title)
    if (saved.lost) parts.log.warn('workspace could not be saved', { task: task.id, why: saved.lost })
  }
}

async function ask(held: Held): Promise<Proof | undefined> {
  const { parts, task, attempt } = held
  const { spec } = task
  const forge = parts.forges[spec.forge]
  const head = await forge.fetch(spec.repo, spec.branch)
  if (!head) throw new AttemptFailed('no-commit', `the branch ${spec.branch} is gone`)
  const comparison = await compare(forge, task, head)
  const commits = { ...beginningOf(await parts.store.tasks.attempts(task.id), attempt), head, comparison }
  const verdict = judgeCommits(task, commits)
  settle(verdict?.proven === false ? await withRefusals(held, verdict) : verdict)
  const published = spec.publish === 'orch' ? await publish(forge, task, head) : await look(forge, task, head)
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

function settle(verdict: Verdict | undefined): Proof | undefined {
  if (verdict?.proven === false) throw new AttemptFailed(verdict.reason.code, verdict.reason.message)
  return verdict?.proof
}

/** Whether the answer may be better later: the forge is back, or a person is done with editing the settings. */
function isPassing(thrown: unknown): boolean {
  const error = toOrchError(thrown)
  return error.code === 'E_CONFIG' || (error.code === 'E_FORGE' && error.details?.retryable !== false)
}

/** Runs what is configured, then waits until no required check is pending. Undefined when aborted. */
async function greenChecks(
  { parts, task, signal }: Held,
  forge: Forge,
  number: number,
): Promise<Check[] | undefined> {
  const { repo } = task.spec
  const settings = await parts.settings(repo)
  const env = await inheritedEnv(parts, task)
  if (forge.name === 'local') await parts.runChecks(repo, number, settings.checks, env, signal)
  const until = parts.clock.now() + task.spec.limits.wallMs
  for (
    let pause = forge.name === 'github' ? parts.config.checksGraceSeconds * 1_000 : 0;
    ;
    pause = Math.min(30_000, pause * 2 || 2_000)
  ) {
    if (pause > 0) await parts.clock.sleep(pause, signal)
    if (signal.aborted) return undefined
    const checks = await forge.checks(repo, number)
    const pending = checks.some((check) => check.required && check.state === 'pending')
    if (!pending || parts.clock.now() > until) return checks
  }
}

/** What passes uses up no try: the work is there, only the proof waits. The first time the journal says so. */
async function patiently<T>(
  { parts, attempt, fence, signal }: Held,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  for (let pause = 1_000; !signal.aborted; pause = Math.min(60_000, pause * 2)) {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof AttemptFailed || !isPassing(error)) throw error
      parts.log.warn('the proof waits', { task: fence.taskId, error })
      const text = `the proof waits: ${toOrchError(error).message}`
      if (pause === 1_000)
        await parts.store.tasks.progress(fence, {
          events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
        })
      await parts.clock.sleep(pause, signal)
    }
  }
  return undefined
}
