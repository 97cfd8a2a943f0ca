import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { silentLog } from '../log.ts'
import { createBases } from './base.ts'
import { createCommits, KEEP_MS } from './commits.ts'
import { createNames } from './names.ts'

/** Hosts that share what one of them has put. */
function setUp() {
  const bytes = new Map<string, Buffer>()
  const clock = { now: 1 }
  const exchange = {
    put: async (name: string, value: Buffer) => void bytes.set(name, value),
    get: async (name: string) => bytes.get(name),
  }
  const git = sampleGit('/')
  const host = (name: string) => {
    const state = temporaryDirectory()
    const names = createNames({ host: name, clones: join(state, 'clones') })
    const now = () => clock.now
    const commits = createCommits({
      exchange,
      names,
      git,
      scratch: state,
      alone: (repo, work) => work(git.in(repo)),
      now,
      log: silentLog,
    })
    return { names, commits, bases: createBases({ exchange, names, commits, git, now }) }
  }
  return { bytes, clock, git, a: host('a'), b: host('b') }
}

test('the whole history once, then what is new beside it; another host gets all of it', async () => {
  const { bytes, git, a, b } = setUp()
  const sample = await makeRepository({ files: { big: randomBytes(100_000) } })
  await a.bases.publish(sample.path, 'main', await sample.head())
  const whole = Math.max(...[...bytes.values()].map((it) => it.length))
  expect(whole).toBeGreaterThan(100_000)
  for (const n of [1, 2]) {
    const before = new Set(bytes.keys())
    await a.bases.publish(sample.path, 'main', await sample.commit({ small: `${n}` }))
    const added = [...bytes.entries()].filter(([key]) => !before.has(key))
    expect(added).toHaveLength(1)
    expect(added[0]?.[1].length).toBeLessThan(2_000)
  }
  const clone = b.names.pathOf(a.names.nameOf(sample.path))
  await git(['init', '--quiet', clone])
  const tip = await b.bases.published(clone, 'main')
  expect(tip).toBe(await sample.head())
  expect(await b.commits.take(clone, tip as string)).toBe(true)
  expect(await b.bases.published(clone, 'other')).toBeUndefined()
})

test('put again when it grows old, when history was rewritten, and when it was spoilt', async () => {
  const { bytes, clock, a } = setUp()
  const sample = await makeRepository()
  const first = await sample.head()
  await a.bases.publish(sample.path, 'main', first)
  const puts = () => [...bytes.keys()].length
  await a.bases.publish(sample.path, 'main', first)
  expect(puts()).toBe(2)
  clock.now += KEEP_MS * 0.6
  bytes.clear()
  await a.bases.publish(sample.path, 'main', first)
  expect(puts()).toBe(2)
  await sample.git(['checkout', '-q', '--orphan', 'anew'])
  await a.bases.publish(sample.path, 'main', await sample.commit({ b: 'b' }, 'Anew'))
  expect(puts()).toBe(3)
  for (const key of bytes.keys()) if (key.startsWith('tip/')) bytes.set(key, Buffer.from('{"commit":"../x"}'))
  expect(await a.bases.published(sample.path, 'main')).toBeUndefined()
  await a.bases.publish(sample.path, 'main', first)
  expect(await a.bases.published(sample.path, 'main')).toBe(first)
})
