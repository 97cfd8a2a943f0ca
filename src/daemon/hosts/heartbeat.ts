import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Host, Store } from '../../store/store.ts'

/** Says again and again that this host is there, and removes those that are not. */
export interface Heartbeat {
  begin(): void
  /** Says it now. Never rejects. */
  beat(): Promise<void>
  end(): Promise<void>
  /** Resolves when another daemon has the name by now. */
  readonly taken: Promise<OrchError>
}

export interface HeartbeatOptions {
  name: string
  config: Pick<Config, 'heartbeatSeconds' | 'staleSeconds'>
  store: Pick<Store, 'hosts' | 'exchange'>
  clock: Clock
  log: Log
  /** What is to be said. */
  self: () => Omit<Host, 'joinedAt' | 'seenAt'>
}

/** What has changed is told at once, but not more often than this. */
const NEWS_MS = 1_000
/** Who removes others loses this when he misses so many beats himself. */
const DUTY_BEATS = 3

export function createHeartbeat({ name, config, store, clock, log, self }: HeartbeatOptions): Heartbeat {
  const staleMs = config.staleSeconds * 1_000
  const everyMs = config.heartbeatSeconds * 1_000
  const taken = Promise.withResolvers<OrchError>()
  const stops: (() => void)[] = []
  let told = ''
  let toldAt = 0
  let going: Promise<void> | undefined
  let silent = false

  const removeStale = async () => {
    const now = clock.now()
    for (const { name: lost } of await store.hosts.removeStale(now - staleMs, now))
      log.warn('a host was not heard of for too long', { host: lost })
  }
  /**
   * Whoever came later has the name: a copy of the state directory of a machine is on another one. Not so what a Redis that
   * has forgotten its last second still has of us: that is older than our last word.
   */
  const expectAlone = async ({ instance, pid, address }: ReturnType<typeof self>) => {
    const there = (await store.hosts.list()).find((host) => host.name === name)
    if (there?.instance !== instance || there.seenAt <= toldAt) return
    if (there.pid === pid && there.address === address) return
    const message = `a daemon with a copy of this state directory runs at ${there.address}, pid ${there.pid}, as ${name}`
    throw new OrchError('E_HOST_TAKEN', message, {
      fix: 'Give each machine a state directory of its own: remove the file `instance` of the copy, and start it with another --host-name.',
    })
  }
  const tell = async () => {
    try {
      const said = self()
      await expectAlone(said)
      toldAt = (await store.hosts.beat(said, clock.now(), staleMs)).seenAt
      told = JSON.stringify(said)
      if (silent) log.info('this host is heard of again', { host: name })
      silent = false
      if ((await store.exchange?.duty('hosts', name, clock.now(), DUTY_BEATS * everyMs)) !== false)
        await removeStale()
    } catch (thrown) {
      const error = toOrchError(thrown)
      if (error.code === 'E_HOST_TAKEN') return taken.resolve(error)
      if (!silent) log.warn('this host could not say that it is there', { error })
      silent = true
    }
  }
  const beat = () => {
    going ??= tell().finally(() => {
      going = undefined
    })
    return going
  }

  return {
    taken: taken.promise,
    beat,
    begin() {
      told = JSON.stringify(self())
      toldAt = clock.now()
      stops.push(
        clock.every(everyMs, () => void beat()),
        clock.every(Math.min(NEWS_MS, everyMs), () => {
          if (JSON.stringify(self()) !== told) void beat()
        }),
      )
    },
    async end() {
      for (const stop of stops.splice(0)) stop()
      await going
    },
  }
}
