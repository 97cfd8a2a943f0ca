import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  ids,
  idsOf,
  lease,
  listenTo,
  message,
  openBox,
  RETRY,
  receive,
  statesOf,
} from '../../../../test/support/mail.ts'
import { redisHere } from '../../../../test/support/redis-here.ts'
import { REASON, refused } from '../../../../test/support/store.ts'
import type { Store } from '../../store.ts'

const redis = redisHere()
let one: Store
let other: Store
let cluster = ''

beforeEach(async () => {
  cluster = redis.newCluster()
  one = await redis.open(cluster)
  other = await redis.open(cluster)
})
afterEach(async () => {
  const found = await one.upkeep.check()
  await Promise.all([one.close(), other.close()])
  expect(found).toEqual([])
})

/** What the other store hears of. */
function hear(store: Store): string[] {
  const heard: string[] = []
  store.mailboxes.onArrival((names) => heard.push(...names))
  return heard
}

/** Asks the server itself. */
const ask = (...words: [string, ...string[]]): Promise<unknown> => redis.raw.call(...words)

it('gives one host what another has sent, in the order of each pair, and wakes it', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const heard = await listenTo(other)
  const messages = Array.from({ length: 60 }, (_, n) => message({ from: n % 3 ? 'alice' : 'carol' }))
  // Not waited for one by one: what a host sends keeps its order all the same.
  await Promise.all(messages.map((each) => one.mailboxes.send([each], 1)))
  expect(await heard()).toContain('bob')
  expect(idsOf(await lease(other))).toEqual(ids(messages))
})

it('gives nobody what another host has leased, and tells both of what was read', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const messages = Array.from({ length: 40 }, () => message())
  await one.mailboxes.send(messages, 1)
  const pages = await Promise.all(
    Array.from({ length: 20 }, (_, n) => lease(n % 2 ? one : other, { limit: 3 })),
  )
  expect(pages.flatMap(idsOf).sort()).toEqual(ids(messages))
  const again = await lease(other, { again: true })
  expect(idsOf(again)).toEqual(ids(messages))
  const order = { mailbox: 'bob', reader: 'reader', ids: ids(messages.slice(0, 20)), now: 2 }
  await Promise.all([one.mailboxes.acknowledge(order), other.mailboxes.acknowledge(order)])
  expect(await other.mailboxes.waiting('bob')).toEqual({ direct: 20, copies: 0 })
  expect(await one.journal.read({ types: ['message.read'] })).toHaveLength(20)
})

const handsOut = async (name: string) => (await ask('HGET', `{${cluster}}:box:${name}`, 'hand')) || null

it('leases what one host sends to a reader that waits at another, in the one script that sends it', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const coming = receive(other, new AbortController().signal)
  await expect.poll(() => handsOut('bob')).not.toBeNull()
  const sent = message()
  await one.mailboxes.send([sent], 2)
  expect(await lease(one)).toEqual([])
  expect(idsOf(await coming)).toEqual([sent.id])
  expect(await handsOut('bob')).toBeNull()
})

it('has what was sent while the reader’s host did not listen, or is too long to be published', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  for (const change of [{}, { payload: { subject: 'long', content: 'x'.repeat(70_000), files: [] } }]) {
    const coming = receive(other, new AbortController().signal)
    await expect.poll(() => handsOut('bob')).not.toBeNull()
    if (!change.payload) await ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    const sent = message(change)
    await one.mailboxes.send([sent], 2)
    expect(idsOf(await coming)).toEqual([sent.id])
  }
})

it('finds a message that was given to a reader and lost on its way', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const coming = receive(other, new AbortController().signal)
  await expect.poll(() => handsOut('bob')).not.toBeNull()
  const [, , list = ''] = String(await handsOut('bob')).split(' ')
  // The connection that waits breaks, and somebody else takes what was for it.
  const clients = String(await ask('CLIENT', 'LIST')).split('\n')
  for (const client of clients.filter((line) => line.includes('name=orch-hands')))
    await ask('CLIENT', 'KILL', 'ID', /id=(\d+)/.exec(client)?.[1] ?? '')
  const sent = message()
  await one.mailboxes.send([sent], 2)
  await ask('LPOP', list)
  expect(idsOf(await coming)).toEqual([sent.id])
})

