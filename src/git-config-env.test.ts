import { expect, it } from 'vitest'
import { gitConfigEnv, joinEnvironments } from './git-config-env.ts'

it('joins environments and counts their git settings through', () => {
  const joined = joinEnvironments(
    { PATH: '/bin' },
    gitConfigEnv([
      ['a.b', '1'],
      ['c.d', '2'],
    ]),
    { X: 'y', ...gitConfigEnv([['e.f', '3']]) },
  )
  expect(joined).toEqual({
    PATH: '/bin',
    X: 'y',
    GIT_CONFIG_COUNT: '3',
    GIT_CONFIG_KEY_0: 'a.b',
    GIT_CONFIG_VALUE_0: '1',
    GIT_CONFIG_KEY_1: 'c.d',
    GIT_CONFIG_VALUE_1: '2',
    GIT_CONFIG_KEY_2: 'e.f',
    GIT_CONFIG_VALUE_2: '3',
  })
  expect(joinEnvironments({ A: '1' }, { A: '2' })).toEqual({ A: '2' })
})
