import { inspect } from 'node:util'
import type { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../../../test/support/orch.ts'
import { startProxy } from '../../../../test/support/proxy.ts'
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts'
import { refused } from '../../../../test/support/store.ts'
import { configSchema, type RedisConfig } from '../../../config/schema.ts'
import { silentLog } from '../../../log.ts'
import { openRedisStore } from '../redis.ts'
import { aboutClock, examineRedis, examineRedisPlace } from './examine.ts'

async function serverWith(...args: string[]): Promise<RedisServer> {
  const server = await startRedis(args)
  onTestFinished(() => server.dispose())
  return server
}

function placeOf(redis: Partial<RedisConfig>, password?: string) {
  const config = configSchema.parse({ redis }).redis as RedisConfig
  return { config, cluster: 'c', log: silentLog, ...(password && { password }) }
}

const troublesOf = async ({ url }: RedisServer) => (await examineRedisPlace(placeOf({ url }))).troubles
const opened = async (place: ReturnType<typeof placeOf>) => {
  const store = await openRedisStore(place)
  onTestFinished(() => store.close())
  return store
}

test('a Redis as it should be has no troubles, and is not written to', async () => {
  const server = await serverWith('--appendonly', 'yes')
  const { name, latency, clockOffset, troubles } = await examineRedisPlace(placeOf({ url: server.url }))
  expect(name).toMatch(/^(Redis|Valkey) \d+\.\d+/)
  expect(latency).toBeLessThan(1_000)
  expect(Math.abs(clockOffset)).toBeLessThan(500)
  expect(troubles).toEqual([])
  expect(await server.ask('dbsize')).toBe('0')
})

test('without an append-only file, or with one that is seldom on the disk, it warns', async () => {
  const server = await serverWith()
  expect(await troublesOf(server)).toMatchObject([
    { level: 'warn', what: expect.stringContaining('append-only') },
  ])
  await server.ask('config', 'set', 'appendonly', 'yes')
  await server.ask('config', 'set', 'appendfsync', 'no')
  expect(await troublesOf(server)).toMatchObject([
    { level: 'warn', what: expect.stringContaining('appendfsync') },
  ])
  await opened(placeOf({ url: server.url }))
})

test('one that may throw tasks away is refused, one that may some day is warned of', async () => {
  const server = await serverWith('--appendonly', 'yes', '--maxmemory-policy', 'allkeys-lru')
  expect(await troublesOf(server)).toMatchObject([
    { level: 'warn', what: expect.stringContaining('allkeys-lru') },
  ])
  await server.ask('config', 'set', 'maxmemory', '100mb')
  expect(await troublesOf(server)).toMatchObject([
    { level: 'fail', what: expect.stringContaining('allkeys-lru') },
  ])
  await refused('E_CONFIG', openRedisStore(placeOf({ url: server.url })))
  await server.ask('config', 'set', 'maxmemory-policy', 'volatile-ttl')
  expect(await troublesOf(server)).toMatchObject([
    { level: 'warn', what: expect.stringContaining('volatile-ttl') },
  ])
  await opened(placeOf({ url: server.url }))
})

test('a replica is refused: nothing can be written there', async () => {
  const primary = await serverWith('--appendonly', 'yes')
  const replica = await serverWith('--appendonly', 'yes', '--replicaof', `127.0.0.1 ${primary.port}`)
  expect(await troublesOf(replica)).toContainEqual(
    expect.objectContaining({
      level: 'fail',
      what: expect.stringContaining(`replica of 127.0.0.1:${primary.port}`),
    }),
  )
  await refused('E_CONFIG', openRedisStore(placeOf({ url: replica.url })))
})

test('one that has a replica and would go on without it is warned of', async () => {
  const primary = await serverWith('--appendonly', 'yes')
  const replica = await serverWith('--appendonly', 'yes', '--replicaof', `127.0.0.1 ${primary.port}`)
  await until('it follows', async () => (await primary.ask('role')).includes(`${replica.port}`))
  expect(await troublesOf(primary)).toMatchObject([
    { level: 'warn', what: expect.stringContaining('cut off') },
  ])
  await primary.ask('config', 'set', 'min-replicas-to-write', '1')
  await until('it counts', async () => (await troublesOf(primary)).length === 0)
})

test('one that is nearly full, or full, is warned of and opened', async () => {
  const server = await serverWith('--appendonly', 'yes')
  await server.ask('config', 'set', 'maxmemory', '1')
  expect(await troublesOf(server)).toMatchObject([
    { level: 'warn', what: expect.stringMatching(/^Redis is full/) },
  ])
  await opened(placeOf({ url: server.url }))
})

test('a wrong password, none, and a right one', async () => {
  const server = await serverWith('--requirepass', 'right', '--appendonly', 'yes')
  for (const password of ['wrong', undefined]) {
    const error = await openRedisStore(placeOf({ url: server.url }, password)).catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'E_STORE_DOWN',
      message: expect.stringContaining('does not let us in'),
    })
    expect(inspect(error, { depth: 10 })).not.toMatch(/'wrong'/)
  }
  await opened(placeOf({ url: server.url }, 'right'))
  await opened(placeOf({ url: server.url.replace('//', '//:right@') }))
})

