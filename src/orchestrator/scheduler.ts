import type { Task } from '../task/task.ts'
import { HELD_STATES } from '../task/task.ts'
import type { Crew } from './crew.ts'
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
    while (open && crew.size() < config.totalAgents) {
      const except = await fullRepositories(parts, crew)
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

async function fullRepositories(parts: Parts, crew: Crew): Promise<string[]> {
  const full: string[] = []
  for (const [repo, running] of crew.byRepo()) {
    const limit = await parts.settings(repo).then(
      (it) => it.maxAgents,
      () => parts.config.maxAgents,
    )
    if (running >= limit) full.push(repo)
  }
  return full
}

/** So long that with the id and the number of the attempt it is a SAFE_NAME. */
const KIND_LENGTH = 22

/** Unique by construction: task ids are, and each attempt has its own number. Safe as a tmux and directory name. */
export function agentName(task: Task, epoch: number): string {
  const { profile } = task.spec
  const kind = profile === 'general' ? 'task-agent' : profile.slice(0, KIND_LENGTH).replace(/-+$/, '')
  return `${kind}-${task.id.slice(2)}-${epoch}`
}
