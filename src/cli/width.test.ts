import { expect, test } from 'vitest'
import { cells, cut } from './width.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['äöü', 3],
  ['e\u0301', 1],
  ['日本', 4],
  ['한국', 4],
  ['👍', 2],
  ['👩‍👩‍👧', 2],
  ['❤️', 2],
  ['✓ …', 3],
])('%j takes %i cells', (text, width) => {
  expect(cells(text)).toBe(width)
})

test.each([
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['日本語', 4, '日…'],
  ['日本語', 5, '日本…'],
  ['abc', 1, '…'],
  ['abc', 0, ''],
])('%j in %i cells is %j', (text, max, shown) => {
  expect(cut(text, max)).toBe(shown)
})
