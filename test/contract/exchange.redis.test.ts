import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { OrchError } from '../../src/errors.ts'
import type { Exchange, HostAnswer, HostCall } from '../../src/store/store.ts'
import { redisHere } from '../support/redis-here.ts'
import { refused } from '../support/store.ts'

const redis = redisHere()

async function member(cluster: string, url?: string): Promise<Exchange> {
  const store = await redis.open(cluster, url)
  onTestFinished(() => store.close())
  return store.exchange as Exchange
}

async function two(): Promise<[Exchange, Exchange]> {
  const cluster = redis.newCluster()
  return [await member(cluster), await member(cluster)]
}

const echo = async ({ verb, input }: HostCall): Promise<HostAnswer> => ({ value: { verb, input } })
const call = (input: unknown = null) => ({ verb: 'tell', input })

test('a host answers another one, and itself', async () => {
  const [a, b] = await two()
  await a.answer('alpha', echo)
  const input = { list: [], nothing: null, text: 'ä€😀', number: 1.5 }
  expect(await b.call('alpha', call(input), 5_000)).toEqual({ verb: 'tell', input })
  expect(await a.call('alpha', call(input), 5_000)).toEqual({ verb: 'tell', input })
})

test('many calls at once are not mixed up', async () => {
  const [a, b] = await two()
  await a.answer('alpha', async ({ input }) => ({ value: input }))
  await b.answer('beta', async ({ input }) => ({ value: input }))
  const numbers = Array.from({ length: 300 }, (_, index) => index)
  const there = await Promise.all(numbers.map((it) => b.call('alpha', call(it), 10_000)))
  const back = await Promise.all(numbers.map((it) => a.call('beta', call(it), 10_000)))
  expect([there, back]).toEqual([numbers, numbers])
})

test('nobody there is told at once, also after one has gone', async () => {
  const [a, b] = await two()
  await refused('E_HOST_GONE', b.call('alpha', call(), 60_000))
  const end = await a.answer('alpha', echo)
  await b.call('alpha', call(), 5_000)
  await end()
  await refused('E_HOST_GONE', b.call('alpha', call(), 60_000))
})

test('a call of another cluster, or of one of this name in another database, is not heard', async () => {
  const cluster = redis.newCluster()
  const a = await member(cluster)
  await a.answer('alpha', echo)
  await refused('E_HOST_GONE', (await member(cluster, `${redis.server.url}/1`)).call('alpha', call(), 60_000))
  await refused('E_HOST_GONE', (await member(redis.newCluster())).call('alpha', call(), 60_000))
})

test('what the other host throws comes as it is; what it did not mean to throw is E_INTERNAL', async () => {
  const [a, b] = await two()
  const error = new OrchError('E_LIMIT', 'too many', { fix: 'Do less.', details: { most: 3 } })
  await a.answer('alpha', async () => ({ error: error.toBody() }))
  await expect(b.call('alpha', call(), 5_000)).rejects.toMatchObject({ ...error.toBody() })
  await a.answer('beta', async () => {
    throw new Error('oh')
  })
  await refused('E_INTERNAL', b.call('beta', call(), 5_000))
})

test('who does not answer in time is not waited for; who hears of it too late does not begin', async () => {
  const [a, b] = await two()
  const calls: unknown[] = []
  await a.answer('alpha', async ({ input }) => {
    calls.push(input)
    return await new Promise<HostAnswer>(() => {})
  })
  await refused('E_HOST_GONE', b.call('beta', call(), 60_000)) // connects: that is no part of the next one's time
  await refused('E_TIMEOUT', b.call('alpha', call(1), 2_000))
  await refused('E_TIMEOUT', b.call('alpha', call(2), -1_000))
  expect(calls).toEqual([1])
})

test('eight megabytes go both ways, more do not', async () => {
  const [a, b] = await two()
  await a.answer('alpha', async ({ input }) => ({
    value: input === 'more' ? 'x'.repeat(9 * 1024 ** 2) : input,
  }))
  const much = 'y'.repeat(8 * 1024 ** 2 - 1_000)
  expect((await b.call('alpha', call(much), 20_000)) === much).toBe(true)
  await refused('E_TOO_LARGE', b.call('alpha', call(much + much), 20_000))
  await refused('E_TOO_LARGE', b.call('alpha', call('more'), 20_000))
})

test('bytes are kept for another host, replaced, dropped and forgotten in time', async () => {
  const [a, b] = await two()
  const bytes = randomBytes(3 * 1024 * 1024 + 17)
  const later = () => Date.now() + 60_000
  expect(await b.get('bundle')).toBeUndefined()
  await a.put('bundle', bytes, later())
  expect((await b.get('bundle'))?.equals(bytes)).toBe(true)
  await a.put('bundle', Buffer.alloc(0), later())
  expect(await b.get('bundle')).toEqual(Buffer.alloc(0))
  await a.put('bundle', bytes, later())
  await b.drop('bundle')
  await b.drop('bundle')
  expect(await a.get('bundle')).toBeUndefined()
  await a.put('bundle', bytes, Date.now() - 1)
  expect(await a.get('bundle')).toBeUndefined()
  await refused('E_TOO_LARGE', a.put('bundle', Buffer.alloc(256 * 1024 ** 2 + 1), later()))
})

test('bytes that are replaced while they are read are read whole, the old ones or the new', async () => {
  const [a, b] = await two()
  const kinds = [Buffer.alloc(5 * 1024 ** 2, 1), Buffer.alloc(4 * 1024 ** 2, 2)]
  const later = Date.now() + 60_000
  await a.put('bundle', kinds[0] as Buffer, later)
  let writing = true
  const writes = (async () => {
    for (let turn = 1; turn <= 8; turn++) await a.put('bundle', kinds[turn % 2] as Buffer, later)
    writing = false
  })()
  while (writing) {
    const read = await b.get('bundle')
    if (read) expect(kinds.some((it) => it.equals(read))).toBe(true)
  }
  await writes
})

test('one host has a duty until its time is over or it is the one that has it', async () => {
  const [a, b] = await two()
  expect(await a.duty('prune', 'alpha', 1_000, 500)).toBe(true)
  expect(await b.duty('prune', 'beta', 1_499, 500)).toBe(false)
  expect(await b.duty('other', 'beta', 1_499, 500)).toBe(true)
  expect(await a.duty('prune', 'alpha', 1_499, 500)).toBe(true)
  expect(await b.duty('prune', 'beta', 1_998, 500)).toBe(false)
  expect(await b.duty('prune', 'beta', 1_999, 500)).toBe(true)
  expect(await a.duty('prune', 'alpha', 2_000, 500)).toBe(false)
})

test('it is within reach, and its clock is near', async () => {
  const [a] = await two()
  expect(a.reach()).toMatchObject({ state: 'up' })
  expect(Math.abs(a.clockOffset())).toBeLessThan(500)
})
