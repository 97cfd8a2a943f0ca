import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { createCommandDriver } from '../../src/agent/command.ts'
import { createBreakers } from '../../src/breakers.ts'
import { openCarry } from '../../src/carry/open.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { type Paths, pathsIn } from '../../src/config/paths.ts'
import { type Config, configSchema } from '../../src/config/schema.ts'
import { createRepositories, describer } from '../../src/daemon/repositories.ts'
import { exec, spawnDetached, spawnPiped } from '../../src/exec.ts'
import { createBare } from '../../src/forge/bare.ts'
import type { Forge } from '../../src/forge/forge.ts'
import { createCheckRunner } from '../../src/forge/local/check-runner.ts'
import { createLocalForge } from '../../src/forge/local/local.ts'
import { createGit } from '../../src/git.ts'
import { createIds, systemRandom } from '../../src/id.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { declaredIn } from '../../src/mcp-servers/declared.ts'
import { createMcpServers } from '../../src/mcp-servers/servers.ts'
import { createAgentTokens } from '../../src/orchestrator/agent-tools/tokens.ts'
import { createHearings } from '../../src/orchestrator/conversation/hearing.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import { createProfiles } from '../../src/profile/profiles.ts'
import { createAttemptDirectories } from '../../src/runtime/attempt-dir.ts'
import { createProcessRuntime } from '../../src/runtime/process/process.ts'
import { createMeter } from '../../src/runtime/processes/meter.ts'
import { createProcessScan, createProcessTable } from '../../src/runtime/processes/system.ts'
import type { Exchange, Store } from '../../src/store/store.ts'
import { isFinal, type Task } from '../../src/task/task.ts'
import { freePorts } from '../../src/workspace/ports.ts'
import { createRepositoryLock, type RepositoryLock } from '../../src/workspace/repository-lock.ts'
import { applySetup } from '../../src/workspace/setup.ts'
import { createWorktrees } from '../../src/workspace/worktree.ts'
import { until } from './orch.ts'
import { sampleEnv } from './repository.ts'
import { openStore } from './store-choice.ts'
import { temporaryDirectory } from './temporary.ts'

export interface RealParts extends Parts {
  /** Ends what still runs of these agents and closes the store. Done after the test in any case. */
  close(): Promise<void>
}

export interface RealOptions {
  /** State directory; the same one again is what the next daemon finds. */
  state?: string
  config?: Partial<Config>
  /** Of another host, which closes it: then these are the parts of a further one. */
  store?: Store
  /** Then repositories and results go to other hosts through it. The store must be that which the hosts share. */
  exchange?: Exchange
  /** Bytes of one bundle that goes to other hosts. */
  most?: number
  /** Another forge for GitHub than the local one. */
  github?: (deps: { root: string; lock: RepositoryLock['hold'] }) => Forge
  clock?: Clock
  log?: Log
}

/** The daemon's parts, real ones: the store (ORCH_TEST_STORE), worktrees, the local forge, agents without terminal (also those that ask for tmux). */
export async function realParts(options: RealOptions = {}): Promise<RealParts> {
  const paths = pathsIn(options.state ?? temporaryDirectory('orch-parts'))
  const { clock = systemClock, log = silentLog } = options
  const env = { ...sampleEnv, GIT_AUTHOR_NAME: 'T', GIT_AUTHOR_EMAIL: 't@example.org' }
  const git = createGit(exec, env, '/')
  const config = configSchema.parse({ ...HASTY, ...options.config })
  const shared = options.store ?? (await openStore({ state: paths.state, file: paths.store, log }))
  const host = config.hostName ?? 'local'
  const { exchange } = options
  const lock = createRepositoryLock({ clock: systemClock }).hold
  const carried = {
    host,
    forge: paths.forge,
    clones: paths.clones,
    git,
    clock,
    log,
    lock,
    describe: describer(git),
  }
  const carry =
    exchange &&
    openCarry({
      ...carried,
      ...(options.most && { most: options.most }),
      exchange,
      store: { ...shared, exchange },
    })
  const { store = shared, commits } = carry ?? {}
  const system = { platform: process.platform, exec, env }
  const processes = createProcessTable(system)
  const directories = createAttemptDirectories({ root: paths.attempts, clock, processes })
  const withoutTerminal = createProcessRuntime({ root: paths.attempts, env, directories, spawnDetached })
  const bare = createBare({ git, root: paths.forge })
  const local = createLocalForge({ bare, git, records: store.pulls, clock, log, commits })
  const forges = { local, github: options.github?.({ root: paths.forge, lock }) ?? local }
  const workspaces = createWorktrees({ ...worktreeOptions(paths), git, clock, log })
  const breakers = createBreakers({
    clock,
    failures: config.breakerFailures,
    seconds: config.breakerSeconds,
    changed: () => {},
  })
  const parts: Parts = {
    host,
    hosts: { offers: () => undefined, known: async () => [] },
    config,
    paths,
    store,
    drivers: new Map([['command', createCommandDriver({ env })]]),
    breakers,
    hearings: createHearings(store.journal),
    runtimes: { process: withoutTerminal, tmux: { ...withoutTerminal, name: 'tmux' } },
    profiles: createProfiles({ userDirectory: `${paths.state}/profiles` }),
    mcpServers: createMcpServers({
      declared: async (repo) => declaredIn({ config, origins: {} }, repo),
      pins: paths.mcpPins,
      spawnPiped,
      findMarked: async (mark) => (await processes.find({ mark })).map(({ pid }) => pid),
      version: '0.0.0',
      uuid: () => crypto.randomUUID(),
      clock,
      breakers,
      log,
    }),
    directories,
    meter: createMeter({ scan: createProcessScan(system), clock }),
    workspaces,
    carrying: carry?.carrying({ forges, adopt: workspaces.adopt }),
    repositories: createRepositories({ git, exec, env }),
    forges,
    git,
    clock,
    ids: createIds(systemRandom),
    log,
    settings: async () => config,
    applySetup,
    freePorts: (count) => freePorts(count, new Set()),
    runChecks: createCheckRunner({ bare, exec, records: store.pulls, clock, commits }).run,
    programs: fileURLToPath(new URL('../../bin', import.meta.url)),
    agentEnv: env,
    agentTokens: createAgentTokens('5a'.repeat(32)),
    mcpUrl: () => undefined,
  }
  const close = async () => {
    for (const agent of await directories.list()) await directories.stop(agent, 0)
    if (!options.store) await shared.close()
  }
  onTestFinished(close)
  return { ...parts, close }
}

