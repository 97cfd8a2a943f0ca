import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { ids, lease, message, openBox, statesOf } from '../support/mail.ts'
import { refused, submit } from '../support/store.ts'

/** Mailboxes and what is put into them. */
export function sendCases(current: () => Store): void {
  const boxes = () => current().mailboxes

  describe('mailboxes', () => {
    it('are made, and what is given later replaces what was there', async () => {
      const box = await openBox(current(), 'bob', { capacity: 5, agent: 'Bob', topics: ['build'] }, 7)
      const made = { name: 'bob', capacity: 5, agent: 'Bob', topics: ['build'], capabilities: [] }
      expect(box).toEqual({ ...made, open: true, openedAt: 7 })
      expect(await boxes().find('bob')).toEqual(box)
      const again = await boxes().open({ name: 'bob', capacity: 9, reader: 'r', capabilities: ['sql'] }, 8)
      expect(again).toEqual({ ...box, capacity: 9, reader: 'r', capabilities: ['sql'] })
      expect(await boxes().open({ name: 'bob', capacity: 9, topics: [] }, 9)).toEqual({
        ...again,
        topics: [],
      })
      expect(await boxes().find('bob')).toEqual({ ...again, topics: [] })
      expect(await boxes().find('nobody')).toBeUndefined()
    })

    it('are listed by run, by what they can and by topic, in the order in which they were made', async () => {
      const store = current()
      await submit(store, { ids: ['t-a', 't-b'] })
      await openBox(store, 't-b', { runId: 'r-1', capabilities: ['sql', 'c'], topics: ['build'] })
      await openBox(store, 't-a', { runId: 'r-1', capabilities: ['c'] })
      await openBox(store, 'watcher', { topics: ['build', 'sql'] })
      await boxes().close('t-a', 2, { code: 'over', message: 'over' })
      const names = async (filter?: Parameters<Store['mailboxes']['list']>[0]) =>
        (await boxes().list(filter)).map(({ name }) => name)
      expect(await names()).toEqual(['t-b', 't-a', 'watcher'])
      expect(await names({ runId: 'r-1' })).toEqual(['t-b', 't-a'])
      expect(await names({ runId: 'r-1', open: true })).toEqual(['t-b'])
      expect(await names({ open: false })).toEqual(['t-a'])
      expect(await names({ capability: 'c' })).toEqual(['t-b', 't-a'])
      expect(await names({ capability: 'c', open: true })).toEqual(['t-b'])
      expect(await names({ topic: 'build' })).toEqual(['t-b', 'watcher'])
      expect(await names({ topic: 'build', runId: 'r-1' })).toEqual(['t-b'])
      expect(await names({ topic: 'bui' })).toEqual([])
      expect(await names({ runId: 'r-2' })).toEqual([])
    })

    it('are closed once, take nothing then, and can be opened again', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      await boxes().close('bob', 2, { code: 'over', message: 'over' })
      await boxes().close('bob', 3, { code: 'over', message: 'over' })
      expect(await boxes().find('bob')).toMatchObject({ open: false, openedAt: 1, reader: 'reader' })
      await refused('E_STATE', boxes().send([message()], 4))
      expect(await lease(current())).toEqual([])
      await refused('E_NOT_FOUND', boxes().close('nobody', 3, { code: 'over', message: 'over' }))
      expect(await boxes().open({ name: 'bob', capacity: 5 }, 9)).toMatchObject({ open: true, openedAt: 9 })
      await boxes().send([message()], 10)
    })
  })

  describe('sending', () => {
    it('stores a message as it is, with an event that holds the whole of it', async () => {
      const store = current()
      await submit(store, { ids: ['t-a', 't-b'] })
      await openBox(store, 't-b', { runId: 'r-1' })
      const payload = {
        text: `'"\\ \u001b[31m $(id) \r\n ${'ü'.repeat(100_000)}`,
        severity: 'low',
        files: [],
      }
      const change = {
        from: 't-a',
        to: 't-b',
        runId: 'r-1',
        type: 'warning',
        priority: 'high',
        payload,
      } as const
      const sent = message({ ...change, expiresAt: '2026-01-02T00:00:00.000Z' })
      expect(await boxes().send([sent], 7)).toEqual([{ id: sent.id, created: true }])
      const delivery = await boxes().get(sent.id)
      expect(delivery).toEqual({
        message: sent,
        state: 'waiting',
        sentAt: 7,
        ordinal: expect.any(Number) as number,
      })
      const [event] = await store.journal.read({ types: ['message.sent'] })
      expect(event).toMatchObject({ at: 7, runId: 'r-1', taskId: 't-a', data: sent })
      expect(await boxes().get('m-none-0000')).toBeUndefined()
    })

    it('says in the journal whose message it was only where there is such a task and run', async () => {
      const store = current()
      await submit(store, { ids: ['t-b'] })
      await openBox(store, 't-b', { runId: 'r-1' })
      await boxes().send(
        [message({ to: 't-b', from: 'person' }), message({ to: 't-b', from: 't-none', runId: 'r-9' })],
        1,
      )
      const events = await store.journal.read({ types: ['message.sent'] })
      expect(events.map(({ runId, taskId }) => [runId, taskId])).toEqual([
        ['r-1', undefined],
        [undefined, undefined],
      ])
    })

    it('takes a message whose id was sent before as the same message', async () => {
      const store = current()
      await openBox(store, 'bob')
      const sent = message()
      await boxes().send([sent], 1)
      expect(
        await boxes().send([{ ...sent, payload: { other: true } }, message({ id: 'm-second-00' })], 2),
      ).toEqual([
        { id: sent.id, created: false },
        { id: 'm-second-00', created: true },
      ])
      const twice = message()
      const created = (await boxes().send([twice, twice], 3)).map((answer) => answer.created)
      expect(created).toEqual([true, false])
      const atOnce = message()
      const answers = await Promise.all([boxes().send([atOnce], 4), boxes().send([atOnce], 4)])
      expect(answers.flat().filter((answer) => answer.created)).toHaveLength(1)
      expect(await boxes().get(sent.id)).toMatchObject({ message: sent, sentAt: 1 })
      expect(await boxes().waiting('bob')).toEqual({ direct: 4, copies: 0 })
      expect(await store.journal.read({ types: ['message.sent'] })).toHaveLength(4)
    })

    it('sends all or none', async () => {
      const store = current()
      await openBox(store, 'bob', { capacity: 2 })
      await refused('E_NOT_FOUND', boxes().send([message(), message({ to: 'nobody' })], 1))
      await refused('E_NOT_FOUND', boxes().send([message(), message({ to: 'nobody', audience: '*' })], 1))
      await refused('E_MAILBOX_FULL', boxes().send([message(), message(), message()], 1))
      await openBox(store, 'shut')
      await boxes().close('shut', 1, { code: 'over', message: 'over' })
      await refused('E_STATE', boxes().send([message(), message({ to: 'shut' })], 1))
      expect(await boxes().waiting('bob')).toEqual({ direct: 0, copies: 0 })
      expect(await store.journal.read({})).toEqual([])
    })

    it('refuses what a full mailbox cannot take until something was read, but not what is there already', async () => {
      const store = current()
      await openBox(store, 'bob', { capacity: 2, reader: 'reader' })
      const [first, second] = [message(), message({ audience: '*' })]
      await boxes().send([first, second], 1)
      expect(await boxes().waiting('bob')).toEqual({ direct: 1, copies: 1 })
      await refused('E_MAILBOX_FULL', boxes().send([message()], 2))
      expect(await boxes().send([first], 2)).toEqual([{ id: first.id, created: false }])
      await lease(store, { limit: 1 })
      await refused('E_MAILBOX_FULL', boxes().send([message()], 2))
      await store.mailboxes.acknowledge({ mailbox: 'bob', reader: 'reader', ids: [first.id], now: 3 })
      await boxes().send([message()], 4)
      await openBox(store, 'bob', { capacity: 3 })
      await boxes().send([message()], 5)
      expect(await boxes().waiting('bob')).toEqual({ direct: 2, copies: 1 })
      await refused('E_NOT_FOUND', boxes().waiting('nobody'))
    })

    it('drops the copy for a mailbox that is full or closed, and gives the others theirs', async () => {
      const store = current()
      for (const name of ['full', 'shut', 'free'])
        await openBox(store, name, { capacity: 1, reader: 'reader' })
      await boxes().send([message({ to: 'full' })], 1)
      await boxes().close('shut', 1, { code: 'over', message: 'over' })
      const copies = ['full', 'shut', 'free'].map((to) => message({ to, audience: '*' }))
      expect((await boxes().send(copies, 2)).map(({ created }) => created)).toEqual([true, true, true])
      expect((await boxes().send(copies, 3)).map(({ created }) => created)).toEqual([false, false, false])
      expect(await statesOf(store, ids(copies))).toEqual(['dropped', 'dropped', 'waiting'])
      expect((await boxes().get(copies[0]?.id ?? ''))?.reason).toMatchObject({ code: 'mailbox-full' })
      expect((await boxes().get(copies[1]?.id ?? ''))?.reason).toMatchObject({ code: 'receiver-gone' })
      const dropped = await store.journal.read({ types: ['message.dropped'] })
      expect(dropped.map(({ data }) => data?.id)).toEqual([copies[0]?.id, copies[1]?.id])
    })

    const ASK = { type: 'assistance_request', correlationId: 'm-question-1' } as const
    const REPLY = { type: 'assistance_response', to: 'alice', correlationId: 'm-question-1' } as const
    const answersOf = async (asked: readonly { id: string }[]) =>
      Promise.all(asked.map(async ({ id }) => (await boxes().get(id))?.answer))

    it('notes an answer at the request that was asked of its sender; the first answer stays', async () => {
      const store = current()
      for (const name of ['alice', 'bob', 'carol']) await openBox(store, name)
      const asked = [message({ ...ASK, audience: '*' }), message({ ...ASK, audience: '*', to: 'carol' })]
      const others = [message({ ...ASK, type: 'validation_request' }), message({ ...ASK, from: 'carol' })]
      await boxes().send([...asked, ...others], 1)
      const reply = message({ ...REPLY, from: 'bob' })
      await boxes().send([reply, message({ ...REPLY, from: 'bob', correlationId: 'm-nothing-1' })], 5)
      await boxes().send([message({ ...REPLY, from: 'bob' }), message({ ...REPLY, from: 'dave' })], 6)
      expect(await answersOf(asked)).toEqual([{ id: reply.id, at: 5 }, undefined])
      const second = message({ ...REPLY, from: 'carol' })
      await boxes().send([second], 7)
      expect(await answersOf(asked)).toEqual([
        { id: reply.id, at: 5 },
        { id: second.id, at: 7 },
      ])
      for (const { id } of [...others, reply]) expect(await boxes().get(id)).not.toHaveProperty('answer')
    })

    it('notes what orch answers at the requests that nobody else will answer, or else at all', async () => {
      const store = current()
      for (const name of ['alice', 'bob', 'gone', 'late', 'full'])
        await openBox(store, name, { capacity: name === 'full' ? 0 : 10 })
      const copy = { ...ASK, audience: '*' }
      const expiresAt = new Date(50).toISOString()
      const late = message({ ...copy, to: 'late', expiresAt })
      const asked = [message(copy), message({ ...copy, to: 'gone' }), late, message({ ...copy, to: 'full' })]
      await boxes().send(asked, 1)
      await boxes().close('gone', 2, { code: 'over', message: 'over' })
      const [first, second, third] = [5, 50, 60].map(() => message({ ...REPLY, from: 'orch' }))
      const at = (one: { id: string } | undefined, time: number) => ({ id: one?.id, at: time })
      if (first) await boxes().send([first], 5)
      expect(await answersOf(asked)).toEqual([undefined, at(first, 5), undefined, at(first, 5)])
      if (second) await boxes().send([second], 50)
      expect(await answersOf(asked)).toEqual([undefined, at(first, 5), at(second, 50), at(first, 5)])
      if (third) await boxes().send([third], 60)
      expect((await answersOf(asked))[0]).toEqual(at(third, 60))
    })
  })
}
