import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import type { Store } from '../../src/store/store.ts'
import { ids, idsOf, lease, listenTo, message, openBox, RETRY, receive, statesOf } from '../support/mail.ts'
import { REASON, refused, submit } from '../support/store.ts'

const BOB = { mailbox: 'bob', reader: 'reader' }

/** Leases, what ends them, and the order that they keep. */
export function readCases(current: () => Store): void {
  const boxes = () => current().mailboxes
  const read = (messages: readonly Message[], now = 2) =>
    boxes().acknowledge({ ...BOB, ids: ids(messages), now })
  const giveBack = (messages: readonly Message[], now: number) =>
    boxes().giveBack({ ...BOB, ids: ids(messages), now, reason: REASON, retry: RETRY })
  /** One after the other: a, b, a, b, … */
  async function sent(...senders: string[]): Promise<Message[]> {
    await openBox(current(), 'bob', { reader: 'reader', capacity: 2_000 })
    const messages = senders.map((from) => message({ from }))
    await boxes().send(messages, 1)
    return messages
  }
  const leased = async (now: number, change = {}) => idsOf(await lease(current(), { now, ...change }))

  describe('leasing', () => {
    it('gives what waits in the order of sending, at most as many as are wanted, each once', async () => {
      const messages = await sent('a', 'b', 'a', 'c')
      const [first, ...others] = await lease(current(), { limit: 3, now: 5 })
      expect(idsOf([first, ...others].flatMap((one) => one ?? []))).toEqual(ids(messages).slice(0, 3))
      expect(first).toMatchObject({ message: messages[0], state: 'waiting', deliveredAt: 5, sentAt: 1 })
      expect(await leased(6)).toEqual([messages[3]?.id])
      expect(await leased(7)).toEqual([])
      expect(await boxes().get(messages[0]?.id ?? '')).toMatchObject({ deliveredAt: 5, state: 'waiting' })
      expect(await boxes().waiting('bob')).toEqual({ direct: 4, copies: 0 })
    })

    it('gives again what the reader has, first, when that is asked for', async () => {
      const messages = await sent('a', 'a', 'a')
      await leased(2, { limit: 2 })
      expect(await leased(3, { again: true, limit: 1 })).toEqual(ids(messages).slice(0, 1))
      expect(await leased(4, { again: true })).toEqual(ids(messages))
      await read(messages.slice(0, 1))
      expect(await leased(5, { again: true })).toEqual(ids(messages).slice(1))
    })

    it('acknowledges what was read before, all of it, and only for the reader', async () => {
      const messages = await sent(...Array.from({ length: 1_100 }, () => 'a'))
      await leased(2, { limit: 1_050 })
      const acknowledge = ids(messages.slice(1_049, 1_050))
      await refused('E_STALE', lease(current(), { reader: 'another', acknowledge }))
      await refused('E_NOT_FOUND', lease(current(), { acknowledge: ['m-none'] }))
      expect(await leased(3, { acknowledge, limit: 1 })).toEqual([messages[1_050]?.id])
      expect(await boxes().waiting('bob')).toEqual({ direct: 50, copies: 0 })
      expect(await statesOf(current(), [messages[0]?.id ?? '', ...acknowledge])).toEqual([
        'acknowledged',
        'acknowledged',
      ])
    })

    it('refuses everybody but the reader', async () => {
      const messages = await sent('a')
      await leased(2)
      await refused('E_STALE', lease(current(), { reader: 'another' }))
      await refused(
        'E_STALE',
        boxes().acknowledge({ mailbox: 'bob', reader: 'another', ids: ids(messages), now: 2 }),
      )
      const returned = { mailbox: 'bob', reader: 'another', ids: ids(messages), now: 2, reason: REASON }
      await refused('E_STALE', boxes().giveBack({ ...returned, retry: RETRY }))
      await openBox(current(), 'nobodys')
      await refused('E_STALE', lease(current(), { mailbox: 'nobodys' }))
      await refused('E_NOT_FOUND', lease(current(), { mailbox: 'none' }))
      expect(await statesOf(current(), ids(messages))).toEqual(['waiting'])
    })

    it('begins anew for another reader: nothing is lost, no try is used up', async () => {
      const messages = await sent('a', 'a')
      await leased(2)
      const heard = await listenTo(current())
      await openBox(current(), 'bob', { reader: 'reader' })
      expect(await leased(3)).toEqual([])
      expect(await heard()).toEqual([])
      await openBox(current(), 'bob', { reader: 'next' })
      await refused('E_STALE', read(messages))
      const again = await lease(current(), { reader: 'next', now: 3 })
      expect(idsOf(again)).toEqual(ids(messages))
      expect(again.map((delivery) => delivery.message.retryCount)).toEqual([0, 0])
      expect(await heard()).toEqual(['bob'])
    })

    it('gives nothing that has expired', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const late = message({ expiresAt: new Date(50).toISOString() })
      const good = message()
      await boxes().send([late, good], 1)
      expect(await leased(50)).toEqual([good.id])
      await read([good], 51)
      expect(await statesOf(current(), [late.id, good.id])).toEqual(['waiting', 'acknowledged'])
    })

    it('gives what else the reader has, or what waits, in the place of what has expired in its hands', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const late = [
        message({ expiresAt: new Date(50).toISOString() }),
        message({ expiresAt: new Date(50).toISOString() }),
      ]
      const good = [message(), message(), message()]
      await boxes().send([...late, ...good], 1)
      expect(await leased(2, { limit: 4 })).toEqual(ids([...late, ...good.slice(0, 2)]))
      expect(await leased(50, { again: true, limit: 1 })).toEqual(ids(good.slice(0, 1)))
      expect(await leased(51, { again: true, limit: 2 })).toEqual(ids(good.slice(0, 2)))
      expect(await leased(52, { again: true, limit: 3 })).toEqual(ids(good))
      expect(await leased(53, { again: true, limit: 0 })).toEqual([])
    })
  })

  describe('waiting', () => {
    const wait = () => new AbortController()
    const soon = () => new Promise((resolve) => setTimeout(resolve, 50))

    it('gives what comes, once, leased', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const coming = receive(current(), wait().signal, { now: 5 })
      await soon()
      const messages = [message(), message({ from: 'carol' })]
      await boxes().send(messages, 6)
      const given = await coming
      expect(given[0]).toMatchObject({ message: messages[0], state: 'waiting', sentAt: 6 })
      expect(given[0]?.deliveredAt).toBeGreaterThanOrEqual(5)
      const rest = messages.slice(given.length)
      expect(await leased(7)).toEqual(ids(rest))
      expect(await boxes().waiting('bob')).toEqual({ direct: 2, copies: 0 })
      await read(messages, 8)
      expect(await statesOf(current(), ids(messages))).toEqual(['acknowledged', 'acknowledged'])
      expect(await current().upkeep.check()).toEqual([])
    })

    it('ends with nothing when it is given up: what comes then is for the next', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const over = wait()
      const nothing = receive(current(), over.signal)
      await soon()
      over.abort()
      expect(await nothing).toEqual([])
      const late = message()
      await boxes().send([late], 2)
      expect(await leased(3)).toEqual([late.id])
    })

    it('gives a message to one of two that wait', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const over = wait()
      const both = [receive(current(), over.signal), receive(current(), over.signal)]
      await soon()
      const one = message()
      await boxes().send([one], 2)
      await Promise.race(both)
      over.abort()
      expect((await Promise.all(both)).flatMap(idsOf)).toEqual([one.id])
    })

    it('gives nothing to who is not the reader any more', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const coming = refused('E_STALE', receive(current(), wait().signal))
      await soon()
      await openBox(current(), 'bob', { reader: 'next' })
      await coming
      const one = message()
      await boxes().send([one], 2)
      expect(await leased(3, { reader: 'next' })).toEqual([one.id])
    })

    it('keeps the order behind one that waits for its next try', async () => {
      const messages = await sent('a')
      await leased(2)
      await giveBack(messages, 10)
      expect(await lease(current(), { now: 11, wait: wait().signal })).toEqual([])
      const next = message({ from: 'a' })
      await boxes().send([next], 12)
      expect(await leased(13)).toEqual([])
      expect(await leased(10_000)).toEqual([...ids(messages), next.id])
    })

    it('gives back what its reader does not acknowledge in time', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const coming = receive(current(), wait().signal, { now: 5, leaseMs: 10 })
      await soon()
      const one = message()
      await boxes().send([one], 6)
      await coming
      expect(await boxes().expire(100, RETRY)).toEqual({ returned: 1, buried: 0 })
      expect(await boxes().get(one.id)).toMatchObject({ state: 'waiting', message: { retryCount: 1 } })
    })
  })

  describe('acknowledging', () => {
    it('ends it, with the earlier ones of the same sender, and can be said twice', async () => {
      await submit(current(), { ids: ['t-b'] })
      const messages = await sent('a', 'b', 'a', 'a')
      await leased(2)
      await read(messages.slice(2, 3), 9)
      expect(await statesOf(current(), ids(messages))).toEqual([
        'acknowledged',
        'waiting',
        'acknowledged',
        'waiting',
      ])
      expect(await boxes().get(messages[0]?.id ?? '')).toMatchObject({ deliveredAt: 2, acknowledgedAt: 9 })
      await read(messages.slice(0, 3), 10)
      expect(await boxes().get(messages[0]?.id ?? '')).toMatchObject({ acknowledgedAt: 9 })
      expect(await boxes().waiting('bob')).toEqual({ direct: 1, copies: 0 })
      const events = await current().journal.read({ types: ['message.read'] })
      expect(events.map(({ data, at }) => [data?.id, at])).toEqual([
        [messages[0]?.id, 9],
        [messages[2]?.id, 9],
        [messages[1]?.id, 10],
      ])
    })

    it('may come when the lease has ended', async () => {
      const messages = await sent('a', 'a')
      await leased(2, { leaseMs: 10 })
      await boxes().expire(100, RETRY)
      await read(messages.slice(1), 101)
      expect(await statesOf(current(), ids(messages))).toEqual(['acknowledged', 'acknowledged'])
      expect(await leased(10_000)).toEqual([])
    })

    it('refuses all when one is not there, or in another mailbox', async () => {
      const messages = await sent('a')
      await openBox(current(), 'carol')
      const elsewhere = message({ to: 'carol' })
      await boxes().send([elsewhere], 1)
      await refused('E_NOT_FOUND', read([...messages, message()]))
      await refused('E_NOT_FOUND', read([...messages, elsewhere]))
      await refused('E_NOT_FOUND', boxes().acknowledge({ mailbox: 'none', reader: 'x', ids: [], now: 1 }))
      expect(await statesOf(current(), ids(messages))).toEqual(['waiting'])
      await read([])
    })
  })

  describe('giving back', () => {
    it('waits longer each time, holds up the same sender and nobody else', async () => {
      const messages = await sent('a', 'b', 'a')
      const [first, other, second] = ids(messages)
      expect(await leased(10)).toEqual([first, other, second])
      await giveBack(messages.slice(0, 1), 20)
      await read(messages.slice(1, 2), 21)
      expect(await boxes().get(first ?? '')).toMatchObject({
        notBefore: 120,
        deliveredAt: 10,
        reason: REASON,
      })
      expect(await leased(119)).toEqual([])
      const again = await lease(current(), { now: 120 })
      expect(again.map((delivery) => [delivery.message.id, delivery.message.retryCount])).toEqual([
        [first, 1],
        [second, 0],
      ])
      await giveBack(messages.slice(0, 1), 200)
      expect(await leased(399)).toEqual([])
      expect(await leased(400)).toEqual([first, second])
      const events = await current().journal.read({ types: ['message.returned'] })
      expect(events.map(({ data }) => data)).toEqual([
        { id: first, reason: REASON, returns: 1, notBefore: 120 },
        { id: first, reason: REASON, returns: 2, notBefore: 400 },
      ])
    })

    it('is dead after its tries, and what was behind it is due', async () => {
      const messages = await sent('a', 'a')
      const heard = await listenTo(current())
      for (const now of [10, 1_000, 2_000]) {
        await leased(now)
        await giveBack(messages.slice(0, 1), now + 1)
      }
      const dead = await boxes().get(messages[0]?.id ?? '')
      expect(dead).toMatchObject({ state: 'dead', reason: { code: 'undeliverable' } })
      expect(dead?.reason?.message).toContain(REASON.message)
      const [event] = await current().journal.read({ types: ['message.dead'] })
      expect(event?.data).toEqual({ id: messages[0]?.id, reason: dead?.reason })
      expect(await leased(2_002)).toEqual([messages[1]?.id])
      expect(await heard()).toEqual(['bob', 'bob', 'bob']) // each time that something came back, too
      await read(messages)
      expect(await statesOf(current(), ids(messages))).toEqual(['dead', 'acknowledged'])
    })

    it('changes nothing for what is not leased', async () => {
      const messages = await sent('a')
      await giveBack([...messages, message()], 2)
      expect(await leased(2)).toEqual(ids(messages))
      await Promise.all([giveBack(messages, 3), giveBack(messages, 3)])
      expect(await current().journal.read({ types: ['message.returned'] })).toHaveLength(1)
    })
  })

  describe('expiry', () => {
    it('takes back what was leased for too long, which uses up a try of the first of each sender', async () => {
      const messages = await sent('a', 'b', 'a')
      await leased(10, { leaseMs: 10 })
      expect(await boxes().expire(19, RETRY)).toEqual({ returned: 0, buried: 0 })
      expect(await boxes().expire(20, RETRY)).toEqual({ returned: 3, buried: 0 })
      expect(await boxes().expire(21, RETRY)).toEqual({ returned: 0, buried: 0 })
      expect(await leased(119)).toEqual([])
      const again = await lease(current(), { now: 120, leaseMs: 10 })
      expect(idsOf(again)).toEqual(ids(messages))
      expect(again.map((delivery) => delivery.message.retryCount)).toEqual([1, 1, 0])
      expect(again[0]?.reason).toMatchObject({ code: 'lease-expired' })
      expect(await boxes().expire(200, { ...RETRY, tries: 2 })).toEqual({ returned: 1, buried: 2 })
      expect(await statesOf(current(), ids(messages))).toEqual(['dead', 'dead', 'waiting'])
    })

    it('buries what nobody may read any more', async () => {
      await submit(current(), { ids: ['t-b'] })
      await openBox(current(), 't-b', { reader: 'reader', runId: 'r-1' })
      const expiresAt = new Date(50).toISOString()
      const messages = [message({ to: 't-b', expiresAt }), message({ to: 't-b' })]
      await boxes().send(messages, 1)
      expect(await boxes().expire(49, RETRY)).toEqual({ returned: 0, buried: 0 })
      expect(await boxes().expire(50, RETRY)).toEqual({ returned: 0, buried: 1 })
      expect(await boxes().get(messages[0]?.id ?? '')).toMatchObject({
        state: 'dead',
        reason: { code: 'expired' },
      })
      expect(await boxes().waiting('t-b')).toEqual({ direct: 1, copies: 0 })
      const [event] = await current().journal.read({ types: ['message.dead'] })
      expect(event).toMatchObject({ taskId: 't-b', runId: 'r-1', at: 50 })
    })
  })

  describe('arrivals', () => {
    it('are told after the commit, once for all of a moment, and until it is stopped', async () => {
      for (const name of ['bob', 'carol']) await openBox(current(), name)
      const seen: [string[], number][] = []
      const stop = boxes().onArrival(async (names) => {
        seen.push([[...names].sort(), (await boxes().history({})).length])
      })
      boxes().onArrival(() => {
        throw new Error('a listener that fails')
      })
      await boxes().send([message(), message({ to: 'carol' }), message()], 1)
      await boxes().send([], 1)
      await refused('E_NOT_FOUND', boxes().send([message(), message({ to: 'nobody' })], 1))
      await expect.poll(() => seen).toEqual([[['bob', 'carol'], 3]])
      stop()
      await boxes().send([message()], 1)
      expect(seen).toHaveLength(1)
    })
  })
}
