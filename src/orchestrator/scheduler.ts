import { HELD_STATES, type Task, type TaskState } from '../task/task.ts'
import { agentName } from './agent-name.ts'
import { cancelOrphans } from './cancel.ts'
import type { Crew } from './crew.ts'
import { forgetOld } from './forgetting.ts'
import { leaseMsOf } from './lease.ts'
import { tendMail } from './mail-upkeep.ts'
import { isOutOfReach, watchReach } from './outage.ts'
import type { Parts } from './parts.ts'
import { hurryAll } from './postman.ts'
import type { Strays } from './strays.ts'
import { createTenure } from './tenure.ts'

/** Claims what is due while there is room, and moves the store to the truth: reconcile, don't remember. */
export interface Scheduler {
  /** Takes up what this host holds, then begins to claim. */
  begin(): Promise<void>
  /** Looks at what is held here, and for work, now; before begin() and after end() it does nothing. */
  wake(): void
  /** Only looks for work: cheap, for what happens often. */
  claim(): void
  end(): Promise<void>
}

/** Agents that nobody owns are looked for this often; taking up held tasks happens every reconcileSeconds. */
const STRAYS_MS = 30_000
const PRUNE_MS = 10 * 60_000
/** Who has a duty and does not come back to it for so long has lost it. */
const DUTY_MS = 60_000

export function createScheduler(parts: Parts, crew: Crew, strays: Strays): Scheduler {
  const { store, clock, config, host } = parts
  const leaseMs = leaseMsOf(parts)
  const tenure = createTenure(parts, crew, strays)
  const timers: { stop(): void; idle(): Promise<void> }[] = []
  let working = Promise.resolve()
  let asked: { takeUp: boolean } | undefined
  let open = false
  let unwatch = () => {}
  /** Repositories of the tasks at work here: when it was looked last, and of those that were claimed since. */
  let places: string[] = []

  const takeUp = async () => {
    const held = await store.tasks.list({ host, states: [...HELD_STATES] })
    for (const task of held) crew.drive(task)
    places = placesTaken(held)
  }
  const claimAll = async () => {
    const limitOf = limits(parts)
    while (open && places.length < config.totalAgents) {
      const full = await fullRepositories(places, limitOf)
      const except = [...full, ...(parts.carrying?.away() ?? [])]
      const claimed = await store.tasks.claim({
        host,
        now: clock.now(),
        leaseMs,
        except,
        offers: parts.hosts.offers(),
        agent: agentName,
      })
      if (!claimed) return
      places.push(claimed.task.spec.repo)
      crew.drive(claimed.task)
    }
  }
  /** One pass after another, never two at once; asks during a pass are answered by one more. */
  const ask = (how: { takeUp: boolean }) => {
    if (!open) return
    if (asked) {
      asked.takeUp ||= how.takeUp
      return
    }
    const own = { ...how }
    asked = own
    working = working.then(async () => {
      asked = undefined
      if (isOutOfReach(store)) return // it is looked again when it is back
      try {
        if (own.takeUp) await takeUp()
        await claimAll()
      } catch (error) {
        parts.log.error('looking for work failed', { error })
      }
    })
  }
  const wake = () => ask({ takeUp: true })
  /** What is still held is known first: nothing is taken up that is somebody else's by now. */
  const reconcile = async () => {
    await tenure.renew()
    wake()
  }
  /** What one host is enough for. */
  const onDuty = (name: string, act: (parts: Parts) => Promise<unknown>) => async () => {
    const { exchange } = store
    if (!exchange || (await exchange.duty(name, host, clock.now(), DUTY_MS))) await act(parts)
  }
  const often = (ms: number, what: string, act: () => Promise<unknown>) =>
    timers.push(repeat(parts, ms, what, act))

  return {
    async begin() {
      open = true
      await tenure.begin()
      unwatch = watchReach(parts, reconcile)
      await takeUp()
      often(config.reconcileSeconds * 1_000, 'rescuing', () => store.tasks.rescue(host, clock.now()))
      often(config.reconcileSeconds * 1_000, 'reconciling', async () => wake())
      often(STRAYS_MS, 'looking for strays', () => strays.end())
      often(config.reconcileSeconds * 1_000, 'announcing messages', () => hurryAll(parts))
      often(config.reconcileSeconds * 1_000, 'looking after messages', onDuty('mail', tendMail))
      often(
        config.reconcileSeconds * 1_000,
        'ending orphans',
        onDuty('orphans', () => cancelOrphans(parts, crew)),
      )
      often(PRUNE_MS, 'forgetting what is old', onDuty('forgetting', forgetOld))
      wake()
    },
    wake,
    claim: () => ask({ takeUp: false }),
    async end() {
      open = false
      unwatch()
      for (const timer of timers) timer.stop()
      await tenure.end()
      await working
      await crew.close()
      await Promise.all(timers.map((timer) => timer.idle()))
    },
  }
}

/** Does `act` again and again, never twice at once. */
function repeat(parts: Parts, ms: number, what: string, act: () => Promise<unknown>) {
  let going: Promise<void> | undefined
  const once = async () => {
    try {
      if (!isOutOfReach(parts.store)) await act()
    } catch (error) {
      if (!isOutOfReach(parts.store)) parts.log.error(`${what} failed`, { error })
    }
  }
  const stop = parts.clock.every(ms, () => {
    going ??= once().finally(() => {
      going = undefined
    })
  })
  return { stop, idle: async () => await going }
}

/**
 * Repositories of the tasks that have an agent at work. Who waits for a message takes no place: else as many who wait for
 * tasks that they have made would keep those from ever starting. Nor does who has reported: its agent has ended.
 */
function placesTaken(held: readonly Task[]): string[] {
  const taken = held.filter(({ state, waitingFor }) => ENGAGED.has(state) && waitingFor !== 'message')
  return taken.map(({ spec }) => spec.repo)
}

const ENGAGED = new Set<TaskState>(['leased', 'working', 'waiting'])

async function fullRepositories(
  places: readonly string[],
  limitOf: (repo: string) => Promise<number>,
): Promise<string[]> {
  const full: string[] = []
  for (const repo of new Set(places)) {
    const running = places.filter((it) => it === repo).length
    if (running >= (await limitOf(repo))) full.push(repo)
  }
  return full
}

/** How many agents a repository may have here at once. Each is asked once: its settings are in a file. */
function limits({ settings, config }: Parts): (repo: string) => Promise<number> {
  const known = new Map<string, Promise<number>>()
  return (repo) => {
    const limit =
      known.get(repo) ??
      settings(repo).then(
        ({ maxAgents }) => maxAgents,
        () => config.maxAgents,
      )
    known.set(repo, limit)
    return limit
  }
}
