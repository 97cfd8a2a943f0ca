import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { sampleEnv } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { type Clock, systemClock } from '../clock.ts'
import { exec, spawnPiped } from '../exec.ts'
import { createRepositoryLock } from './repository-lock.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url))

/** Another process that holds the lock; resolves when it does. */
async function holder(gitDir: string) {
  const child = spawnPiped([process.execPath, fixture('holds-repository-lock.ts'), gitDir], {
    env: sampleEnv,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child
}

test('two processes never hold the lock at once', async () => {
  const gitDir = temporaryDirectory()
  const file = join(gitDir, 'count')
  writeFileSync(file, '0')
  const argv = [process.execPath, fixture('counts-under-lock.ts'), gitDir, file, '50'] as const
  const results = await Promise.all([1, 2].map(() => exec([...argv], { env: sampleEnv })))
  expect(results.map((it) => it.stderr + it.code)).toEqual(['0', '0'])
  expect(readFileSync(file, 'utf8')).toBe('100')
})

test('two locks in one process exclude each other too, and failing work lets go', async () => {
  const gitDir = temporaryDirectory()
  const [a, b] = [createRepositoryLock({ clock: systemClock }), createRepositoryLock({ clock: systemClock })]
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    throw new Error('work failed')
  }
  const results = await Promise.allSettled([a, b, a, b].map((lock) => lock.hold(gitDir, work)))
  expect(results.map((it) => it.status)).toEqual(Array(4).fill('rejected'))
  expect(most).toBe(1)
  await expect(a.hold(gitDir, async () => 'free')).resolves.toBe('free')
})

test('kill -9 of the holder frees the lock', async () => {
  const gitDir = temporaryDirectory()
  const child = await holder(gitDir)
  const lock = createRepositoryLock({ clock: systemClock })
  let got = false
  const waiting = lock.hold(gitDir, async () => {
    got = true
  })
  expect(got).toBe(false)
  child.kill('SIGKILL')
  await waiting
  expect(got).toBe(true)
})

test('a lock that does not come is E_TIMEOUT, without blocking the event loop', async () => {
  const gitDir = temporaryDirectory()
  await holder(gitDir)
  let now = 0
  const sleep = async (ms: number) => {
    now += ms
  }
  const clock: Clock = { ...systemClock, now: () => now, sleep }
  const lock = createRepositoryLock({ clock, limitMs: 1_000 })
  await expect(lock.hold(gitDir, async () => 'never')).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  expect(now).toBeGreaterThanOrEqual(1_000)
})

test('a git directory that cannot be written is E_WORKSPACE with a clear word', async () => {
  const lock = createRepositoryLock({ clock: systemClock })
  const missing = join(temporaryDirectory(), 'gone')
  await expect(lock.hold(missing, async () => 1)).rejects.toMatchObject({
    code: 'E_WORKSPACE',
    message: expect.stringContaining('gone/orch.lock.db'),
  })
})