test('the ACL user that docs/redis.md gives is enough; one with less is told what is missing', async () => {
  const server = await serverWith('--appendonly', 'yes')
  const rules = ['~{c}:*', '&{c}:*', '+@all', '-@admin', '-@dangerous', '+info']
  const user = (name: string, ...more: string[]) =>
    server.ask('acl', 'setuser', name, 'on', '>pw', ...rules, ...more)
  const place = (username: string, cluster = 'c') => ({
    ...placeOf({ url: server.url, username }, 'pw'),
    cluster,
  })
  await user('orch')
  const store = await opened(place('orch'))
  await store.exchange?.put('x', Buffer.from('x'), Date.now() + 60_000)
  await store.exchange?.answer('alpha', async () => ({ value: 1 }))
  expect(await store.exchange?.call('alpha', { verb: 'v', input: null }, 5_000)).toBe(1)
  expect(await store.exchange?.troubles()).toEqual([])

  await user('less', '-xadd')
  await refused('E_CONFIG', openRedisStore(place('less')))
  expect((await examineRedisPlace(place('less'))).troubles[0]?.what).toContain('XADD')
  await user('deaf', 'resetchannels')
  expect((await examineRedisPlace(place('deaf'))).troubles[0]?.what).toContain('channel')
  await refused('E_CONFIG', openRedisStore(place('orch', 'another')))
})

test.each([
  ['redis_version:6.2.14', 'Redis 6.2.14', ['E_PROGRAM_OLD']],
  ['redis_version:7.0.0', 'Redis 7.0.0', []],
  ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0', 'Valkey 8.1.0', []],
])('of version %s', async (version, name, codes) => {
  const answers = { info: `${version}\r\nrole:master\r\naof_enabled:1\r\n`, time: ['1', '0'], config: [] }
  const redis = new Proxy({} as Redis, {
    get: (_, verb) => async () => answers[verb as keyof typeof answers] ?? null,
  })
  const facts = await examineRedis(redis, 'p:')
  const failed = facts.troubles.filter(({ level }) => level === 'fail')
  expect([facts.name, failed.map(({ code }) => code)]).toEqual([name, codes])
})

test('one that is not there is down', async () => {
  const nobody = await serverWith()
  await nobody.kill()
  const error = await openRedisStore(placeOf({ url: nobody.url })).catch((thrown) => thrown)
  expect(error).toMatchObject({ code: 'E_STORE_DOWN', message: expect.stringContaining('ECONNREFUSED') })
})

test('a slow one is warned of', async () => {
  const server = await serverWith('--appendonly', 'yes')
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.dispose())
  proxy.delay(40)
  const { troubles } = await examineRedisPlace(placeOf({ url: proxy.url }))
  expect(troubles).toMatchObject([{ level: 'warn', what: expect.stringContaining('ms to answer') }])
})

test('a clock that is wrong is told, and which way', () => {
  expect(aboutClock(1_999)).toEqual([])
  expect(aboutClock(61_000)[0]?.what).toContain('61 s behind')
  expect(aboutClock(-3_000)[0]?.what).toContain('3 s ahead of')
})
