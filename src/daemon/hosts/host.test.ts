import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { type Clock, correctedClock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'
import type { Exchange, Host, Store } from '../../store/store.ts'
import { createPresence, hostNameOf, isStale, type PresenceOptions } from './host.ts'

/** A clock that is turned by hand: what repeats does so while it is turned. */
function handClock(): Clock & { turn(ms: number): Promise<void> } {
  const repeated = new Set<{ ms: number; next: number; tick: () => void }>()
  let now = 1_000_000
  return {
    now: () => now,
    sleep: async () => {},
    every(ms, tick) {
      const own = { ms, next: now + ms, tick }
      repeated.add(own)
      return () => repeated.delete(own)
    },
    async turn(ms) {
      for (const end = now + ms; now < end; ) {
        now = Math.min(end, ...[...repeated].map(({ next }) => next))
        for (const own of repeated) {
          if (own.next > now) continue
          own.next += own.ms
          own.tick()
        }
        // What the ticks began is done: the embedded store commits in the next turns of the event loop.
        for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

const CONFIG = { hostLabels: ['gpu'], heartbeatSeconds: 30, staleSeconds: 300, totalAgents: 4 }

async function cluster() {
  const store = await openSqliteStore({ file: join(temporaryDirectory(), 'orch.db') })
  onTestFinished(() => store.close())
  const clock = handClock()
  const duty = { of: '' }
  const exchange = {
    duty: async (_: string, host: string) => {
      duty.of ||= host
      return duty.of === host
    },
  } as unknown as Exchange
  const shared: Store = { ...store, exchange }
  const join_ = (name: string, more: Partial<PresenceOptions> = {}) =>
    createPresence({
      name,
      instance: `i-${name}`,
      config: CONFIG,
      store: shared,
      programs: [],
      version: '1.0.0',
      clock,
      log: silentLog,
      changed: () => {},
      ...more,
    })
  const events = async () =>
    (await store.journal.read({})).map(({ type, data }) => `${type} ${data?.host as string}`)
  return { store: shared, clock, duty, join: join_, events }
}

test('the name is the configured one, else local, or that of the machine in safe letters', () => {
  expect(hostNameOf('beta', true, 'x')).toBe('beta')
  expect(hostNameOf('beta', false, 'x')).toBe('beta')
  expect(hostNameOf(undefined, false, 'x')).toBe('local')
  expect(hostNameOf(undefined, true, 'Build-7.Example.ORG')).toBe('build-7.example.org')
  expect(hostNameOf(undefined, true, '-Ännes Mac_book!')).toBe('nnes-mac-book-')
  expect(hostNameOf(undefined, true, '---')).toBe('host')
  expect(hostNameOf(undefined, true, 'x'.repeat(300))).toHaveLength(63)
})

test('alone it tells nobody, and offers all that it knows', async () => {
  const { store, join, events } = await cluster()
  const programs = [{ name: 'claude', detect: async () => undefined }]
  const { exchange: _, ...own } = store
  const host = join('local', { store: own, programs })
  await host.begin(() => 2)
  expect(host.offers()).toEqual(['driver:claude', 'host:local', 'label:gpu'])
  expect(await host.known()).toMatchObject([{ name: 'local', running: 2, capacity: 4 }])
  await host.end()
  expect(await events()).toEqual([])
})

test('among others it joins, is seen, says what has changed, and leaves', async () => {
  const { store, clock, join, events } = await cluster()
  const host = join('one')
  let running = 0
  await host.begin(() => running)
  expect(await store.hosts.list()).toMatchObject([{ name: 'one', running: 0, pid: process.pid }])
  running = 3
  await clock.turn(1_000)
  expect(await store.hosts.list()).toMatchObject([{ running: 3, seenAt: clock.now() }])
  const before = clock.now()
  await clock.turn(30_000)
  expect((await store.hosts.list())[0]?.seenAt).toBeGreaterThan(before)
  await host.end()
  expect(await store.hosts.list()).toEqual([])
  expect(await events()).toEqual(['host.joined one', 'host.left one'])
  await clock.turn(100_000)
  expect(await store.hosts.list()).toEqual([])
})

test('programs are looked for after it has joined, and again now and then', async () => {
  const { store, clock, join } = await cluster()
  const there = new Set<string>()
  let changes = 0
  const programs = ['claude', 'codex', 'pi'].map((name) => ({
    name,
    detect: async () => {
      if (name === 'pi') throw new Error('it does not start')
      return there.has(name) ? { program: name, version: '1' } : undefined
    },
  }))
  const host = join('one', { programs, changed: () => void changes++ })
  await host.begin(() => 0)
  expect(host.offers()).toEqual(['host:one', 'label:gpu'])
  there.add('codex')
  await clock.turn(5 * 60_000 + 1_000)
  expect(host.offers()).toEqual(['driver:codex', 'host:one', 'label:gpu'])
  expect((await store.hosts.list())[0]?.offers).toEqual(host.offers())
  there.clear()
  await clock.turn(5 * 60_000)
  expect(host.offers()).toEqual(['host:one', 'label:gpu'])
  expect(changes).toBe(2)
  await host.end()
})

test('a name that another one has is refused with who that is', async () => {
  const { join, clock, events } = await cluster()
  const first = join('one', { config: { ...CONFIG, hostAddress: 'ann@build-7' } })
  await first.begin(() => 0)
  await clock.turn(12_000)
  const error = await join('one', { instance: 'another' })
    .begin(() => 0)
    .catch((thrown) => thrown as OrchError)
  expect(error).toBeInstanceOf(OrchError)
  expect(error).toMatchObject({ code: 'E_HOST_TAKEN' })
  expect((error as OrchError).message).toContain('ann@build-7')
  expect((error as OrchError).message).toContain('12 s ago')
  expect((error as OrchError).fix).toContain('--host-name')
  const again = join('one')
  await again.begin(() => 0) // the same state directory
  expect(await events()).toEqual(['host.joined one'])
  await first.end()
})

test('who has the duty removes others that are not heard of; one that was only away joins again', async () => {
  const { store, clock, join, events } = await cluster()
  const [one, two] = [join('one'), join('two')]
  await one.begin(() => 0)
  await store.hosts.beat(
    { ...((await two.known())[0] as Host), name: 'two', instance: 'i-two' },
    clock.now(),
    1,
  )
  await clock.turn(290_000)
  expect((await one.known()).map(({ name }) => name)).toEqual(['one', 'two'])
  expect(isStale((await one.known())[1] as Host, clock.now(), CONFIG)).toBe(true)
  expect(isStale((await one.known())[0] as Host, clock.now(), CONFIG)).toBe(false)
  await clock.turn(60_000)
  expect((await one.known()).map(({ name }) => name)).toEqual(['one'])
  await two.begin(() => 0)
  expect((await events()).slice(1)).toEqual(['host.joined two', 'host.lost two', 'host.joined two'])
  await Promise.all([one.end(), two.end()])
})

test('a name that was taken while it was away is told, and no beat fails the daemon', async () => {
  const { store, clock, join } = await cluster()
  let fails: OrchError | undefined = new OrchError('E_STORE_DOWN', 'no Redis')
  const hosts = { ...store.hosts }
  const flaky: Store = {
    ...store,
    hosts: { ...hosts, beat: async (...args) => (fails ? Promise.reject(fails) : await hosts.beat(...args)) },
  }
  const host = join('one', { store: flaky })
  await expect(host.begin(() => 0)).rejects.toMatchObject({ code: 'E_STORE_DOWN' })
  fails = undefined
  await host.begin(() => 0)
  fails = new OrchError('E_STORE_DOWN', 'no Redis')
  await clock.turn(301_000)
  const other = join('one', { instance: 'another' })
  await other.begin(() => 0)
  fails = undefined
  await clock.turn(30_000)
  expect(await host.taken).toMatchObject({ code: 'E_HOST_TAKEN' })
  await host.end()
  expect(await store.hosts.list()).toMatchObject([{ name: 'one', instance: 'another' }])
  await other.end()
})

test('of two with a copy of one state directory the one that was there before gives way', async () => {
  const { store, clock, join } = await cluster()
  const first = join('one')
  await first.begin(() => 0)
  const copy = { ...((await first.known())[0] as Host), pid: process.pid + 1 }
  await store.hosts.beat(copy, clock.now() - 1, 1_000) // what a Redis remembers that lost our last word
  await clock.turn(31_000)
  expect(await store.hosts.list()).toMatchObject([{ pid: process.pid }])
  await store.hosts.beat(copy, clock.now() + 1, 1_000)
  await clock.turn(30_000)
  expect(await first.taken).toMatchObject({
    code: 'E_HOST_TAKEN',
    message: expect.stringContaining('copy of this state directory'),
  })
  await first.end()
  expect(await store.hosts.list()).toMatchObject([{ pid: copy.pid }])
})

test('a corrected clock tells the time of the store, in whole ms', () => {
  const clock = { ...handClock(), now: () => 1_000 }
  expect(correctedClock(clock, () => 5_000.4).now()).toBe(6_000)
  expect(correctedClock(clock, () => -400).now()).toBe(600)
})
