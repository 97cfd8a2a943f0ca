import { HELD_STATES } from '../task/task.ts'
import { agentName } from './agent-name.ts'
import { cancelOrphans } from './cancel.ts'
import type { Crew } from './crew.ts'
import { forgetMail, tendMail } from './mail-upkeep.ts'
import type { Parts } from './parts.ts'
import type { Strays } from './strays.ts'

/** Claims what is due while there is room, and moves the store to the truth: reconcile, don't remember. */
export interface Scheduler {
  /** Takes up what this host holds, then begins to claim. */
  begin(): Promise<void>
  /** Looks for work now; before begin() and after end() it does nothing. */
  wake(): void
  end(): Promise<void>
}

/** Agents that nobody owns are looked for this often; taking up held tasks happens every reconcileSeconds. */
const STRAYS_MS = 30_000
const PRUNE_MS = 10 * 60_000

export function createScheduler(parts: Parts, crew: Crew, strays: Strays): Scheduler {
  const { store, clock, config, host } = parts
  const leaseMs = config.leaseSeconds * 1_000
  const timers: { stop(): void; idle(): Promise<void> }[] = []
  let working = Promise.resolve()
  let asked = false
  let open = false

  const takeUp = async () => {
    for (const task of await store.tasks.list({ host, states: [...HELD_STATES] })) crew.drive(task)
  }
  const claimAll = async () => {
    while (open) {
      const places = await placesTaken(parts)
      if (places.length >= config.totalAgents) return
      const except = await fullRepositories(parts, places)
      const claimed = await store.tasks.claim({ host, now: clock.now(), leaseMs, except, agent: agentName })
      if (!claimed) return
      crew.drive(claimed.task)
    }
  }
  /** One pass after another, never two at once; asks during a pass are answered by one more. */
  const wake = () => {
    if (asked || !open) return
    asked = true
    working = working.then(async () => {
      asked = false
      await takeUp()
        .then(claimAll)
        .catch((error) => parts.log.error('looking for work failed', { error }))
    })
  }
  const renew = () => store.tasks.renew(host, clock.now(), leaseMs)
  const often = (ms: number, what: string, act: () => Promise<unknown>) =>
    timers.push(repeat(parts, ms, what, act))

  return {
    async begin() {
      open = true
      await renew()
      await takeUp()
      often(leaseMs / 3, 'renewing leases', renew)
      often(config.reconcileSeconds * 1_000, 'rescuing', () => store.tasks.rescue(host, clock.now()))
      often(config.reconcileSeconds * 1_000, 'reconciling', async () => wake())
      often(STRAYS_MS, 'looking for strays', () => strays.end())
      often(config.reconcileSeconds * 1_000, 'looking after messages', () => tendMail(parts))
      often(config.reconcileSeconds * 1_000, 'ending orphans', () => cancelOrphans(parts, crew))
      often(PRUNE_MS, 'forgetting old messages', () => forgetMail(parts))
      wake()
    },
    wake,
    async end() {
      open = false
      for (const timer of timers) timer.stop()
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
      await act()
    } catch (error) {
      parts.log.error(`${what} failed`, { error })
    }
    going = undefined
  }
  const stop = parts.clock.every(ms, () => {
    going ??= once()
  })
  return { stop, idle: async () => await going }
}

/**
 * Repositories of the tasks that have an agent at work. Who waits for a message takes no place: else as many who wait for
 * tasks that they have made would keep those from ever starting. Nor does who has reported: its agent has ended.
 */
async function placesTaken({ store, host }: Parts): Promise<string[]> {
  const held = await store.tasks.list({ host, states: ['leased', 'working', 'waiting'] })
  return held.filter(({ waitingFor }) => waitingFor !== 'message').map(({ spec }) => spec.repo)
}

async function fullRepositories(parts: Parts, places: readonly string[]): Promise<string[]> {
  const full: string[] = []
  for (const repo of new Set(places)) {
    const running = places.filter((it) => it === repo).length
    const limit = await parts.settings(repo).then(
      (it) => it.maxAgents,
      () => parts.config.maxAgents,
    )
    if (running >= limit) full.push(repo)
  }
  return full
}
