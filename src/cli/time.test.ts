import { expect, test } from 'vitest'
import { bytes, duration } from './time.ts'

test.each([
  [-5, '0s'],
  [0, '0s'],
  [1_400, '1s'],
  [59_900, '1m00s'],
  [192_000, '3m12s'],
  [7_500_000, '2h05m'],
  [273_600_000, '3d4h'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_234, '1.2 kB'],
  [56_700_000, '56.7 MB'],
  [123_000_000_000, '123 GB'],
])('%i bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text)
})
