import { describe, expect, test } from 'vitest'
import { type LocalForgeSample, localForge } from '../../../test/support/local-forge.ts'
import { sampleGit } from '../../../test/support/repository.ts'
import type { Git } from '../../git.ts'
import type { MergeMethod } from '../forge.ts'
import type { PullRequestRecords } from './records.ts'

async function opened(it: LocalForgeSample, head = 'topic') {
  await it.forge.base(it.repo, 'main')
  const expectedHead = await it.forge.push(it.repo, head)
  const { pullRequest } = await it.forge.open(it.repo, { head, base: 'main', title: 'Title', body: 'Body' })
  return { number: pullRequest.number, expectedHead }
}

describe('killed between any two steps, merging again mends it', () => {
  const STEPS = ['note', 'base', 'record', 'objects', 'tree', 'branch'] as const
  type Step = (typeof STEPS)[number]
  const stepOf = ([first, ...rest]: readonly string[]): Step | undefined => {
    if (first === 'update-ref' && rest[0]?.startsWith('refs/orch/merge/')) return 'note'
    if (first === 'update-ref' && rest[0] === 'refs/heads/main') return 'base'
    if (first === 'update-ref' && rest.includes('refs/heads/main')) return 'branch'
    if (first === '-c' && rest.includes('fetch')) return 'objects'
    return rest.includes('read-tree') ? 'tree' : undefined
  }

  /** Parts that die before or after the step, and stay dead. */
  function dying(records: PullRequestRecords, at: Step, when: 'before' | 'after') {
    let dead = false
    const reached: string[] = []
    const live = async <T>(step: Step | undefined, act: () => Promise<T>): Promise<T> => {
      if (step) reached.push(step)
      if (step === at && when === 'before') dead = true
      if (dead) throw new Error('killed')
      const result = await act()
      if (step === at) dead = true
      if (dead) throw new Error('killed')
      return result
    }
    const wrap = (git: Git): Git =>
      Object.assign(((args, options) => live(stepOf(args), () => git(args, options))) as Git, {
        dir: git.dir,
        try: ((args, options) => live(stepOf(args), () => git.try(args, options))) as Git['try'],
        in: (dir: string) => wrap(git.in(dir)),
      })
    const merged: PullRequestRecords['merged'] = (...args) => live('record', () => records.merged(...args))
    return { git: wrap(sampleGit('/')), records: { ...records, merged }, reached }
  }

  const cases = STEPS.flatMap((step) => [
    [step, 'before', 'squash'] as const,
    [step, 'after', 'merge'] as const,
    [step, 'after', 'rebase'] as const,
  ])
  test.each(cases)('%s, %s it, by %s', async (step, when, method) => {
    const it = await localForge()
    await it.branch('topic')
    await it.branch('topic', { from: 'topic', file: 'more' })
    const { number, expectedHead } = await opened(it)
    const before = await it.sample.head()
    const parts = dying(it.records, step, when)
    await it
      .forgeWith(parts)
      .merge(it.repo, number, { method, expectedHead })
      .catch(() => {})
    expect(parts.reached.at(-1)).toBe(step)

    const { commit, repository } = await it.forgeWith({}).merge(it.repo, number, { method, expectedHead })
    expect(repository.updated).toBe(true)
    expect(await it.sample.head()).toBe(commit)
    expect(await it.git(['status', '--porcelain'])).toBe('')
    expect(await it.git(['rev-list', '--count', '--first-parent', `${before}..main`])).toBe(
      method === 'rebase' ? '2' : '1',
    )
    expect(await it.forge.get(it.repo, number)).toMatchObject({ state: 'merged', mergeCommit: commit })
    expect(await it.forge.merge(it.repo, number, { method, expectedHead })).toMatchObject({ commit })
  })
})

