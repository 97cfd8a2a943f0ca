import { expect, it } from 'vitest'
import { createBreakers } from '../breakers.ts'
import { type ErrorCode, OrchError } from '../errors.ts'
import type { Forge } from './forge.ts'
import { guarded } from './guarded.ts'

const REMOTE = [
  'base',
  'head',
  'push',
  'find',
  'open',
  'get',
  'list',
  'diff',
  'checks',
  'merge',
  'close',
] as const
const HERE = ['agentEnv', 'fetch', 'compare'] as const

function world(error: OrchError) {
  const called: string[] = []
  const breakers = createBreakers({ clock: { now: () => 0 }, failures: 2, seconds: 60, changed: () => {} })
  const verb = (name: string) => async () => {
    called.push(name)
    throw error
  }
  const verbs = Object.fromEntries([...REMOTE, ...HERE].map((name) => [name, verb(name)]))
  const forge = guarded({ name: 'github', ...verbs } as unknown as Forge, async (repo) =>
    repo === '/without' ? undefined : breakers.of(`forge ${repo}`),
  )
  const call = (name: (typeof REMOTE)[number] | (typeof HERE)[number], repo = '/r') =>
    (forge[name] as (repo: string) => Promise<unknown>)(repo)
  return { call, called, breakers }
}

it('all that needs the service fails at once while it is down; the rest goes on', async () => {
  const { call, called } = world(new OrchError('E_FORGE', 'no answer', { details: { retryable: true } }))
  for (const name of ['head', 'push'] as const) await expect(call(name)).rejects.toThrow('no answer')
  for (const name of REMOTE)
    await expect(call(name)).rejects.toMatchObject({
      code: 'E_FORGE',
      details: { retryable: true, until: 60_000 },
    })
  for (const name of HERE) await expect(call(name)).rejects.toThrow('no answer')
  await expect(call('head', '/other')).rejects.toThrow('no answer')
  await expect(call('head', '/without')).rejects.toThrow('no answer')
  expect(called).toEqual(['head', 'push', ...HERE, 'head', 'head'])
})

it.each<[ErrorCode, object]>([
  ['E_NOT_FOUND', {}],
  ['E_FORGE', { retryable: false }],
  ['E_FORGE_LOGIN', {}],
  ['E_CONFLICT', {}],
  ['E_HEAD_MOVED', {}],
  ['E_GIT', {}],
  ['E_PROGRAM_MISSING', {}],
])('%s %j is an answer, or none of the service’s faults', async (code, details) => {
  const { call, breakers } = world(new OrchError(code, 'no', { details: { ...details } }))
  for (let i = 0; i < 5; i++) await expect(call('head')).rejects.toMatchObject({ code, message: 'no' })
  expect(breakers.of('forge /r').view()).toMatchObject({ state: 'closed', failures: 0 })
})

it('no answer in time is a fault', async () => {
  const { call, breakers } = world(new OrchError('E_TIMEOUT', 'late'))
  for (let i = 0; i < 2; i++) await expect(call('checks')).rejects.toThrow('late')
  await expect(call('checks')).rejects.toMatchObject({ code: 'E_FORGE' })
  expect(breakers.of('forge /r').view().state).toBe('open')
})
