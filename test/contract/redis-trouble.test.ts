import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { expect, onTestFinished, test, vi } from 'vitest'
import { configSchema, type RedisConfig } from '../../src/config/schema.ts'
import type { OrchError } from '../../src/errors.ts'
import { silentLog } from '../../src/log.ts'
import { openRedisStore } from '../../src/store/redis/redis.ts'
import type { Exchange, Reach, Store } from '../../src/store/store.ts'
import { idsOf, lease, message, openBox, receive } from '../support/mail.ts'
import { until } from '../support/orch.ts'
import { startProxy } from '../support/proxy.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { startSentinel } from '../support/sentinel.ts'
import { claim, refused, request, submit } from '../support/store.ts'

/** What happens to Redis and to the way there, on real servers: found, survived, and told. */

const HOLD_MS = 60_000

async function serverWith(...args: string[]): Promise<RedisServer> {
  const server = await startRedis(args)
  onTestFinished(() => server.dispose())
  return server
}

async function proxied(server: RedisServer) {
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.dispose())
  return proxy
}

async function watched(primary: RedisServer) {
  const sentinel = await startSentinel(primary.port)
  onTestFinished(() => sentinel.dispose())
  return sentinel
}

type Member = Store & { exchange: Exchange; reached: Reach[] }

async function member(redis: Partial<RedisConfig>, password?: string): Promise<Member> {
  const config = configSchema.parse({ redis }).redis as RedisConfig
  const place = { config, cluster: 'c', log: silentLog, leaseMs: HOLD_MS }
  const store = await openRedisStore({ ...place, ...(password && { password }) })
  onTestFinished(() => store.close())
  const reached: Reach[] = []
  store.exchange?.onReach((reach) => reached.push(reach))
  return Object.assign(store, { exchange: store.exchange as Exchange, reached })
}

const note = (store: Store, name = 'x') =>
  store.journal.append([{ type: 'breaker.opened', at: 1, data: { name } }])
const names = async (store: Store) =>
  (await store.journal.read({ types: ['breaker.opened'] })).map(({ data }) => data?.name)
const up = (store: Member) => until('the store is up', async () => store.exchange.reach().state === 'up')
const down = (store: Member) =>
  until('the store is down', async () => store.exchange.reach().state === 'down')
const holdOf = async (server: RedisServer) => Number(await server.ask('get', '{c}:hold'))

test('lost and back: what is asked meanwhile fails at once, then all goes on', async () => {
  const server = await serverWith('--appendonly', 'yes')
  const proxy = await proxied(server)
  const [store, other] = [await member({ url: proxy.url }), await member({ url: server.url })]
  await store.exchange.answer('alpha', async () => ({ value: 'here' }))
  const heard: unknown[] = []
  store.journal.subscribe((events) => heard.push(...events.map(({ data }) => data?.name)))
  await note(store, 'before')

  proxy.cut()
  await down(store)
  const from = performance.now()
  await refused('E_STORE_DOWN', note(store))
  await refused('E_STORE_DOWN', store.exchange.call('alpha', { verb: 'v', input: 1 }, 60_000))
  await refused('E_STORE_DOWN', store.exchange.duty('d', 'h', 1, 1))
  await refused('E_STORE_DOWN', store.exchange.get('b'))
  await refused('E_STORE_DOWN', store.exchange.troubles())
  expect(performance.now() - from).toBeLessThan(8_000) // less than one of them would wait for an answer
  expect(store.exchange.reach()).toMatchObject({ state: 'down', reason: expect.stringContaining('Redis') })
  await note(other, 'meanwhile')

  proxy.resume()
  await up(store)
  await note(store, 'after')
  await until('it is heard of', async () => heard.includes('after'))
  expect(heard).toEqual(['before', 'meanwhile', 'after'])
  expect(store.reached.map(({ state }) => state)).toEqual(['down', 'up'])
  expect(await other.exchange.call('alpha', { verb: 'v', input: 1 }, 5_000)).toBe('here')
  expect(await store.exchange.call('alpha', { verb: 'v', input: 1 }, 5_000)).toBe('here')
  expect(await holdOf(server)).toBe(0)
})

test('a call that is under way when the connection breaks ends at once', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const [asking, answering] = [await member({ url: proxy.url }), await member({ url: server.url })]
  const asked = Promise.withResolvers<void>()
  await answering.exchange.answer('alpha', async () => {
    asked.resolve()
    return await new Promise(() => {})
  })
  const call = asking.exchange.call('alpha', { verb: 'v', input: 1 }, 60_000)
  call.catch(() => {})
  await asked.promise
  proxy.reset()
  await refused('E_STORE_DOWN', call)
})

