import { join } from 'node:path'
import type { Driver } from '../agent/agent.ts'
import type { ProjectConfig } from '../config/schema.ts'
import { OrchError } from '../errors.ts'
import { joinEnvironments } from '../git-config-env.ts'
import type { Attempt, Task } from '../task/task.ts'
import type { Workspace } from '../workspace/workspace.ts'
import { QUIET_ENV } from './agent-env.ts'
import type { Parts } from './parts.ts'
import { profileOf } from './profile.ts'
import { buildPrompt } from './prompt.ts'
import { readRunEnv } from './run-env.ts'
import { saveWork, stopAgent } from './stop.ts'

/**
 * leased ─▶ working: makes the workspace, writes the attempt directory, starts the shim. Everything may be done again
 * after a crash: without a complete directory no shim was ever started, and with one only the first shim runs the agent.
 */
export async function launch(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  const status = await parts.directories.status(attempt.agent)
  if (status.state === 'absent') await prepare(parts, task, attempt)
  await parts.runtimes[task.spec.runtime].start(attempt.agent)
}

async function prepare(parts: Parts, task: Task, attempt: Attempt): Promise<void> {
  const { spec } = task
  const settings = await parts.settings(spec.repo)
  const workspace = await prepareWorkspace(parts, task, attempt)
  const setup = await parts.applySetup(settings.setup, { repo: spec.repo, workspace: workspace.path })
  const env = await environment(parts, task, attempt, settings, workspace)
  const prompt = buildPrompt(task, attempt.agent)
  const profile = profileOf(settings, spec.profile)
  const start = await driverOf(parts, task).launch({
    task: spec,
    prompt,
    workspace: workspace.path,
    searchPath: env.PATH,
    profile,
    setUpFirst: setup.length > 0,
  })
  await parts.directories.prepare({
    ...start,
    agent: attempt.agent,
    env: { ...env, ...start.env },
    cwd: workspace.path,
    prompt,
    setup,
  })
}

async function prepareWorkspace(parts: Parts, task: Task, attempt: Attempt): Promise<Workspace> {
  const { repo, branch, base } = task.spec
  const from = await parts.forges[task.spec.forge].base(repo, base)
  const before = (await parts.store.tasks.attempts(task.id)).filter((it) => it.epoch < attempt.epoch).at(-1)
  const saved = before && (await endBefore(parts, task, before))
  const workspace = await parts.workspaces.prepare({ repo, name: task.id, branch, from })
  const head = workspace.isNew ? from : await parts.workspaces.reopen(workspace, saved)
  const fence = { taskId: task.id, epoch: attempt.epoch, host: parts.host }
  await parts.store.tasks.progress(fence, { attempt: { from: head } })
  return workspace
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

/** What agents and checks get from the daemon's environment and from the shell of whoever asked for the run. */
export async function inheritedEnv(parts: Parts, task: Task): Promise<Record<string, string>> {
  return joinEnvironments(parts.agentEnv, await readRunEnv(parts.paths, task.runId), QUIET_ENV)
}

/** The agent's whole environment: the daemon's part for agents, the caller's, what the forge and the workspace need, our own words. */
async function environment(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  settings: ProjectConfig,
  workspace: Workspace,
): Promise<Record<string, string>> {
  const { spec } = task
  const ports = await parts.freePorts(settings.ports)
  const inherited = await inheritedEnv(parts, task)
  const own = {
    PATH: `${parts.programs}:${inherited.PATH ?? '/usr/local/bin:/usr/bin:/bin'}`,
    ORCH_TASK: task.id,
    ORCH_AGENT: attempt.agent,
    ORCH_BRANCH: spec.branch,
    ORCH_BASE: spec.base,
    ORCH_STATE_DIR: parts.paths.state,
    ORCH_PROMPT_FILE: join(parts.directories.path(attempt.agent), 'prompt.md'),
    ...Object.fromEntries(ports.map((port, index) => [`ORCH_PORT_${index + 1}`, String(port)])),
  }
  const forge = await parts.forges[spec.forge].agentEnv(spec.repo)
  return joinEnvironments(inherited, forge, await parts.workspaces.agentEnv(workspace), own)
}

/** @throws OrchError E_NO_AGENT when no such driver is built in. */
export function driverOf(parts: Parts, task: Task): Driver {
  const driver = parts.drivers.get(task.spec.driver)
  if (driver) return driver
  throw new OrchError(
    'E_NO_AGENT',
    `there is no driver ${task.spec.driver}; there are ${[...parts.drivers.keys()].join(', ')}`,
  )
}