it('hears again when the connection that waits has been made anew, and gets all of it', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const waiting = async () =>
    String(await ask('CLIENT', 'LIST'))
      .split('\n')
      .filter((line) => line.includes('name=orch-hands') && line.includes('cmd=blpop'))
      .map((line) => /id=(\d+)/.exec(line)?.[1])
  for (let round = 0; round < 3; round++) {
    const coming = receive(other, new AbortController().signal)
    await expect.poll(waiting).toHaveLength(1)
    const [before = ''] = await waiting()
    await ask('CLIENT', 'KILL', 'ID', before)
    await expect.poll(async () => (await waiting()).some((id) => id !== before)).toBe(true)
    const sent = message()
    await one.mailboxes.send([sent], 2)
    expect(idsOf(await coming)).toEqual([sent.id])
  }
})

it('puts back what comes for a hand that nobody holds out any more', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const coming = receive(other, new AbortController().signal)
  await expect.poll(() => handsOut('bob')).not.toBeNull()
  // A lease that Redis carries out long after it was given up.
  const [, ms = '', list = ''] = String(await handsOut('bob')).split(' ')
  await ask('HSET', `{${cluster}}:box:bob`, 'hand', `${list}:999 ${ms} ${list}`)
  const sent = message()
  await one.mailboxes.send([sent], 2)
  expect(idsOf(await coming)).toEqual([sent.id])
})

it('leaves a message to the next reader when a store is closed while its reader waits', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const third = await redis.open(cluster)
  const coming = refused('E_STORE', receive(third, new AbortController().signal))
  await expect.poll(() => handsOut('bob')).not.toBeNull()
  await third.close()
  await coming
  const sent = message()
  await one.mailboxes.send([sent], 2)
  expect(idsOf(await lease(other))).toEqual([sent.id])
})

it('takes from one host what it has leased when the reader is another', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const messages = [message(), message()]
  await one.mailboxes.send(messages, 1)
  await lease(one)
  const heard = await listenTo(one)
  await openBox(other, 'bob', { reader: 'next' })
  expect(await heard()).toEqual(['bob'])
  await refused('E_STALE', lease(one))
  await refused(
    'E_STALE',
    one.mailboxes.acknowledge({ mailbox: 'bob', reader: 'reader', ids: ids(messages), now: 2 }),
  )
  const returned = { mailbox: 'bob', reader: 'reader', ids: ids(messages), now: 2, reason: REASON }
  await refused('E_STALE', one.mailboxes.giveBack({ ...returned, retry: RETRY }))
  expect(idsOf(await lease(other, { reader: 'next' }))).toEqual(ids(messages))
})

it('takes back once what was leased for too long, whichever hosts look', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  await one.mailboxes.send([message(), message()], 1)
  await lease(one, { leaseMs: 10 })
  const looks = await Promise.all([one, other, one, other].map((store) => store.mailboxes.expire(100, RETRY)))
  expect(looks.map(({ returned }) => returned).sort()).toEqual([0, 0, 0, 2])
  expect(await one.journal.read({ types: ['message.returned'] })).toHaveLength(1)
})

it('goes on when Redis has forgotten the scripts', async () => {
  await openBox(one, 'bob', { reader: 'reader' })
  const messages = [message(), message(), message()]
  await one.mailboxes.send(messages.slice(0, 1), 1)
  await ask('SCRIPT', 'FLUSH')
  await Promise.all(messages.slice(1).map((each) => one.mailboxes.send([each], 1)))
  await ask('SCRIPT', 'FLUSH')
  expect(idsOf(await lease(one))).toEqual(ids(messages))
})

it('tells of what came while nobody listened', async () => {
  for (const name of ['bob', 'carol']) await openBox(one, name, { reader: 'reader' })
  await listenTo(other)
  const heard = hear(other)
  await ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await one.mailboxes.send([message()], 1)
  await expect.poll(() => heard, { timeout: 5_000 }).toContain('bob')
  expect(heard).not.toContain('carol')
  heard.length = 0
  await one.mailboxes.send([message({ to: 'carol' })], 2)
  await expect.poll(() => heard).toContain('carol')
})

it('edits one after the other what two hosts edit at once', async () => {
  for (const name of ['bob', 'carol']) await openBox(one, name)
  const sent = message()
  await one.mailboxes.send([sent], 1)
  await one.mailboxes.close('bob', 2, REASON)
  const payload = { text: 'corrected' }
  await Promise.all([
    one.mailboxes.edit(sent.id, 3, { payload }),
    other.mailboxes.edit(sent.id, 3, { to: 'carol' }),
  ])
  expect((await one.mailboxes.get(sent.id))?.message).toEqual({ ...sent, payload, to: 'carol' })
  expect(await statesOf(other, [sent.id])).toEqual(['dead'])
})
