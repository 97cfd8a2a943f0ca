import { existsSync } from 'node:fs'
import { type Clock, systemClock } from '../clock.ts'
import { type Environment, stateDirectory, systemEnvironment } from '../config/load.ts'
import { pathsIn } from '../config/paths.ts'
import { askAgain, neverArrived } from './ask-again.ts'
import type { CallOptions, Client } from './client.ts'
import { connect } from './connect.ts'
import type { RouteName } from './contract.ts'
import { routeTable } from './route-table.ts'

/** How a program reaches the daemon. */
export interface ProgramOptions {
  /** Absolute path. Default: ORCH_STATE_DIR, else where Orch keeps its state. */
  stateDir?: string
  /** Starts the daemon when none is there, and again when it dies. Default true. */
  autostart?: boolean
  /** How long a call waits for a daemon that went away, or for its store, in ms. Default 60,000. */
  patienceMs?: number
  clock?: Clock
}

/** @throws OrchError E_DAEMON, E_STATE_DIR */
export async function connectProgram(options: ProgramOptions = {}): Promise<Client> {
  return lasting(await connectOnce(options, options.autostart ?? true), options)
}

const environmentOf = ({ stateDir }: ProgramOptions): Environment => {
  const environment = systemEnvironment()
  if (stateDir === undefined) return environment
  return { ...environment, env: { ...environment.env, ORCH_STATE_DIR: stateDir } }
}

function connectOnce(options: ProgramOptions, autostart: boolean): Promise<Client> {
  const environment = environmentOf(options)
  return connect({ paths: pathsIn(stateDirectory(environment)), environment, autostart, lines: true })
}

const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 1_000

/**
 * A client whose calls outlive a daemon that is killed and a store that is out of reach: each is made again until it is
 * answered, when it may be made twice or never arrived. A daemon that died is started again; one that was stopped is waited for.
 */
function lasting(client: Client, options: ProgramOptions): Client {
  const { clock = systemClock, patienceMs = 60_000, autostart = true } = options
  const { socket } = pathsIn(stateDirectory(environmentOf(options)))
  const closing = new AbortController()
  const back = async () => {
    if (!autostart || !existsSync(socket)) return // who stops removes its socket, who dies leaves it
    const found = await connectOnce(options, true).catch(() => undefined) // the next call tells what is wrong
    found?.close()
  }
  const untilClosed = (given?: AbortSignal) => AbortSignal.any([closing.signal, ...(given ? [given] : [])])
  const call = (...args: Call): Promise<unknown> => {
    const given = args[2]?.signal
    const isOver = () => closing.signal.aborted || given?.aborted
    return askAgain(() => (client.call as (...them: unknown[]) => Promise<unknown>)(...args), {
      clock,
      ms: patienceMs,
      again: (error) => !isOver() && (neverArrived(error) || mayBeTwice(args)),
      async wait({ code }, round) {
        await clock.sleep(Math.min(FIRST_WAIT_MS * 2 ** round, LONGEST_WAIT_MS), untilClosed(given))
        if (code === 'E_DAEMON' && !isOver()) await back()
      },
    })
  }
  return {
    call: call as Client['call'],
    events: (given = {}) =>
      client.events({ patienceMs, ...given, lost: back, signal: untilClosed(given.signal) }),
    close() {
      closing.abort()
      client.close()
    },
  }
}

type Call = [name: RouteName, input?: unknown, options?: CallOptions]

/** What changes nothing the second time, beside all that only asks. */
const REPEATABLE = new Set<RouteName>([
  'submit',
  'openMailbox',
  'closeMailbox',
  'receive',
  'acknowledge',
  'giveBack',
])

function mayBeTwice([name, input]: Call): boolean {
  const { body } = (input ?? {}) as { body?: { id?: unknown } }
  const named = name === 'sendMessage' && body?.id !== undefined
  return routeTable[name].method === 'GET' || REPEATABLE.has(name) || named
}
