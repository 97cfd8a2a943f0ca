import { expect, test } from 'vitest'
import { redacted, withoutPassword } from './redact.ts'

test.each([
  ['redis://h:1/2', 'redis://h:1/2'],
  ['redis://:secret@h:1', 'redis://:***@h:1'],
  ['redis://ann:se/cret@h', 'redis://ann:***@h'],
  ['rediss://ann:se%2Fc:ret@h:1/0?x=a@b', 'rediss://ann:***@h:1/0?x=a@b'],
  ['redis://ann:a@b@h', 'redis://ann:***@h'],
  ['redis://ann@h', 'redis://ann@h'],
  ['no url: a:b@c', 'no url: a:b@c'],
])('%s is shown as %s', (url, shown) => {
  expect(withoutPassword(url)).toBe(shown)
})

test('passwords are left out wherever they are', () => {
  expect(redacted({ redis: { url: 'redis://:x@h', list: ['redis://u:x@h', 1, null, true] } })).toEqual({
    redis: { url: 'redis://:***@h', list: ['redis://u:***@h', 1, null, true] },
  })
})
