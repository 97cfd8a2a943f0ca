import { oneLine } from '../../text.ts'
import type { Outcome } from '../agent.ts'
import type { ServiceError } from './messages.ts'

/** What came of a turn that opencode says went wrong. */

const LOGIN = /invalid.{0,20}(api.?key|x-api-key)|API.?key.{0,20}(invalid|not valid|missing)|authentication/i
/** A limit that a pause mends; one of some seconds the program waits for itself. */
const QUOTA = /\bquota\b|usage.limit|insufficient_quota|credit balance|billing/i
const RATE = /rate.?limit|too many requests/i
const NO_MODEL = /\bmodel\b.{0,80}not found|not_found_error.{0,40}\bmodel\b|models\/\S+ is not found/i

/** @param cause what the log said, when the error itself says nothing. @param at ms since the epoch. */
export function verdictOf(error: ServiceError, at: number, cause?: string): Outcome {
  const told = error.name === 'UnknownError' && cause ? cause : error.message
  const message = oneLine(told, 500) || error.name
  const { status } = error
  if (status === 401 || status === 403 || error.name === 'ProviderAuthError')
    return failed('login-refused', message, true)
  if (status === 429 || QUOTA.test(told)) return quota(message, resetOf(error, at))
  if (NO_MODEL.test(told)) return failed('no-such-model', message, true)
  if (LOGIN.test(told)) return failed('login-refused', message, true)
  const service = error.retryable || (status !== undefined && status >= 500)
  return failed(service ? 'api-error' : 'agent-failed', message)
}

/**
 * Whether an answer that the program itself deals with is a pause: it sleeps in silence as long as the service says,
 * which may be hours. @returns undefined when it soon asks again.
 */
export function pauseOf(error: string, at: number): Outcome | undefined {
  const reset = resetIn(error, at)
  const isLong = reset === undefined ? QUOTA.test(error) : reset - at > PATIENCE_MS
  return isLong && (QUOTA.test(error) || RATE.test(error)) ? quota(oneLine(error, 500), reset) : undefined
}

const PATIENCE_MS = 5 * 60_000

const quota = (message: string, resetAt?: number): Outcome => ({
  kind: 'quota',
  message,
  ...(resetAt !== undefined && { resetAt }),
})

const failed = (code: string, message: string, final = false): Outcome => ({
  kind: 'failed',
  reason: { code, message },
  ...(final && { final }),
})

/** `retry-after` is seconds or a date (RFC 9110, 10.2.3). */
function resetOf({ retryAfter, message }: ServiceError, at: number): number | undefined {
  if (retryAfter === undefined) return resetIn(message, at)
  const seconds = Number(retryAfter)
  const reset = Number.isFinite(seconds) ? at + seconds * 1_000 : Date.parse(retryAfter)
  return Number.isFinite(reset) ? Math.round(reset) : resetIn(message, at)
}

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const RESET = /(?:retry|try again|reset|resets) (?:in|after)\s+((?:[\d.]+\s*(?:ms|[hms])\s*)+)/i

function resetIn(text: string, at: number): number | undefined {
  const told = RESET.exec(text)?.[1]
  if (!told || at <= 0) return undefined
  const parts = [...told.matchAll(/([\d.]+)\s*(ms|[hms])/g)]
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0)
  return Number.isFinite(ms) ? Math.round(at + ms) : undefined
}
