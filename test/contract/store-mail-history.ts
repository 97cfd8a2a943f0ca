import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import type { HistoryQuery, Store } from '../../src/store/store.ts'
import { ids, idsOf, message, openBox, statesOf } from '../support/mail.ts'
import { REASON, submit } from '../support/store.ts'

/** What is kept of messages, and for how long. */
export function historyCases(current: () => Store): void {
  const boxes = () => current().mailboxes

  describe('history', () => {
    async function some() {
      await submit(current(), { ids: ['t-a'] })
      await submit(current(), { ids: ['t-b'], run: 'r-2' })
      await openBox(current(), 't-a', { runId: 'r-1' })
      await openBox(current(), 't-b', { runId: 'r-2' })
      await openBox(current(), 'bob', { reader: 'reader' })
      const messages = [
        message({ from: 't-a', to: 'bob', runId: 'r-1' }),
        message({ from: 't-b', to: 'bob', runId: 'r-2', type: 'warning' }),
        message({ from: 'bob', to: 't-a' }),
        message({
          from: 't-a',
          to: 't-b',
          runId: 'r-1',
          type: 'assistance_request',
          correlationId: 'm-ask-0001',
        }),
        message({
          from: 't-b',
          to: 't-a',
          runId: 'r-2',
          type: 'assistance_response',
          correlationId: 'm-ask-0001',
        }),
        message({ from: 'bob', to: 'bob', type: 'warning' }),
      ]
      for (const one of messages) await boxes().send([one], 1)
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [messages[0]?.id ?? ''], now: 2 })
      await current().tasks.cancel('t-b', 3, REASON)
      return ids(messages)
    }

    it.each([
      [{}, [0, 1, 2, 3, 4, 5]],
      [{ runId: 'r-1' }, [0, 2, 3]],
      [{ runId: 'r-2' }, [1, 4]],
      [{ runId: 'r-2', types: ['warning'] }, [1]],
      [{ mailbox: 'bob' }, [0, 1, 2, 5]],
      [{ mailbox: 't-a' }, [0, 2, 3, 4]],
      [{ mailbox: 't-a', runId: 'r-2' }, [4]],
      [{ mailbox: 'bob', types: ['warning'] }, [1, 5]],
      [{ mailbox: 'bob', states: ['waiting'], types: ['warning', 'context_share'] }, [1, 2, 5]],
      [{ types: ['warning'] }, [1, 5]],
      [{ types: ['warning', 'assistance_request', 'warning'] }, [1, 3, 5]],
      [{ states: ['dead'] }, [3]],
      [{ states: ['acknowledged', 'dead'] }, [0, 3]],
      [{ states: ['waiting'], types: ['warning', 'handoff'] }, [1, 5]],
      [{ correlationId: 'm-ask-0001' }, [3, 4]],
      [{ correlationId: 'm-ask-0001', mailbox: 't-a', types: ['assistance_response'] }, [4]],
      [{ correlationId: 'm-ask-0001', mailbox: 'bob' }, []],
      [{ correlationId: 'm-ask-0001', runId: 'r-1' }, [3]],
      [{ types: [] }, []],
      [{ states: [], mailbox: 'bob' }, []],
      [{ mailbox: 'nobody' }, []],
    ] satisfies [HistoryQuery, number[]][])('by %j', async (query: HistoryQuery, wanted: number[]) => {
      const all = await some()
      const expected = wanted.map((index) => all[index])
      const found = await boxes().history(query)
      expect(idsOf(found)).toEqual(expected)
      expect(idsOf(await boxes().history({ ...query, newest: true }))).toEqual(expected.toReversed())
      for (const newest of [false, true])
        expect(await pages(query, newest)).toEqual(newest ? expected.toReversed() : expected)
    })

    /** Read two at a time. */
    async function pages(query: HistoryQuery, newest: boolean): Promise<string[]> {
      const read = []
      for (let after: { after?: number } = {}; ; ) {
        const page = await boxes().history({ ...query, ...after, newest, limit: 2 })
        read.push(...page)
        const last = page.at(-1)
        if (!last) return idsOf(read)
        after = { after: last.ordinal }
      }
    }

    it('finds requests that nobody has answered', async () => {
      for (const name of ['alice', 'bob', 'carol']) await openBox(current(), name, { reader: 'reader' })
      const type = 'validation_request' as const
      const [first, second, third] = ['m-ask-0001', 'm-ask-0002', 'm-ask-0003'].map((correlationId) =>
        message({ type, correlationId, ...(correlationId === 'm-ask-0003' && { to: 'carol' }) }),
      ) as [Message, Message, Message]
      await boxes().send([first, message(), second, third], 1)
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [second.id], now: 2 })
      const open = async (query: HistoryQuery = {}) =>
        idsOf(await boxes().history({ ...query, unanswered: true }))
      expect(await open()).toEqual(ids([first, second, third]))
      const answer = {
        type: 'validation_result',
        from: 'bob',
        to: 'alice',
        correlationId: 'm-ask-0002',
      } as const
      await boxes().send([message(answer)], 3)
      expect(await open()).toEqual(ids([first, third]))
      expect(await open({ newest: true, limit: 1 })).toEqual(ids([third]))
      expect(await open({ mailbox: 'bob' })).toEqual(ids([first]))
      expect(await open({ mailbox: 'alice', states: ['waiting'] })).toEqual(ids([third]))
      expect(await open({ correlationId: 'm-ask-0002' })).toEqual([])
      expect(await open({ types: ['assistance_request'] })).toEqual([])
    })

    it('gives at most 1,000 when no limit is given', async () => {
      await openBox(current(), 'bob', { capacity: 2_000 })
      await boxes().send(
        Array.from({ length: 1_001 }, () => message()),
        1,
      )
      expect(await boxes().history({})).toHaveLength(1_000)
    })
  })

  it('counts mailboxes that are open, and messages by state and by type', async () => {
    const none = { waiting: 0, acknowledged: 0, dead: 0, dropped: 0 }
    expect(await boxes().statistics()).toEqual({ mailboxes: 0, states: none, types: {} })
    await openBox(current(), 'bob', { reader: 'reader' })
    await openBox(current(), 'gone')
    const read = message({ type: 'warning' })
    await boxes().send([read, message(), message({ from: 'x' }), message({ to: 'gone', type: 'warning' })], 1)
    await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [read.id], now: 2 })
    await boxes().close('gone', 2, REASON)
    expect(await boxes().statistics()).toEqual({
      mailboxes: 1,
      states: { ...none, waiting: 2, acknowledged: 1, dead: 1 },
      types: { warning: 2, context_share: 2 },
    })
  })

  describe('pruning', () => {
    async function settled() {
      await openBox(current(), 'bob', { reader: 'reader' })
      await openBox(current(), 'gone')
      const read = [1, 2, 3, 4].map(() => message())
      for (const [index, one] of read.entries()) await boxes().send([one], 10 * (index + 1))
      const others = [message(), message({ to: 'gone' }), message({ to: 'gone', audience: '*' })]
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [read.at(-1)?.id ?? ''], now: 50 })
      await boxes().send(others, 25)
      await boxes().close('gone', 60, REASON)
      return { read: ids(read), others: ids(others) }
    }

    it('forgets the oldest beyond as many as are kept, and never what waits or is dead', async () => {
      const { read, others } = await settled()
      expect(await boxes().prune({ keep: 3, before: 0 })).toBe(2)
      expect(await statesOf(current(), read)).toEqual([undefined, undefined, 'acknowledged', 'acknowledged'])
      expect(await statesOf(current(), others)).toEqual(['waiting', 'dead', 'dropped'])
      expect(await boxes().prune({ keep: 3, before: 0 })).toBe(0)
      expect(await boxes().prune({ keep: 0, before: 0 })).toBe(3)
      expect(await statesOf(current(), others)).toEqual(['waiting', 'dead', undefined])
    })

    it('forgets what was sent before a time', async () => {
      const { read, others } = await settled()
      expect(await boxes().prune({ keep: 100, before: 30 })).toBe(3)
      expect(await statesOf(current(), read)).toEqual([undefined, undefined, 'acknowledged', 'acknowledged'])
      expect(await statesOf(current(), others)).toEqual(['waiting', 'dead', undefined])
    })

    it('leaves the order: what comes later has a later place', async () => {
      const { read } = await settled()
      const last = (await boxes().history({ newest: true, limit: 1 }))[0]?.ordinal ?? 0
      await boxes().prune({ keep: 0, before: 1_000 })
      const [next] = [message()]
      await boxes().send([next], 100)
      expect((await boxes().get(next.id))?.ordinal).toBeGreaterThan(last)
      expect(read).toHaveLength(4)
    })

    it('forgets thousands', async () => {
      await openBox(current(), 'bob', { reader: 'reader', capacity: 3_000 })
      const many = Array.from({ length: 2_500 }, () => message())
      await boxes().send(many, 1)
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [many.at(-1)?.id ?? ''], now: 2 })
      expect(await boxes().prune({ keep: 100, before: 0 })).toBe(2_400)
      expect((await boxes().history({})).map((delivery) => delivery.message.id)).toEqual(
        ids(many).slice(2_400),
      )
    })
  })
}
