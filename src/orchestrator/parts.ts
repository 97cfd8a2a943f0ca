import type { Driver } from '../agent/agent.ts'
import type { Breakers } from '../breakers.ts'
import type { Carrying } from '../carry/carrying.ts'
import type { Clock } from '../clock.ts'
import type { Paths } from '../config/paths.ts'
import type { Config, ProjectConfig } from '../config/schema.ts'
import type { Argv, Env } from '../exec.ts'
import type { Check, Forge, Publisher } from '../forge/forge.ts'
import type { Git } from '../git.ts'
import type { Ids, TaskId } from '../id.ts'
import type { Log } from '../log.ts'
import type { McpServers } from '../mcp-servers/mcp-servers.ts'
import type { Profiles } from '../profile/profile.ts'
import type { AttemptDirectories } from '../runtime/attempt-dir.ts'
import type { Meter } from '../runtime/meter.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { Store } from '../store/store.ts'
import type { TaskSpec } from '../task/task.ts'
import type { Workspaces } from '../workspace/workspace.ts'
import type { AgentTokens } from './agent-tools/tokens.ts'
import type { Hearings } from './conversation/hearing.ts'
import type { Hosts } from './hosts.ts'

/** What has to be known of a person's repository before work in it can begin. */
export interface Repositories {
  /** Top of the main work tree (the git directory of a bare one). @throws OrchError E_NOT_A_REPOSITORY */
  root(path: string): Promise<string>
  /** @throws OrchError E_NOT_A_REPOSITORY, E_NO_COMMIT, E_NO_BASE */
  inspect(path: string, base?: string): Promise<{ root: string; base: string }>
  /** What names branches that neither exist nor stand in the way of one that does. */
  branchNamer(root: string): Promise<(prefix: string, title: string, id: TaskId) => string>
  /** @throws OrchError E_FORGE_LOGIN, E_PROGRAM_MISSING when GitHub is meant and cannot be used */
  chooseForge(root: string, wanted: 'auto' | 'local' | 'github'): Promise<'local' | 'github'>
}

/** Everything the orchestrator works with, as ports; daemon/compose.ts puts the adapters in. */
export interface Parts {
  /** Name of this host: the holder of leases. */
  host: string
  hosts: Hosts
  config: Config
  paths: Paths
  store: Store
  drivers: ReadonlyMap<string, Driver>
  /** Before what can be out of order: agent programs, GitHub, MCP servers. */
  breakers: Breakers
  runtimes: Readonly<Record<TaskSpec['runtime'], Runtime>>
  hearings: Hearings
  profiles: Profiles
  /** MCP servers that profiles hand to agents. */
  mcpServers: McpServers
  agentTokens: AgentTokens
  /** URL of Orch's own MCP endpoint for agents; it stays the same over restarts. */
  mcpUrl(): string | undefined
  directories: AttemptDirectories
  /** What agents take of this machine. */
  meter: Meter
  workspaces: Workspaces
  repositories: Repositories
  /** Repositories and results between hosts; absent where there are no other hosts. */
  carrying?: Carrying | undefined
  forges: Readonly<Record<TaskSpec['forge'], Forge>>
  /** git in the environment of the daemon. */
  git: Git
  clock: Clock
  ids: Ids
  log: Log
  /** The settings of a repository: the user's and its own. @throws OrchError E_CONFIG */
  settings(repo: string): Promise<ProjectConfig>
  /** Applies the set-up steps that need no process and gives the commands that the shim runs. */
  applySetup(steps: ProjectConfig['setup'], place: { repo: string; workspace: string }): Promise<Argv[]>
  freePorts(count: number): Promise<number[]>
  /** Runs the configured checks on the head of a pull request; only the local forge has its own. Rejects when `signal` aborts. */
  runChecks(
    repo: string,
    number: number,
    checks: ProjectConfig['checks'],
    env: Env,
    signal?: AbortSignal,
    by?: Publisher,
  ): Promise<Check[]>
  /** Directory of the program `orch` itself: agents find it on their PATH. */
  programs: string
  /** Environment of the daemon's own process, already reduced to what agents may have. */
  agentEnv: Env
}