test('a connection that is half-open is found out and made anew', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const store = await member({ url: proxy.url })
  proxy.hold()
  await down(store)
  expect(store.exchange.reach().reason).toContain('no answer')
  proxy.reset()
  proxy.resume()
  await up(store)
  await note(store)
})

test('a connection that only listens and is half-open is found out too', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const [deaf, other] = [await member({ url: proxy.url }), await member({ url: server.url })]
  await deaf.exchange.answer('alpha', async () => ({ value: 'heard' }))
  const ask = (ms = 500) => other.exchange.call('alpha', { verb: 'v', input: 1 }, ms)
  expect(await ask(60_000)).toBe('heard')
  proxy.hold([1, 2]) // all but the first, which asks
  await refused('E_TIMEOUT', ask())
  await until('it hears again', async () => (await ask().catch(() => '')) === 'heard')
  expect(deaf.reached).toEqual([])
})

/** Of each connection of ours, as the server tells it. */
const connections = async (server: RedisServer, which = 'orch'): Promise<string[]> =>
  (await server.ask('client', 'list')).split('\n').filter((line) => line.includes(` name=${which}`))

test('a connection that only listens and gets no answer while it is made is made once more', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const [deaf, other] = [await member({ url: proxy.url }), await member({ url: server.url })]
  await deaf.exchange.answer('alpha', async () => ({ value: 'heard' }))
  const [listening = ''] = await connections(server, 'orch-calls')
  proxy.hold([3]) // the next one that comes
  await server.ask('client', 'kill', 'id', /id=(\d+)/.exec(listening)?.[1] ?? '')
  const ask = () => other.exchange.call('alpha', { verb: 'v', input: 1 }, 500)
  await until('it hears again', async () => (await ask().catch(() => '')) === 'heard', 60_000)
  expect(deaf.reached).toEqual([])
})

test('closed while it is lost: who waits is told, and the closing comes to its end', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const store = await member({ url: proxy.url })
  await openBox(store, 'bob', { reader: 'reader' })
  store.journal.subscribe(() => {})
  const coming = receive(store, new AbortController().signal)
  coming.catch(() => {})
  const waits = async (what: string) => (await connections(server)).some((it) => it.includes(`cmd=${what}`))
  await until('both wait', async () => (await waits('blpop')) && (await waits('xread')))
  proxy.cut()
  await refused('E_STORE_DOWN', coming)
  await until('it was refused several times', async () => proxy.refused() > 10)
  await sleep(200) // between two tries, which are far apart by now
  await store.close()
})

/** The first message for a hand that is held out again whenever something else has happened. */
async function held(store: Store) {
  for (;;) {
    const found = await lease(store, { wait: new AbortController().signal })
    if (found.length > 0) return found
  }
}

test('lost for several tries: who waits for a message afterwards gets the first that comes', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const [store, other] = [await member({ url: proxy.url }), await member({ url: server.url })]
  await openBox(store, 'bob', { reader: 'reader' })
  await lease(store, { wait: AbortSignal.timeout(1) })
  proxy.cut()
  await until('it was refused several times', async () => proxy.refused() > 10)
  proxy.resume()
  await up(store)
  const coming = held(store)
  await until('it listens', async () => (await server.ask('pubsub', 'channels', '*:hand:*')).includes('hand'))
  await until('its hand is held out', async () => (await server.ask('hget', '{c}:box:bob', 'hand')) !== '')
  const sent = message()
  await other.mailboxes.send([sent], 2)
  const late = new Promise<[]>((resolve) => setTimeout(resolve, 5_000, []).unref())
  expect(idsOf(await Promise.race([coming, late]))).toEqual([sent.id])
})

test('what is asked of a store that is closed is refused, and connects to nothing', async () => {
  const server = await serverWith()
  const store = await member({ url: server.url })
  await store.close()
  await refused('E_STORE', lease(store, { wait: new AbortController().signal }))
  await refused('E_STORE', store.exchange.call('alpha', { verb: 'v', input: 1 }, 60_000))
  store.journal.subscribe(() => {})()
  const next = await member({ url: server.url }) // behind what would have been connected before
  await note(next)
  expect((await connections(server)).map((line) => / name=(\S+)/.exec(line)?.[1]).sort()).toEqual([
    'orch',
    'orch-arrivals',
  ])
})

