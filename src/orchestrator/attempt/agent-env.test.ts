import { expect, it } from 'vitest'
import { passedEnv } from './agent-env.ts'

it('hands on what agents need, by name or beginning, and nothing else', () => {
  const env = { PATH: '/bin', LC_ALL: 'C', ANTHROPIC_API_KEY: 'k', TMUX: 'x', MY_TOKEN: 's', DB_URL: 'd' }
  expect(passedEnv(env)).toEqual({ PATH: '/bin', LC_ALL: 'C', ANTHROPIC_API_KEY: 'k' })
  expect(passedEnv(env, ['DB_*'])).toHaveProperty('DB_URL', 'd')
})

it('the secrets of the daemon are passed to nobody, whatever the patterns say', () => {
  const env = { PATH: '/bin', ORCH_REDIS: 'redis://:hush@h', SECRET: 'hush', OTHER: 'o' }
  expect(passedEnv(env, ['*', 'SECRET'], ['ORCH_REDIS', 'SECRET', undefined])).toEqual({
    PATH: '/bin',
    OTHER: 'o',
  })
})
