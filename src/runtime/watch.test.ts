import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { watchDirectory } from './watch.ts'

const calls = (directory: string) => {
  let count = 0
  const stop = watchDirectory(directory, () => count++, systemClock)
  onTestFinished(stop)
  return {
    stop,
    reaches: async (n: number) => {
      for (const deadline = Date.now() + 10_000; count < n; await systemClock.sleep(5))
        if (Date.now() > deadline) throw new Error(`called ${count} times, not ${n}`)
    },
    count: () => count,
  }
}

test('many changes are one call', async () => {
  const directory = temporaryDirectory()
  const watched = calls(directory)
  for (let n = 0; n < 1_000; n++) writeFileSync(join(directory, 'out.jsonl'), `${n}\n`, { flag: 'a' })
  await watched.reaches(1)
  expect(watched.count()).toBeLessThan(100)
  watched.stop()
  const before = watched.count()
  writeFileSync(join(directory, 'exit.json'), '{}')
  await systemClock.sleep(50)
  expect(watched.count()).toBe(before)
})

test('a directory that the system cannot watch is looked at anyway', async () => {
  const directory = join(temporaryDirectory(), 'later')
  const watched = calls(directory)
  await watched.reaches(2)
  mkdirSync(directory)
  await watched.reaches(4)
})
