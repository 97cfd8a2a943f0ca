import { afterEach, beforeEach, expect, it } from 'vitest'
import type { TaskId } from '../../src/id.ts'
import type { Claimed, Store } from '../../src/store/store.ts'
import { redisHere } from '../support/redis-here.ts'
import { claim, PROOF, REASON, refused, request, submit } from '../support/store.ts'

/** Several hosts at one Redis at the same moment. */

const redis = redisHere()
let stores: Store[]
let cluster = ''
const key = (name: string) => `{${cluster}}:${name}`

beforeEach(() => {
  cluster = redis.newCluster()
  stores = []
})
afterEach(async () => {
  const findings = await stores[0]?.upkeep.check()
  await Promise.all(stores.map((store) => store.close()))
  expect(findings).toEqual([])
})

async function open(): Promise<Store> {
  const store = await redis.open(cluster)
  stores.push(store)
  return store
}
const several = (count: number) => Promise.all(Array.from({ length: count }, open))
const idsTo = (count: number) => Array.from({ length: count }, (_, n) => `t-${n}` as TaskId)

async function claimAll(store: Store, host: string, then?: (claimed: Claimed) => Promise<unknown>) {
  const claims: Claimed[] = []
  for (;;) {
    const claimed = await store.tasks.claim(request({ host }))
    if (!claimed) return claims
    claims.push(claimed)
    await then?.(claimed)
  }
}

it('eight stores lease each of 300 tasks once, each its own, in the order of the queue', async () => {
  const hosts = await several(8)
  await submit(hosts[0]!, { ids: idsTo(300) })
  const claims = (await Promise.all(hosts.map((store, n) => claimAll(store, `host-${n}`)))).flat()
  expect(claims).toHaveLength(300)
  expect(new Set(claims.map(({ task }) => task.id)).size).toBe(300)
  expect(claims.every(({ task }) => task.epoch === 1)).toBe(true)
  const leased = await hosts[3]!.tasks.list({ states: ['leased'] })
  expect(leased.map(({ id }) => id)).toEqual(idsTo(300).reverse())
  const owners = new Map(claims.map(({ fence }) => [fence.taskId, fence.host]))
  for (const { id, lease } of leased) expect(lease?.host).toBe(owners.get(id))
  expect(await redis.raw.zcard(key('reserved'))).toBe(0)
})

it('eight stores carry 80 tasks to their end while others cancel and take over: no end is said twice', async () => {
  const hosts = await several(8)
  await submit(hosts[0]!, { ids: idsTo(80), spec: { tries: 3 } })
  const drive =
    (store: Store) =>
    async ({ fence }: Claimed) => {
      await store.tasks.start(fence, 2)
      await store.tasks.report(fence, 3, { summary: '' })
      await store.tasks.verify(fence, 4, PROOF)
      await store.tasks.accept(fence, 5)
    }
  const meddle = hosts.slice(0, 4).map(async (store, n) => {
    for (const id of idsTo(80).filter((_, at) => at % 8 === n))
      await store.tasks.cancel(id, 9, REASON).catch((error) => expect(error.code).toBe('E_STATE'))
  })
  const driven = hosts.map((store, n) =>
    claimAll(store, `host-${n}`, (claimed) =>
      drive(store)(claimed).catch((error) => expect(error.code).toBe('E_STALE')),
    ),
  )
  await Promise.all([...meddle, ...driven])
  const counts = await hosts[7]!.tasks.counts()
  expect(counts.accepted + counts.cancelled).toBe(80)
  const ends = await hosts[1]!.journal.read({ types: ['task.accepted', 'task.cancelled'], limit: 1_000 })
  expect(new Set(ends.map(({ taskId }) => taskId)).size).toBe(80)
  expect(ends).toHaveLength(80)
})

it('refuses a host whose task was taken over, although it remembers the task as its own', async () => {
  const [here, there] = (await several(2)) as [Store, Store]
  await submit(here, { ids: ['t-a'] })
  const { fence } = await claim(here, { leaseMs: 10 })
  await here.tasks.start(fence, 2)
  expect(await there.tasks.rescue('there', 20)).toMatchObject([{ id: 't-a', state: 'queued' }])
  await refused('E_STALE', here.tasks.report(fence, 21, { summary: 'late' }))
  const next = await claim(there, { host: 'there', now: 22 })
  await refused('E_STALE', here.tasks.progress(fence, { attempt: { session: 'late' } }))
  await refused('E_STALE', here.tasks.accept(fence, 23))
  expect(await here.tasks.renew('here', 24, 50)).toEqual([])
  expect(await there.tasks.start(next.fence, 25)).toMatchObject({ state: 'working', epoch: 2 })
})

it('goes by what is there, not by what a host remembers: another moved the task on', async () => {
  const [one, other] = (await several(2)) as [Store, Store]
  await submit(one, { ids: ['t-a'] })
  const { fence } = await claim(one)
  await other.tasks.start(fence, 2)
  expect(await one.tasks.report(fence, 3, { summary: '' })).toMatchObject({ state: 'reported' })
  await refused('E_STATE', other.tasks.report(fence, 4, { summary: '' }))
  await other.tasks.renew('here', 5, 500)
  expect(await one.tasks.verify(fence, 6, PROOF)).toMatchObject({ lease: { until: 505 } })
})

