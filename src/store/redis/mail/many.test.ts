import { afterEach, beforeEach, expect, it } from 'vitest'
import { ids, idsOf, lease, message, openBox, RETRY } from '../../../../test/support/mail.ts'
import { redisHere } from '../../../../test/support/redis-here.ts'
import { REASON, refused, submit } from '../../../../test/support/store.ts'
import type { Store } from '../../store.ts'
import type { RedisTools } from '../tools.ts'
import { checkMail } from './check.ts'

/** Very many messages: what is done in pieces looks as if it were done at once. */

const redis = redisHere()
let store: Store
let cluster = ''

beforeEach(async () => {
  cluster = redis.newCluster()
  store = await redis.open(cluster)
})
afterEach(() => store.close())

async function findings(): Promise<string[]> {
  const found: string[] = []
  const tools = { redis: redis.raw, prefix: `{${cluster}}:` } as RedisTools
  for await (const finding of checkMail(tools)) found.push(finding)
  return found
}

async function full(to: string, count: number) {
  const messages = Array.from({ length: count }, () => message({ to }))
  await store.mailboxes.send(messages, 1)
  return messages
}

it('closes the mailbox of a task that ends: nobody reads or counts what is not buried yet', async () => {
  await submit(store, { ids: ['t-a'] })
  await openBox(store, 't-a', { reader: 'agent', capacity: 5_000, runId: 'r-1' })
  const messages = await full('t-a', 1_700)
  await lease(store, { mailbox: 't-a', reader: 'agent', limit: 600 })
  await store.tasks.cancel('t-a', 5, REASON)
  expect(await store.mailboxes.waiting('t-a')).toEqual({ direct: 0, copies: 0 })
  const reader = { mailbox: 't-a', reader: 'agent' }
  expect(await lease(store, { ...reader, again: true, limit: 9_999 })).toEqual([])
  await store.mailboxes.acknowledge({ ...reader, ids: ids(messages), now: 6 })
  expect((await store.mailboxes.statistics()).states.acknowledged).toBe(0)
  expect(await findings()).toEqual([])
  // Opened again before the rest is buried: what comes then is not part of it.
  await store.tasks.retry('t-a', 7)
  await openBox(store, 't-a', { reader: 'agent' })
  const [later] = await full('t-a', 1)
  expect(idsOf(await lease(store, { ...reader, again: true, limit: 9_999 }))).toEqual([later?.id])
  expect(await store.mailboxes.expire(8, RETRY)).toEqual({ returned: 0, buried: 1_200 })
  expect((await store.mailboxes.statistics()).states).toMatchObject({ waiting: 1, dead: 1_700 })
  const events = await store.journal.read({ types: ['message.dead'], limit: 5_000 })
  expect(events.map(({ data }) => data?.id)).toEqual(ids(messages))
  expect(new Set(events.map(({ at, taskId }) => `${taskId} ${at}`))).toEqual(new Set(['t-a 5']))
  expect(await findings()).toEqual([])
})

it('acknowledges thousands that were sent before, with those of others between them', async () => {
  await openBox(store, 'bob', { reader: 'reader', capacity: 9_000 })
  const messages = Array.from({ length: 3_000 }, (_, n) => message({ from: n % 2 ? 'alice' : 'carol' }))
  await store.mailboxes.send(messages, 1)
  await lease(store, { limit: 1_100 })
  const order = { mailbox: 'bob', reader: 'reader', now: 2 }
  await store.mailboxes.acknowledge({ ...order, ids: [messages[2_999]?.id ?? ''] })
  expect(await store.mailboxes.waiting('bob')).toEqual({ direct: 1_500, copies: 0 })
  const read = await store.journal.read({ types: ['message.read'], limit: 9_000 })
  expect(read.map(({ data }) => data?.id)).toEqual(ids(messages.filter((_, n) => n % 2)))
  expect(await findings()).toEqual([])
})

it('buries thousands that have expired, and gives back thousands of leases', async () => {
  await openBox(store, 'bob', { reader: 'reader', capacity: 9_000 })
  const expiresAt = new Date(50).toISOString()
  await store.mailboxes.send(
    Array.from({ length: 1_200 }, (_, n) => message({ expiresAt, from: `s-${n % 7}` })),
    1,
  )
  await lease(store, { limit: 300, leaseMs: 10 })
  expect(await store.mailboxes.expire(60, RETRY)).toEqual({ returned: 300, buried: 1_200 })
  expect(await store.mailboxes.waiting('bob')).toEqual({ direct: 0, copies: 0 })
  expect(await findings()).toEqual([])
})

