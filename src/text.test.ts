import { expect, it } from 'vitest'
import { oneLine, plainText } from './text.ts'

it.each([
  ['\u001b[31mred\u001b[0m', 'red'],
  ['\u001b]0;title\u0007text', 'text'],
  ['a\rb\u0000c\u0008', 'abc'],
  ['left\u202eright\u200b', 'leftright'],
  ['tab\tand\nnewline', 'tab\tand\nnewline'],
])('plainText(%j)', (raw, plain) => {
  expect(plainText(raw)).toBe(plain)
})

it('oneLine folds white space and marks a cut, whole characters only', () => {
  expect(oneLine('  a\n b\tc ', 10)).toBe('a b c')
  expect(oneLine('👩👩👩👩', 3)).toBe('👩👩…')
})
