import { expect, it } from 'vitest'
import { backoff } from './backoff.ts'

const settings = { backoffSeconds: 5, backoffMaxSeconds: 300 }
it('doubles, is drawn from its upper half, and has an end', () => {
  expect(backoff(0, settings, 0)).toBe(2_500)
  expect(backoff(0, settings, 1)).toBe(5_000)
  expect(backoff(2, settings, 1)).toBe(20_000)
  expect(backoff(50, settings, 1)).toBe(300_000)
})
