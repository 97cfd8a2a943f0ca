import { existsSync } from 'node:fs'
import { askAgain, type Patience } from '../api/ask-again.ts'
import type { Client } from '../api/client.ts'
import { OrchError, toOrchError } from '../errors.ts'
import type { Cli } from './cli.ts'

/** How long a daemon that a person stopped, one that dies again and again, and a store may stay away, in ms. */
const PATIENCE_MS = 30_000
const LOOK_MS = 250

interface Watching {
  /** Ends the waiting. */
  signal: AbortSignal
  /** Tells the person. */
  say: (text: string) => void
}

/**
 * A client for commands that watch: it survives the daemon, and a store that is out of reach for a while. A daemon that died is
 * started again; one that was stopped is somebody's wish, so it is waited for only. @throws OrchError E_DAEMON, E_STORE_DOWN
 */
export function patientClient(cli: Cli, client: Client, { signal, say }: Watching): Client {
  const storeDown = storeWait(cli, say, signal)
  const lost = async () => {
    // Who stops removes its socket, who dies leaves it.
    const died = existsSync(cli.paths.socket)
    if (!died) {
      say('note: the daemon was stopped; agents work on. Waiting for `orch start`')
      await comeBack(cli, signal)
    }
    if (signal.aborted) return
    try {
      await cli.connect()
    } catch (error) {
      if (toOrchError(error).code !== 'E_STORE_DOWN') throw error
      return await storeDown() // none can be started meanwhile
    }
    if (died) say('note: the daemon had died and was started again; agents went on')
  }
  return {
    ...client,
    call: (...args) =>
      askAgain(() => client.call(...args), {
        clock: cli.world.clock,
        ms: PATIENCE_MS,
        again: () => !signal.aborted,
        wait: ({ code }) => (code === 'E_DAEMON' ? lost() : storeDown()),
      }),
    events: (options = {}) => client.events({ ...options, lost }),
  }
}

/** How a call that is made again waits: for a daemon, which is started as for any command, or for its store. */
export function patience(
  cli: Pick<Cli, 'connect' | 'note' | 'world'>,
  signal?: AbortSignal,
): Pick<Patience, 'clock' | 'ms' | 'wait'> {
  const storeDown = storeWait(cli, cli.note, signal)
  return {
    clock: cli.world.clock,
    ms: PATIENCE_MS,
    wait: async ({ code }) => void (await (code === 'E_DAEMON' ? cli.connect() : storeDown())),
  }
}

/** Waits a little for a store that is out of reach; tells it the first time. */
function storeWait(
  { world: { clock } }: Pick<Cli, 'world'>,
  say: Watching['say'],
  signal?: AbortSignal,
): () => Promise<void> {
  let told = false
  return async () => {
    if (!told) say('note: the store of the daemon cannot be reached; agents work on. Waiting for it')
    told = true
    await clock.sleep(LOOK_MS, signal)
  }
}

async function comeBack({ paths, world: { clock } }: Cli, signal: AbortSignal): Promise<void> {
  const end = clock.now() + PATIENCE_MS
  while (!existsSync(paths.socket) && !signal.aborted) {
    if (clock.now() >= end) throw new OrchError('E_DAEMON', 'the daemon was stopped')
    await clock.sleep(LOOK_MS, signal)
  }
}
