import { describe, expect, test } from 'vitest'
import type { Check, Forge, MergeMethod, PullRequest } from '../../src/forge/forge.ts'
import type { Git } from '../../src/git.ts'

/** What a forge needs to be tested: a person's repository on `main` with a README, known to the forge. */
export interface ForgeHarness {
  forge: Forge
  /** Path of the person's repository. */
  repo: string
  git: Git
  /** git on the repository that the forge shows (bare). */
  remote: Git
  /** Makes a branch with one more commit on top of `from` (default main) and gives the commit; nothing is pushed. */
  branch(name: string, change?: { file?: string; content?: string; from?: string }): Promise<string>
  /** A check of the pull request's head (or of another commit), as somebody else's machine reports it. */
  check(pullRequest: PullRequest, check: Partial<Check> & Pick<Check, 'state'>): Promise<void>
}

/** The promises of forge/forge.ts, for every adapter. `open` makes a fresh repository and a forge that knows it. */
export function forgeContract(name: string, open: () => Promise<ForgeHarness>): void {
  const request = (head: string, base = 'main') => ({
    head,
    base,
    title: `Do ${head}`,
    body: 'Why\n\nand how',
  })
  const opened = async (it: ForgeHarness, head: string, change = {}) => {
    await it.branch(head, change)
    await it.forge.base(it.repo, 'main')
    await it.forge.push(it.repo, head)
    return (await it.forge.open(it.repo, request(head))).pullRequest
  }
  const merge = (it: ForgeHarness, { number, headCommit }: PullRequest, method: MergeMethod = 'merge') =>
    it.forge.merge(it.repo, number, { method, expectedHead: headCommit })

  describe(`forge ${name}`, () => {
    test('base: the commit of the branch, there in the repository', async () => {
      const it = await open()
      const base = await it.forge.base(it.repo, 'main')
      expect(await it.git(['cat-file', '-t', base])).toBe('commit')
      expect(await it.remote(['rev-parse', 'refs/heads/main'])).toBe(base)
    })

    test('push: the branch as it stands; again is no error', async () => {
      const it = await open()
      const commit = await it.branch('topic/one')
      expect(await it.forge.head(it.repo, 'topic/one')).toBeUndefined()
      expect(await it.forge.push(it.repo, 'topic/one')).toBe(commit)
      expect(await it.forge.push(it.repo, 'topic/one')).toBe(commit)
      expect(await it.forge.head(it.repo, 'topic/one')).toBe(commit)
      const next = await it.branch('topic/one', { from: 'topic/one', file: 'more' })
      expect(await it.forge.push(it.repo, 'topic/one')).toBe(next)
      expect(await it.forge.head(it.repo, 'topic/one')).toBe(next)
    })

    test('push: a branch that is not there', async () => {
      const it = await open()
      await expect(it.forge.push(it.repo, 'nothing')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    })

    test('push: a branch that was rewritten or is behind', async () => {
      const it = await open()
      const commit = await it.branch('topic')
      await it.forge.push(it.repo, 'topic')
      await it.branch('topic', { content: 'something else' })
      await expect(it.forge.push(it.repo, 'topic')).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
      await it.git(['branch', '-qf', 'topic', 'main'])
      await expect(it.forge.push(it.repo, 'topic')).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
      expect(await it.forge.head(it.repo, 'topic')).toBe(commit)
    })

    test('open: twice and at once gives one', async () => {
      const it = await open()
      const commit = await it.branch('topic')
      await it.forge.base(it.repo, 'main')
      await it.forge.push(it.repo, 'topic')
      const all = await Promise.all([1, 2, 3, 4].map(() => it.forge.open(it.repo, request('topic'))))
      all.push(await it.forge.open(it.repo, request('topic')))
      expect(all.map((one) => one.created).filter(Boolean)).toHaveLength(1)
      expect(all[0]?.pullRequest).toMatchObject({
        ...request('topic'),
        forge: it.forge.name,
        number: 1,
        state: 'open',
        headCommit: commit,
      })
      expect(all.map((one) => one.pullRequest.number)).toEqual([1, 1, 1, 1, 1])
      expect(await it.forge.list(it.repo)).toHaveLength(1)
    })

    test('find: by head branch, whatever the state, newest first', async () => {
      const it = await open()
      const first = await opened(it, 'topic')
      await opened(it, 'other')
      await it.forge.close(it.repo, first.number)
      const second = await opened(it, 'topic', { from: 'topic', file: 'more' })
      expect(second.number).toBeGreaterThan(first.number)
      const found = await it.forge.find(it.repo, 'topic')
      expect(found.map(({ number, state }) => [number, state])).toEqual([
        [second.number, 'open'],
        [first.number, 'closed'],
      ])
      expect(await it.forge.find(it.repo, 'top')).toEqual([])
    })

    test('list: by state', async () => {
      const it = await open()
      const [open1, closed, merged] = [await opened(it, 'a'), await opened(it, 'b'), await opened(it, 'c')]
      await it.forge.close(it.repo, closed.number)
      await merge(it, merged)
      const numbers = async (state: PullRequest['state']) =>
        (await it.forge.list(it.repo, { state })).map(({ number }) => number)
      expect(await numbers('open')).toEqual([open1.number])
      expect(await numbers('closed')).toEqual([closed.number])
      expect(await numbers('merged')).toEqual([merged.number])
    })

    test('get: none of that number', async () => {
      const it = await open()
      await expect(it.forge.get(it.repo, 99)).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
    })

    test('the head is shown as it is now', async () => {
      const it = await open()
      const { number } = await opened(it, 'topic')
      const next = await it.branch('topic', { from: 'topic', file: 'more' })
      await it.forge.push(it.repo, 'topic')
      expect((await it.forge.get(it.repo, number)).headCommit).toBe(next)
      expect((await it.forge.find(it.repo, 'topic'))[0]?.headCommit).toBe(next)
    })

    test('compare and diff: what the branch changed since it left the base', async () => {
      const it = await open()
      const start = await it.forge.base(it.repo, 'main')
      const pullRequest = await opened(it, 'topic', { file: 'a file', content: 'one\ntwo\n' })
      const comparison = await it.forge.compare(it.repo, start, pullRequest.headCommit)
      expect(comparison).toEqual({
        mergeBase: start,
        commits: 1,
        files: [{ path: 'a file', additions: 2, deletions: 0 }],
      })
      expect((await it.forge.compare(it.repo, start, start)).files).toEqual([])
      const diff = await it.forge.diff(it.repo, pullRequest.number)
      expect(diff).toMatch(/^diff --git a\/a file b\/a file\n/)
      expect(diff).toContain('+one\n+two\n')
      await merge(it, pullRequest, 'squash')
      expect(await it.forge.diff(it.repo, pullRequest.number)).toContain('+one\n+two\n')
    })

    test.each([
      ['merge', 2],
      ['squash', 1],
      ['rebase', 1],
    ] as const)('merge: by %s', async (method, parents) => {
      const it = await open()
      const other = await opened(it, 'other')
      await it.branch('topic')
      const pullRequest = await opened(it, 'topic', { from: 'topic', file: 'second' })
      await merge(it, other)
      const { commit } = await merge(it, pullRequest, method)
      expect(await it.remote(['rev-parse', 'refs/heads/main'])).toBe(commit)
      const words = (await it.remote(['rev-list', '--parents', '-1', commit])).split(' ')
      expect(words).toHaveLength(1 + parents)
      const files = await it.remote(['ls-tree', '-r', '--name-only', commit])
      expect(files.split('\n').sort()).toEqual(['README.md', 'other.txt', 'second', 'topic.txt'])
      expect(await it.forge.get(it.repo, pullRequest.number)).toMatchObject({
        state: 'merged',
        mergeCommit: commit,
      })
    })

    test('merge: what is merged gives its result again', async () => {
      const it = await open()
      const pullRequest = await opened(it, 'topic')
      const first = await merge(it, pullRequest)
      const again = await merge(it, pullRequest)
      expect(again.commit).toBe(first.commit)
      expect(await it.remote(['rev-parse', 'refs/heads/main'])).toBe(first.commit)
    })

    test('merge: another head than the expected one', async () => {
      const it = await open()
      const pullRequest = await opened(it, 'topic')
      const before = await it.forge.head(it.repo, 'main')
      await it.branch('topic', { from: 'topic', file: 'more' })
      await it.forge.push(it.repo, 'topic')
      await expect(merge(it, pullRequest)).rejects.toMatchObject({ code: 'E_HEAD_MOVED' })
      expect(await it.forge.head(it.repo, 'main')).toBe(before)
    })

    test.each(['merge', 'squash', 'rebase'] as const)('merge: a conflict, by %s', async (method) => {
      const it = await open()
      const ours = await opened(it, 'ours', { file: 'same', content: 'ours\n' })
      const theirs = await opened(it, 'theirs', { file: 'same', content: 'theirs\n' })
      const { commit } = await merge(it, ours)
      await expect(merge(it, theirs, method)).rejects.toMatchObject({ code: 'E_CONFLICT' })
      expect(await it.forge.head(it.repo, 'main')).toBe(commit)
      expect((await it.forge.get(it.repo, theirs.number)).state).toBe('open')
    })

    test('merge: not what was closed', async () => {
      const it = await open()
      const pullRequest = await opened(it, 'topic')
      expect((await it.forge.close(it.repo, pullRequest.number)).state).toBe('closed')
      expect((await it.forge.close(it.repo, pullRequest.number)).state).toBe('closed')
      await expect(merge(it, pullRequest)).rejects.toMatchObject({ name: 'OrchError' })
      expect((await it.forge.get(it.repo, pullRequest.number)).state).toBe('closed')
    })

    test.each(['pending', 'failure'] as const)('merge: a required check is %s', async (state) => {
      const it = await open()
      const pullRequest = await opened(it, 'topic')
      await it.check(pullRequest, { name: 'build', state })
      const [check] = await it.forge.checks(it.repo, pullRequest.number)
      expect(check).toMatchObject({ name: 'build', state, required: true, commit: pullRequest.headCommit })
      await expect(merge(it, pullRequest)).rejects.toMatchObject({ code: 'E_CHECKS' })
      await it.check(pullRequest, { name: 'build', state: 'success' })
      await merge(it, pullRequest)
    })

    test('merge: a required check that ran on an older head only', async () => {
      const it = await open()
      const { number } = await opened(it, 'topic')
      await it.check(await it.forge.get(it.repo, number), { name: 'build', state: 'success' })
      const next = await it.branch('topic', { from: 'topic', file: 'more' })
      await it.forge.push(it.repo, 'topic')
      expect(await it.forge.checks(it.repo, number)).toMatchObject([
        { name: 'build', state: 'pending', required: true, commit: next },
      ])
      const merging = it.forge.merge(it.repo, number, { method: 'merge', expectedHead: next })
      await expect(merging).rejects.toMatchObject({ code: 'E_CHECKS' })
    })
  })
}