test('restarted with kill -9: what was confirmed is there, nothing is claimed for a lease’s time', async () => {
  const server = await serverWith('--appendonly', 'yes', '--appendfsync', 'always')
  const store = await member({ url: server.url })
  for (const name of ['a', 'b', 'c']) await note(store, name)
  const seq = await store.journal.last()
  await server.kill()
  await down(store)
  const restarted = Date.now()
  await server.start()
  await up(store)
  expect(await names(store)).toEqual(['a', 'b', 'c'])
  expect(await store.journal.read({ types: ['store.regressed'] })).toEqual([])
  expect(await note(store)).toBeGreaterThan(seq)
  const hold = await holdOf(server)
  expect(hold).toBeGreaterThan(restarted + HOLD_MS - 1_000)
  expect(hold).toBeLessThan(Date.now() + HOLD_MS + 1_000)
})

test('restarted: nothing is claimed for a lease’s time by its clock, whatever that of the host says', async () => {
  const server = await serverWith('--appendonly', 'yes', '--appendfsync', 'always')
  const right = Date.now.bind(Date)
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => right() - 3_600_000)
  onTestFinished(() => clock.mockRestore())
  for (const goesOn of [true, false]) {
    const store = await member({ url: server.url })
    await note(store)
    if (!goesOn) await store.close()
    await server.kill()
    if (goesOn) await down(store)
    const restarted = right()
    await server.start()
    if (goesOn) await up(store)
    else await member({ url: server.url })
    const hold = await holdOf(server)
    expect(hold).toBeGreaterThan(restarted + HOLD_MS - 1_000)
    expect(hold).toBeLessThan(right() + HOLD_MS + 1_000)
    expect(store.exchange.clockOffset()).toBeGreaterThan(3_599_000)
    await store.close()
  }
})

test('restarted without its last writes: told once, no seq is used twice, nothing is claimed', async () => {
  const server = await serverWith('--appendonly', 'yes', '--appendfsync', 'always')
  const [a, b] = [await member({ url: server.url }), await member({ url: server.url })]
  await note(a, 'kept')
  await b.journal.last()
  const copy = join(server.directory, 'older')
  cpSync(join(server.directory, 'appendonlydir'), copy, { recursive: true })
  for (const name of ['lost-1', 'lost-2', 'lost-3']) await note(a, name)
  const seen = await note(b, 'lost-4')
  await server.kill()
  rmSync(join(server.directory, 'appendonlydir'), { recursive: true })
  cpSync(copy, join(server.directory, 'appendonlydir'), { recursive: true })
  await server.start()
  await Promise.all([up(a), up(b)])

  expect(await names(a)).toEqual(['kept'])
  const next = await Promise.all([note(a, 'new-a'), note(b, 'new-b')])
  expect(Math.min(...next)).toBeGreaterThan(seen)
  expect((await names(b)).sort()).toEqual(['kept', 'new-a', 'new-b'])
  const told = await until('it is told', async () => {
    const events = await a.journal.read({ types: ['store.regressed'] })
    return events.length > 0 && events
  })
  expect(told).toMatchObject([{ data: { from: 1 } }])
  expect(told[0]?.data?.seen).toBeGreaterThan(1)
  expect(await holdOf(server)).toBeGreaterThan(Date.now() + HOLD_MS / 2)
})

test('a task whose lease Redis has forgotten is given to nobody while somebody may still believe in it', async () => {
  const server = await serverWith('--appendonly', 'yes', '--appendfsync', 'always')
  const [a, b] = [await member({ url: server.url }), await member({ url: server.url })]
  await submit(a, { ids: ['t-a'] })
  const copy = join(server.directory, 'older')
  cpSync(join(server.directory, 'appendonlydir'), copy, { recursive: true })
  const leased = { now: Date.now(), leaseMs: HOLD_MS }
  const { fence } = await claim(a, { ...leased, host: 'alpha' })
  await server.kill()
  rmSync(join(server.directory, 'appendonlydir'), { recursive: true })
  cpSync(copy, join(server.directory, 'appendonlydir'), { recursive: true })
  await server.start()
  await Promise.all([up(a), up(b)])

  expect(await b.tasks.claim(request({ host: 'beta', now: Date.now() }))).toBeUndefined()
  expect(await b.tasks.nextDue()).toBeGreaterThan(leased.now + HOLD_MS - 1_000)
  expect(await a.tasks.renew('alpha', Date.now(), HOLD_MS)).toEqual([])
  await expect(a.tasks.start(fence, Date.now())).rejects.toMatchObject({ code: 'E_STALE' })
  const later = await claim(b, { host: 'beta', now: Date.now() + HOLD_MS + 1_000 })
  expect(later.task.id).toBe('t-a')
  await expect(
    a.tasks.report(fence, Date.now(), { kind: 'done', summary: 'late' } as never),
  ).rejects.toMatchObject({
    code: 'E_STALE',
  })
})

