import type { Reading } from '../../runtime/meter.ts'
import type { Held } from './held.ts'
import { eventOf } from './stop.ts'

/** So many readings in a row above its share of processors, and an agent is put behind the others. */
const BUSY_READINGS = 10
/** Readings are of whole ticks, and a cap by the system is kept over a while, not in each second. */
const TOLERANCE = 1.1

/** The share of processors of one attempt. */
export interface Share {
  /** To be given each new reading; the same one again counts once. */
  look(reading: Reading | undefined): Promise<void>
}

/**
 * A share is no reason to end anybody (decision 014): who takes more, where the system does not see to it, is put behind
 * all others, and a note says so.
 */
export function openShare(held: Held): Share {
  const { parts, task, attempt, fence } = held
  const limit = task.spec.limits.cpuPercent
  let busy = 0
  let at = 0
  let told = false
  return {
    async look(reading) {
      if (limit === undefined || reading?.cpuPercent === undefined || reading.at === at) return
      at = reading.at
      busy = reading.cpuPercent > limit * TOLERANCE ? busy + 1 : 0
      if (busy < BUSY_READINGS) return
      busy = 0
      const slowed = await parts.meter.slow(attempt.agent)
      if (told || slowed === 0) return
      told = true
      const figure = `the agent takes ${Math.round(reading.cpuPercent)} % of a processor; its share is ${limit} %`
      const text = `${figure} (limit cpuPercent): it was put behind everything else`
      await parts.store.tasks.progress(fence, {
        events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
      })
    },
  }
}
