import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { localForge } from '../../../test/support/local-forge.ts'
import { sampleGit } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'

const merge = async (it: Awaited<ReturnType<typeof localForge>>, head: string) => {
  const expectedHead = await it.branch(head)
  await it.forge.base(it.repo, 'main')
  await it.forge.push(it.repo, head)
  const { pullRequest } = await it.forge.open(it.repo, { head, base: 'main', title: head, body: '' })
  return it.forge.merge(it.repo, pullRequest.number, { method: 'merge', expectedHead })
}

test('the person goes on: the forge follows', async () => {
  const it = await localForge()
  await it.forge.base(it.repo, 'main')
  const next = await it.sample.commit({ a: 'a' })
  expect(await it.forge.base(it.repo, 'main')).toBe(next)
  expect(await it.forge.head(it.repo, 'main')).toBe(next)
})

test('the person went on after the task began: the merge has both', async () => {
  const it = await localForge()
  await it.forge.base(it.repo, 'main')
  await it.branch('topic')
  await it.sample.commit({ a: 'a' })
  await it.branch('topic', { from: 'topic', file: 'more' })
  const expectedHead = await it.forge.push(it.repo, 'topic')
  await it.forge.open(it.repo, { head: 'topic', base: 'main', title: '', body: '' })
  const { repository } = await it.forge.merge(it.repo, 1, { method: 'squash', expectedHead })
  expect(repository.updated).toBe(true)
  expect(await it.git(['ls-files'])).toBe('README.md\na\nmore\ntopic.txt')
})

test('what the person amended or took back stays so', async () => {
  const it = await localForge({ commits: 2 })
  const { commit } = await merge(it, 'topic')
  await it.git(['reset', '-q', '--hard', `${commit}~`])
  const back = await it.sample.head()
  expect(await it.forge.base(it.repo, 'main')).toBe(back)
  expect(await it.sample.head()).toBe(back)
  await it.git(['commit', '-q', '--amend', '-m', 'Other words'])
  expect(await it.forge.base(it.repo, 'main')).toBe(await it.sample.head())
})

test('a merge that never arrived, and commits of the person beside it', async () => {
  const it = await localForge()
  await it.sample.write({ 'README.md': 'mine' })
  await it.git(['stash', '-q'])
  const expectedHead = await it.branch('topic')
  await it.git(['stash', 'pop', '-q'])
  await it.forge.base(it.repo, 'main')
  await it.forge.push(it.repo, 'topic')
  await it.forge.open(it.repo, { head: 'topic', base: 'main', title: '', body: '' })
  const { commit, repository } = await it.forge.merge(it.repo, 1, { method: 'merge', expectedHead })
  expect(repository.updated).toBe(false)
  await it.sample.commit({ 'README.md': 'mine' }, 'Mine')
  const mine = await it.sample.head()
  const error = await it.forge.base(it.repo, 'main').catch((it) => it)
  expect(error).toMatchObject({ code: 'E_CONFLICT', details: { branch: 'main', forge: commit } })
  expect(error.fix).toContain(`git merge ${commit}`)
  expect(await it.sample.head()).toBe(mine)
  const again = await it.forge.merge(it.repo, 1, { method: 'merge', expectedHead })
  expect(again).toMatchObject({ commit, repository: { updated: false } })
  await it.git(['merge', '-q', '--no-edit', commit])
  expect(await it.forge.base(it.repo, 'main')).toBe(await it.sample.head())
})

test('what was pushed to a branch before it became a base does not reach the person', async () => {
  const it = await localForge({ branches: ['release'] })
  const before = await it.git(['rev-parse', 'release'])
  await it.branch('topic')
  await it.git(['push', '--quiet', it.remote.dir, 'topic:refs/heads/release'])
  expect(await it.forge.base(it.repo, 'release')).toBe(before)
  expect(await it.forge.head(it.repo, 'release')).toBe(before)
  expect(await it.git(['rev-parse', 'release'])).toBe(before)
})

test('a pull request into a branch that the forge has not seen yet', async () => {
  const it = await localForge({ branches: ['release'] })
  await it.branch('topic')
  await it.forge.push(it.repo, 'topic')
  const open = (base: string) => it.forge.open(it.repo, { head: 'topic', base, title: '', body: '' })
  await expect(open('nothing')).rejects.toMatchObject({ code: 'E_NO_BASE' })
  expect((await open('release')).pullRequest).toMatchObject({ number: 1, base: 'release' })
  await expect(it.git(['push', '--quiet', it.remote.dir, 'topic:refs/heads/release'])).rejects.toThrow()
})

test('no such branch, no commit yet, no repository', async () => {
  const it = await localForge()
  await expect(it.forge.base(it.repo, 'nothing')).rejects.toMatchObject({ code: 'E_NO_BASE' })
  const unborn = await localForge({ commits: 0 })
  await expect(unborn.forge.base(unborn.repo, 'main')).rejects.toMatchObject({ code: 'E_NO_COMMIT' })
  await expect(it.forge.base('/nowhere', 'main')).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
})

test('a shallow repository of the person', async () => {
  const full = await localForge({ commits: 3 })
  const directory = temporaryDirectory()
  await sampleGit(directory)(['clone', '-q', '--depth', '1', pathToFileURL(full.repo).href, 'shallow'])
  const git = sampleGit(`${directory}/shallow`)
  await git(['checkout', '-q', '-b', 'topic'])
  const identity = ['-c', 'user.name=S', '-c', 'user.email=s@example.org']
  await git([...identity, 'commit', '-q', '--allow-empty', '-m', 'one'])
  await git(['checkout', '-q', 'main'])
  const { forge } = full
  const base = await forge.base(git.dir, 'main')
  const head = await forge.push(git.dir, 'topic')
  expect(await forge.compare(git.dir, base, head)).toMatchObject({ mergeBase: base, commits: 1 })
  await forge.open(git.dir, { head: 'topic', base: 'main', title: '', body: '' })
  const merged = await forge.merge(git.dir, 1, { method: 'merge', expectedHead: head })
  expect(merged.repository.updated).toBe(true)
  expect(await git(['rev-parse', 'main'])).toBe(merged.commit)
})
