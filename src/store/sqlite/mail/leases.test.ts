import { expect, it } from 'vitest'
import { createLeases, type Lease } from './leases.ts'

const some = (ordinal: number, change: Partial<Lease> = {}): Lease => {
  const lease = { id: `m-${ordinal}`, ordinal, mailbox: 'bob', sender: 'a', reader: 'r', at: 1, until: 10 }
  return { ...lease, ...change }
}

it('gives leases back that a verb ended which is undone, and only those', () => {
  const leases = createLeases()
  for (const ordinal of [2, 1, 3]) leases.take(some(ordinal))
  leases.release('bob', 'm-1')
  const mark = leases.mark()
  expect(leases.release('bob', 'm-2')).toEqual(some(2))
  expect(leases.release('bob', 'm-2')).toBeUndefined()
  leases.release('bob', 'm-3')
  expect(leases.count()).toBe(0)
  leases.rewind(mark)
  expect(leases.of('bob')).toEqual([some(2), some(3)])
  leases.rewind(0)
  expect(leases.of('bob')).toEqual([some(1), some(2), some(3)])
})

it('gives nothing back that is durable', () => {
  const leases = createLeases()
  leases.take(some(1))
  leases.release('bob', 'm-1')
  leases.publish()
  leases.rewind(0)
  expect(leases.find('bob', 'm-1')).toBeUndefined()
})

it('tells for each mailbox which have ended by themselves, in the order of messages', () => {
  const leases = createLeases()
  for (const lease of [some(4), some(1), some(2, { until: 11 }), some(3, { mailbox: 'carol' })])
    leases.take(lease)
  expect(leases.ended(9)).toEqual([])
  expect(leases.ended(10)).toEqual([[some(1), some(4)], [some(3, { mailbox: 'carol' })]])
})
