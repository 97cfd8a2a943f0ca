import { existsSync } from 'node:fs'
import { packageVersion } from '../../api/version.ts'
import { type Environment, loadConfig, stateDirectory } from '../../config/load.ts'
import { type Paths, pathsIn } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Exec } from '../../exec.ts'
import type { Finding } from './finding.ts'
import { examineNode, examineState } from './machine.ts'
import { examineMcpServers } from './mcp.ts'
import {
  type AgentProgram,
  examineAgents,
  examineGh,
  examineGit,
  examineIdentity,
  examineRedis,
  examineSandbox,
  examineTmux,
  findInstaller,
  type Machine,
} from './programs.ts'
import { examineSharedStore } from './redis.ts'

export type { Finding } from './finding.ts'

/** Looks at what Orch needs of this machine. It changes nothing and works when no daemon can be started. */

export interface Running {
  version: string
  pid: number
  /** What the store's own check finds. */
  faults(): Promise<string[]>
  /** What it works without, and should not. */
  warnings?(): Promise<string[]>
}

export interface DoctorOptions {
  exec: Exec
  environment: Environment
  platform: NodeJS.Platform
  /** The daemon of this state directory; undefined when none runs. */
  daemon(): Promise<Running | undefined>
  agents?: AgentProgram[]
  nodeVersion?: string
}

/** The agent programs that are looked for, in the order of preference. */
const AGENTS: AgentProgram[] = [
  { name: 'claude', install: 'npm install -g @anthropic-ai/claude-code' },
  { name: 'codex', install: 'npm install -g @openai/codex' },
  { name: 'gemini', install: 'npm install -g @google/gemini-cli' },
  { name: 'opencode', install: 'npm install -g opencode-ai' },
  { name: 'pi', install: 'npm install -g @earendil-works/pi-coding-agent' },
]

/** Every finding, in the order of `orch doctor`. Never throws. */
export async function examine(options: DoctorOptions): Promise<Finding[]> {
  const { environment, platform, agents = AGENTS, nodeVersion = process.versions.node } = options
  const installer = await findInstaller(environment.env, platform)
  const machine = { ...options, installer }
  const config = await loadConfig(environment).catch(toOrchError)
  const runtime = config instanceof OrchError ? 'tmux' : config.config.runtime
  const statePaths = () => pathsIn(stateDirectory(environment))
  const checks: [name: string, check: Check][] = [
    ['node', () => examineNode(nodeVersion)],
    ['git', () => examineGit(machine)],
    ['git identity', () => examineIdentity(machine)],
    ['tmux', () => examineTmux(machine, runtime)],
    ['agents', () => examineAgents(machine, agents)],
    ['gh', () => examineGh(machine)],
    ['redis', () => examineStoreServer(machine, config)],
    ['sandbox', () => examineSandbox(machine)],
    ['configuration', () => examineConfig(config)],
    ['MCP servers', () => (config instanceof OrchError ? [] : examineMcpServers(options, statePaths))],
    ['state directory', () => examineState(statePaths())],
    ['daemon', () => examineDaemon(options, statePaths())],
  ]
  const found = await Promise.all(checks.map(([name, check]) => safely(name, check)))
  return found.flat()
}

type Check = () => Promise<Finding[] | Finding> | Finding[] | Finding

async function safely(name: string, check: Check): Promise<Finding[]> {
  try {
    return [await check()].flat()
  } catch (thrown) {
    const { message, fix } = toOrchError(thrown)
    return [{ name, state: 'fail', found: message, fix }]
  }
}

function examineStoreServer(machine: Machine, loaded: OrchError | { config: Config }) {
  const redis = loaded instanceof OrchError ? undefined : loaded.config.redis
  if (loaded instanceof OrchError || !redis) return examineRedis(machine)
  return examineSharedStore(machine.environment, { ...loaded.config, redis })
}

function examineConfig(config: OrchError | { files: string[] }): Finding {
  const name = 'configuration'
  if (config instanceof OrchError) return { name, state: 'fail', found: config.message, fix: config.fix }
  const found = config.files.length > 0 ? config.files.join(', ') : 'defaults; there is no file'
  return { name, state: 'ok', found }
}

async function examineDaemon({ daemon }: DoctorOptions, paths: Paths): Promise<Finding[]> {
  const running = await daemon()
  if (!running) {
    const store = existsSync(paths.store) ? 'not examined: no daemon runs' : 'none yet'
    const fix = existsSync(paths.store) ? 'orch start && orch store check' : undefined
    return [
      { name: 'daemon', state: 'ok', found: 'not running; the first command that needs it starts it' },
      { name: 'store', state: 'ok', found: store, ...(fix && { fix }) },
    ]
  }
  return [aboutDaemon(running), ...(await safely('store', () => examineStore(running)))]
}

function aboutDaemon({ version, pid }: Running): Finding {
  const found = `version ${version}, pid ${pid}`
  if (version === packageVersion()) return { name: 'daemon', state: 'ok', found }
  return {
    name: 'daemon',
    state: 'warn',
    found: `${found}; this program is ${packageVersion()}`,
    fix: 'orch stop && orch start (agents go on working)',
  }
}

async function examineStore({ faults, warnings }: Running): Promise<Finding> {
  const warned = (await warnings?.()) ?? []
  if (warned.length > 0)
    return {
      name: 'store',
      state: 'warn',
      found: warned.join('\n'),
      fix: 'orch stop && orch start, when Redis is there again',
    }
  const all = await faults()
  if (all.length === 0) return { name: 'store', state: 'ok', found: 'sound' }
  return {
    name: 'store',
    state: 'fail',
    found: all.join('\n'),
    fix: 'orch stop && orch store restore FILE brings a backup back',
  }
}
