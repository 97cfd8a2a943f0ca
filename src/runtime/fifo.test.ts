import { execFileSync } from 'node:child_process'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import type { Clock } from '../clock.ts'
import { writeFifo } from './fifo.ts'

/** A clock on which a minute is over at once. */
const fastClock = (): Clock => {
  let now = 0
  const sleep = async (ms: number) => {
    now += ms
  }
  return { now: () => now, sleep, every: () => () => {} }
}
const fifo = () => {
  const file = join(temporaryDirectory(), 'in')
  execFileSync('sh', ['-c', 'mkfifo "$0"', file])
  return file
}

test('a reader that does not read is given up, after a minute', async () => {
  const file = fifo()
  const reader = await open(file, constants.O_RDWR | constants.O_NONBLOCK)
  onTestFinished(() => reader.close())
  const clock = fastClock()
  await expect(writeFifo(file, Buffer.alloc(1_000_000), clock)).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  expect(clock.now()).toBeGreaterThanOrEqual(60_000)
})

test('nobody listens', async () => {
  await expect(writeFifo(fifo(), Buffer.from('x'), fastClock())).rejects.toMatchObject({
    code: 'E_CANNOT_HEAR',
  })
  await expect(writeFifo('/nowhere/in', Buffer.from('x'), fastClock())).rejects.toMatchObject({
    code: 'E_CANNOT_HEAR',
  })
})
