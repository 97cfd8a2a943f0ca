import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Hono } from 'hono'
import { createAcpDriver } from '../agent/acp/acp.ts'
import type { Driver } from '../agent/agent.ts'
import { createClaudeDriver } from '../agent/claude/claude.ts'
import { createCodexDriver } from '../agent/codex/codex.ts'
import { createCommandDriver } from '../agent/command.ts'
import { createGeminiDriver } from '../agent/gemini/gemini.ts'
import { createOpencodeDriver } from '../agent/opencode/opencode.ts'
import { createPiDriver } from '../agent/pi/pi.ts'
import { ensureToken } from '../api/guard.ts'
import { packageVersion } from '../api/version.ts'
import { type Breakers, createBreakers } from '../breakers.ts'
import { openCarry } from '../carry/open.ts'
import { type Clock, correctedClock, systemClock } from '../clock.ts'
import { type Environment, loadConfig, userProfiles } from '../config/load.ts'
import { mcpVariables } from '../config/mcp-variables.ts'
import { exec, spawnDetached, spawnPiped } from '../exec.ts'
import { createBare } from '../forge/bare.ts'
import { GITHUB_BREAKER, githubBreakers } from '../forge/github/breaker.ts'
import { createGithubForge } from '../forge/github/github.ts'
import { guarded } from '../forge/guarded.ts'
import { createCheckRunner } from '../forge/local/check-runner.ts'
import { createLocalForge } from '../forge/local/local.ts'
import { createGit } from '../git.ts'
import { createIds, systemRandom } from '../id.ts'
import { createMcpApp } from '../mcp/app.ts'
import { createMcpListener, type McpListener } from '../mcp/listener.ts'
import { createToolServers } from '../mcp/server.ts'
import { declaredIn } from '../mcp-servers/declared.ts'
import { createMcpServers } from '../mcp-servers/servers.ts'
import { createAgentCalls } from '../orchestrator/agent-tools/call.ts'
import { type AgentTokens, createAgentTokens } from '../orchestrator/agent-tools/tokens.ts'
import { passedEnv } from '../orchestrator/attempt/agent-env.ts'
import { driverBreaker } from '../orchestrator/breakers.ts'
import { createHearings } from '../orchestrator/conversation/hearing.ts'
import { createOrchestrator } from '../orchestrator/orchestrator.ts'
import type { Parts } from '../orchestrator/parts.ts'
import { createProfiles } from '../profile/profiles.ts'
import { createAttemptDirectories } from '../runtime/attempt-dir.ts'
import { createLimiter } from '../runtime/limits/limits.ts'
import { createProcessRuntime } from '../runtime/process/process.ts'
import { createMeter } from '../runtime/processes/meter.ts'
import { createProcessScan, createProcessTable } from '../runtime/processes/system.ts'
import { createTmuxRuntime } from '../runtime/tmux/tmux.ts'
import type { Store } from '../store/store.ts'
import { freePorts } from '../workspace/ports.ts'
import { createRepositoryLock } from '../workspace/repository-lock.ts'
import { applySetup } from '../workspace/setup.ts'
import { createWorktrees } from '../workspace/worktree.ts'
import { createHandlers } from './handlers/handlers.ts'
import { acrossHosts } from './hosts/across-hosts.ts'
import { createPresence, hostNameOf } from './hosts/host.ts'
import { answerHosts } from './hosts/host-calls.ts'
import type { Compose, Setup } from './lifecycle.ts'
import { createRepositories, describer } from './repositories.ts'
import { type OpenedStore, openStore } from './store/open-store.ts'

/**
 * The composition root: the one place where drivers and adapters are named. The store comes first, because its lock
 * decides who is the daemon. @throws OrchError E_STORE_LOCKED when another one is there.
 */
export const composeDaemon: Compose = async (setup) => {
  const opened = await openStore(setup)
  const { store } = opened
  try {
    const ids = createIds(systemRandom)
    const secret = await ensureToken(setup.paths.agentSecret, ids)
    const instance = await ensureToken(setup.paths.instance, ids)
    return compose(setup, opened, { agentTokens: createAgentTokens(secret), instance })
  } catch (error) {
    await store.close()
    throw error
  }
}

