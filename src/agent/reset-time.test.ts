import { expect, it } from 'vitest'
import { waitIn } from './reset-time.ts'

it.each([
  ['Please try again in 2h.', 7_200_000],
  ['try again in 2 hours 5 minutes', 7_500_000],
  ['Try again in 1 day, 3 hours and 20 seconds.', 97_220_000],
  ['Try again in ~120 min.', 7_200_000],
  ['Please try again in 1m30.5s. Visit', 90_500],
  ['try again in 250ms', 250],
  ['in 5 parsecs', undefined],
  ['try again later, in a moment', undefined],
  ['', undefined],
])('%j asks to wait %s ms', (words, ms) => expect(waitIn(words)).toBe(ms))
