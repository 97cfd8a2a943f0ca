import { describe, expect, it } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import type { Store } from '../../src/store/store.ts'
import { ids, idsOf, lease, listenTo, message, openBox, statesOf } from '../support/mail.ts'
import { claim, PROOF, REASON, refused, submit } from '../support/store.ts'

/** Dead letters, and what the end of a task means for its mailbox. */
export function deadCases(current: () => Store): void {
  const boxes = () => current().mailboxes
  /** What is dead because bob was gone; he is back. */
  async function dead(...changes: Partial<Message>[]): Promise<Message[]> {
    await openBox(current(), 'bob', { reader: 'reader' })
    const messages = changes.map((change) => message(change))
    await boxes().send(messages, 1)
    await boxes().close('bob', 2, REASON)
    await openBox(current(), 'bob')
    return messages
  }

  describe('closing a mailbox', () => {
    it('buries what waits there, leased or not, and drops copies of what went to many', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const messages = [message(), message({ audience: '#build' }), message(), message()]
      await boxes().send(messages, 1)
      await lease(current(), { limit: 3 })
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: [messages[0]?.id ?? ''], now: 2 })
      await boxes().close('bob', 3, REASON)
      const wanted = ['acknowledged', 'dropped', 'dead', 'dead']
      expect(await statesOf(current(), ids(messages))).toEqual(wanted)
      const reason = { code: 'receiver-gone', message: REASON.message }
      for (const { id } of messages.slice(1)) expect((await boxes().get(id))?.reason).toEqual(reason)
      expect(await boxes().waiting('bob')).toEqual({ direct: 0, copies: 0 })
      const told = await current().journal.read({ types: ['message.dead', 'message.dropped'] })
      expect(told.map(({ data }) => data)).toEqual(ids(messages.slice(1)).map((id) => ({ id, reason })))
      await boxes().acknowledge({ mailbox: 'bob', reader: 'reader', ids: ids(messages), now: 4 })
      expect(await statesOf(current(), ids(messages))).toEqual(wanted)
    })
  })

  describe('dead letters', () => {
    it('are sent again behind all others, with all tries anew', async () => {
      const [first, second] = await dead({}, { expiresAt: new Date(50).toISOString() })
      const later = message()
      await boxes().send([later], 3)
      const heard = await listenTo(current())
      await boxes().redrive([second?.id ?? '', first?.id ?? ''], 100)
      const again = await lease(current(), { now: 101 })
      expect(idsOf(again)).toEqual([later.id, second?.id, first?.id])
      expect(again[1]?.message).not.toHaveProperty('expiresAt')
      expect(again[2]).toMatchObject({ message: first, sentAt: 1 })
      expect(again[2]).not.toHaveProperty('reason')
      expect(await heard()).toEqual(['bob'])
      const told = await current().journal.read({ types: ['message.redriven'] })
      expect(told.map(({ data }) => data)).toEqual([{ id: second?.id }, { id: first?.id }])
      const ordinals = again.map(({ ordinal }) => ordinal)
      expect(ordinals).toEqual(ordinals.toSorted((a, b) => a - b))
    })

    it('keep an end that is still to come', async () => {
      const expiresAt = new Date(500).toISOString()
      const [first] = await dead({ expiresAt })
      await boxes().redrive([first?.id ?? ''], 100)
      expect((await boxes().get(first?.id ?? ''))?.message.expiresAt).toBe(expiresAt)
      expect(await lease(current(), { now: 500 })).toEqual([])
    })

    it('are sent again all or none', async () => {
      const messages = await dead({}, {})
      await refused('E_NOT_FOUND', boxes().redrive([...ids(messages), 'm-none-0000'], 5))
      await openBox(current(), 'bob', { capacity: 1 })
      await refused('E_MAILBOX_FULL', boxes().redrive(ids(messages), 5))
      await boxes().redrive(ids(messages).slice(0, 1), 5)
      await refused('E_STATE', boxes().redrive(ids(messages).slice(0, 1), 5))
      await boxes().close('bob', 6, REASON)
      await refused('E_STATE', boxes().redrive(ids(messages), 7))
      expect(await statesOf(current(), ids(messages))).toEqual(['dead', 'dead'])
    })

    it('take another payload and another receiver, which is where they go then', async () => {
      const [first, second] = await dead({}, {})
      await openBox(current(), 'carol', { reader: 'her' })
      const payload = { text: 'corrected' }
      const edited = await boxes().edit(first?.id ?? '', 5, { payload, to: 'carol' })
      expect(edited).toMatchObject({ state: 'dead', message: { ...first, payload, to: 'carol' } })
      expect(await boxes().get(first?.id ?? '')).toEqual(edited)
      expect((await boxes().edit(second?.id ?? '', 5, { payload })).message).toEqual({ ...second, payload })
      await boxes().redrive(ids([first, second].flatMap((one) => one ?? [])), 6)
      expect(idsOf(await lease(current(), { mailbox: 'carol', reader: 'her', now: 7 }))).toEqual([first?.id])
      expect(await boxes().waiting('bob')).toEqual({ direct: 1, copies: 0 })
      const told = await current().journal.read({ types: ['message.edited'] })
      expect(told.map(({ data }) => data?.changed)).toEqual([['payload', 'to'], ['payload']])
      await refused('E_STATE', boxes().edit(first?.id ?? '', 8, { payload }))
      await refused('E_NOT_FOUND', boxes().edit('m-none-0000', 8, { payload }))
    })

    it('stay as they are when the new receiver does not exist', async () => {
      const [first] = await dead({})
      await refused('E_NOT_FOUND', boxes().edit(first?.id ?? '', 5, { to: 'nobody' }))
      expect((await boxes().get(first?.id ?? ''))?.message).toEqual(first)
    })

    it('are dropped for good', async () => {
      const messages = await dead({}, {})
      await refused('E_NOT_FOUND', boxes().drop([...ids(messages), 'm-none-0000'], 5))
      await boxes().drop(ids(messages), 5)
      expect(await statesOf(current(), ids(messages))).toEqual(['dropped', 'dropped'])
      expect(await boxes().get(messages[0]?.id ?? '')).toMatchObject({ reason: { code: 'receiver-gone' } })
      await refused('E_STATE', boxes().drop(ids(messages), 6))
      await refused('E_STATE', boxes().redrive(ids(messages), 6))
      expect(await current().journal.read({ types: ['message.dropped'] })).toHaveLength(2)
    })
  })

  describe('the end of a task', () => {
    const host = 'here'
    async function worked(ways: (fence: { taskId: 't-a'; epoch: number; host: string }) => Promise<unknown>) {
      const store = current()
      await submit(store, { ids: ['t-a'], spec: { tries: 1 } })
      await openBox(store, 't-a', { reader: 'agent', agent: 'agent', runId: 'r-1', taskId: 't-a' })
      const sent = message({ to: 't-a' })
      await boxes().send([sent, message({ to: 't-a', audience: '*' })], 1)
      const { fence } = await claim(store)
      await ways({ ...fence, taskId: 't-a' })
      return sent
    }
    const lapsed = { host: 'there', now: 2_000 }

    it.each([
      [
        'accepted',
        async (fence, { tasks }) => {
          await tasks.start(fence, 2)
          await tasks.report(fence, 3, { summary: '' })
          await tasks.verify(fence, 4, PROOF)
          await tasks.accept(fence, 5)
        },
      ],
      ['dead', (fence, { tasks }) => tasks.fail(fence, 5, { reason: REASON, retryAt: 5 })],
      ['cancelled', (fence, { tasks }) => tasks.cancel(fence.taskId, 5, REASON)],
      [
        'dead',
        async (fence, { tasks }) => {
          for (let loss = 0; loss < 6; loss++)
            await tasks.lose({ ...(loss ? (await claim(current())).fence : fence) }, 1, {
              reason: REASON,
              retryAt: 1,
            })
        },
      ],
      [
        'dead',
        async (_, { tasks }) => {
          for (let loss = 0; loss < 6; loss++) {
            if (loss) await claim(current(), { now: 2_000, leaseMs: -100 })
            await tasks.rescue(lapsed.host, lapsed.now)
          }
        },
      ],
    ] satisfies [
      string,
      (fence: { taskId: 't-a'; epoch: number; host: string }, store: Store) => Promise<unknown>,
    ][])('closes its mailbox: %s', async (state, way) => {
      const sent = await worked((fence) => way(fence, current()))
      expect((await current().tasks.get('t-a'))?.state).toBe(state)
      expect(await boxes().find('t-a')).toMatchObject({ open: false })
      expect(await boxes().get(sent.id)).toMatchObject({ state: 'dead', reason: { code: 'receiver-gone' } })
      expect(await boxes().waiting('t-a')).toEqual({ direct: 0, copies: 0 })
      const [event] = await current().journal.read({ types: ['message.dead'] })
      expect(event).toMatchObject({ taskId: 't-a', runId: 'r-1' })
      expect(JSON.stringify(event?.data?.reason)).toContain(`t-a is ${state}`)
      await refused('E_STATE', boxes().send([message({ to: 't-a' })], 9))
      await refused('E_STATE', openBox(current(), 't-a'))
    })

    it('leaves the mailbox open when it is only tried again', async () => {
      await submit(current(), { ids: ['t-a'] })
      await openBox(current(), 't-a', { reader: 'first' })
      const sent = message({ to: 't-a' })
      await boxes().send([sent], 1)
      const { fence } = await claim(current(), { host })
      await lease(current(), { mailbox: 't-a', reader: 'first' })
      await current().tasks.fail(fence, 5, { reason: REASON, retryAt: 5 })
      await openBox(current(), 't-a', { reader: 'second' })
      const again = await lease(current(), { mailbox: 't-a', reader: 'second' })
      expect(again.map((delivery) => delivery.message)).toEqual([sent])
    })

    it('is undone by a retry: the mailbox is open, and nobody is its reader', async () => {
      const sent = await worked(({ taskId }) => current().tasks.cancel(taskId, 5, REASON))
      await current().tasks.retry('t-a', 8)
      const box = await boxes().find('t-a')
      expect(box).toMatchObject({ open: true, openedAt: 8, taskId: 't-a', runId: 'r-1' })
      expect(box).not.toHaveProperty('reader')
      expect(box).not.toHaveProperty('agent')
      await refused('E_STALE', lease(current(), { mailbox: 't-a', reader: 'agent' }))
      await boxes().redrive([sent.id], 9)
      expect(await boxes().waiting('t-a')).toEqual({ direct: 1, copies: 0 })
    })

    it('means nothing to the mailboxes of others', async () => {
      await openBox(current(), 'bob')
      const sent = message({ from: 't-a' })
      await worked(async ({ taskId }) => {
        await boxes().send([sent], 2)
        await current().tasks.cancel(taskId, 5, REASON)
      })
      expect(await statesOf(current(), [sent.id])).toEqual(['waiting'])
    })
  })
}
