import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { silentLog } from '../log.ts'
import { type CommitsOptions, createCommits } from './commits.ts'
import { createNames } from './names.ts'

function setUp(more: Partial<CommitsOptions> = {}) {
  const bytes = new Map<string, Buffer>()
  const exchange = {
    put: async (name: string, value: Buffer) => void bytes.set(name, value),
    get: async (name: string) => bytes.get(name),
  }
  const git = sampleGit('/')
  const host = (name: string) => {
    const state = temporaryDirectory()
    const names = createNames({ host: name, clones: join(state, 'clones') })
    const options = { exchange, names, git, scratch: state, now: () => 1, log: silentLog, ...more }
    const alone: CommitsOptions['alone'] = (repo, work) => work(git.in(repo))
    return { names, commits: createCommits({ ...options, alone }) }
  }
  return { bytes, git, a: host('a'), b: host('b') }
}

/** An empty repository of host b that stands for one of host a. */
async function cloneOn({ a, b, git }: ReturnType<typeof setUp>, path: string) {
  const clone = b.names.pathOf(a.names.nameOf(path))
  await git(['init', '--quiet', clone])
  return clone
}

test('a whole history, then only what is new, each in turn', async () => {
  const all = setUp()
  const sample = await makeRepository({ commits: 3 })
  const first = await sample.head()
  const second = await sample.commit({ 'a.txt': 'a' })
  const third = await sample.commit({ 'b.txt': 'b' })
  const { bytes } = await all.a.commits.give(sample.path, first, [])
  expect(bytes).toBeGreaterThan(100)
  await all.a.commits.give(sample.path, second, [first])
  await all.a.commits.give(sample.path, third, [second])
  const clone = await cloneOn(all, sample.path)
  expect(await all.b.commits.take(clone, third)).toBe(true)
  expect(await sampleGit(clone)(['rev-list', '--count', third])).toBe('5')
  await sampleGit(clone)(['fsck', '--strict'])
  expect(await all.b.commits.take(clone, third)).toBe(true)
})

test('what others have already is given by nothing', async () => {
  const all = setUp()
  const sample = await makeRepository()
  const head = await sample.head()
  expect(await all.a.commits.give(sample.path, head, [head])).toEqual({ bytes: 0 })
  expect(all.bytes.size).toBe(0)
})

test('a commit that is amended is another one', async () => {
  const all = setUp()
  const sample = await makeRepository()
  const base = await sample.head()
  const one = await sample.commit({ a: '1' })
  await all.a.commits.give(sample.path, base, [])
  await all.a.commits.give(sample.path, one, [base])
  await sample.git(['reset', '-q', '--hard', base])
  const other = await sample.commit({ a: '2' })
  await all.a.commits.give(sample.path, other, [base])
  const clone = await cloneOn(all, sample.path)
  expect(await all.b.commits.take(clone, one)).toBe(true)
  expect(await all.b.commits.take(clone, other)).toBe(true)
})

test('not to be had: unknown, damaged, cut, another commit, built on what is missing, no commit id', async () => {
  const all = setUp()
  const sample = await makeRepository()
  const base = await sample.head()
  const head = await sample.commit({ a: 'a'.repeat(5_000) })
  const clone = await cloneOn(all, sample.path)
  const take = () => all.b.commits.take(clone, head)
  expect(await take()).toBe(false)
  await all.a.commits.give(sample.path, head, [base])
  expect(await take()).toBe(false) // base is missing
  await all.a.commits.give(sample.path, base, [])
  const [key] = [...all.bytes.keys()].filter((it) => it.endsWith(head))
  const good = all.bytes.get(key!)!
  const spoilt = Buffer.from(good)
  spoilt.fill(0, spoilt.length - 60)
  for (const bad of [Buffer.alloc(0), Buffer.from('x\ny'), good.subarray(0, good.length - 30), spoilt]) {
    all.bytes.set(key!, bad)
    expect(await take()).toBe(false)
  }
  all.bytes.set(key!, all.bytes.get([...all.bytes.keys()].find((it) => it.endsWith(base))!)!)
  expect(await take()).toBe(false)
  for (const bad of ['--upload-pack=touch x', '../../x', 'HEAD', ''])
    expect(await all.b.commits.take(clone, bad)).toBe(false)
  all.bytes.set(key!, good)
  expect(await take()).toBe(true)
})

test('what is too large is refused and nothing is put', async () => {
  const all = setUp({ most: 1_000 })
  const noise = randomBytes(20_000)
  const sample = await makeRepository({ files: { noise } })
  await expect(all.a.commits.give(sample.path, await sample.head(), [])).rejects.toMatchObject({
    code: 'E_TOO_LARGE',
  })
  expect(all.bytes.size).toBe(0)
  expect(await sample.git(['for-each-ref', 'refs/orch'])).toBe('')
})

test('nothing that is planted in the repository runs', async () => {
  const all = setUp()
  const marker = join(temporaryDirectory(), 'ran')
  const sample = await makeRepository()
  const head = await sample.head()
  const clone = await cloneOn(all, sample.path)
  for (const place of [sample.path, clone]) {
    const hook = `#!/bin/sh\ntouch ${marker}\n`
    await writeFile(join(place, '.git/hooks/reference-transaction'), hook, { mode: 0o755 })
    for (const [key, value] of [
      ['core.alternateRefsCommand', `touch ${marker}`],
      ['core.fsmonitor', `touch ${marker}; false`],
      ['uploadpack.packObjectsHook', `touch ${marker}; false`],
    ] as const)
      await sampleGit(place)(['config', key, value])
  }
  await all.a.commits.give(sample.path, head, [])
  expect(await all.b.commits.take(clone, head)).toBe(true)
  expect(existsSync(marker)).toBe(false)
})

test('names of repositories: home, elsewhere, the same path on two hosts, odd characters, no way out', () => {
  const { a, b } = setUp()
  const name = a.names.nameOf('/srv/app')
  expect(name).toBe('a:/srv/app')
  expect(a.names.pathOf(name)).toBe('/srv/app')
  const clone = b.names.pathOf(name)
  expect(clone).toMatch(/\/clones\/app-[0-9a-f]{12}$/)
  expect(b.names.nameOf(clone)).toBe(name)
  expect(b.names.nameOf('/srv/app')).toBe('b:/srv/app')
  expect(a.names.idOf('/srv/app')).toBe(b.names.idOf(clone))
  expect(a.names.idOf('/srv/app')).not.toBe(b.names.idOf('/srv/app'))
  for (const path of ['/x/../../etc', '/', '/..', '/a b\nc', '/-rf', '/.git', '/é'])
    expect(b.names.pathOf(a.names.nameOf(path))).toMatch(/\/clones\/[a-z0-9-]+$/)
  expect(b.names.pathOf('/plain/path')).toBe('/plain/path')
  expect(b.names.pathOf('A B:/x')).toBe('A B:/x')
})
