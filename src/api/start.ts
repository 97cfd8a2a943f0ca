import { closeSync, fstatSync, ftruncateSync, openSync, readSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Environment } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import { type ErrorCode, OrchError } from '../errors.ts'
import { signalProcess, spawnDetached } from '../exec.ts'
import { plainText } from '../text.ts'
import { daemonArgv } from './program.ts'

/** Starting the daemon from the outside, and waiting until it answers. */

export interface StartOptions {
  paths: Paths
  environment: Pick<Environment, 'env'>
  clock: Clock
  patienceMs: number
  program: string
  /** Process id of the daemon that answers. */
  daemonPid: () => Promise<number | undefined>
}

/** Where nothing can be watched, and for the moments between file and answer: how often we look ourselves. */
const LOOK_MS = 100
/** A daemon that found another one in its place leaves it this long to answer before we start one again. */
const SUCCESSOR_MS = 1_000
const LARGEST_OUTPUT = 1_048_576
const TAIL = 2_000

/**
 * Starts the daemon and returns when one answers. Several may start it at once: the store's lock lets one live, the
 * others leave with 0, and whoever started them finds the one that lives.
 * @throws OrchError E_DAEMON when it dies, with the end of what it printed, or when none answers in time.
 */
export async function startDaemon(options: StartOptions): Promise<void> {
  const { clock, paths } = options
  const deadline = clock.now() + options.patienceMs
  const runDirectory = watchDirectory(dirname(paths.socket))
  try {
    while (clock.now() < deadline) {
      if (await startOnce(options, deadline, runDirectory.change)) return
    }
  } finally {
    runDirectory.close()
  }
  throw new OrchError('E_DAEMON', `no daemon answered within ${options.patienceMs} ms; see ${paths.log}`)
}

/** True when a daemon answers; false when ours left in peace and no other one came up. */
async function startOnce(
  options: StartOptions,
  deadline: number,
  change: () => Promise<void>,
): Promise<boolean> {
  const { clock } = options
  const started = spawnDaemon(options)
  try {
    let leftAt: number | undefined
    while (clock.now() < deadline) {
      const code = started.exitCode()
      if (code !== undefined) leftAt ??= clock.now()
      const there = await present(started, options)
      if (there !== undefined) return there
      if (code) throw died(options.paths, code, started.printed())
      if (leftAt !== undefined && clock.now() - leftAt > SUCCESSOR_MS) return false
      const looked = new AbortController()
      const over = leftAt === undefined ? [started.exited] : []
      await Promise.race([change(), clock.sleep(LOOK_MS, looked.signal), ...over])
      looked.abort()
    }
    return false
  } finally {
    started.release()
  }
}

/** Whether a daemon answers, when ours has made way for another one; undefined while ours may still come. */
async function present(
  started: ReturnType<typeof spawnDaemon>,
  { clock, daemonPid }: StartOptions,
): Promise<boolean | undefined> {
  const pid = await daemonPid()
  if (pid === undefined || pid === started.pid) return pid === undefined ? undefined : true
  await started.leave(clock)
  if ((await daemonPid()) !== undefined) return true
  return started.exitCode() === undefined ? undefined : false // the other one died just now
}

function spawnDaemon({ paths, environment, program }: StartOptions) {
  const output = openSync(paths.output, 'a+', 0o600)
  if (fstatSync(output).size > LARGEST_OUTPUT) ftruncateSync(output)
  const begin = fstatSync(output).size
  const child = spawnDetached(daemonArgv(program), {
    cwd: paths.state,
    env: environment.env,
    stdout: output,
    stderr: output,
  })
  let code: number | undefined
  const exited = new Promise<void>((resolve) => {
    const end = (status: number) => {
      code ??= status
      resolve()
    }
    child.once('exit', (status) => end(status ?? 1))
    child.once('error', () => end(1))
  })
  return {
    pid: child.pid,
    exited,
    /**
     * Another one is the daemon: ours, still on its way, must not take its place when that one is stopped. It stays if it
     * has taken it already, because that one died: daemon/process.ts.
     */
    leave: async (clock: Clock) => {
      if (code !== undefined || child.pid === undefined) return
      signalProcess(child.pid, 'SIGHUP')
      const waited = new AbortController()
      await Promise.race([exited, clock.sleep(SUCCESSOR_MS, waited.signal)])
      waited.abort()
    },
    exitCode: () => code,
    printed: () => readFrom(output, begin),
    release: () => closeSync(output),
  }
}

/** The end of what was written after `begin`. */
function readFrom(file: number, begin: number): string {
  const end = fstatSync(file).size
  const from = Math.max(begin, end - TAIL)
  const bytes = Buffer.alloc(Math.max(0, end - from))
  readSync(file, bytes, 0, bytes.length, from)
  return plainText(bytes.toString('utf8')).trim()
}

/** Nothing is wrong with the daemon: what it needs is not there (`refuse` of daemon/process.ts prints it like this). */
const STORE_REFUSED = /orchd: (?<code>E_STORE_DOWN|E_HOST_TAKEN): (?<what>.*)\n(?<fix>.*)$/s

function died(paths: Paths, code: number, printed: string): OrchError {
  const refused = STORE_REFUSED.exec(printed)?.groups
  if (refused) return new OrchError(refused.code as ErrorCode, refused.what ?? '', { fix: refused.fix })
  const message = `the daemon ended at its start with code ${code}:\n${printed || '(it printed nothing)'}`
  return new OrchError('E_DAEMON', message, {
    fix: `Mend what it names, then try again. All it printed: ${paths.output}; its log: ${paths.log}`,
    details: { code, output: paths.output, log: paths.log },
  })
}

/** `change` resolves with the next change in the directory; never, where the system has no watch left to give. */
function watchDirectory(directory: string) {
  let next = Promise.withResolvers<void>()
  const changed = () => {
    next.resolve()
    next = Promise.withResolvers()
  }
  try {
    const watcher = watch(directory, changed)
    watcher.on('error', () => {})
    return { change: () => next.promise, close: () => watcher.close() }
  } catch {
    return { change: () => next.promise, close: () => {} }
  }
}
