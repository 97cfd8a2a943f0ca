import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { ids, idsOf, lease, message, openBox } from '../support/mail.ts'
import { refused } from '../support/store.ts'
import { deadCases } from './store-mail-dead.ts'
import { historyCases } from './store-mail-history.ts'
import { readCases } from './store-mail-read.ts'
import { sendCases } from './store-mail-send.ts'

/** What every store must do with messages. `reopen` closes the store and opens the same one again. */
export function mailboxCases(current: () => Store, reopen: () => Promise<Store>): void {
  describe('messages', () => {
    sendCases(current)
    readCases(current)
    deadCases(current)
    historyCases(current)

    it('survive when the store is closed and opened again; leases may be forgotten', async () => {
      await openBox(current(), 'bob', { reader: 'reader' })
      const messages = [message(), message(), message({ from: 'carol' })]
      await current().mailboxes.send(messages, 1)
      await lease(current())
      const order = { mailbox: 'bob', reader: 'reader', now: 2 }
      await current().mailboxes.acknowledge({ ...order, ids: ids(messages).slice(0, 1) })
      const before = await current().mailboxes.find('bob')
      await reopen()
      expect(await current().mailboxes.find('bob')).toEqual(before)
      expect(await current().mailboxes.waiting('bob')).toEqual({ direct: 2, copies: 0 })
      expect(idsOf(await lease(current(), { again: true }))).toEqual(ids(messages).slice(1))
      await current().mailboxes.acknowledge({ ...order, ids: ids(messages).slice(1) })
      expect(await lease(current(), { again: true })).toEqual([])
    })

    it('are refused by a store that is closed', async () => {
      const { mailboxes } = current()
      await openBox(current(), 'bob', { reader: 'reader' })
      const store = current()
      await reopen()
      await refused('E_STORE', mailboxes.send([message()], 1))
      await refused('E_STORE', lease(store))
      await refused('E_STORE', mailboxes.history({}))
    })
  })
}
