import { expect, test } from 'vitest'
import { variablesOf, withoutSecrets } from './variables.ts'

const command = { name: 'db', command: ['db-mcp'] as const, env: ['DB_TOKEN', 'DB_PIN'] }
const url = { name: 'web', url: 'https://example.org', bearer: 'WEB_TOKEN', headers: { 'X-Team': 'TEAM' } }
const env = {
  PATH: '/bin',
  HOME: '/home/me',
  OTHER: 'x',
  DB_TOKEN: 'secret-one',
  DB_PIN: '42',
  WEB_TOKEN: 'secret-two',
  TEAM: 'red',
}

test('a server gets what it names and nothing else', () => {
  expect(variablesOf(command, env)).toEqual({
    PATH: '/bin',
    HOME: '/home/me',
    DB_TOKEN: 'secret-one',
    DB_PIN: '42',
  })
  expect(variablesOf(url, env)).toEqual({ WEB_TOKEN: 'secret-two', TEAM: 'red' })
})

test('what is missing is named', () => {
  expect(() => variablesOf(command, { ...env, DB_TOKEN: '', DB_PIN: '' })).toThrow(
    expect.objectContaining({ code: 'E_MCP_FAILED', message: expect.stringContaining('DB_TOKEN, DB_PIN') }),
  )
})

test('secrets are cut out of what is told', () => {
  const clean = withoutSecrets(url, { ...env, TEAM: 'long-enough\n' })
  expect(clean('401 for secret-two of long-enough, "secret-two"')).toBe('401 for *** of ***, "***"')
})

test('what quotes a short secret is not told at all', () => {
  const clean = withoutSecrets(command, env)
  expect(clean('the pin 42 is wrong')).toBe('(not shown)')
  expect(clean('the pin is wrong')).toBe('the pin is wrong')
})

test('a secret that holds another one is cut out whole', () => {
  const clean = withoutSecrets(url, { WEB_TOKEN: 'abcdef', TEAM: 'abcdefghij' })
  expect(clean('abcdefghij')).toBe('***')
})
