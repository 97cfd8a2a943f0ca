import { expect, it } from 'vitest'
import { idsOf, lease, message, openBox, RETRY } from '../../../test/support/mail.ts'
import { realParts } from '../../../test/support/parts.ts'
import type { Clock } from '../../clock.ts'
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

it('what comes back while it is asked when it will is given', async () => {
  const parts = await realParts()
  const { mailboxes } = parts.store
  await openBox(parts.store, 'bob', { reader: 'reader' })
  const { id } = message()
  await mailboxes.send([message({ id })], 1)
  await lease(parts.store)
  const returned = { mailbox: 'bob', reader: 'reader', ids: [id], now: 1 }
  await mailboxes.giveBack({ ...returned, reason: { code: 'returned', message: 'later' }, retry: RETRY })
  const { notBefore = 0 } = (await mailboxes.get(id)) ?? {}
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
  const order = { name: 'bob', reader: 'reader', acknowledge: [], limit: 10, waitMs: 60_000, again: false }
  expect(idsOf(await receive(there, order))).toEqual([id])
})
