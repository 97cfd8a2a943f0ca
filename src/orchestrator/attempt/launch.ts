import { checkFence } from '../../task/life.ts'
import type { Attempt, Task } from '../../task/task.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import { childrenSummary } from '../family/children.ts'
import { takersSummary } from '../handoff/handed-over.ts'
import { agentMayWorkUntil } from '../lease.ts'
import type { Parts } from '../parts.ts'
import { checkRun } from './budget.ts'
import { chooseDriver } from './driver-choice.ts'
import type { Held } from './held.ts'
import { launchSpec } from './launch-spec.ts'
import { buildPrompt, type History } from './prompt.ts'
import { eventOf, saveWork, stopAgent } from './stop.ts'

/**
 * leased ─▶ working: makes the workspace, writes the attempt directory, starts the shim. Everything may be done again
 * after a crash: without a complete directory no shim was ever started, and with one only the first shim runs the agent.
 */
export async function launch(held: Held): Promise<void> {
  const { parts, task, attempt } = held
  const status = await parts.directories.status(attempt.agent)
  if (status.state === 'absent') await prepare(held)
  await moveLeaseOn(held)
  await parts.runtimes[task.spec.runtime].start(attempt.agent)
}

/** Preparing may have taken long, and nobody renews the lease of a directory that is not there yet. */
async function moveLeaseOn({ parts, task, attempt, fence }: Held): Promise<void> {
  if (!parts.store.exchange) return
  const now = (await parts.store.tasks.get(task.id)) ?? task
  checkFence(now, fence)
  await parts.directories.hold(attempt.agent, agentMayWorkUntil(parts, now) ?? 0)
}

async function prepare(held: Held): Promise<void> {
  const { parts, task, attempt, fence } = held
  const { spec } = task
  await checkRun(parts, task)
  const settings = await parts.settings(spec.repo)
  const profile = await parts.profiles.find(spec.repo, spec.profile)
  const driver = await chooseDriver(parts, task, attempt, profile)
  await parts.store.tasks.progress(fence, { attempt: { driver: driver.name } })
  const earlier = await attemptsBefore(parts, task, attempt)
  const workspace = await prepareWorkspace(held, earlier)
  const place = { repo: spec.repo, workspace: workspace.path }
  const setup = await parts.applySetup(settings.setup, place).catch((error) => {
    throw parts.carrying?.lacks(task, error) ?? error
  })
  const session = driver.resumes ? sessionToResume(task, attempt, earlier, driver.name) : undefined
  const prompt = buildPrompt(task, attempt.agent, await historyOf(parts, task))
  const words = (await parts.hearings.of(attempt)).words.length
  await parts.directories.prepare(
    await launchSpec(held, { driver, profile, settings, workspace, setup, prompt, session, words }),
  )
}

/** The newest first. */
async function attemptsBefore(parts: Parts, task: Task, attempt: Attempt): Promise<Attempt[]> {
  return (await parts.store.tasks.attempts(task.id))
    .filter((it) => it.epoch < attempt.epoch && it.outcome !== 'postponed')
    .reverse()
}

/** What went wrong inside of a conversation would go wrong in it again. */
const SPOILT = new Set(['session-gone', 'agent-failed', 'gave-up'])

/** The conversation of the last attempt that came so far as to have one, when the same program can go on with it. */
function sessionToResume(
  task: Task,
  { host }: Attempt,
  earlier: readonly Attempt[],
  driver: string,
): string | undefined {
  for (const before of earlier) {
    if (before.host !== host) return undefined // programs keep their conversations on their machine
    if ((before.driver ?? task.spec.driver) !== driver) return undefined
    if (SPOILT.has(before.reason?.code ?? '')) return undefined
    if (before.session) return before.session
  }
  return undefined
}

/** What a new attempt has to know of those before it: what was said to their agents, and the tasks that they made. */
export async function historyOf(parts: Parts, task: Task): Promise<History> {
  const types = ['agent.said', 'agent.told'] as const
  const events = await parts.store.journal.read({ taskId: task.id, types: [...types], limit: 1_000 })
  const earlier = events.filter(({ epoch }) => epoch !== task.epoch)
  const textOf = (type: string) =>
    earlier.filter((it) => it.type === type).map(({ data }) => String(data?.text))
  return {
    said: textOf('agent.said'),
    told: textOf('agent.told'),
    children: [...(await childrenSummary(parts, task)), ...(await takersSummary(parts, task))],
  }
}

async function prepareWorkspace(held: Held, earlier: readonly Attempt[]): Promise<Workspace> {
  const { parts, task, fence } = held
  const { repo, branch, base } = task.spec
  const [before] = earlier
  const from = task.spec.from ?? (await parts.forges[task.spec.forge].base(repo, base))
  const saved = before && (await endBefore(parts, task, before))
  await bringWork(held, earlier)
  const workspace = await parts.workspaces.prepare({ repo, name: task.id, branch, from })
  const head = workspace.isNew ? from : await parts.workspaces.reopen(workspace, saved)
  await parts.store.tasks.progress(fence, { attempt: { from: head } })
  return workspace
}

/** What earlier attempts have committed on other hosts. What is lost with its host is told, and the work goes on without it. */
async function bringWork({ parts, task, attempt, fence }: Held, earlier: readonly Attempt[]): Promise<void> {
  const missing = (await parts.carrying?.bring(task, earlier)) ?? []
  if (missing.length === 0) return
  const text = `commits of earlier attempts on other hosts cannot be had here: ${missing.join(', ')}`
  await parts.store.tasks.progress(fence, {
    events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
  })
}

/**
 * The attempt before may have been left to itself, when the daemon died while it was cancelled: nobody may go on in the
 * workspace, and nothing of it is lost, when a new one takes its place. Gives the commit that holds what was saved last.
 */
async function endBefore(parts: Parts, task: Task, before: Attempt): Promise<string | undefined> {
  await stopAgent(parts, task, before.agent)
  const saved = await saveWork(parts, task, before.epoch)
  return saved.committed ? saved.head : before.saved
}
