import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll, type IBackoffFactory } from 'cockatiel'
import type { Clock } from './clock.ts'

/**
 * A circuit breaker before something that can be out of order: closed it lets all through; after some failures in a row it
 * is open and lets nobody through for a while; then one may try it, and what comes of that opens or closes it again.
 * The state machine is cockatiel's; who passes, and on whose word it counts, is told apart here, because a trial may take
 * hours (an agent's work) and nobody waits for it.
 */
export interface Breaker {
  readonly name: string
  /**
   * Whether `holder` may use it now. When the time of an open one is up, the first that asks makes the trial: all others are
   * refused until the holder's outcome is noted.
   */
  admits(holder: unknown): boolean
  /** What came of a use. While it is not closed only the word of who makes the trial counts. Gives whether it was the trial. */
  note(holder: unknown, outcome: Outcome): Promise<boolean>
  /** Closes it: somebody saw that it works. */
  close(): void
  view(): BreakerView
  /** When one who was refused should ask again, in ms since the epoch; `fraction` (0 to 1) spreads them. */
  askAgainAt(fraction: number): number
}

/** It worked; it was out of order, and how; or that cannot be told from it. */
export type Outcome = 'ok' | 'nothing' | { fault: string }

export interface BreakerView {
  name: string
  state: 'closed' | 'open' | 'half-open'
  /** In a row, trials counted. */
  failures: number
  /** When one may try it again, in ms since the epoch; only when it is open. */
  until?: number
  /** The last of the failures. */
  error?: string
}

export interface BreakerOptions {
  clock: Pick<Clock, 'now'>
  /** So many failures in a row open it. */
  failures: number
  /** How long it stays open the first time; doubled after each trial that failed, up to ten minutes or this if it is more. */
  seconds: number
  /** It opened (also again, after a trial), or closed. */
  changed(view: BreakerView): void
}

const LONGEST_MS = 600_000
const LONGEST_ERROR = 500

/** A trial that told nothing. */
const NOTHING = new Error('nothing')

export function createBreaker(name: string, options: BreakerOptions): Breaker {
  const { clock, changed } = options
  const counter = new ConsecutiveBreaker(options.failures)
  const pauses = createPauses(clock, options.seconds * 1_000)
  let trial: { holder: unknown; end(error?: Error): void; done: Promise<unknown> } | undefined
  let failures = 0
  let error: string | undefined

  const make = () => {
    const made = circuitBreaker(handleAll, { halfOpenAfter: pauses.first, breaker: counter })
    made.onBreak((why) => {
      if (!('error' in why && why.error === NOTHING)) changed(view())
    })
    made.onReset(() => {
      forget()
      changed(view())
    })
    return made
  }
  const forget = () => {
    failures = 0
    error = undefined
    pauses.forget()
  }
  const view = (): BreakerView => ({
    name,
    state: STATES[policy.state],
    failures,
    ...(policy.state === CircuitState.Open && { until: pauses.until() }),
    ...(error !== undefined && { error }),
  })
  const count = (outcome: Outcome): Error | undefined => {
    if (outcome === 'ok') failures = 0
    if (outcome === 'ok' || outcome === 'nothing') return outcome === 'ok' ? undefined : NOTHING
    failures++
    error = outcome.fault.slice(0, LONGEST_ERROR)
    return new Error(error)
  }
  let policy = make()

  return {
    name,
    view,
    admits(holder) {
      if (policy.state === CircuitState.Closed) return true
      if (policy.state === CircuitState.HalfOpen) return trial?.holder === holder
      if (clock.now() < pauses.until()) return false
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const done = policy.execute(() => promise).catch(() => {})
      trial = { holder, done, end: (fault) => (fault ? reject(fault) : resolve()) }
      return true
    },
    async note(holder, outcome) {
      const own = trial
      if (own?.holder === holder && own) {
        trial = undefined
        own.end(count(outcome))
        await own.done
        return true
      }
      if (
        policy.state === CircuitState.Closed &&
        outcome !== 'nothing' &&
        !(outcome === 'ok' && failures === 0)
      ) {
        const fault = count(outcome)
        await policy.execute(() => (fault ? Promise.reject(fault) : undefined)).catch(() => {})
      }
      return false
    },
    close() {
      if (policy.state === CircuitState.Closed) return
      trial = undefined
      counter.success()
      policy = make()
      forget()
      changed(view())
    },
    askAgainAt(fraction) {
      const now = clock.now()
      const pauseMs = Math.max(options.seconds * 1_000, pauses.lengthMs() / 4)
      const due = policy.state === CircuitState.Open ? pauses.until() : 0
      // A trial is under way, or begins before the one who is refused now is back.
      if (due <= now) return Math.round(now + (pauseMs / 2) * (1 + fraction))
      return Math.round(due + (pauseMs / 2) * fraction)
    },
  }
}

interface Failed {
  result: { error: unknown } | { value: unknown }
}

/** How long it stays open: twice as long after each trial that failed. A trial that told nothing changes nothing: the next may come at once. */
function createPauses(clock: Pick<Clock, 'now'>, firstMs: number) {
  let now: { until: number; lengthMs: number } | undefined
  const after = (before: number): IBackoffFactory<Failed> => ({
    next({ result }) {
      const told = !('error' in result && result.error === NOTHING)
      const twice = before === 0 ? firstMs : Math.min(before * 2, Math.max(firstMs, LONGEST_MS))
      const lengthMs = told ? twice : before
      const own = { lengthMs, until: clock.now() + (told ? lengthMs : 0) }
      now = own
      return {
        // cockatiel asks the system's clock: a length that is over, or not, by ours makes it ask this one.
        get duration() {
          return clock.now() < own.until ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
        },
        next: after(lengthMs).next,
      }
    },
  })
  return {
    first: after(0),
    until: () => now?.until ?? 0,
    lengthMs: () => now?.lengthMs ?? 0,
    forget: () => {
      now = undefined
    },
  }
}

const STATES = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
} as const
