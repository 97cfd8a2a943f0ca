import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Driver } from '../../agent/agent.ts'
import type { ProjectConfig } from '../../config/schema.ts'
import { OrchError } from '../../errors.ts'
import type { Argv, Env } from '../../exec.ts'
import { joinEnvironments } from '../../git-config-env.ts'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import type { Profile } from '../../profile/profile.ts'
import type { LaunchSpec } from '../../runtime/runtime.ts'
import type { Task } from '../../task/task.ts'
import type { Workspace } from '../../workspace/workspace.ts'
import { agentMayWorkUntil } from '../lease.ts'
import type { Parts } from '../parts.ts'
import { QUIET_ENV } from './agent-env.ts'
import type { Held } from './held.ts'
import { readRunEnv } from './run-env.ts'

/** What one process of an attempt is to be. */
export interface ProcessOrder {
  driver: Driver
  profile: Profile
  settings: ProjectConfig
  workspace: Workspace
  setup: Argv[]
  prompt: string
  /** Conversation to go on with. */
  session?: string
  /** How many of the words that people said in the attempt are in prompts by now. */
  words: number
}

/** Everything that the shim has to know to run it. @throws what the driver and the MCP servers throw */
export async function launchSpec(held: Held, order: ProcessOrder): Promise<LaunchSpec> {
  const { parts, task, attempt } = held
  const { profile, settings, workspace, setup, prompt, session, words } = order
  const env = await environment(held, settings, workspace)
  const home = await makeHome(parts, task)
  const start = await faceOf(order.driver, task).launch({
    ...forProgram(order.driver, task, profile),
    prompt,
    workspace: workspace.path,
    directory: parts.directories.path(attempt.agent),
    home,
    mcp: await mcpOf(parts, task, [...settings.mcp, ...profile.mcp], env),
    env,
    setUpFirst: setup.length > 0,
    ...(session && { session }),
  })
  await rmdir(home).catch(() => {}) // not empty: the program needs it
  const { memoryBytes, cpuPercent } = task.spec.limits
  const leaseUntil = agentMayWorkUntil(parts, task)
  return {
    ...start,
    ...(leaseUntil !== undefined && { leaseUntil }),
    agent: attempt.agent,
    env: { ...env, ...start.env },
    cwd: workspace.path,
    prompt,
    setup,
    words,
    limits: {
      // The watchdog of limits.ts comes first, and says why; the system's cap is for what grows between two looks.
      ...(memoryBytes && { memoryBytes: 2 * (memoryBytes + order.driver.footprintMegabytes * 1_000_000) }),
      ...(cpuPercent && { cpuPercent }),
    },
  }
}

/** A model's name means something to the program that it was asked of only: another one takes its own by the profile's tier. */
export function forProgram({ name }: Pick<Driver, 'name'>, { spec }: Pick<Task, 'spec'>, profile: Profile) {
  const { model: _asked, ...anyModel } = spec
  const { model: _profiled, ...anyTier } = profile
  return {
    task: name === spec.driver ? spec : anyModel,
    profile: name === (profile.driver ?? spec.driver) ? profile : anyTier,
  }
}

/** The driver as the task wants its program: headless, or with its own terminal interface. @throws OrchError E_INVALID */
export function faceOf(driver: Driver, { spec }: Task): Pick<Driver, 'launch' | 'reader'> {
  if (!spec.interactive) return driver
  if (driver.interactive) return driver.interactive
  throw new OrchError('E_INVALID', `${driver.name} has no terminal interface that Orch can follow`)
}

/** A directory that all attempts of a task share for private copies of their program's settings; `orch cleanup` removes it. */
async function makeHome(parts: Parts, task: Task): Promise<string> {
  const home = join(parts.paths.homes, task.id)
  await mkdir(home, { recursive: true, mode: 0o700 })
  return home
}

/** The servers of the profile, and Orch's own endpoint. */
async function mcpOf(parts: Parts, task: Task, names: string[], env: Env): Promise<McpServer[]> {
  const url = parts.mcpUrl()
  const own = url ? [{ name: 'orch', url, bearer: 'ORCH_AGENT_TOKEN', headers: {} }] : []
  return [...own, ...(await parts.mcpServers.ready(task.spec.repo, [...new Set(names)], env))]
}

/** What agents and checks get from the daemon's environment and from the shell of whoever asked for the run. */
export async function inheritedEnv(parts: Parts, task: Task): Promise<Record<string, string>> {
  return joinEnvironments(parts.agentEnv, await readRunEnv(parts.paths, task.runId), QUIET_ENV)
}

/** The agent's whole environment: the daemon's part for agents, the caller's, what the forge and the workspace need, our own words. */
async function environment(
  { parts, task, attempt }: Held,
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
    ORCH_PROFILE: spec.profile,
    ORCH_AGENT_TOKEN: parts.agentTokens.issue(attempt),
    ORCH_BRANCH: spec.branch,
    ORCH_BASE: spec.base,
    ORCH_STATE_DIR: parts.paths.state,
    ORCH_PROMPT_FILE: join(parts.directories.path(attempt.agent), 'prompt.md'),
    ...Object.fromEntries(ports.map((port, index) => [`ORCH_PORT_${index + 1}`, String(port)])),
  }
  const forge = await parts.forges[spec.forge].agentEnv(spec.repo)
  return joinEnvironments(inherited, forge, await parts.workspaces.agentEnv(workspace), own)
}
