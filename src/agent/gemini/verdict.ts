import { oneLine } from '../../text.ts'
import type { Outcome } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'

/** What came of a turn that Gemini CLI says went wrong. Its error has no code of its own: only the text tells. */

/** `"code":401` is the service's own answer; a wrong key is a 400 there. */
const LOGIN =
  /"code":\s*40[13]\b|API[_ ]key (not valid|expired)|API_KEY_INVALID|UNAUTHENTICATED|PERMISSION_DENIED/i
const QUOTA = /\bquota\b|"code":\s*429\b|RESOURCE_EXHAUSTED|exhausted your capacity|rate.?limit/i
const NO_MODEL = /\bmodels\/\S+ is not found\b|Model not found/i
/** The service does not take the conversation as it is: going on with it would end the same way. */
const BAD_REQUEST = /"code":\s*400\b|INVALID_ARGUMENT/
const SERVICE = /\[API Error: /

/** @param at when it was said, in ms since the epoch: the service tells its reset as a time from now. */
export function verdictOf(error: string, at: number): Outcome {
  const message = oneLine(error, 500) || 'the turn ended with an error that was not told'
  if (LOGIN.test(error)) return failed('login-refused', message, true)
  if (QUOTA.test(error)) {
    const resetAt = resetIn(error, at)
    return { kind: 'quota', message, ...(resetAt !== undefined && { resetAt }) }
  }
  if (NO_MODEL.test(error)) return failed('no-such-model', message, true)
  return failed(SERVICE.test(error) && !BAD_REQUEST.test(error) ? 'api-error' : 'agent-failed', message)
}

const failed = (code: string, message: string, final = false): Outcome => ({
  kind: 'failed',
  reason: { code, message },
  ...(final && { final }),
})

const UNITS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const RESET = /(?:retry in|retry after|reset after)\s+((?:[\d.]+(?:ms|[hms]))+)/i

/** `Please retry in 34.07s`, `Your quota will reset after 13h28m41s`. */
function resetIn(text: string, at: number): number | undefined {
  const told = RESET.exec(text)?.[1]
  if (!told || at <= 0) return undefined
  const parts = [...told.matchAll(/([\d.]+)(ms|[hms])/g)]
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0)
  return Number.isFinite(ms) ? Math.round(at + ms) : undefined
}

/** Ends of before the first turn: nothing but the status and stderr tells them (`ExitCodes` in its source). */
const NO_LOGIN = 41
const BAD_INPUT = 42

/** It ended without having told a result. */
export function endedEarly(status: number, stderr = '', began: boolean): Outcome {
  const ended = brokenOff('gemini', status, stderr)
  if (ended.kind !== 'failed' || began) return ended
  const { message } = ended.reason
  if (status === BAD_INPUT && /Error resuming session/.test(stderr)) return failed('session-gone', message)
  if (status === NO_LOGIN) return failed('login-refused', message, true)
  return ended
}