function compose(
  setup: Setup,
  { store, facts: storeFacts }: OpenedStore,
  { agentTokens, instance }: { agentTokens: AgentTokens; instance: string },
): Awaited<ReturnType<Compose>> {
  const endpoint = createMcpListener({ file: setup.paths.mcpPort, log: setup.log })
  const own = createParts(setup, store, { agentTokens, mcpUrl: endpoint.url })
  const presence = createPresence({
    ...own,
    name: own.host,
    instance,
    programs: [...own.drivers.values()].filter(({ takesProgram }) => !takesProgram),
    version: packageVersion(),
    changed: () => orchestrator.wake(),
  })
  const parts: Parts = { ...own, hosts: presence }
  const orchestrator = createOrchestrator(parts)
  const facts = {
    version: packageVersion(),
    startedAt: parts.clock.now(),
    apiUrl: () => readApiUrl(setup),
    store: storeFacts,
  }
  const handlers = createHandlers(parts, orchestrator, facts)
  let unanswering: Awaited<ReturnType<typeof answerHosts>> | undefined
  return {
    handlers: acrossHosts(handlers, parts),
    journal: store.journal,
    broken: presence.taken,
    async begin() {
      await parts.mcpServers.endLeftovers()
      await endpoint.open(mcpFor(parts, endpoint))
      await presence.begin(orchestrator.running)
      await orchestrator.begin()
      unanswering = await answerHosts(handlers, parts)
    },
    async end() {
      await unanswering?.().catch(() => {}) // without a connection nobody asks
      await Promise.all([orchestrator.end(), endpoint.close(CALL_GRACE_MS)])
      await presence.end()
      await Promise.all(Object.values(parts.runtimes).map((runtime) => runtime.stop({ end: true })))
      await store.close()
    },
  }
}

/** What calls of agents that are under way get when the daemon stops, in ms. */
const CALL_GRACE_MS = 1_000

/** Orch's own MCP endpoint. */
function mcpFor(parts: Parts, { port }: McpListener): Hono {
  const { agentTokens, log } = parts
  const factory = createToolServers({ calls: createAgentCalls(parts), version: packageVersion(), log })
  return createMcpApp({ factory, knows: (token) => agentTokens.read(token) !== undefined, port, log })
}

