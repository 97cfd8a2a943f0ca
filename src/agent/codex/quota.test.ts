import { describe, expect, it } from 'vitest'
import { meansLogin, meansQuota, resetOf } from './quota.ts'

const at = (...it: [number, number, number, number, number]) => new Date(...it).getTime()
const NOW = at(2026, 10, 21, 5, 10)

describe('when a quota of Codex ends', () => {
  it.each([
    ['visit https://example.com/usage or try again at 7:10 AM.', at(2026, 10, 21, 7, 11)],
    ['or try again at 12:05 AM.', at(2026, 10, 21, 0, 6)],
    ['or try again at 12:05 PM.', at(2026, 10, 21, 12, 6)],
    ['Try again at Nov 25th, 2026 7:10 PM.', at(2026, 10, 25, 19, 11)],
    ['Try again in 3 days 2 hours.', NOW + 266_400_000],
    ['Try again later.', undefined],
    ['exceeded retry limit, last status: 429 Too Many Requests', undefined],
  ])('%s', (message, time) => expect(resetOf(message, NOW)).toBe(time))
})

it.each([
  ['You’ve hit your usage limit. Upgrade to Pro', true],
  ['Quota exceeded. Check your plan and billing details.', true],
  ['exceeded retry limit, last status: 429 Too Many Requests', true],
  ['We’re currently experiencing high demand', false],
])('%s: a quota? %s', (message, quota) => expect(meansQuota(message)).toBe(quota))

it.each([
  ['unexpected status 401 Unauthorized: Incorrect API key provided', true],
  ['Missing environment variable: `KEY`.', true],
  ['stream disconnected before completion', false],
])('%s: a login? %s', (message, login) => expect(meansLogin(message)).toBe(login))
