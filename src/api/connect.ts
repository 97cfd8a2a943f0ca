import { existsSync } from 'node:fs'
import { type Clock, systemClock } from '../clock.ts'
import type { Environment } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import { OrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Client, createClient } from './client.ts'
import type { Answer } from './contract.ts'
import { daemonProgram } from './program.ts'
import { prepareStateDirectory } from './state-directory.ts'
import { packageVersion } from './version.ts'

export interface ConnectOptions {
  paths: Paths
  /** The caller's: a daemon that is started lives in it. */
  environment: Pick<Environment, 'env'>
  /** Starts a daemon where none is. */
  autostart: boolean
  /** Is told when daemon and caller are of different versions. */
  log?: Pick<Log, 'warn'>
  clock?: Clock
  /** As of createClient. */
  lines?: boolean
  /** The daemon's program. Default: ours. */
  program?: string
  /** How long a start may take, in ms. Default 30,000. */
  patienceMs?: number
}

/**
 * A client of the daemon of this state directory; starts the daemon when it is not there and that is wanted.
 * @throws OrchError E_DAEMON (none there, hangs, or died at start: with the end of what it printed), E_STATE_DIR.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { paths } = options
  // Who else could put a socket there would be given the variables of our shell: so look before talking to it, too.
  if (options.autostart || existsSync(paths.socket)) await prepareStateDirectory(paths)
  const client = createClient({ socketPath: paths.socket }, { lines: options.lines ?? false })
  try {
    const found = await health(client, paths)
    if (!found) await start(client, options)
    else warnOfVersion(found.version, options.log)
    return client
  } catch (error) {
    client.close()
    throw error
  }
}

/**
 * What the daemon says of itself, undefined when none listens.
 * @throws OrchError E_TIMEOUT when one listens and does not answer.
 */
async function health(client: Client, paths: Paths): Promise<Answer<'health'> | undefined> {
  if (!existsSync(paths.socket)) return undefined
  try {
    return await client.call('health', {}, { timeoutMs: 10_000 })
  } catch (error) {
    const code = (error as { cause?: NodeJS.ErrnoException }).cause?.code
    if (code && ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code)) return undefined
    throw error
  }
}

async function start(client: Client, options: ConnectOptions): Promise<void> {
  if (!options.autostart)
    throw new OrchError('E_DAEMON', 'no daemon is running', { fix: '`orch start` starts it.' })
  const { paths, clock = systemClock, patienceMs = 30_000, environment } = options
  const { startDaemon } = await import('./start.ts')
  await startDaemon({
    paths,
    clock,
    patienceMs,
    environment,
    program: options.program ?? daemonProgram(),
    daemonPid: async () => (await health(client, paths))?.pid,
  })
}

function warnOfVersion(theirs: string, log: Pick<Log, 'warn'> | undefined): void {
  const ours = packageVersion()
  if (theirs === ours) return
  log?.warn(
    `the daemon that runs is version ${theirs}, this is ${ours}: restart it with \`orch stop\` and \`orch start\` (agents go on working)`,
    { daemon: theirs, program: ours },
  )
}