function createParts(
  { environment, paths, config, log }: Setup,
  shared: Store,
  reach: Pick<Parts, 'agentTokens' | 'mcpUrl'>,
): Omit<Parts, 'hosts'> {
  const { env } = environment
  const { exchange } = shared
  const clock = exchange ? correctedClock(systemClock, exchange.clockOffset) : systemClock
  const ids = createIds(systemRandom)
  const git = createGit(exec, env, paths.state)
  const system = { platform: process.platform, exec, env }
  const processes = createProcessTable(system)
  const limiter = createLimiter({ platform: process.platform, exec, env })
  const directories = createAttemptDirectories({ root: paths.attempts, clock, processes, limiter })
  const runtime = { root: paths.attempts, env, clock, log }
  const repositoryLock = createRepositoryLock({ clock })
  const workspaces = createWorktrees({
    git,
    root: paths.worktrees,
    trash: paths.trash,
    clock,
    ids,
    log,
    env,
    lock: repositoryLock,
  })
  const host = hostNameOf(config.hostName, exchange !== undefined)
  const lock = repositoryLock.hold
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
  const carry = exchange && openCarry({ ...carried, store: shared, exchange })
  const { store = shared, commits } = carry ?? {}
  const bare = createBare({ git, root: paths.forge })
  const agentEnv = passedEnv(
    env,
    [...config.passEnv, ...mcpVariables(config)],
    ['ORCH_REDIS', config.redis?.password],
  )
  const drivers = byName([
    createClaudeDriver({ exec, env, uuid: () => crypto.randomUUID() }),
    createCodexDriver({ exec, env, clock }),
    createGeminiDriver({ exec, env }),
    createOpencodeDriver({ exec, env }),
    createPiDriver({ exec, env }),
    createAcpDriver({ env, uuid: () => crypto.randomUUID() }),
    createCommandDriver({ env }),
  ])
  const breakers = openBreakers({ config, log, clock, store }, drivers)
  const github = createGithubForge({ exec, env, git, bare, lock, clock, log })
  const forges = {
    local: createLocalForge({ bare, git, records: store.pulls, clock, log, commits }),
    github: guarded(github, githubBreakers(breakers, git)),
  }
  return {
    host,
    config,
    paths,
    store,
    drivers,
    breakers,
    hearings: createHearings(store.journal),
    runtimes: {
      tmux: createTmuxRuntime({
        ...runtime,
        socket: paths.tmuxSocket,
        configFile: paths.tmuxConfig,
        exec,
        spawnPiped,
      }),
      process: createProcessRuntime({ ...runtime, directories, spawnDetached }),
    },
    profiles: createProfiles({ userDirectory: userProfiles(environment) }),
    mcpServers: createMcpServers({
      declared: async (repo) => declaredIn(await loadConfig(environment, { repo }), repo),
      pins: paths.mcpPins,
      spawnPiped,
      findMarked: async (mark) => (await processes.find({ mark })).map(({ pid }) => pid),
      version: packageVersion(),
      uuid: () => crypto.randomUUID(),
      clock,
      breakers,
      log,
    }),
    ...reach,
    directories,
    meter: createMeter({ scan: createProcessScan(system), clock }),
    workspaces,
    repositories: createRepositories({ git, exec, env }),
    forges,
    carrying: carry?.carrying({ forges, adopt: workspaces.adopt }),
    git,
    clock,
    ids,
    log,
    settings: (repo) => settingsOf(environment, repo),
    applySetup,
    freePorts: portGiver(),
    runChecks: createCheckRunner({ bare, exec, records: store.pulls, clock, commits }).run,
    programs: fileURLToPath(new URL('../../bin', import.meta.url)),
    agentEnv,
  }
}

/** Those of drivers and of GitHub are there from the start, so that the status shows them; MCP servers get theirs when they are asked. */
function openBreakers(
  { config, log, clock, store }: Pick<Setup, 'config' | 'log'> & { clock: Clock; store: Store },
  drivers: Parts['drivers'],
): Breakers {
  const breakers = createBreakers({
    clock,
    failures: config.breakerFailures,
    seconds: config.breakerSeconds,
    changed: ({ name, state, ...more }) => {
      const type = state === 'closed' ? 'breaker.closed' : 'breaker.opened'
      log.warn(type, { name, ...more })
      store.journal
        .append([{ type, at: clock.now(), data: { name, ...more } }])
        .catch((error) => log.error('the journal does not know of a breaker', { name, state, error }))
    },
  })
  for (const { name, takesProgram } of drivers.values()) if (!takesProgram) breakers.of(driverBreaker(name))
  breakers.of(GITHUB_BREAKER)
  return breakers
}

/** Ports that were given lately are not given again: their agents may not have bound them yet. */
function portGiver(): (count: number) => Promise<number[]> {
  const given: number[] = []
  return async (count) => {
    const ports = await freePorts(count, new Set(given))
    given.push(...ports)
    given.splice(0, given.length - REMEMBERED_PORTS)
    return ports
  }
}

const REMEMBERED_PORTS = 500

const byName = (drivers: Driver[]) => new Map(drivers.map((driver) => [driver.name, driver]))

async function settingsOf(environment: Environment, repo: string) {
  return (await loadConfig(environment, { repo })).config
}

async function readApiUrl({ paths }: Setup): Promise<string | undefined> {
  const text = await readFile(paths.apiPort, 'utf8').catch(() => undefined)
  return text && `http://127.0.0.1:${(JSON.parse(text) as { port: number }).port}`
}
