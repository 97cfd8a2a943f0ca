import { hostname as machineName } from 'node:os'
import type { Clock } from '../../clock.ts'
import type { Config } from '../../config/schema.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Hosts } from '../../orchestrator/hosts.ts'
import type { Host, Store } from '../../store/store.ts'
import { createHeartbeat } from './heartbeat.ts'
import { createOffers, offersOf, type Program } from './offers.ts'

/** This daemon among those that share its store: what it is called, what it offers, and that it is still there. */
export interface Presence extends Hosts {
  /**
   * Joins, and says from now on that it is there. `running`: agents at work.
   * @throws OrchError E_HOST_TAKEN when another daemon has the name, E_STORE_DOWN
   */
  begin(running: () => number): Promise<void>
  /** Leaves. */
  end(): Promise<void>
  /** Resolves when another daemon has taken the name while this one could not be heard: it must not go on. */
  readonly taken: Promise<OrchError>
}

export interface PresenceOptions {
  name: string
  /** Of the state directory. */
  instance: string
  config: Pick<Config, 'hostLabels' | 'hostAddress' | 'heartbeatSeconds' | 'staleSeconds' | 'totalAgents'>
  store: Pick<Store, 'hosts' | 'exchange'>
  programs: readonly Program[]
  version: string
  clock: Clock
  log: Log
  /** Called when it offers something else than before. */
  changed: () => void
}

/**
 * The name of this host: what was configured; else `local` for a store of its own, and what this machine is called for one
 * that is shared, in letters that every place takes.
 */
export function hostNameOf(configured: string | undefined, shared: boolean, machine = machineName()): string {
  if (configured || !shared) return configured ?? 'local'
  const safe = machine
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
  return safe.slice(0, 63) || 'host'
}

/** A host is stale when it has missed three beats. */
export const isStale = (
  { seenAt }: Pick<Host, 'seenAt'>,
  now: number,
  { heartbeatSeconds }: Pick<Config, 'heartbeatSeconds'>,
): boolean => seenAt < now - 3 * heartbeatSeconds * 1_000

export const createPresence = (options: PresenceOptions): Presence =>
  options.store.exchange ? amongOthers(options) : alone(options)

/** It tells nobody, and offers all that it knows: nobody else could do better. */
function alone(options: PresenceOptions): Presence {
  const { name, programs } = options
  const offers = offersOf({ host: name, labels: options.config.hostLabels, programs })
  const joinedAt = options.clock.now()
  let running = () => 0
  return {
    offers: () => offers,
    known: async () => [{ ...describe(options, offers, running()), joinedAt, seenAt: options.clock.now() }],
    async begin(count) {
      running = count
    },
    end: async () => {},
    taken: new Promise(() => {}),
  }
}

/** Programs are installed and removed under a daemon that runs for weeks. */
const LOOK_MS = 5 * 60_000

function amongOthers(options: PresenceOptions): Presence {
  const { name, instance, config, store, clock, log } = options
  const offers = createOffers({
    host: name,
    labels: config.hostLabels,
    programs: options.programs,
    log,
  })
  let running = () => 0
  let joinedAt = clock.now()
  let stopLooking = () => {}
  let taken = false
  const self = () => describe(options, offers.now(), running())
  const heartbeat = createHeartbeat({ name, config, store, clock, log, self })
  void heartbeat.taken.then(() => {
    taken = true
  })
  /** Not before the first beat: to ask programs takes seconds, and who waits for this daemon needs no agent yet. */
  const look = async () => {
    if (!(await offers.look())) return
    options.changed()
    await heartbeat.beat()
  }

  return {
    taken: heartbeat.taken,
    offers: offers.now,
    async known() {
      const others = (await store.hosts.list()).filter((host) => host.name !== name)
      const own = { ...self(), joinedAt, seenAt: clock.now() }
      return [...others, own].sort((one, other) => (one.name < other.name ? -1 : 1))
    },
    async begin(count) {
      running = count
      const joined = await store.hosts
        .beat(self(), clock.now(), config.staleSeconds * 1_000)
        .catch(async (error) => {
          throw await refusal(error, options)
        })
      joinedAt = joined.joinedAt
      heartbeat.begin()
      stopLooking = clock.every(LOOK_MS, () => void look())
      void look()
    },
    async end() {
      stopLooking()
      await heartbeat.end()
      if (taken) return
      await store.hosts
        .leave(name, instance, clock.now())
        .catch((error) => log.warn('this host could not say that it goes', { error }))
    },
  }
}

function describe(
  { name, instance, config, version }: PresenceOptions,
  offers: readonly string[],
  running: number,
) {
  return {
    name,
    instance,
    offers: [...offers],
    capacity: config.totalAgents,
    running,
    version,
    pid: process.pid,
    address: config.hostAddress ?? machineName(),
  }
}

/** Who has the name, and until when. */
async function refusal(thrown: unknown, { name, store, config, clock }: PresenceOptions): Promise<OrchError> {
  const error = toOrchError(thrown)
  if (error.code !== 'E_HOST_TAKEN') return error
  const other = (await store.hosts.list().catch(() => [])).find((host) => host.name === name)
  if (!other) return error
  const seconds = Math.max(0, Math.round((clock.now() - other.seenAt) / 1_000))
  return new OrchError(
    'E_HOST_TAKEN',
    `another orchd with the name ${name} takes tasks of this store: ${other.address}, pid ${other.pid}, heard of ${seconds} s ago`,
    {
      fix: `Start this one with a name of its own (orch start --host-name NAME, setting hostName), or stop the other one; ${config.staleSeconds} s after it was heard of last the name is free.`,
    },
  )
}
