import { describe, expect, it } from 'vitest'
import type { Host, Store } from '../../src/store/store.ts'
import { refused } from '../support/store.ts'

/** What every store must know of the hosts that share it. */

type Beat = Omit<Host, 'joinedAt' | 'seenAt'>

const beatOf = (more: Partial<Beat> = {}): Beat => ({
  name: 'one',
  instance: 'i-1',
  offers: ['driver:claude', 'label:gpu'],
  capacity: 20,
  running: 0,
  version: '1.2.3',
  pid: 7,
  address: 'ann@build-7',
  ...more,
})

const STALE_MS = 1_000

export function hostCases(current: () => Store): void {
  const beat = (now: number, more: Partial<Beat> = {}) => current().hosts.beat(beatOf(more), now, STALE_MS)
  const names = async () => (await current().hosts.list()).map(({ name }) => name)
  const told = async () =>
    (await current().journal.read({ types: ['host.joined', 'host.left', 'host.lost'] })).map(
      ({ type, data }) => `${type} ${data?.host} ${data?.instance}`,
    )

  describe('hosts', () => {
    it('are none at first', async () => {
      expect(await current().hosts.list()).toEqual([])
      expect(await current().hosts.removeStale(Number.MAX_SAFE_INTEGER, 1)).toEqual([])
      expect(await told()).toEqual([])
    })

    it('join with their first beat, and say what they are with each', async () => {
      const joined = await beat(100)
      expect(joined).toEqual({ ...beatOf(), joinedAt: 100, seenAt: 100 })
      const more = { running: 3, offers: [], capacity: 1, address: 'there' }
      const again = await beat(250, more)
      expect(again).toEqual({ ...beatOf(more), joinedAt: 100, seenAt: 250 })
      expect(await current().hosts.list()).toEqual([again])
      expect(await told()).toEqual(['host.joined one i-1'])
      const [event] = await current().journal.read({ types: ['host.joined'] })
      const { name, pid: _, running: __, ...said } = beatOf()
      expect(event).toMatchObject({ at: 100, data: { host: name, ...said } })
    })

    it('are listed by name', async () => {
      for (const name of ['b', 'a-1', 'a', 'a.b']) await beat(1, { name, instance: `i-${name}` })
      expect(await names()).toEqual(['a', 'a-1', 'a.b', 'b'])
    })

    it('keep their name for themselves until they are stale', async () => {
      await beat(100)
      await refused('E_HOST_TAKEN', beat(100 + STALE_MS - 1, { instance: 'i-2' }))
      expect(await told()).toEqual(['host.joined one i-1'])
      expect(await current().hosts.list()).toMatchObject([{ instance: 'i-1', seenAt: 100 }])
      const next = await beat(100 + STALE_MS, { instance: 'i-2' })
      expect(next).toMatchObject({ instance: 'i-2', joinedAt: 100 + STALE_MS })
      await refused('E_HOST_TAKEN', beat(101 + STALE_MS))
      expect(await told()).toEqual(['host.joined one i-1', 'host.lost one i-1', 'host.joined one i-2'])
    })

    it('of one name are one, however many beat at once', async () => {
      const tries = Array.from({ length: 20 }, (_, n) => beat(1, { instance: `i-${n}` }))
      const done = await Promise.allSettled(tries)
      expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await told()).toHaveLength(1)
    })

    it('leave once, and only themselves', async () => {
      await beat(1)
      await current().hosts.leave('one', 'i-2', 2)
      await current().hosts.leave('two', 'i-1', 2)
      expect(await names()).toEqual(['one'])
      await current().hosts.leave('one', 'i-1', 3)
      await current().hosts.leave('one', 'i-1', 4)
      expect(await names()).toEqual([])
      expect(await told()).toEqual(['host.joined one i-1', 'host.left one i-1'])
      expect(await beat(5, { instance: 'i-2' })).toMatchObject({ joinedAt: 5 })
    })

    it('that were not heard of are removed, once', async () => {
      await beat(100)
      await beat(200, { name: 'two', instance: 'i-2' })
      await beat(300, { name: 'three', instance: 'i-3' })
      expect(await current().hosts.removeStale(100, 1_000)).toEqual([])
      const [first, second] = await Promise.all([
        current().hosts.removeStale(300, 1_000),
        current().hosts.removeStale(300, 1_000),
      ])
      expect([...first, ...second].map(({ name }) => name)).toEqual(['one', 'two'])
      expect(await names()).toEqual(['three'])
      expect((await told()).slice(3)).toEqual(['host.lost one i-1', 'host.lost two i-2'])
      const [event] = await current().journal.read({ types: ['host.lost'] })
      expect(event).toMatchObject({ at: 1_000, data: { host: 'one', instance: 'i-1', seenAt: 100 } })
      expect(await beat(1_001)).toMatchObject({ joinedAt: 1_001 })
      expect((await told()).at(-1)).toBe('host.joined one i-1')
    })

    it('keep odd texts and large times as they are', async () => {
      const now = Date.UTC(2_500, 0, 1)
      const odd = {
        name: `a'b"c\\d/é:{x}`,
        instance: '../\u001b[31m\n',
        address: '$(id)',
        offers: ['label:ü'],
      }
      const host = await beat(now, odd)
      expect(host).toEqual({ ...beatOf(odd), joinedAt: now, seenAt: now })
      expect(await current().hosts.list()).toEqual([host])
      expect(await current().hosts.removeStale(now + 1, now + 1)).toEqual([host])
      expect(await told()).toEqual([
        `host.joined ${odd.name} ${odd.instance}`,
        `host.lost ${odd.name} ${odd.instance}`,
      ])
    })
  })
}
