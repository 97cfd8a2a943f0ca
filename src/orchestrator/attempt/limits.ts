import type { Reading } from '../../runtime/meter.ts'
import type { AttemptStatus } from '../../runtime/runtime.ts'
import { attemptExcess, memoryAllowed } from '../../task/limits.ts'
import type { Usage } from '../../task/task.ts'
import { openBudget } from './budget.ts'
import { driverOf } from './driver-choice.ts'
import { AttemptFailed } from './failure.ts'
import type { Feed } from './feed.ts'
import type { Held } from './held.ts'
import type { Place } from './place.ts'
import { openShare } from './share.ts'
import { eventOf } from './stop.ts'
import { waitedMs } from './waited.ts'

/** What an attempt is at, as its follower knows it. */
export interface AtWork {
  feed: Pick<Feed, 'usage' | 'lastAt' | 'bytes'>
  place: Pick<Place, 'waitingFor'>
}

/** The watch over what one attempt takes. */
export interface Limits {
  /**
   * To be called about once a second. Codes: cost-limit, token-limit, turn-limit, run-limit (final), memory-limit,
   * time-limit, idle-limit. @throws AttemptFailed, OrchError E_STORE, E_RUNTIME
   */
  check(work: AtWork, status: Pick<AttemptStatus, 'outBytes'>): Promise<void>
}

/** Begins to watch an attempt, also one that another process of it, or another daemon, has worked on before. */
export function openLimits(held: Held): Limits {
  const { parts, task, attempt } = held
  const times = openTimes(held)
  const budget = openBudget(parts, task)
  const share = openShare(held)
  const noteUnknownCost = openCostNote(held)
  return {
    async check({ feed, place }, { outBytes }) {
      const usage = feed.usage()
      const passed = await times(place, feed.lastAt(), Math.max(0, outBytes - feed.bytes()))
      await budget.check(usage)
      await noteUnknownCost(usage)
      const reading = place.waitingFor === 'quota' ? undefined : await readMeter(held) // then its processes have ended
      const taken = { ...passed, usage, ...(reading && { memoryBytes: reading.memoryBytes }) }
      const excess = attemptExcess(task.spec.limits, taken, driverOf(parts, task, attempt))
      if (excess) throw new AttemptFailed(excess.code, excess.message, { final: excess.final })
      await share.look(reading)
    },
  }
}

async function readMeter({ parts, task, attempt }: Held): Promise<Reading | undefined> {
  const { limits } = task.spec
  if (limits.memoryBytes === undefined && limits.cpuPercent === undefined) return undefined
  const { footprintMegabytes } = driverOf(parts, task, attempt)
  try {
    return await parts.meter.read(attempt.agent, memoryAllowed(limits, footprintMegabytes))
  } catch (error) {
    parts.log.warn('agents cannot be measured', { agent: attempt.agent, error })
    return undefined
  }
}

/** Who waits for a quota, a person or another agent uses no time. */
const isPaused = ({ waitingFor }: AtWork['place']) => waitingFor !== undefined

/** The time that an attempt has worked, and that it has been silent, in ms. */
function openTimes({ parts, attempt }: Held) {
  let waited: number | undefined
  let pausedAt: number | undefined
  let printed: number | undefined
  let heardAt = 0
  return async (place: AtWork['place'], lastAt: number, beside: number) => {
    const now = parts.clock.now()
    waited ??= await waitedMs(parts.store.journal, attempt, now)
    if (pausedAt !== undefined) waited += now - pausedAt
    pausedAt = isPaused(place) ? now : undefined
    const printsNow = printed !== undefined && printed !== beside // what set-up steps and stderr say
    if (pausedAt !== undefined || printsNow) heardAt = now
    printed = beside
    heardAt = Math.max(heardAt, lastAt)
    return { workedMs: now - attempt.startedAt - waited, silentMs: now - heardAt }
  }
}

/** A limit in dollars that cannot be kept is said, once. */
function openCostNote({ parts, task, attempt, fence }: Held) {
  let told = task.spec.limits.costUsd === undefined
  return async (usage: Usage) => {
    if (told || usage.turns === 0) return
    told = true
    if (usage.costUsd !== undefined) return
    const { name } = driverOf(parts, task, attempt)
    const text = `${name} does not tell what it costs: the limit costUsd cannot be kept; the limit tokens can`
    await parts.store.tasks.progress(fence, {
      events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
    })
  }
}