test('emptied under way: told, and no seq is used twice', async () => {
  const server = await serverWith()
  const store = await member({ url: server.url })
  await note(store)
  const seen = await note(store)
  await server.ask('flushall')
  expect(await note(store, 'new')).toBeGreaterThan(seen)
  expect(await store.journal.read({ types: ['store.regressed'] })).toMatchObject([
    { data: { seen, from: 0 } },
  ])
})

test('a host that has seen more than all others tells it when it comes late', async () => {
  const server = await serverWith('--appendonly', 'yes', '--appendfsync', 'always')
  const proxy = await proxied(server)
  const early = await member({ url: server.url })
  await note(early, 'kept')
  const copy = join(server.directory, 'older')
  cpSync(join(server.directory, 'appendonlydir'), copy, { recursive: true })
  const late = await member({ url: proxy.url })
  await server.ask('client', 'kill', 'type', 'normal')
  await server.kill()
  await server.start()
  await up(late)
  await note(late, 'lost')
  await server.kill()
  proxy.cut()
  rmSync(join(server.directory, 'appendonlydir'), { recursive: true })
  cpSync(copy, join(server.directory, 'appendonlydir'), { recursive: true })
  await server.start()
  await up(early)
  await note(early, 'new')
  proxy.resume()
  await up(late)
  await note(late)
  const told = await early.journal.read({ types: ['store.regressed'] })
  expect(told).toHaveLength(1)
})

test('failed over to a replica by a Sentinel', async () => {
  const primary = await serverWith('--appendonly', 'yes')
  const replica = await serverWith('--appendonly', 'yes', '--replicaof', `127.0.0.1 ${primary.port}`)
  await until('the replica follows', async () => (await primary.ask('role')).includes(`${replica.port}`))
  const sentinel = await watched(primary)
  await until('the Sentinel knows the replica', async () => (await sentinel.replicas()) === 1, 30_000)
  const store = await member({ sentinels: [`127.0.0.1:${sentinel.port}`] })
  const before = await note(store, 'before')
  await until('it is replicated', async () => (await replica.ask('get', '{c}:seq')) === `${before}`)
  await primary.kill()
  await down(store)
  await until('the replica is the primary', async () => (await sentinel.primary()) === replica.port, 30_000)
  // It may be up for a moment, and made anew when the Sentinel tells of it.
  const after = await until('it goes on', async () => await note(store, 'after').catch(() => undefined))
  expect(after).toBeGreaterThan(before)
  await up(store)
  expect(new Set(await names(store))).toEqual(new Set(['before', 'after']))
  expect(Number(await replica.ask('get', '{c}:hold'))).toBeGreaterThan(Date.now())
})

test('a Sentinel that takes connections and says nothing: the next one is asked', async () => {
  const primary = await serverWith()
  const [sentinel, silent] = [await watched(primary), await proxied(primary)]
  silent.hold()
  const store = await member({ sentinels: [`127.0.0.1:${silent.port}`, `127.0.0.1:${sentinel.port}`] })
  await note(store)
})

test('given up while the Sentinels are asked: a connection is made all the same when they answer', async () => {
  const primary = await serverWith()
  const sentinel = await startProxy((await watched(primary)).port)
  onTestFinished(() => sentinel.dispose())
  const store = await member({ sentinels: [`127.0.0.1:${sentinel.port}`] })
  sentinel.hold()
  const ask = () => store.exchange.call('alpha', { verb: 'v', input: 1 }, 500).catch(({ code }) => code)
  expect(await ask()).toBe('E_TIMEOUT')
  process.kill(primary.pid(), 'SIGSTOP')
  await down(store)
  process.kill(primary.pid(), 'SIGCONT')
  sentinel.resume()
  await up(store)
  await until('it is asked again', async () => (await ask()) === 'E_HOST_GONE', 30_000)
})

test('a primary that becomes a replica under way is down, and up when it is one no more', async () => {
  const [server, other] = [await serverWith(), await serverWith()]
  const store = await member({ url: server.url })
  await note(store)
  await server.ask('replicaof', '127.0.0.1', `${other.port}`)
  await refused('E_STORE_DOWN', note(store))
  await down(store)
  await server.ask('replicaof', 'no', 'one')
  await up(store)
  await note(store)
})

