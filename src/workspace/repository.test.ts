import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeRepository, sampleEnv, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { identity, locateRepository, openRepository } from './repository.ts'

const git = sampleGit(process.cwd())

test('a repository is the same by its root, a sub-directory, its git directory, a symlink and a linked worktree', async () => {
  const sample = await makeRepository({ files: { 'deep/er/x': 'x' } })
  const linked = join(temporaryDirectory(), 'linked')
  await sample.git(['worktree', 'add', '--quiet', '-b', 'other', linked])
  await symlink(sample.path, `${linked}-link`)
  const places = ['', 'deep/er', '.git', '.git/objects'].map((part) => join(sample.path, part))
  const found = await Promise.all(
    [...places, linked, join(linked, 'deep'), `${linked}-link`].map((path) => locateRepository(git, path)),
  )
  expect(new Set(found.map((it) => JSON.stringify(it))).size).toBe(1)
  expect(found[0]).toEqual({
    root: sample.path,
    gitDir: join(sample.path, '.git'),
    bare: false,
    id: expect.stringMatching(/^sample-[0-9a-f]{12}$/),
  })
})

test('no repository, a missing path, a file', async () => {
  const directory = temporaryDirectory()
  await writeFile(join(directory, 'file'), '')
  for (const path of [directory, join(directory, 'missing'), join(directory, 'file')])
    await expect(openRepository(git, path)).rejects.toMatchObject({
      code: 'E_NOT_A_REPOSITORY',
      message: expect.stringContaining(path),
    })
})

test('no commit yet; and an unborn HEAD beside a branch that has one', async () => {
  const empty = await makeRepository({ commits: 0 })
  await expect(openRepository(git, empty.path)).rejects.toMatchObject({ code: 'E_NO_COMMIT' })
  const orphan = await makeRepository()
  await orphan.git(['symbolic-ref', 'HEAD', 'refs/heads/unborn'])
  expect(await openRepository(git, orphan.path)).not.toHaveProperty('headBranch')
})

test('bare, and a linked worktree of a bare one', async () => {
  const bare = await makeRepository({ bare: true, name: 'it.git' })
  const linked = join(temporaryDirectory(), 'linked')
  await bare.git(['worktree', 'add', '--quiet', linked, 'main'])
  for (const path of [bare.path, linked])
    expect(await openRepository(git, path)).toMatchObject({ root: bare.path, gitDir: bare.path, bare: true })
})

test('detached, shallow, with and without origin', async () => {
  const sample = await makeRepository({ commits: 3, origin: true })
  expect(await openRepository(git, sample.path)).toMatchObject({
    headBranch: 'main',
    shallow: false,
    origin: sample.origin,
  })
  await sample.git(['checkout', '--quiet', '--detach'])
  expect(await openRepository(git, sample.path)).not.toHaveProperty('headBranch')
  const shallow = join(temporaryDirectory(), 'shallow')
  await git(['clone', '--quiet', '--depth', '1', `file://${sample.path}`, shallow])
  expect(await openRepository(git, shallow)).toMatchObject({ shallow: true })
  const alone = await makeRepository()
  expect(await openRepository(git, alone.path)).not.toHaveProperty('origin')
})

test('a password in the URL of origin goes no further', async () => {
  const sample = await makeRepository()
  await sample.git(['remote', 'add', 'origin', 'https://me:secret@example.org/a/b.git'])
  expect(await openRepository(git, sample.path)).toMatchObject({ origin: 'https://example.org/a/b.git' })
  await sample.git(['remote', 'set-url', 'origin', 'ssh://git:secret@example.org/a/b.git'])
  expect(await openRepository(git, sample.path)).toMatchObject({ origin: 'ssh://git@example.org/a/b.git' })
})

test('a git directory elsewhere: submodules and --separate-git-dir', async () => {
  const [inner, outer] = [await makeRepository(), await makeRepository()]
  const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner.path, 'sub']
  await outer.git(add)
  const root = join(outer.path, 'sub')
  expect(await openRepository(git, root)).toMatchObject({
    root,
    gitDir: join(outer.path, '.git/modules/sub'),
  })
  const parent = temporaryDirectory()
  const [work, store] = [join(parent, 'work'), join(parent, 'store')]
  await mkdir(work)
  await git.in(work)(['init', '--quiet', '--separate-git-dir', store])
  expect(await locateRepository(git, work)).toMatchObject({ root: work, gitDir: store, bare: false })
})

test('a path with a newline at its end', async () => {
  const sample = await makeRepository({ name: 'odd \n' })
  expect(await openRepository(git, sample.path)).toMatchObject({ root: sample.path })
})

test('the identity is what git would use, and never a guess', async () => {
  const sample = await makeRepository()
  expect(await identity(sample.git)).toEqual({ name: 'Sam Sample', email: 'sam@example.org' })
  const nobody = await makeRepository({ identity: false })
  await expect(identity(nobody.git)).rejects.toMatchObject({ code: 'E_NO_IDENTITY' })
  const env = { ...sampleEnv, GIT_AUTHOR_NAME: 'Eve', GIT_AUTHOR_EMAIL: 'eve@example.org' }
  expect(await identity(sampleGit(nobody.path, env))).toEqual({ name: 'Eve', email: 'eve@example.org' })
})
