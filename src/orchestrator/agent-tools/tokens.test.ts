import { expect, test } from 'vitest'
import { createAgentTokens } from './tokens.ts'

const tokens = createAgentTokens('5a'.repeat(32))
const attempt = { taskId: 't-4kq8', epoch: 3 } as const

test('a token says whose it is, to every daemon that has the secret, and to no other', () => {
  const token = tokens.issue(attempt)
  expect(token).toMatch(/^[A-Za-z0-9._-]+$/)
  expect(createAgentTokens('5a'.repeat(32)).read(token)).toEqual(attempt)
  expect(createAgentTokens('5b'.repeat(32)).read(token)).toBeUndefined()
})

test('what was not issued by us is refused, whatever it looks like', () => {
  const token = tokens.issue(attempt)
  const mac = token.split('.').at(-1)
  const forged = [
    '',
    '.',
    'undefined',
    't-4kq8.3.',
    't-4kq8.3',
    `t-4kq8.4.${mac}`,
    `t-4kq9.3.${mac}`,
    `t-4kq8.03.${mac}`,
    `t-4kq8.-3.${mac}`,
    `t-4kq8.3e0.${mac}`,
    `${token}x`,
    `${token}\n`,
    `x${token}`,
    token.slice(0, -1),
    `${token.slice(0, -1)}é`,
    token.toUpperCase(),
    'a'.repeat(1_000_000),
  ]
  expect(forged.filter((it) => tokens.read(it) !== undefined)).toEqual([])
})

test('a secret that is too short is none', () => {
  expect(() => createAgentTokens('5a'.repeat(31))).toThrow('32 bytes')
  expect(() => createAgentTokens('')).toThrow('32 bytes')
})
