import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['titel', ['title', 'tries'], 'title'],
  ['drver', ['driver'], 'driver'],
  ['xyz', ['title'], undefined],
  ['', ['a'], 'a'],
  ['t-4kq', [], undefined],
  ['descripton', ['task', 'description'], 'description'],
])('%s of %j may mean %s', (word, known, meant) => {
  expect(nearest(word, known)).toBe(meant)
})
