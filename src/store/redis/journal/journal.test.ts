import { afterEach, expect, test } from 'vitest'
import { redisHere } from '../../../../test/support/redis-here.ts'
import type { RunId, TaskId } from '../../../id.ts'
import type { JournalEvent, NewEvent } from '../../../journal/journal.ts'
import type { Store } from '../../store.ts'

const redis = redisHere()
const { newCluster } = redis
const stores: Store[] = []
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
})

async function open(cluster: string): Promise<Store> {
  const store = await redis.open(cluster)
  stores.push(store)
  return store
}
const event = (n: number, more: Partial<NewEvent> = {}): NewEvent => ({
  type: 'note',
  at: n,
  data: { n },
  ...more,
})

function gather(store: Store): JournalEvent[] {
  const told: JournalEvent[] = []
  store.journal.subscribe((events) => told.push(...events))
  return told
}

/** By the name that Redis knows it under. */
async function killFollowers(): Promise<void> {
  const clients = ((await redis.raw.client('LIST')) as string).split('\n')
  const ids = clients.flatMap((line) =>
    line.includes('name=orch-journal') ? [/id=(\d+)/.exec(line)?.[1]] : [],
  )
  for (const id of ids) await redis.raw.client('KILL', 'ID', Number(id))
}

test('two stores see the events of both, in one order, each once', async () => {
  const cluster = newCluster()
  const [one, two] = [await open(cluster), await open(cluster)]
  const [byOne, byTwo] = [gather(one), gather(two)]
  await Promise.all([one.journal.append([event(0)]), two.journal.append([event(0)])])
  await expect.poll(() => [byOne.length, byTwo.length]).not.toContain(0)
  const before = [byOne.length, byTwo.length].map((length) => length + 600)
  await Promise.all(
    Array.from({ length: 300 }, (_, n) => (n % 3 ? one : two).journal.append([event(n), event(-n)])),
  )
  await expect.poll(() => [byOne.length, byTwo.length]).toEqual(before)
  const all = (await one.journal.read({})).slice(-600)
  expect(byOne.slice(-600)).toEqual(all)
  expect(byTwo.slice(-600)).toEqual(all)
})

test('a listener is told of nothing that was there before it', async () => {
  const store = await open(newCluster())
  await store.journal.append([event(1)])
  const first = gather(store)
  await store.journal.append([event(2)])
  const second = gather(store)
  await store.journal.append([event(3)])
  await expect.poll(() => [first.map(({ at }) => at), second.map(({ at }) => at)]).toEqual([[2, 3], [3]])
})

test('a following connection that is cut again and again loses nothing and gives nothing twice', async () => {
  const cluster = newCluster()
  const [one, two] = [await open(cluster), await open(cluster)]
  const told = gather(one)
  for (let round = 0; round < 8; round++) {
    const writing = Promise.all(Array.from({ length: 100 }, (_, n) => two.journal.append([event(n)])))
    await killFollowers()
    await writing
  }
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(800)
  expect(told).toEqual(await two.journal.read({}))
})

test('a journal that came back shorter is followed from its end', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  const told = gather(store)
  await store.journal.append([event(1), event(2), event(3)])
  await expect.poll(() => told.length).toBe(3)
  await redis.raw.xtrim(`{${cluster}}:journal`, 'MAXLEN', 0)
  await redis.raw.del(`{${cluster}}:seq`, `{${cluster}}:journal`)
  await killFollowers()
  await expect
    .poll(async () => {
      await store.journal.append([event(4)])
      return told.at(-1)?.at
    })
    .toBe(4)
})

test('long lists are read in pieces, from any place, as those who filter by hand would', async () => {
  const store = await open(newCluster())
  const types = ['note', 'message', 'turn.started'] as const
  const events = Array.from({ length: 2_000 }, (_, n) => {
    const type = n % 97 === 0 ? 'turn.ended' : (types[n % 3] ?? 'note')
    const taskId: TaskId = `t-${n % 2}`
    const runId: RunId = `r-${n % 4}`
    return event(n, { type, taskId, runId, data: { text: n % 50 ? 'x' : 'ü"\u0000\ud800'.repeat(20_000) } })
  })
  await Promise.all([events.slice(0, 1_000), events.slice(1_000)].map((some) => store.journal.append(some)))
  const all = await store.journal.read({ limit: 10_000 })
  expect(all).toHaveLength(2_000)
  for (const after of [0, 1, 700, 1_999, 2_000, 5_000]) {
    const behind = all.filter(({ seq }) => seq > after)
    expect(await store.journal.read({ after, limit: 10_000 })).toEqual(behind)
    expect(await store.journal.read({ after, taskId: 't-1', limit: 900 })).toEqual(
      behind.filter(({ taskId }) => taskId === 't-1').slice(0, 900),
    )
    expect(await store.journal.read({ after, taskId: 't-1', runId: 'r-3', types: ['turn.ended'] })).toEqual(
      behind.filter(
        ({ taskId, runId, type }) => taskId === 't-1' && runId === 'r-3' && type === 'turn.ended',
      ),
    )
    expect(await store.journal.read({ after, types: ['turn.ended', 'message'], limit: 300 })).toEqual(
      behind.filter(({ type }) => type === 'turn.ended' || type === 'message').slice(0, 300),
    )
  }
})

test('a seq whose event is gone is passed over', async () => {
  const cluster = newCluster()
  const store = await open(cluster)
  await store.journal.append([event(1), event(2), event(3)])
  await redis.raw.xdel(`{${cluster}}:journal`, '2-0')
  expect((await store.journal.read({ types: ['note'] })).map(({ seq }) => seq)).toEqual([1, 3])
  expect((await store.journal.read({ types: ['note'], after: 1, limit: 1 })).map(({ seq }) => seq)).toEqual([
    3,
  ])
})
