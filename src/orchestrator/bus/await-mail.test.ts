import { expect, it } from 'vitest'
import type { Clock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import { awaitMail } from './await-mail.ts'

/** Timers and the wall clock do not agree: one timer in twenty ends up to a millisecond before its time has come. */
const early: Clock = { now: () => 1_000, sleep: async () => {}, every: () => () => {} }
const silent = { mailboxes: { onArrival: () => () => {} } } as unknown as Store

it('ends with its time, also when the clock has not come so far', async () => {
  const look = async () => undefined
  expect(await awaitMail({ store: silent, clock: early }, 'bob', { ms: 50 }, look)).toBeUndefined()
})

it('looks once when there is no time', async () => {
  const looks: boolean[] = []
  const look = async (wait: AbortSignal) => void looks.push(wait.aborted)
  await awaitMail({ store: silent, clock: early }, 'bob', { ms: 0 }, look)
  expect(looks).toEqual([true])
})