const HASTY = { runtime: 'process', reconcileSeconds: 0.1, backoffSeconds: 0, graceSeconds: 1 } as const

const worktreeOptions = (paths: Paths) => ({
  root: paths.worktrees,
  trash: paths.trash,
  ids: createIds(systemRandom),
  lock: createRepositoryLock({ clock: systemClock }),
})

/** An orchestrator that works, and is let go of after the test. */
export async function beginWith(parts: Parts): Promise<Orchestrator> {
  const orchestrator = createOrchestrator(parts)
  await orchestrator.begin()
  onTestFinished(() => orchestrator.end())
  return orchestrator
}

/** Submits one task: a program of `sh`. Gives the task. */
export async function order(
  orchestrator: Orchestrator,
  repo: string,
  script: string,
  more: object = {},
): Promise<Task> {
  const task = { driver: 'command', argv: ['sh', '-c', script], description: 'Do it', ...more }
  const [made] = await orchestrator.submit({ requestId: crypto.randomUUID(), repo, tasks: [task], env: {} })
  return made as Task
}

/** The task when `probe` holds for it. */
export const taskWhen = (
  parts: Parts,
  { id }: Task,
  what: string,
  probe: (task: Task) => boolean,
): Promise<Task> =>
  until(`${id} ${what}`, async () => {
    const task = (await parts.store.tasks.get(id)) as Task
    return probe(task) && task
  })

export const ended = (parts: Parts, task: Task): Promise<Task> =>
  taskWhen(parts, task, 'is final', ({ state }) => isFinal(state))

type Functions = Record<string, (...args: unknown[]) => unknown>
/** What is asked and answers at once: no moment to be killed at. */
const AT_ONCE = new Set([
  'at',
  'path',
  'watch',
  'onLost',
  'onWatchers',
  'attach',
  'subscribe',
  'onArrival',
  'close',
])

export type Around = <T>(name: string, call: () => Promise<T>) => Promise<T>

/** The same parts with `around` put about every call of a port, known by names like `workspaces.prepare`. */
export function surround(parts: Parts, around: Around): Parts {
  const wrap = <T extends object>(name: string, port: T): T => {
    const wrapped = Object.entries(port as Functions).map(([verb, call]) => {
      if (typeof call !== 'function' || AT_ONCE.has(verb)) return [verb, call]
      return [verb, (...args: unknown[]) => around(`${name}.${verb}`, async () => call(...args))]
    })
    return Object.fromEntries(wrapped) as T
  }
  const own = wrap('parts', {
    settings: parts.settings,
    applySetup: parts.applySetup,
    freePorts: parts.freePorts,
    runChecks: parts.runChecks,
  })
  const forge = wrap('forge', parts.forges.local)
  const runtime = { ...wrap('runtime', parts.runtimes.process), close: parts.runtimes.process.close }
  return {
    ...parts,
    ...own,
    store: {
      ...parts.store,
      tasks: wrap('tasks', parts.store.tasks),
      journal: wrap('journal', parts.store.journal),
      mailboxes: wrap('mailboxes', parts.store.mailboxes),
    },
    directories: wrap('directories', parts.directories),
    workspaces: wrap('workspaces', parts.workspaces),
    repositories: wrap('repositories', parts.repositories),
    forges: { local: forge, github: forge },
    runtimes: { process: runtime, tmux: { ...runtime, name: 'tmux' } },
  }
}
