import { existsSync } from 'node:fs'
import type { Client } from '../api/client.ts'
import { OrchError, toOrchError } from '../errors.ts'
import type { Cli } from './cli.ts'

/** How long a daemon that a person stopped may stay away, and one that dies again and again is asked again, in ms. */
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
  const lost = async () => {
    // Who stops removes its socket, who dies leaves it.
    const died = existsSync(cli.paths.socket)
    if (!died) {
      say('note: the daemon was stopped; agents work on. Waiting for `orch start`')
      await comeBack(cli, signal)
    }
    if (!signal.aborted) await cli.connect()
    if (died) say('note: the daemon had died and was started again; agents went on')
  }
  let told = false
  const storeDown = async () => {
    if (!told) say('note: the store of the daemon cannot be reached; agents work on. Waiting for it')
    told = true
    await cli.world.clock.sleep(LOOK_MS, signal)
  }
  return {
    ...client,
    call: async (...args) => {
      let lostAt: number | undefined
      for (;;) {
        try {
          return await client.call(...args)
        } catch (error) {
          const now = cli.world.clock.now()
          lostAt ??= now
          if (signal.aborted || now - lostAt > PATIENCE_MS) throw error
          const { code } = toOrchError(error)
          if (code === 'E_DAEMON') await lost()
          else if (code === 'E_STORE_DOWN') await storeDown()
          else throw error
        }
      }
    },
    events: (options = {}) => client.events({ ...options, lost }),
  }
}

async function comeBack({ paths, world: { clock } }: Cli, signal: AbortSignal): Promise<void> {
  const end = clock.now() + PATIENCE_MS
  while (!existsSync(paths.socket) && !signal.aborted) {
    if (clock.now() >= end) throw new OrchError('E_DAEMON', 'the daemon was stopped')
    await clock.sleep(LOOK_MS, signal)
  }
}