it('does not take another record for the one that Redis has forgotten, though both are of the same place in the journal', async () => {
  const [one, other] = (await several(2)) as [Store, Store]
  await submit(one, { ids: ['t-a'] })
  const { fence } = await claim(one)
  const keys = await redis.raw.keys(key('*'))
  const kept = await Promise.all(keys.map((it) => redis.raw.dumpBuffer(it)))
  await one.tasks.start(fence, 2)
  await redis.raw.del(...(await redis.raw.keys(key('*'))))
  for (const [n, it] of keys.entries()) await redis.raw.restore(it, 0, kept[n]!, 'REPLACE')
  expect(await other.tasks.cancel('t-a', 3, REASON)).toMatchObject({ state: 'cancelled' })
  await refused('E_STALE', one.tasks.report(fence, 4, { summary: 'late' }))
  expect(await other.tasks.get('t-a')).toMatchObject({ state: 'cancelled' })
})

it('goes on when the scripts of Redis were flushed', async () => {
  const [one, other] = (await several(2)) as [Store, Store]
  await submit(one, { ids: idsTo(4) })
  await claim(one)
  for (const store of [one, other]) {
    await redis.raw.script('FLUSH')
    const claims = await Promise.all([claim(store), store.tasks.list(), store.tasks.counts()])
    await redis.raw.script('FLUSH')
    expect(await store.tasks.start(claims[0].fence, 2)).toMatchObject({ state: 'working' })
  }
})

it('gives back what a host was about to lease when it died', async () => {
  const [store] = (await several(1)) as [Store]
  await submit(store, { ids: ['t-a'] })
  const [lane] = await redis.raw.zrange(key('lanes'), 0, '0')
  await redis.raw.zpopmin(key(`lane:${lane}`))
  await redis.raw.zrem(key('lanes'), lane!)
  await redis.raw.zadd(key('reserved'), 5_001, 't-a')
  expect(await store.tasks.claim(request({ now: 5_000 }))).toBeUndefined()
  expect(await store.tasks.nextDue()).toBe(5_001)
  expect((await claim(store, { now: 5_001 })).task.id).toBe('t-a')
})

it('leaves a task to hosts whose clock is ahead until it is due by its own', async () => {
  const [ahead, behind] = (await several(2)) as [Store, Store]
  await submit(ahead, { ids: ['t-a', 't-b'] })
  const claims = [await claim(ahead), await claim(ahead)]
  for (const { fence } of claims) await ahead.tasks.fail(fence, 2, { reason: REASON, retryAt: 100 })
  expect((await claim(ahead, { now: 100 })).task.id).toBe('t-a')
  expect(await behind.tasks.claim(request({ now: 99 }))).toBeUndefined()
  expect(await behind.tasks.nextDue()).toBe(100)
  expect((await claim(behind, { now: 100 })).task.id).toBe('t-b')
})

it('claims and takes over nothing while Redis may have forgotten leases', async () => {
  const [store] = (await several(1)) as [Store]
  await submit(store, { ids: ['t-a', 't-b'] })
  await claim(store, { host: 'there', leaseMs: 1 })
  await redis.raw.set(key('hold'), 100)
  expect(await store.tasks.claim(request({ now: 99 }))).toBeUndefined()
  expect(await store.tasks.rescue('here', 99)).toEqual([])
  expect(await store.tasks.nextDue()).toBe(100)
  expect(await store.tasks.renew('there', 99, 1)).toEqual(['t-a'])
  expect(await store.tasks.rescue('here', 101)).toHaveLength(1)
  expect(await store.tasks.claim(request({ now: 100 }))).toBeDefined()
})

it('reads and promotes in pieces what does not go into one', async () => {
  const [store] = (await several(1)) as [Store]
  const ids = idsTo(450)
  await submit(store, { ids })
  await submit(store, { ids: ['t-best'], run: 'r-2', spec: { priority: 5 } })
  const ask = async (filter?: Parameters<Store['tasks']['list']>[0]) =>
    (await store.tasks.list(filter)).map(({ id }) => id)
  expect(await ask({ runId: 'r-1' })).toEqual([...ids].reverse())
  expect(await ask({ states: ['queued', 'dead'], limit: 301 })).toEqual([
    't-best',
    ...ids.slice(150).reverse(),
  ])
  const claims = await claimAll(store, 'here')
  expect(await ask({ host: 'here', repo: '/repo' })).toHaveLength(451)
  await Promise.all(
    claims.map(({ fence }) =>
      store.tasks.fail(fence, 2, { reason: REASON, retryAt: fence.taskId === 't-best' ? 9 : 8 }),
    ),
  )
  expect((await claim(store, { now: 9 })).task.id).toBe('t-best')
  expect(await store.tasks.usage({ now: 10, by: 'task' })).toHaveLength(451)
})
