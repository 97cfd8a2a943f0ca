import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type LocalForgeSample, localForge } from '../../../test/support/local-forge.ts'
import { sampleGit } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'

/** Opens a pull request that adds `topic.txt` (or another file) and merges it. */
async function mergeTopic(it: LocalForgeSample, change: { file?: string; content?: string } = {}) {
  const expectedHead = await it.branch('topic', change)
  return mergeBranch(it, expectedHead)
}

async function mergeBranch(it: LocalForgeSample, expectedHead: string) {
  await it.forge.base(it.repo, 'main')
  await it.forge.push(it.repo, 'topic')
  const request = { head: 'topic', base: 'main', title: 'T', body: '' }
  const { number } = (await it.forge.open(it.repo, request)).pullRequest
  return { number, ...(await it.forge.merge(it.repo, number, { method: 'merge', expectedHead })) }
}

const mainOf = (it: LocalForgeSample) => it.git(['rev-parse', 'refs/heads/main'])
const status = (it: LocalForgeSample) => it.git(['status', '--porcelain'])

describe('a merge reaches the person’s repository', () => {
  test('base checked out in a clean work tree: both move', async () => {
    const it = await localForge()
    const { commit, repository } = await mergeTopic(it)
    expect(repository.updated).toBe(true)
    expect(repository.message).toContain(it.repo)
    expect(await mainOf(it)).toBe(commit)
    expect(await status(it)).toBe('')
    expect(readFileSync(join(it.repo, 'topic.txt'), 'utf8')).toBe('topic\n')
    expect(await it.git(['log', '-1', '--format=%an <%ae>|%s'])).toBe(
      'Sam Sample <sam@example.org>|Merge pull request #1 from topic',
    )
  })

  test('base checked out in a linked work tree', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    const linked = join(temporaryDirectory(), 'li nked')
    await it.git(['checkout', '-q', '--detach'])
    await it.git(['worktree', 'add', '-q', linked, 'main'])
    const { repository } = await mergeBranch(it, expectedHead)
    expect(repository.updated).toBe(true)
    expect(existsSync(join(linked, 'topic.txt'))).toBe(true)
    expect(await sampleGit(linked)(['status', '--porcelain'])).toBe('')
    expect(existsSync(join(it.repo, 'topic.txt'))).toBe(false)
  })

  test('base checked out nowhere, and HEAD detached: the branch moves, the work tree stays', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    await it.git(['checkout', '-q', '--detach'])
    await it.sample.write({ 'README.md': 'dirty' })
    const { commit, repository } = await mergeBranch(it, expectedHead)
    expect(repository.updated).toBe(true)
    expect(await mainOf(it)).toBe(commit)
    expect(await status(it)).toBe('M README.md')
  })

  test('a bare repository of the person', async () => {
    const it = await localForge({ bare: true, name: 'bare.git' })
    const work = sampleGit(temporaryDirectory())
    await work(['clone', '-q', it.repo, '.'])
    await writeFile(join(work.dir, 'x'), 'x')
    await work(['checkout', '-q', '-b', 'topic'])
    await work(['add', '.'])
    await work(['-c', 'user.name=S', '-c', 'user.email=s@x', 'commit', '-qm', 'x'])
    await work(['push', '-q', 'origin', 'topic'])
    const { commit, repository } = await mergeBranch(it, await work(['rev-parse', 'HEAD']))
    expect(repository.updated).toBe(true)
    expect(await mainOf(it)).toBe(commit)
  })

  test('a file that is dirty by time stamp only is clean', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic', { file: 'README.md', content: 'new\n' })
    await it.sample.write({ 'README.md': '# Sample\n' })
    expect((await mergeBranch(it, expectedHead)).repository.updated).toBe(true)
    expect(readFileSync(join(it.repo, 'README.md'), 'utf8')).toBe('new\n')
  })
})

