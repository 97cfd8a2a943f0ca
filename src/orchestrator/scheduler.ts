import type { Task } from '../task/task.ts'
import { HELD_STATES } from '../task/task.ts'
import type { Crew } from './crew.ts'
import type { Parts } from './parts.ts'
import { endStrays } from './strays.ts'

/** Claims what is due while there is room, and moves the store to the truth: reconcile, don't remember. */
export interface Scheduler {
  /** Takes up what this host holds, then begins to claim. */
  begin(): Promise<void>
  /** Looks for work now. */
  wake(): void
  end(): Promise<void>
}

/** Agents that nobody owns are looked for this often; taking up held tasks happens every reconcileSeconds. */
const STRAYS_MS = 30_000

export function createScheduler(parts: Parts, crew: Crew): Scheduler {
  const { store, clock, config, host } = parts
  const leaseMs = config.leaseSeconds * 1_000
  const timers: (() => void)[] = []
  let working = Promise.resolve()
  let asked = false
  let open = false

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
      await claimAll().catch((error) => parts.log.error('claiming failed', { error }))
    })
  }
  const reconcile = async () => {
    const held = await store.tasks.list({ host, states: [...HELD_STATES], limit: 10_000 })
    for (const task of held) crew.drive(task)
    await store.tasks.rescue(host, clock.now())
  }
  const often = (ms: number, what: string, act: () => Promise<unknown>) => {
    timers.push(
      clock.every(ms, () => void act().catch((error) => parts.log.error(`${what} failed`, { error }))),
    )
  }

  return {
    async begin() {
      open = true
      await reconcile()
      often(leaseMs / 3, 'renewing leases', () => store.tasks.renew(host, clock.now(), leaseMs))
      often(config.reconcileSeconds * 1_000, 'reconciling', reconcile)
      often(config.reconcileSeconds * 1_000, 'claiming', async () => wake())
      often(STRAYS_MS, 'looking for strays', () => endStrays(parts))
      wake()
    },
    wake,
    async end() {
      open = false
      for (const stop of timers) stop()
      await working
      await crew.releaseAll()
    },
  }
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

/** Unique by construction: task ids are, and each attempt has its own number. Safe as a tmux and directory name. */
export function agentName(task: Task, epoch: number): string {
  const kind = task.spec.profile === 'general' ? 'task-agent' : task.spec.profile.slice(0, 20)
  return `${kind}-${task.id.slice(2)}-${epoch}`
}
