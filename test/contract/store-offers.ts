import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/store/store.ts'
import { driverNeed, labelNeed } from '../../src/task/needs.ts'
import { claim, REASON, request, submit } from '../support/store.ts'

/** What hosts have, and tasks need. */
export function offerCases(current: () => Store): void {
  describe('offers', () => {
    it('pass over what the host cannot do, whatever its priority', async () => {
      await submit(current(), { ids: ['t-gpu'], spec: { priority: 9, labels: ['gpu', 'linux'] } })
      await submit(current(), { ids: ['t-claude'], run: 'r-2', spec: { priority: 5, driver: 'claude' } })
      await submit(current(), { ids: ['t-any'], run: 'r-3' })
      const take = async (...offers: string[]) => (await current().tasks.claim(request({ offers })))?.task.id
      expect(await take(labelNeed('gpu'))).toBe('t-any')
      expect(await take(labelNeed('gpu'), driverNeed('codex'))).toBeUndefined()
      expect(await take()).toBeUndefined()
      expect(await take(labelNeed('linux'), driverNeed('claude'))).toBe('t-claude')
      expect(await take(labelNeed('linux'), labelNeed('gpu'), driverNeed('claude'))).toBe('t-gpu')
    })

    it('absent, pass over nothing', async () => {
      await submit(current(), { ids: ['t-a'], spec: { labels: ['gpu'], driver: 'claude' } })
      expect((await claim(current())).task.id).toBe('t-a')
    })

    it('go with repositories that are at their limit, and with what comes back from a failure', async () => {
      await submit(current(), { ids: ['t-a'], spec: { labels: ['gpu'], repo: '/full' } })
      await submit(current(), { ids: ['t-b'], run: 'r-2', spec: { labels: ['gpu'] } })
      const offers = [labelNeed('gpu')]
      const { task, fence } = await claim(current(), { offers, except: ['/full'] })
      expect(task.id).toBe('t-b')
      expect(await current().tasks.claim(request({ offers, except: ['/full'] }))).toBeUndefined()
      await current().tasks.fail(fence, 2, { reason: REASON, retryAt: 5 })
      expect(await current().tasks.claim(request({ offers: [], now: 5 }))).toBeUndefined()
      const again = await claim(current(), { offers, except: ['/full'], now: 5 })
      expect(again.fence).toMatchObject({ taskId: 't-b', epoch: 2 })
    })

    it('take the best of many kinds, then the older', async () => {
      const kinds = ['a', 'b', 'c', 'd', 'e']
      for (const [n, label] of kinds.entries()) {
        const spec = { labels: [label], priority: n % 2, repo: `/repo-${n % 3}` }
        await submit(current(), { ids: [`t-${label}`], run: `r-${n}`, spec })
      }
      const order = []
      for (const _ of kinds) order.push((await claim(current(), { offers: kinds.map(labelNeed) })).task.id)
      expect(order).toEqual(['t-b', 't-d', 't-a', 't-c', 't-e'])
    })
  })
}
