import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { makeRepository, manyFiles, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { createBare } from './bare.ts'

const setUp = () => {
  const root = join(temporaryDirectory(), 'forge')
  return { root, bare: createBare({ git: sampleGit('/'), root }) }
}

test('a branch is fetched as the person has it, at first and when it moved', async () => {
  const { bare } = setUp()
  const sample = await makeRepository({ branches: ['side/way'] })
  const own = await bare.open(sample.path)
  expect(await own.fetch('side/way')).toBe(await sample.head())
  const next = await sample.commit({ a: 'a' })
  expect(await own.fetch('main')).toBe(next)
  expect(await own.fetch('nothing-there')).toBeUndefined()
})

test('concurrent first calls make one repository, and nothing is left beside it', async () => {
  const { bare, root } = setUp()
  const sample = await makeRepository()
  const all = await Promise.all([1, 2, 3].map(() => bare.open(sample.path)))
  expect(new Set(all.map((one) => one.path)).size).toBe(1)
  expect(await readdir(join(root, all[0]!.id))).toEqual(['repo.git'])
})

test('what an interrupted creation left is replaced', async () => {
  const { bare, root } = setUp()
  const sample = await makeRepository()
  const id = (await bare.open(sample.path)).id
  const other = createBare({ git: sampleGit('/'), root: join(root, 'other') })
  await mkdir(join(root, 'other', id, 'new-1', 'objects'), { recursive: true })
  const own = await other.open(sample.path)
  expect(await own.fetch('main')).toBe(await sample.head())
  expect(await readdir(join(root, 'other', id))).toEqual(['repo.git'])
})

test('objects are shared by hard link and survive the deletion of the person’s objects', async () => {
  const { bare } = setUp()
  const sample = await makeRepository({ files: manyFiles(50) })
  await sample.git(['repack', '-adq'])
  const own = await bare.open(sample.path)
  await own.fetch('main')
  const pack = readdirSync(join(own.path, 'objects/pack')).find((name) => name.endsWith('.pack'))!
  expect((await stat(join(own.path, 'objects/pack', pack))).nlink).toBe(2)
  expect(existsSync(join(own.path, 'objects/info/alternates'))).toBe(false)
  await sample.git(['checkout', '-q', '--orphan', 'empty'])
  await sample.git(['branch', '-D', 'main'])
  await sample.git(['reflog', 'expire', '--expire=now', '--all'])
  await sample.git(['-c', 'gc.pruneExpire=now', 'gc', '--quiet', '--prune=now'])
  await own.git(['fsck', '--strict'])
})

test.each(['sha1', 'sha256'])(
  '%s: detached, without a commit, a bare source, a linked work tree',
  async (hash) => {
    const { bare } = setUp()
    const directory = temporaryDirectory()
    const git = sampleGit(directory)
    await git(['init', '-q', '-b', 'main', `--object-format=${hash}`, 'r'])
    const own = await bare.open(join(directory, 'r'))
    expect(await own.fetch('main')).toBeUndefined()
    const work = sampleGit(join(directory, 'r'))
    const identity = ['-c', 'user.name=S', '-c', 'user.email=s@example.org']
    await work([...identity, 'commit', '-q', '--allow-empty', '-m', 'one'])
    await work(['checkout', '-q', '--detach'])
    const head = await work(['rev-parse', 'HEAD'])
    expect(await own.fetch('main')).toBe(head)
    await work(['worktree', 'add', '-q', '../linked', 'main'])
    expect(await (await bare.open(join(directory, 'linked'))).fetch('main')).toBe(head)
    await git(['clone', '-q', '--bare', 'r', 'b.git'])
    expect(await (await bare.open(join(directory, 'b.git'))).fetch('main')).toBe(head)
  },
)

test('a shallow repository, and one that borrows its objects', async () => {
  const { bare } = setUp()
  const sample = await makeRepository({ commits: 3 })
  const directory = temporaryDirectory()
  const git = sampleGit(directory)
  await git(['clone', '-q', '--depth', '1', pathToFileURL(sample.path).href, 'shallow'])
  await git(['clone', '-q', '--shared', sample.path, 'borrowed'])
  const shallow = await bare.open(join(directory, 'shallow'))
  expect(await shallow.fetch('main')).toBe(await sample.head())
  const borrowed = await bare.open(join(directory, 'borrowed'))
  expect(await borrowed.fetch('main')).toBe(await sample.head())
  expect(existsSync(join(borrowed.path, 'objects/info/alternates'))).toBe(false)
})

test('nothing planted in the repository runs, whatever its path is', async () => {
  const { bare } = setUp()
  const marker = join(temporaryDirectory(), 'ran')
  for (const name of [`it's "a" $(touch ${'x'})`, '#(touch x) `id`', 'new\nline;%20&*', '-option']) {
    const sample = await makeRepository({ name })
    const plant = `#!/bin/sh\ntouch ${marker}\n`
    for (const hook of ['post-checkout', 'reference-transaction', 'pre-receive', 'post-index-change'])
      await writeFile(join(sample.path, '.git/hooks', hook), plant, { mode: 0o755 })
    const run = `touch ${marker}; false`
    const planted: [string, string][] = [
      ['core.fsmonitor', run],
      ['core.sshCommand', run],
      ['uploadpack.packObjectsHook', run],
      ['filter.x.smudge', run],
      ['diff.external', run],
      ['core.alternateRefsCommand', run],
      [`url.ext::sh -c "${run}".insteadOf`, 'file://'],
      ['protocol.ext.allow', 'always'],
    ]
    for (const [key, value] of planted) await sample.git(['config', key, value])
    const own = await bare.open(sample.path)
    expect(await own.fetch('main')).toBe(await sampleGit(sample.path)(['rev-parse', 'main']))
  }
  expect(existsSync(marker)).toBe(false)
})

test('a person’s template with hooks does not reach the bare repository', async () => {
  const home = temporaryDirectory()
  await mkdir(join(home, 'template/hooks'), { recursive: true })
  await writeFile(join(home, 'template/hooks/pre-receive'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  await writeFile(join(home, '.gitconfig'), `[init]\n\ttemplateDir = ${home}/template\n`)
  const sample = await makeRepository()
  const git = sampleGit('/', { PATH: process.env.PATH ?? '', HOME: home })
  const own = await createBare({ git, root: join(home, 'forge') }).open(sample.path)
  expect(existsSync(join(own.path, 'hooks'))).toBe(false)
})

test('no repository there', async () => {
  const { bare } = setUp()
  await expect(bare.open('/nowhere/at/all')).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
  const directory = temporaryDirectory()
  await expect(bare.open(directory)).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
})

test('a ref moves by compare-and-swap only', async () => {
  const { bare } = setUp()
  const sample = await makeRepository()
  const own = await bare.open(sample.path)
  const first = await own.fetch('main')
  const second = await sample.commit({ a: 'a' })
  await own.fetch('main')
  await own.move('refs/heads/x', first!, undefined)
  await expect(own.move('refs/heads/x', second, undefined)).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
  await expect(own.move('refs/heads/x', second, second)).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
  await own.move('refs/heads/x', second, first)
  expect(await own.commit('refs/heads/x')).toBe(second)
})

test('compares by merge base: renames, binary files, names with tabs and newlines', async () => {
  const { bare } = setUp()
  const sample = await makeRepository({ files: { old: 'one\ntwo\n', 'a\tb\nc': 'x\n', gone: 'g\n' } })
  await sample.git(['checkout', '-q', '-b', 'work'])
  await sample.git(['mv', 'old', 'new'])
  await sample.git(['rm', '-q', 'gone'])
  await sample.commit({ 'a\tb\nc': 'x\ny\n', bin: new Uint8Array([0, 1, 2]) })
  await sample.git(['checkout', '-q', 'main'])
  const base = await sample.commit({ later: 'on main' })
  const own = await bare.open(sample.path)
  const head = await own.fetch('work')
  await own.fetch('main')
  const { mergeBase, commits, files } = await own.compare(base, head!)
  expect(mergeBase).toBe(await sample.git(['rev-parse', 'main~']))
  expect(commits).toBe(1)
  expect(files).toEqual([
    { path: 'a\tb\nc', additions: 1, deletions: 0 },
    { path: 'bin', additions: 0, deletions: 0 },
    { path: 'gone', additions: 0, deletions: 1 },
    { path: 'new', additions: 2, deletions: 0 },
    { path: 'old', additions: 0, deletions: 2 },
  ])
  expect(await own.diff(base, head!)).toContain('rename from old\nrename to new\n')
})

test('two branches without common history cannot be compared', async () => {
  const { bare } = setUp()
  const sample = await makeRepository()
  await sample.git(['checkout', '-q', '--orphan', 'alone'])
  await sample.commit({ b: 'b' })
  const own = await bare.open(sample.path)
  const [base, head] = [await own.fetch('main'), await own.fetch('alone')]
  await expect(own.compare(base!, head!)).rejects.toMatchObject({ code: 'E_CONFLICT' })
})