describe('what the commits say', () => {
  async function two(it: LocalForgeSample) {
    const as = (name: string, date: string) => [
      ...[
        '-c',
        `user.name=${name}`,
        '-c',
        'user.email=a@example.org',
        'commit',
        '-q',
        '--allow-empty-message',
      ],
      ...['--date', date],
    ]
    await it.git(['checkout', '-q', '-b', 'topic'])
    await it.sample.write({ one: '1\n' })
    await it.git(['add', '.'])
    await it.git([...as('Ann', '2020-01-02T03:04:05+0200'), '-m', 'Première\n\nbödy'])
    await it.sample.write({ two: '2\n' })
    await it.git(['add', '.'])
    await it.git([...as('Bob', '2021-01-02T03:04:05-0500'), '-m', ''])
    await it.git(['checkout', '-q', 'main'])
    await it.sample.commit({ meanwhile: 'x' }, 'Meanwhile')
    return opened(it)
  }
  const log = (it: LocalForgeSample, range: string) =>
    it.git(['log', '--format=%an|%aI|%cn|%B', '--date=raw', range])

  test('rebase keeps author, date and message of each commit', async () => {
    const it = await localForge()
    const { number, expectedHead } = await two(it)
    const start = await it.sample.head()
    await it.forge.merge(it.repo, number, { method: 'rebase', expectedHead })
    expect((await log(it, `${start}..main`)).split('\n').filter(Boolean)).toEqual([
      'Bob|2021-01-02T03:04:05-05:00|Sam Sample|',
      'Ann|2020-01-02T03:04:05+02:00|Sam Sample|Première',
      'bödy',
    ])
  })

  test('squash is one commit by the author; a message of one’s own is taken', async () => {
    const it = await localForge()
    const { number, expectedHead } = await two(it)
    const start = await it.sample.head()
    await it.forge.merge(it.repo, number, { method: 'squash', expectedHead })
    expect(await log(it, `${start}..main`)).toMatch(/^Bob\|2023-.*\|Sam Sample\|Title \(#1\)\n\nBody$/)

    const other = await localForge()
    const pull = await two(other)
    const message = 'Mine: "$(id)"\n\nall of it'
    await other.forge.merge(other.repo, pull.number, {
      method: 'merge',
      expectedHead: pull.expectedHead,
      message,
    })
    expect(await other.git(['log', '-1', '--format=%B'])).toBe(message)
  })

  test('without an identity Orch signs', async () => {
    const it = await localForge()
    await it.branch('topic')
    for (const key of ['user.name', 'user.email']) await it.git(['config', '--unset', key])
    const { number, expectedHead } = await opened(it)
    const { repository } = await it.forge.merge(it.repo, number, { method: 'merge', expectedHead })
    expect(repository.updated).toBe(true)
    expect(await it.git(['log', '-1', '--format=%an <%ae>'])).toBe('Orch <orch@localhost>')
  })
})

test('a conflict names its paths, also odd ones', async () => {
  for (const method of ['merge', 'squash', 'rebase'] satisfies MergeMethod[]) {
    const it = await localForge()
    const file = 'a "b"\n\tc'
    await it.branch('topic', { file, content: 'theirs' })
    await it.sample.commit({ [file]: 'ours' })
    const { number, expectedHead } = await opened(it)
    const error = await it.forge.merge(it.repo, number, { method, expectedHead }).catch((it) => it)
    expect(error).toMatchObject({ code: 'E_CONFLICT', details: { paths: [file] } })
  }
})

test('a rebase leaves out what the base has already, and merges', async () => {
  const it = await localForge()
  const picked = await it.branch('topic')
  await it.git(['cherry-pick', picked])
  await it.sample.commit({ other: 'x' })
  await it.git(['checkout', '-q', 'topic'])
  await it.git(['merge', '-q', '--no-edit', 'main'])
  await it.sample.commit({ last: 'x' }, 'Last')
  await it.git(['checkout', '-q', 'main'])
  const start = await it.sample.head()
  const { number, expectedHead } = await opened(it)
  await it.forge.merge(it.repo, number, { method: 'rebase', expectedHead })
  expect(await it.git(['log', '--format=%s', `${start}..main`])).toBe('Last')
})

test('a head that the base holds already is merged as it is', async () => {
  const it = await localForge()
  await it.branch('topic')
  const { number, expectedHead } = await opened(it)
  await it.git(['merge', '-q', '--ff-only', 'topic'])
  const { commit } = await it.forge.merge(it.repo, number, { method: 'squash', expectedHead })
  expect(commit).toBe(expectedHead)
})

test('a branch without common history', async () => {
  const it = await localForge()
  await it.git(['checkout', '-q', '--orphan', 'topic'])
  await it.sample.commit({ b: 'b' })
  await it.git(['checkout', '-q', 'main'])
  const { number, expectedHead } = await opened(it)
  const merging = it.forge.merge(it.repo, number, { method: 'rebase', expectedHead })
  await expect(merging).rejects.toMatchObject({ code: 'E_CONFLICT' })
})

test('several merged at once, one after the other', async () => {
  const it = await localForge()
  const pulls = []
  for (const head of ['a', 'b', 'c']) {
    await it.branch(head)
    pulls.push(await opened(it, head))
  }
  await Promise.all(
    pulls.map(({ number, expectedHead }) =>
      it.forge.merge(it.repo, number, { method: 'merge', expectedHead }),
    ),
  )
  expect(await it.git(['ls-files'])).toBe('README.md\na.txt\nb.txt\nc.txt')
  expect(await it.git(['status', '--porcelain'])).toBe('')
})
