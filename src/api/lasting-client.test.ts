import { chmodSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fakeDaemon } from '../../test/support/cli.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import { connectProgram } from './lasting-client.ts'

test('a call waits for a daemon that was stopped, and is made again', async () => {
  const first = await fakeDaemon()
  const client = await connectProgram({ stateDir: first.state, autostart: false })
  expect(await client.call('runs', { query: {} })).toEqual({ runs: [] })
  await first.close()
  const waiting = client.call('diff', { params: { number: 1 }, query: { repo: '/repo' } })
  await fakeDaemon({ diff: async () => ({ diff: 'of the second' }) }, first.state)
  expect(await waiting).toEqual({ diff: 'of the second' })
  client.close()
})

test('what the daemon answers is no reason to ask again, and patience has an end', async () => {
  let asked = 0
  const { state, close } = await fakeDaemon({
    diff: async () => {
      asked += 1
      throw new Error('broken')
    },
  })
  let now = 0
  const skip = async (ms: number) => {
    now += ms
  }
  const clock = { ...systemClock, now: () => now, sleep: skip }
  const client = await connectProgram({ stateDir: state, autostart: false, patienceMs: 5_000, clock })
  const diff = () => client.call('diff', { params: { number: 1 }, query: { repo: '/repo' } })
  await expect(diff()).rejects.toMatchObject({ code: 'E_INTERNAL' })
  expect(asked).toBe(1)
  await close()
  await expect(diff()).rejects.toMatchObject({ code: 'E_DAEMON' })
  expect(now).toBeGreaterThanOrEqual(5_000)
  client.close()
})

test('a call waits for a store that is out of reach, when it may be made twice', async () => {
  const away = new OrchError('E_STORE_DOWN', 'Redis cannot be reached')
  let left = 3
  const fails = async () => {
    if (left-- > 0) throw away
    return { diff: 'of the store' }
  }
  const say = async () => {
    throw away
  }
  const { state } = await fakeDaemon({ diff: fails, say })
  const client = await connectProgram({ stateDir: state, autostart: false })
  expect(await client.call('diff', { params: { number: 1 }, query: { repo: '/repo' } })).toEqual({
    diff: 'of the store',
  })
  const once = client.call('say', { params: { id: 't-1' }, body: { text: 'once' } })
  await expect(once).rejects.toMatchObject({ code: 'E_STORE_DOWN' })
  client.close()
})

test('no daemon and none wanted, a directory that is none', async () => {
  const stateDir = temporaryDirectory('ol')
  await expect(connectProgram({ stateDir, autostart: false })).rejects.toMatchObject({ code: 'E_DAEMON' })
  await expect(connectProgram({ stateDir: 'relative' })).rejects.toMatchObject({ code: 'E_STATE_DIR' })
})

test('what cannot be done twice is not made again when nobody knows whether it was done', async () => {
  let said = 0
  const daemon = await fakeDaemon({
    say: async () => {
      said += 1
      await daemon.close()
      return {}
    },
  })
  const client = await connectProgram({ stateDir: daemon.state, autostart: false })
  const say = client.call('say', { params: { id: 't-1' }, body: { text: 'once' } })
  await expect(say).rejects.toMatchObject({ code: 'E_DAEMON' })
  expect(said).toBe(1)
  client.close()
})

test('the time that a call was being answered is no part of the patience', async () => {
  let now = 0
  const clock = { ...systemClock, now: () => now }
  const first = await fakeDaemon({
    diff: async () => {
      now += 60_000
      await first.close()
      await fakeDaemon({ diff: async () => ({ diff: 'of the second' }) }, first.state)
      return { diff: 'nobody hears it' }
    },
  })
  const client = await connectProgram({ stateDir: first.state, autostart: false, patienceMs: 5_000, clock })
  const diff = client.call('diff', { params: { number: 1 }, query: { repo: '/repo' } })
  expect(await diff).toEqual({ diff: 'of the second' })
  client.close()
})

test('a client that is closed waits for nothing any more, and asks nobody', async () => {
  const asleep = Promise.withResolvers<void>()
  const sleep = (_: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => resolve())
      asleep.resolve()
    })
  const first = await fakeDaemon()
  const client = await connectProgram({
    stateDir: first.state,
    autostart: false,
    clock: { ...systemClock, sleep },
  })
  await first.close()
  const waiting = client.call('runs', { query: {} })
  await asleep.promise
  let asked = 0
  const runs = async () => {
    asked += 1
    return { runs: [] }
  }
  await fakeDaemon({ runs }, first.state)
  client.close()
  await expect(waiting).rejects.toMatchObject({ code: 'E_DAEMON' })
  expect(asked).toBe(0)
})

test('events end with their client', async () => {
  const { state, journal } = await fakeDaemon()
  const client = await connectProgram({ stateDir: state, autostart: false })
  const events = client.events({ after: 0 })[Symbol.asyncIterator]()
  await journal.append([{ type: 'note', at: 1 }])
  await events.next()
  const next = events.next()
  client.close()
  expect(await next).toEqual({ done: true, value: undefined })
})

test('events wait for a daemon that went away before they began', async () => {
  const first = await fakeDaemon()
  const client = await connectProgram({ stateDir: first.state, autostart: false })
  await first.close()
  const next = client.events({ after: 0 })[Symbol.asyncIterator]().next()
  const { journal } = await fakeDaemon({}, first.state)
  await journal.append([{ type: 'note', at: 1 }])
  expect((await next).value).toMatchObject({ type: 'note' })
  client.close()
})

test('events wait while no daemon can be started', async () => {
  const first = await fakeDaemon()
  const client = await connectProgram({ stateDir: first.state })
  const gone = Promise.withResolvers<void>()
  let sleeps = 0
  const sleep = async () => {
    await gone.promise
    if (++sleeps !== 2) return // the stream may have ended in peace, and then it looks once for who comes next
    chmodSync(first.state, 0o700)
    await fakeDaemon({}, first.state, first.journal)
  }
  const events = client.events({ after: 0, clock: { ...systemClock, sleep } })[Symbol.asyncIterator]()
  await first.journal.append([{ type: 'note', at: 1 }])
  await events.next()
  const next = events.next()
  await first.close()
  writeFileSync(first.paths.socket, '') // left behind, as by one that died
  chmodSync(first.state, 0o755) // no daemon is started over a directory that is open to others
  gone.resolve()
  await first.journal.append([{ type: 'message', at: 2 }])
  expect((await next).value).toMatchObject({ type: 'message' })
  client.close()
})
