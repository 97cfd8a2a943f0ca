import { expect, test } from 'vitest'
import { createPaint, wantsColour } from './style.ts'

test.each([
  ['a terminal', {}, true, true],
  ['a pipe', {}, false, false],
  ['NO_COLOR', { NO_COLOR: '1' }, true, false],
  ['an empty NO_COLOR', { NO_COLOR: '' }, true, true],
  ['FORCE_COLOR in a pipe', { FORCE_COLOR: '1' }, false, true],
  ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, true, false],
  ['FORCE_COLOR over NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  ['a dumb terminal', { TERM: 'dumb' }, true, false],
])('%s', (_, env, stdoutTty, wanted) => {
  expect(wantsColour({ env, stdoutTty })).toBe(wanted)
})

test('without colours text stays as it is', () => {
  expect(createPaint(false)('red', 'x')).toBe('x')
  expect(createPaint(true)(undefined, 'x')).toBe('x')
})
