import type { Clock } from '../../clock.ts'

/** Waits for whichever comes first: a ring, the time, the abort. A ring in between is not lost. */
export function createBell(clock: Clock, signal: AbortSignal) {
  let rung = false
  let wake = new AbortController()
  const ring = () => {
    rung = true
    wake.abort()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    async wait(ms: number) {
      if (!rung) await clock.sleep(ms, wake.signal)
      rung = false
      wake = new AbortController()
    },
  }
}
