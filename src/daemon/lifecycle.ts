import type { Handlers } from '../api/contract.ts'
import { ensureToken } from '../api/guard.ts'
import { createLines } from '../api/line-server.ts'
import { type Served, type ServeOptions, serve } from '../api/serve.ts'
import { createApi } from '../api/server.ts'
import { prepareStateDirectory } from '../api/state-directory.ts'
import { packageVersion } from '../api/version.ts'
import { type Environment, loadConfig, stateDirectory } from '../config/load.ts'
import { type Paths, pathsIn } from '../config/paths.ts'
import type { Config } from '../config/schema.ts'
import { type OrchError, toOrchError } from '../errors.ts'
import { createIds, systemRandom } from '../id.ts'
import type { EventType } from '../journal/journal.ts'
import { createLog, type Log } from '../log.ts'
import type { Journal } from '../store/store.ts'

/**
 * The daemon's own life: directory, log, configuration, store (whose lock decides who is the daemon), socket; and back.
 * Stopping is a courtesy, not a need: whatever a `kill -9` leaves behind, the next start is fit for.
 */

export interface Setup {
  environment: Environment
  paths: Paths
  config: Config
  log: Log
}

/** Everything behind the API. Owning it means owning the store. */
export interface Composed {
  handlers: Handlers
  journal: Journal
  /** Resolves with what makes it impossible to go on: the daemon stops then, agents are left to whoever has their tasks. */
  broken?: Promise<OrchError>
  /** Takes up what is there and begins to work. */
  begin(): Promise<void>
  /** Ends the work, and with `agents` the agents too; lets the store go. */
  end(options: { agents: boolean }): Promise<void>
}

/** @throws OrchError E_STORE_LOCKED when another daemon is there. */
export type Compose = (setup: Setup) => Promise<Composed>

export interface Daemon {
  /** Safe to call twice. */
  stop(options: { agents: boolean }): Promise<void>
  /** Resolves when a stop begins, whoever asked for it, and when it is done. */
  stopping: Promise<void>
  stopped: Promise<void>
}

/** What requests under way get when the daemon stops, in ms. */
const REQUEST_GRACE_MS = 2_000

/** Directory, configuration and log: what is needed to say why the rest failed. @throws OrchError E_STATE_DIR, E_CONFIG */
export async function prepareDaemon(environment: Environment): Promise<Setup> {
  const paths = pathsIn(stateDirectory(environment))
  await prepareStateDirectory(paths)
  const { config } = await loadConfig(environment)
  return { environment, paths, config, log: createLog(paths.log, config.logLevel) }
}

/** Starts the daemon. @throws OrchError E_STORE_LOCKED, E_DAEMON (an address is taken), and what `compose` throws. */
export async function startDaemon(setup: Setup, compose: Compose): Promise<Daemon> {
  const composed = await compose(setup)
  try {
    await composed.begin()
    return await open(setup, composed)
  } catch (error) {
    await composed.end({ agents: false })
    throw error
  }
}

async function open(setup: Setup, composed: Composed): Promise<Daemon> {
  const { log } = setup
  const ending = new AbortController()
  // A request can come, and be `stop`, before the line after `serve` is reached: so all that it needs is there first.
  const serving = Promise.withResolvers<Served>()
  const daemon = stoppingOnce(async (options) => {
    log.info('stopping', options)
    // Nothing that is wrong with the journal, as a full disk, leaves the rest of the stop undone.
    await note(composed.journal, log, 'daemon.stopped', options).catch((error) =>
      log.error('the journal does not know of the stop', { error }),
    )
    ending.abort()
    await (await serving.promise).close(REQUEST_GRACE_MS)
    await composed.end(options)
    log.info('stopped')
  })
  const handlers = stoppable(composed.handlers, (options) => void daemon.stop(options))
  const answering = { handlers, log, ending: ending.signal }
  const api = createApi({ ...answering, journal: composed.journal })
  const lines = createLines(answering)
  const served = await serve({ api, lines, paths: setup.paths, ...(await tcpOf(setup)) })
  serving.resolve(served)
  void composed.broken?.then((error) => {
    log.error('cannot go on', { error })
    void daemon.stop({ agents: false })
  })
  log.info('started', { version: packageVersion(), pid: process.pid, port: served.port })
  await note(composed.journal, log, 'daemon.started', { version: packageVersion(), port: served.port })
  return daemon
}

async function tcpOf({ config, paths }: Setup): Promise<Pick<ServeOptions, 'tcp'>> {
  if (config.apiPort === undefined) return {}
  const token = await ensureToken(paths.token, createIds(systemRandom))
  return { tcp: { port: config.apiPort, token } }
}

function stoppingOnce(end: (options: { agents: boolean }) => Promise<void>): Daemon {
  const stopping = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  let asked = false
  return {
    stopping: stopping.promise,
    stopped: stopped.promise,
    stop: (options) => {
      if (!asked) end(options).then(stopped.resolve, stopped.reject)
      asked = true
      stopping.resolve()
      return stopped.promise
    },
  }
}

/** The verb `stop` ends the agents when asked, answers, and then the daemon goes. */
function stoppable(handlers: Handlers, stop: (options: { agents: boolean }) => void): Handlers {
  return {
    ...handlers,
    stop: async (input) => {
      const answer = await handlers.stop(input)
      // Closing lets answers under way out: this one is, by then.
      setImmediate(() => stop({ agents: input.body.agents }))
      return answer
    },
  }
}

/** A store that is out of reach keeps no daemon from coming or going. */
async function note(
  journal: Journal,
  log: Log,
  type: EventType,
  data: Record<string, unknown>,
): Promise<void> {
  try {
    await journal.append([{ type, at: Date.now(), data: { pid: process.pid, ...data } }])
  } catch (error) {
    if (toOrchError(error).code !== 'E_STORE_DOWN') throw error
    log.warn('the journal does not know of it', { type, error })
  }
}
