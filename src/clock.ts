/** Time as an argument, so that tests turn the clock. All times are milliseconds since the epoch. */
export interface Clock {
  now(): number
  /** Resolves after `ms`, or at once when the signal aborts; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `tick` every `ms` until the returned function is called. Never keeps a process alive. */
  every(ms: number, tick: () => void): () => void
}

/** A clock that is behind by `behind()` ms: sleeping and repeating take as long as ever. */
export const correctedClock = (clock: Clock, behind: () => number): Clock => ({
  ...clock,
  now: () => Math.round(clock.now() + behind()),
})

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done)
    }),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}