it('reads a history of long messages piece by piece', async () => {
  await openBox(store, 'bob')
  const text = 'x'.repeat(200_000)
  const messages = Array.from({ length: 20 }, () => message({ payload: { text } }))
  for (const one of messages) await store.mailboxes.send([one], 1)
  expect(idsOf(await store.mailboxes.history({ mailbox: 'bob', newest: true }))).toEqual(
    ids(messages).reverse(),
  )
})

it('finds a rare one among thousands, whatever it is looked for by', async () => {
  await openBox(store, 'bob', { capacity: 9_000 })
  await full('bob', 2_300)
  const rare = message({ type: 'warning', runId: 'r-9' })
  await store.mailboxes.send([rare], 1)
  await full('bob', 2_300)
  for (const query of [{ runId: 'r-9' as const }, { mailbox: 'bob', types: ['warning' as const] }])
    expect(idsOf(await store.mailboxes.history(query))).toEqual([rare.id])
  expect(await store.mailboxes.history({ mailbox: 'alice', runId: 'r-8' })).toEqual([])
})

it('takes messages out when Redis is full, and refuses new ones', async () => {
  await openBox(store, 'bob', { reader: 'reader' })
  const messages = await full('bob', 4)
  await redis.raw.config('SET', 'maxmemory', '1')
  try {
    await refused('E_STORE_DOWN', store.mailboxes.send([message()], 1))
    expect(idsOf(await lease(store, { limit: 2 }))).toEqual(ids(messages.slice(0, 2)))
    const order = { mailbox: 'bob', reader: 'reader', now: 2 }
    await store.mailboxes.acknowledge({ ...order, ids: ids(messages.slice(0, 1)) })
    await store.mailboxes.giveBack({ ...order, ids: ids(messages), reason: REASON, retry: RETRY })
    await store.mailboxes.expire(3, RETRY)
    expect(await store.mailboxes.prune({ keep: 0, before: 0 })).toBe(1)
    await store.mailboxes.close('bob', 4, REASON)
    await store.mailboxes.drop(ids(messages.slice(1)), 5)
    expect((await store.mailboxes.statistics()).states).toMatchObject({ waiting: 0, dropped: 3 })
  } finally {
    await redis.raw.config('SET', 'maxmemory', '0')
  }
  expect(await findings()).toEqual([])
})

it('leaves nothing of messages that are forgotten', async () => {
  await openBox(store, 'bob', { reader: 'reader' })
  const keys = () => redis.raw.keys(`{${cluster}}:*`)
  const before = (await keys()).filter((key) => !key.includes(':journal')).sort()
  const change = {
    correlationId: 'm-question-1',
    runId: 'r-1',
    expiresAt: new Date(9_000).toISOString(),
  } as const
  await store.mailboxes.send([message({ ...change, type: 'assistance_request' }), message()], 1)
  const given = await lease(store)
  await store.mailboxes.acknowledge({ mailbox: 'bob', reader: 'reader', ids: idsOf(given), now: 2 })
  expect(await store.mailboxes.prune({ keep: 0, before: 0 })).toBe(2)
  const after = (await keys()).filter((key) => !key.includes(':journal')).sort()
  expect(after.filter((key) => !key.endsWith(':seq'))).toEqual(before.filter((key) => !key.endsWith(':seq')))
})

it.each([
  ['noted', 'HSET', 'box:bob', 'direct', '7'],
  ['closed', 'HSET', 'box:bob', 'open', '0'],
  ['not there', 'DEL', 'message:ID'],
  ['not the one', 'SET', 'text:ID', '{}'],
  ['not the one', 'DEL', 'text:ID'],
  ['mail:from:alice', 'DEL', 'mail:from:alice'],
  ['box:bob:waiting', 'ZADD', 'box:bob:waiting', '9', 'ID'],
  ['not readable', 'DEL', 'box:bob'],
] as const)('finds what is wrong: %s', async (finding, verb, key, ...words) => {
  await openBox(store, 'bob', { reader: 'reader' })
  const [sent] = await full('bob', 1)
  const named = (word: string) => word.replace('ID', sent?.id ?? '')
  await redis.raw.call(verb, `{${cluster}}:${named(key)}`, ...words.map(named))
  expect((await findings()).join('\n')).toContain(finding)
})