describe('a merge leaves alone what it must, and says so', () => {
  const obstacles: [string, (it: LocalForgeSample) => Promise<unknown>, RegExp][] = [
    ['a changed file', (it) => it.sample.write({ 'README.md': 'mine' }), /uncommitted changes/],
    [
      'a staged file',
      (it) => it.sample.write({ new: 'x' }).then(() => it.git(['add', 'new'])),
      /uncommitted/,
    ],
    [
      'an untracked file in the way',
      (it) => it.sample.write({ 'topic.txt': 'mine' }),
      /untracked .*topic\.txt/,
    ],
    [
      'an ignored file in the way',
      (it) =>
        writeFile(join(it.repo, '.git/info/exclude'), 'topic.txt\n').then(() =>
          it.sample.write({ 'topic.txt': 'mine' }),
        ),
      /untracked .*topic\.txt/,
    ],
    [
      'a merge under way',
      async (it) => writeFile(join(it.repo, '.git/MERGE_HEAD'), `${await mainOf(it)}\n`),
      /merge is under way/,
    ],
  ]
  test.each(obstacles)('%s', async (_, obstruct, words) => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    const before = await mainOf(it)
    await obstruct(it)
    const dirt = await status(it)
    const { number, commit, repository } = await mergeBranch(it, expectedHead)
    expect(repository.updated).toBe(false)
    expect(repository.message).toMatch(words)
    expect(repository.message).toContain(`git merge --ff-only ${commit.slice(0, 12)}`)
    expect(await mainOf(it)).toBe(before)
    expect(await status(it)).toBe(dirt)
    expect((await it.forge.get(it.repo, number)).state).toBe('merged')
  })

  test('a dirty work tree that becomes clean: brought in by the next base, by merging again, or by hand', async () => {
    for (const how of ['base', 'merge', 'hand']) {
      const it = await localForge()
      const expectedHead = await it.branch('topic')
      await it.sample.write({ 'README.md': 'mine' })
      const { number, commit, repository } = await mergeBranch(it, expectedHead)
      expect(await it.forge.base(it.repo, 'main')).toBe(commit)
      await it.git(['checkout', '-q', '--', 'README.md'])
      if (how === 'base') expect(await it.forge.base(it.repo, 'main')).toBe(commit)
      if (how === 'merge') await it.forge.merge(it.repo, number, { method: 'merge', expectedHead })
      if (how === 'hand')
        await it.git(repository.message.match(/git (merge --ff-only [0-9a-f]+)/)![1]!.split(' '))
      expect(await mainOf(it)).toBe(commit)
      expect(await status(it)).toBe('')
    }
  })

  test('a rebase of the base branch under way in another work tree', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    await it.branch('base2', { file: 'README.md', content: 'two\n' })
    await it.sample.commit({ 'README.md': 'three\n' })
    await it.forge.base(it.repo, 'main')
    await it.git.try(['rebase', 'base2'])
    expect(existsSync(join(it.repo, '.git/rebase-merge'))).toBe(true)
    const { repository } = await mergeBranch(it, expectedHead)
    expect(repository).toMatchObject({
      updated: false,
      message: expect.stringContaining('rebase is under way'),
    })
    await it.git(['rebase', '--abort'])
    const base = await it.forge.base(it.repo, 'main')
    expect(await mainOf(it)).toBe(base)
  })

  test('a checkout that is gone is no obstacle', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    const linked = join(temporaryDirectory(), 'linked')
    await it.git(['checkout', '-q', '--detach'])
    await it.git(['worktree', 'add', '-q', linked, 'main'])
    await rm(linked, { recursive: true })
    expect((await mergeBranch(it, expectedHead)).repository.updated).toBe(true)
  })

  test('the base branch was deleted meanwhile', async () => {
    const it = await localForge()
    const expectedHead = await it.branch('topic')
    await it.forge.base(it.repo, 'main')
    await it.git(['checkout', '-q', '--detach'])
    await it.git(['branch', '-qD', 'main'])
    await expect(mergeBranch(it, expectedHead)).rejects.toMatchObject({
      code: 'E_NO_BASE',
      fix: expect.stringContaining('git fetch'),
    })
  })
})

test('nothing planted in the repository runs, whatever its path is', async () => {
  for (const name of [`it's "a" $(touch x) \`id\``, '#(touch x)', 'new\nline;%20&*']) {
    const it = await localForge({ name })
    const marker = join(temporaryDirectory(), 'ran')
    const expectedHead = await it.branch('topic', { file: 'README.md', content: 'new\n' })
    const run = `touch '${marker}'; cat`
    const plant = `#!/bin/sh\ntouch '${marker}'\n`
    await mkdir(join(it.repo, '.git/hooks'), { recursive: true })
    for (const hook of [
      'reference-transaction',
      'post-checkout',
      'post-index-change',
      'post-merge',
      'pre-push',
    ])
      await writeFile(join(it.repo, '.git/hooks', hook), plant, { mode: 0o755 })
    await writeFile(join(it.repo, '.git/info/attributes'), '* diff=x merge=x\n')
    const bare = join(it.home, 'repo.git')
    const planted = {
      'core.fsmonitor': run,
      'core.sshCommand': run,
      'core.alternateRefsCommand': run,
      'core.worktree': join(it.repo, '..'),
      'diff.external': run,
      'diff.x.textconv': run,
      'diff.x.command': run,
      'merge.x.driver': run,
      'gpg.program': run,
      'commit.gpgSign': 'true',
      'merge.verifySignatures': 'true',
      'protocol.ext.allow': 'always',
      [`url.ext::sh -c "${run}".insteadOf`]: 'file://',
      [`remote.file://${encodeURI(bare)}.uploadpack`]: run,
    }
    for (const [key, value] of Object.entries(planted)) await it.git(['config', key, value])
    const { repository } = await mergeBranch(it, expectedHead)
    expect(await it.forge.diff(it.repo, 1)).toContain('+new\n')
    expect(repository.updated).toBe(true)
    expect(readFileSync(join(it.repo, 'README.md'), 'utf8')).toBe('new\n')
    expect(existsSync(marker)).toBe(false)
  }
})

test('filters of the repository itself do not run: the work tree is left to the person', async () => {
  const it = await localForge()
  const marker = join(temporaryDirectory(), 'ran')
  const expectedHead = await it.branch('topic')
  await writeFile(join(it.repo, '.git/info/attributes'), '* filter=x\n')
  for (const part of ['clean', 'smudge', 'process'])
    await it.git(['config', `filter.x.${part}`, `touch '${marker}'; cat`])
  await it.sample.write({ 'README.md': '# Sample\n' }) // has git ask the filter what it is
  const { repository } = await mergeBranch(it, expectedHead)
  expect(repository).toMatchObject({ updated: false, message: expect.stringContaining('filters of its own') })
  expect(existsSync(marker)).toBe(false)
})
