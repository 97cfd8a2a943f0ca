import { expect, it } from 'vitest'
import { idsOf, lease, message, openBox, RETRY } from '../../../test/support/mail.ts'
import { realParts } from '../../../test/support/parts.ts'
import { overRedis } from '../../../test/support/store-choice.ts'
import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import type { Parts } from '../parts.ts'
import { receive } from './own-mailbox.ts'

/** What is waited for shortly comes at once; what is waited for long never. */
const hasty = (now: () => number): Clock => ({
  now,
  sleep: async (ms, signal) => {
    if (ms < 10_000) return
    await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
  },
  every: () => () => {},
})

const order = { name: 'bob', reader: 'reader', acknowledge: [], limit: 10, waitMs: 60_000, again: false }

/** A message for `bob` that was given back, and when it comes again. */
async function returned({ mailboxes }: Store) {
  const { id } = message()
  await mailboxes.send([message({ id })], 1)
  await lease({ mailboxes } as Store)
  const back = { mailbox: 'bob', reader: 'reader', ids: [id], now: 1 }
  await mailboxes.giveBack({ ...back, reason: { code: 'returned', message: 'later' }, retry: RETRY })
  return { id, notBefore: (await mailboxes.get(id))?.notBefore ?? 0 }
}

it('what comes back is given in its time also to who has written very much that nobody has read', async () => {
  const parts = await realParts()
  await openBox(parts.store, 'bob', { reader: 'reader' })
  await openBox(parts.store, 'slow', { capacity: 2_000 })
  const letters = Array.from({ length: 1_001 }, () => message({ from: 'bob', to: 'slow' }))
  await parts.store.mailboxes.send(letters, 1)
  const { id, notBefore } = await returned(parts.store)
  let now = notBefore - 5_000
  const clock = hasty(() => now)
  const sleep: Clock['sleep'] = async (ms, signal) => {
    await clock.sleep(ms, signal)
    if (ms < 10_000) now += ms
  }
  expect(idsOf(await receive({ ...parts, clock: { ...clock, sleep } }, order))).toEqual([id])
})

it('what comes back while it is asked when it will is given', async () => {
  const parts = await realParts()
  const { mailboxes } = parts.store
  await openBox(parts.store, 'bob', { reader: 'reader' })
  const { id, notBefore } = await returned(parts.store)
  let now = notBefore - 1
  const slow: Parts['store']['mailboxes'] = {
    ...mailboxes,
    async lease(request) {
      const found = await mailboxes.lease(request)
      now = notBefore // the answer took its time
      return found
    },
  }
  const there = { ...parts, store: { ...parts.store, mailboxes: slow }, clock: hasty(() => now) }
  expect(idsOf(await receive(there, order))).toEqual([id])
})

it('what comes back while its reader waits already is given when it is due', async () => {
  const parts = await realParts()
  const { store } = parts
  await openBox(store, 'bob', { reader: 'reader' })
  const sent = message()
  await store.mailboxes.send([sent], 1)
  await lease(store, { leaseMs: 600_000 })
  // One store waits where it has looked, over the other who waits asks first when something comes back.
  const asks = overRedis ? 'lease' : 'waiting'
  const asked = Promise.withResolvers<void>()
  const noted = (...args: never[]) => {
    asked.resolve()
    return (store.mailboxes[asks] as (...args: never[]) => unknown)(...args)
  }
  const watched = { ...store, mailboxes: { ...store.mailboxes, [asks]: noted } }
  const coming = receive({ ...parts, store: watched }, { ...order, waitMs: 600_000 })
  await asked.promise
  await store.mailboxes.find('bob') // what was asked before is answered
  const reason = { code: 'returned', message: 'later' }
  const back = { mailbox: 'bob', reader: 'reader', ids: [sent.id], now: Date.now(), reason, retry: RETRY }
  await store.mailboxes.giveBack(back)
  expect(idsOf(await coming)).toEqual([sent.id])
})
