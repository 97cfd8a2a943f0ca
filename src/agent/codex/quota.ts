import { waitIn } from '../reset-time.ts'

/** What Codex says when an account may not ask any more: words only, in its `turn.failed`. */

/** Whether words of Codex mean that a quota is used up. */
export const meansQuota = (message: string): boolean =>
  /usage limit|quota exceeded|out of credits|rate limit|\b429\b/i.test(message)

/** Whether they mean that the service does not take the login; trying again is of no use. */
export const meansLogin = (message: string): boolean =>
  /\b40[13]\b|not logged in|log out and sign in|missing environment variable|token (?:was|has been) revoked/i.test(
    message,
  )

/**
 * When a usage limit ends, in ms, from `… try again at 7:10 AM.` (that same day, in local time), `… at Nov 25th, 2026
 * 7:10 AM.` or `… in 2 hours 5 minutes`. Seconds are cut off in these words: the minute that is named must have passed.
 * @param now ms
 */
export function resetOf(message: string, now: number): number | undefined {
  const at =
    /try again at (?:([A-Z][a-z]{2}) (\d{1,2})(?:st|nd|rd|th), (\d{4}) )?(\d{1,2}):(\d{2}) ([AP])M/i.exec(
      message,
    )
  if (at) {
    const [, month, day, year, hour, minute, half] = at
    const today = new Date(now)
    const date = month ? new Date(`${month} ${day}, ${year}`) : today
    date.setHours((Number(hour) % 12) + (half?.toUpperCase() === 'P' ? 12 : 0), Number(minute), 0, 0)
    return Number.isNaN(date.getTime()) ? undefined : date.getTime() + 60_000
  }
  const wait = /try again/i.test(message) ? waitIn(message) : undefined
  return wait && now + wait
}
