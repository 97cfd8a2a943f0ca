import type { Environment } from '../config/load.ts'
import { toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Compose, type Daemon, prepareDaemon, startDaemon } from './lifecycle.ts'

/**
 * A graceful stop takes less; what hangs longer, at its start or end, is left as a crash would leave it. Its code is 0 however it
 * went: a service would start again what ends with another one, and this one was to stop.
 */
const STOP_MS = 5_000

/**
 * Is the daemon for the rest of this process. TERM and INT stop it, agents live on; HUP ends it only as long as it has
 * no store. Whatever nobody caught ends it at once: the next start takes up what is there, and that is safer than to go on in an unknown state.
 */
export async function liveAsDaemon(environment: Environment, compose: Compose): Promise<void> {
  process.umask(0o077)
  let log: Log | undefined
  let daemon: Daemon | undefined
  const crash = (error: unknown) => {
    log?.error('crashed', { error })
    console.error(error)
    process.exit(70)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
  let owns = false
  // Who started us has found another daemon. If that one died meanwhile, and the store is ours, we are what was wanted.
  process.on('SIGHUP', () => owns || process.exit(0))
  const cutOff = () => {
    log?.warn('stopping takes too long: cut off')
    process.exit(0)
  }
  let asked = false
  const stop = () => {
    if (!asked) setTimeout(cutOff, STOP_MS) // the start may hang, too
    asked = true
    void daemon?.stop({ agents: false })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    const setup = await prepareDaemon(environment)
    log = setup.log
    daemon = await startDaemon(setup, async (given) => {
      const composed = await compose(given)
      owns = true
      return composed
    })
  } catch (error) {
    return refuse(error, log)
  }
  if (asked) stop()
  await daemon.stopping
  setTimeout(cutOff, STOP_MS)
  await daemon.stopped.catch((error) => log?.error('did not stop in order', { error }))
  process.exit(0)
}

/** Another daemon that is there already is what was wanted: no word, no error. */
function refuse(thrown: unknown, log: Log | undefined): never {
  const error = toOrchError(thrown)
  if (error.code === 'E_STORE_LOCKED') process.exit(0)
  log?.error('did not start', { error })
  console.error(`orchd: ${error.code}: ${error.message}\n${error.fix}`)
  if (error.code === 'E_INTERNAL') console.error(error.cause ?? error)
  process.exit(error.exit)
}
