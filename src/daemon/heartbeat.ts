import type { Clock } from '../clock.ts'
import type { Config } from '../config/schema.ts'
import { type OrchError, toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Host, Store } from '../store/store.ts'

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
  let going: Promise<void> | undefined
  let silent = false

  const removeStale = async () => {
    const now = clock.now()
    for (const { name: lost } of await store.hosts.removeStale(now - staleMs, now))
      log.warn('a host was not heard of for too long', { host: lost })
  }
  const tell = async () => {
    try {
      const said = self()
      await store.hosts.beat(said, clock.now(), staleMs)
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