test('full: refused whole, and it goes on when there is room', async () => {
  const server = await serverWith()
  const store = await member({ url: server.url })
  await note(store, 'before')
  await submit(store, { ids: ['t-a', 't-b'] })
  const { fence } = await claim(store, { host: 'alpha' })
  await server.ask('config', 'set', 'maxmemory', '1')
  await refused('E_STORE_DOWN', note(store, 'refused'))
  await refused('E_STORE_DOWN', store.exchange.put('b', Buffer.alloc(10), Date.now() + 60_000))
  expect(await names(store)).toEqual(['before'])
  expect(await store.exchange.duty('d', 'h', 1, 1)).toBe(true)
  expect(store.exchange.reach().state).toBe('up')
  expect((await store.exchange.troubles()).map(({ what }) => what).join()).toContain('full')
  await refused('E_STORE_DOWN', submit(store, { ids: ['t-c'], run: 'r-2' }))
  expect(await store.tasks.renew('alpha', 2, 1_000)).toEqual([fence.taskId])
  expect((await store.tasks.get(fence.taskId))?.lease?.until).toBe(1_002)
  expect((await store.tasks.list({ states: ['queued'] })).map(({ id }) => id)).toHaveLength(1)
  expect((await store.tasks.attempts(fence.taskId)).length).toBe(1)
  expect(await store.tasks.run('r-2' as never)).toBeUndefined()
  await server.ask('config', 'set', 'maxmemory', '0')
  await submit(store, { ids: ['t-c'], run: 'r-2' })
  await store.tasks.start(fence, 3)
  expect(await store.upkeep.check()).toEqual([])
  await note(store, 'after')
  expect(await names(store)).toEqual(['before', 'after'])
})

test('short of disk: Redis refuses every write, which is as if it were gone, and is told as what it is', async () => {
  const server = await serverWith('--appendonly', 'yes')
  const store = await member({ url: server.url })
  await note(store, 'before')
  // What stands in the place of its snapshot cannot be replaced, so that the snapshot fails.
  const inTheWay = join(server.directory, 'dump.rdb')
  mkdirSync(join(inTheWay, 'x'), { recursive: true })
  await server.ask('config', 'set', 'save', '3600 1')
  await server.ask('bgsave')
  await until('it failed', async () =>
    (await server.ask('info', 'persistence')).includes('last_bgsave_status:err'),
  )
  await refused('E_STORE_DOWN', note(store, 'refused'))
  await down(store)
  expect(store.exchange.reach().reason).toContain('disk')
  rmSync(inTheWay, { recursive: true })
  await server.ask('bgsave')
  await up(store)
  await note(store, 'after')
  expect(await names(store)).toEqual(['before', 'after'])
})

test('slow: it takes longer, and is right', async () => {
  const server = await serverWith()
  const proxy = await proxied(server)
  const store = await member({ url: proxy.url })
  proxy.delay(150)
  const written = ['a', 'b', 'c'].map((name) => note(store, name))
  await Promise.all(written)
  proxy.delay(0)
  await server.ask('client', 'pause', '1000', 'ALL')
  await note(store, 'd')
  expect(await names(store)).toEqual(['a', 'b', 'c', 'd'])
  expect(store.reached).toEqual([])
  expect(Math.abs(store.exchange.clockOffset())).toBeLessThan(500)
})

test('stopped for longer than anybody waits, and continued', async () => {
  const server = await serverWith()
  const store = await member({ url: server.url })
  process.kill(server.pid(), 'SIGSTOP')
  await down(store)
  await refused('E_STORE_DOWN', note(store))
  process.kill(server.pid(), 'SIGCONT')
  await up(store)
  await note(store, 'after')
  expect(await names(store)).toContain('after')
})

test('the password changes while it runs: connections stay, a new one is told; the old password again mends it', async () => {
  const server = await serverWith('--requirepass', 'one')
  const proxy = await proxied(server)
  const store = await member({ url: proxy.url }, 'one')
  const ask = (...args: string[]) => server.ask('--no-auth-warning', '-a', ...args)
  await ask('one', 'config', 'set', 'requirepass', 'two')
  await note(store, 'still')
  proxy.reset()
  await until('it is refused', async () => store.exchange.reach().reason?.includes('WRONGPASS'))
  const error = await note(store).catch((thrown) => thrown as OrchError)
  expect(inspect(error, { depth: 10 })).not.toMatch(/'one'/)
  expect(error).toMatchObject({ code: 'E_STORE_DOWN' })
  await ask('two', 'config', 'set', 'requirepass', 'one')
  await up(store)
  expect(await names(store)).toEqual(['still'])
})

test('scripts that Redis has forgotten are given to it again', async () => {
  const server = await serverWith()
  const store = await member({ url: server.url })
  await note(store, 'a')
  await server.ask('script', 'flush')
  await Promise.all([note(store, 'b'), note(store, 'c')])
  expect((await names(store)).sort()).toEqual(['a', 'b', 'c'])
})
