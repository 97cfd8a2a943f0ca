import { isAbsolute, join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Client } from '../api/client.ts'
import { stateDirectory } from '../config/load.ts'
import { type Paths, pathsIn } from '../config/paths.ts'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { documentLine } from './document.ts'
import { createPaint, type Paint, wantsColour } from './style.ts'
import type { TableOptions } from './table.ts'
import type { World } from './world.ts'

/** What every command is given. */
export interface Cli {
  world: World
  /** Whether `--json` was given. */
  json: boolean
  /** What stands behind `--`. */
  program: string[]
  paths: Paths
  paint: Paint
  /** How tables are to look. */
  layout(): TableOptions
  /** A client of the daemon, which is started when it is not there. Let go of after the command. */
  connect(options?: ConnectWish): Promise<Client>
  /** The repository that is meant: an absolute path, or `HOST:/path` as it was given. */
  repository(given?: string): string
  /** An absolute path from one that a person gave. */
  absolute(path: string): string
  /** The result of the command: one JSON document, or the text. */
  answer(kind: string, data: object, text: () => string): void
  /** A word beside the result, on standard error. */
  note(text: string): void
  /** Exit code of a command that ends without an error. */
  exit(code: number): void
  /** The whole tree of commands, for completion. */
  tree(): Promise<Command>
}

export interface ConnectWish {
  autostart: boolean
  /** Of a daemon that is started, beside those of the person. */
  variables?: Env
}

export interface Ended {
  code: number
  close(): void
}

/** @throws OrchError E_STATE_DIR, when a command asks for paths and the directory is no absolute path. */
export function createCli(
  world: World,
  given: Pick<Cli, 'json' | 'program' | 'tree'>,
): Cli & { ended: Ended } {
  const { environment, out, err } = world
  const clients: Client[] = []
  const ended: Ended = {
    code: 0,
    close: () => {
      for (const client of clients) client.close()
    },
  }
  const paint = createPaint(wantsColour(environment))
  const absolute = (path: string) => (isAbsolute(path) ? join(path) : resolve(environment.cwd, path))
  const cli: Cli = {
    world,
    ...given,
    get paths() {
      return pathsIn(stateDirectory(environment))
    },
    paint,
    layout: () => ({ width: environment.stdoutTty ? world.size().columns : Infinity, paint }),
    async connect(options: ConnectWish = { autostart: true }) {
      const { connect } = await import('../api/connect.ts')
      const log = { warn: (text: string) => cli.note(`note: ${text}`) }
      const env = { ...environment.env, ...options.variables }
      const once = (autostart: boolean) =>
        connect({ paths: cli.paths, environment: { ...environment, env }, log, autostart })
      const waits =
        options.autostart && (environment.env.ORCH_AGENT ?? environment.env.ORCH_AGENT_TOKEN) !== undefined
      const client = await (waits ? waitForDaemon(once, world.clock, cli.note) : once(options.autostart))
      clients.push(client)
      return client
    },
    repository: (path = '.') => (/^[a-z0-9][a-z0-9.-]*:\//.test(path) ? path : absolute(path)),
    absolute,
    answer: (kind, data, text) => out(given.json ? documentLine(kind, data) : text()),
    note: (text) => err(`${text}\n`),
    exit: (code) => {
      ended.code = code
    },
  }
  return Object.assign(cli, { ended })
}

const PATIENCE_MS = 30_000
const LOOK_MS = 250

/** A daemon that an agent started would have the agent's environment, be its child, and be stopped with it. */
async function waitForDaemon(
  connect: (autostart: false) => Promise<Client>,
  clock: World['clock'],
  note: (text: string) => void,
): Promise<Client> {
  const begin = clock.now()
  for (let first = true; ; first = false, await clock.sleep(LOOK_MS)) {
    try {
      return await connect(false)
    } catch (error) {
      if (!(error instanceof OrchError) || error.code !== 'E_DAEMON') throw error
      if (first) note('note: waiting for the daemon')
      if (clock.now() < begin + PATIENCE_MS) continue
      throw new OrchError('E_DAEMON', 'no daemon is running, and none is started from an agent', {
        fix: 'Try again in a minute; `orch start` outside of agents starts it.',
        cause: error,
      })
    }
  }
}
