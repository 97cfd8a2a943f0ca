import { expect, it, onTestFinished } from 'vitest'
import { idsOf, message, openBox, receive } from '../../../test/support/mail.ts'
import { redisHere } from '../../../test/support/redis-here.ts'
import { type Clock, systemClock } from '../../clock.ts'
import type { Store } from '../../store/store.ts'
import { awaitMail } from './await-mail.ts'

const redis = redisHere()

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

it('tells who looks on of a message that a reader gets at once', async () => {
  const store = await redis.open(redis.newCluster())
  onTestFinished(() => store.close())
  await openBox(store, 'bob', { reader: 'reader' })
  const sent = message()
  const looks = { count: 0 }
  const look = async () => {
    looks.count += 1
    return await store.mailboxes.get(sent.id)
  }
  const seen = awaitMail({ store, clock: systemClock }, 'bob', { ms: 600_000, beside: true }, look)
  const given = receive(store, new AbortController().signal)
  await expect.poll(() => looks.count).toBe(1)
  await store.mailboxes.find('bob') // behind the first look and the reader's, on the same connection
  await store.mailboxes.send([sent], 1)
  expect(idsOf(await given)).toEqual([sent.id])
  expect(await seen).toMatchObject({ message: { id: sent.id } })
})
