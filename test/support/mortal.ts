import { type Clock, systemClock } from '../../src/clock.ts'
import type { Around } from './parts.ts'

const never = new Promise<never>(() => {})

/** Dies at its `n`th call of `name`: nothing that is asked afterwards is done, and no clock ticks. */
export function mortal(
  name: string,
  n: number,
  when: 'before' | 'after',
  { armed = true }: { armed?: boolean } = {},
) {
  let counts = armed
  const death = new AbortController()
  let calls = 0
  const around: Around = async (called, call) => {
    if (death.signal.aborted) return never
    const now = counts && called === name && ++calls === n
    if (now && when === 'before') death.abort()
    if (death.signal.aborted) return never
    const answer = await call()
    if (now) death.abort()
    return death.signal.aborted ? never : answer
  }
  const clock: Clock = {
    now: systemClock.now,
    sleep: (ms, signal) =>
      systemClock.sleep(ms, signal).then(() => (death.signal.aborted ? never : undefined)),
    every(ms, tick) {
      const stop = systemClock.every(ms, () => death.signal.aborted || tick())
      death.signal.addEventListener('abort', stop)
      return stop
    },
  }
  return {
    around,
    clock,
    /** Begins to count calls. */
    arm: () => {
      counts = true
    },
    died: new Promise<void>((resolve) => death.signal.addEventListener('abort', () => resolve())),
  }
}
