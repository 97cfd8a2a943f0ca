import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orch } from '../../../test/support/cli.ts'
import { type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { pathsIn } from '../../config/paths.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.dispose())

const withRedis = (cluster: string) => ({
  ORCH_REDIS: server.url,
  ORCH_CLUSTER: cluster,
  ORCH_HOST_NAME: 'here',
})

test('a store is moved there and back, and where the old one is, is told', async () => {
  const state = temporaryDirectory()
  const store = await openSqliteStore({ file: pathsIn(state).store })
  await submit(store, { ids: ['t-a', 't-b'] })
  await store.close()
  const env = withRedis('moved')
  const there = await orch(['migrate', '--to', 'redis'], { state, env })
  expect(there.err).toBe('')
  expect(there.out).toMatch(/^moved 1 run, 2 tasks, 0 messages, 0 pull requests, 3 events; compared/)
  expect(there.out).toContain('orch.db.moved-')
  const back = await orch(['migrate', '--to', 'embedded', '--json'], { state, env })
  expect(JSON.parse(back.out)).toMatchObject({
    kind: 'migrate',
    to: 'embedded',
    records: { run: 1, task: 2, event: 3 },
    elsewhere: 0,
  })
})

test('what cannot be moved is refused with its reason', async () => {
  const state = temporaryDirectory()
  const env = withRedis('refused')
  const fails = async (args: string[], more = env as Record<string, string>) => {
    const { code, err } = await orch(['migrate', ...args], { state, env: more })
    return { code, error: /code: (\w+)/.exec(err)?.[1] }
  }
  expect(await fails([])).toEqual({ code: 2, error: 'E_USAGE' })
  expect(await fails(['--to', 'elsewhere'])).toEqual({ code: 2, error: 'E_USAGE' })
  expect(await fails(['--to', 'embedded', '--from', 'x.db'])).toEqual({ code: 2, error: 'E_USAGE' })
  expect(await fails(['--to', 'embedded', '--replace'])).toEqual({ code: 2, error: 'E_USAGE' })
  expect(await fails(['--to', 'redis'], {})).toEqual({ code: 2, error: 'E_CONFIG' })
  expect(await fails(['--to', 'redis'])).toEqual({ code: 3, error: 'E_NOT_FOUND' })
  expect(await fails(['--to', 'redis', '--from', 'nothing.db'])).toEqual({ code: 3, error: 'E_NOT_FOUND' })
  expect(await fails(['--to', 'embedded'])).toEqual({ code: 1, error: 'E_STATE' })
  writeFileSync(
    join(state, 'text.db'),
    'not a database at all, though it is long enough to be looked at as one',
  )
  expect(await fails(['--to', 'redis', '--from', join(state, 'text.db')])).toEqual({
    code: 5,
    error: 'E_STORE',
  })
  const away = { ...env, ORCH_REDIS: 'redis://127.0.0.1:1' }
  expect(await fails(['--to', 'redis'], away)).toEqual({ code: 5, error: 'E_STORE_DOWN' })
})
