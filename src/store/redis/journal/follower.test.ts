import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { silentLog } from '../../../log.ts'
import { newLife } from '../script/life.ts'
import type { RedisTools } from '../tools.ts'
import { createFollower } from './follower.ts'

/** A follower over a connection that only tells from where on it was read. */
function follower(last: () => Promise<number>) {
  const read: string[] = []
  const redis = Object.assign(new EventEmitter(), {
    status: 'ready',
    disconnect: () => {},
    xread: (...words: unknown[]) => {
      read.push(String(words.at(-1)))
      return new Promise(() => {})
    },
  })
  const tools = { connection: { another: () => redis }, prefix: '{c}:', log: silentLog, life: newLife(1) }
  const made = createFollower(tools as unknown as RedisTools, last)
  onTestFinished(() => made.close())
  return { ...made, read }
}

it('asks no more where to begin for a reader that has gone, and begins where the next one does', async () => {
  const asked = { count: 0, down: true }
  const { subscribe, read } = follower(async () => {
    asked.count += 1
    if (asked.down) throw new Error('down')
    return 7
  })
  for (let reader = 0; reader < 5; reader++) subscribe(() => {})()
  await sleep(350) // a reader that is there asks every 100 ms
  expect(asked.count).toBe(5)
  asked.down = false
  subscribe(() => {})
  await expect.poll(() => read).toEqual(['7-0'])
})
