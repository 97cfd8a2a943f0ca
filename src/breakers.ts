import { type Breaker, type BreakerOptions, type BreakerView, createBreaker } from './breaker.ts'
import { type ErrorCode, OrchError } from './errors.ts'

/** All breakers of a process, by name. They begin closed. */
export interface Breakers {
  /** Made when it is asked for first. */
  of(name: string): Breaker
  /** In the order of their names. */
  all(): BreakerView[]
}

export function createBreakers(options: BreakerOptions): Breakers {
  const made = new Map<string, Breaker>()
  return {
    of(name) {
      const breaker = made.get(name) ?? createBreaker(name, options)
      made.set(name, breaker)
      return breaker
    },
    all: () => [...made.values()].map((it) => it.view()).sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

/** How calls of a service are judged. */
export interface Calls {
  /** Code of the error that who is refused gets: the one that a fault has too. */
  code: ErrorCode
  /** Whether the error says that the service is out of order; what it refuses, and bad input, do not. */
  isFault(error: OrchError): boolean
}

/**
 * Makes a call through a breaker. @throws what the call throws: a fault of the trial with `details.breaker`; and at once,
 * while the breaker is open, an error of `calls.code` with `details.breaker` and `details.until` (ms since the epoch).
 */
export async function through<T>(breaker: Breaker, calls: Calls, call: () => Promise<T>): Promise<T> {
  const holder = Symbol(breaker.name)
  if (!breaker.admits(holder)) throw outOfOrder(breaker, calls.code)
  try {
    const answer = await call()
    await breaker.note(holder, 'ok')
    return answer
  } catch (thrown) {
    const fault = thrown instanceof OrchError && calls.isFault(thrown) ? thrown : undefined
    const wasTrial = await breaker.note(holder, fault ? { fault: fault.message } : 'nothing')
    throw fault && wasTrial ? ofTrial(fault, breaker.name) : thrown
  }
}

/** What who is refused is told: why, and until when. */
export function sayOutOfOrder({ failures, error, until }: BreakerView): { why: string; fix: string } {
  const why = `it failed ${failures} times in a row${error ? `, last with: ${error}` : ''}`
  const next =
    until === undefined
      ? 'is being tried right now'
      : `is tried again from ${new Date(until).toISOString()} on`
  return { why, fix: `Nothing to do when it comes back by itself: it ${next} (\`orch status\`).` }
}

function outOfOrder(breaker: Breaker, code: ErrorCode): OrchError {
  const view = breaker.view()
  const { why, fix } = sayOutOfOrder(view)
  const details = { retryable: true, breaker: view.name, until: breaker.askAgainAt(0), why }
  return new OrchError(code, `${view.name} is out of order: ${why}`, { fix, details })
}

const ofTrial = ({ code, message, fix, details, cause }: OrchError, breaker: string): OrchError =>
  new OrchError(code, message, { fix, cause, details: { ...details, breaker } })
