import { expect, test } from 'vitest'
import { onGithub } from '../../../test/fixtures/github/stage.ts'

const MERGE = { method: 'merge' } as const

onGithub('merging on GitHub', (stage) => {
  test('GitHub itself guards the head: 409', async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    let moved = ''
    const meanwhile = async () => {
      moved = await stage.person.branch('topic', { from: 'topic', file: 'more.txt' })
      const { git } = stage.github.repository(stage.person.fullName)
      await git(['fetch', '--quiet', stage.person.repo, '+topic:topic'])
    }
    stage.github.faults.add({ kind: 'slow', on: /^PUT .*\/merge$/, meanwhile })
    const merging = stage.person.forge.merge(stage.person.repo, number, { ...MERGE, expectedHead: commit })
    await expect(merging).rejects.toMatchObject({
      code: 'E_HEAD_MOVED',
      message: expect.stringContaining('Head branch was modified'),
    })
    expect(await stage.person.forge.head(stage.person.repo, 'topic')).toBe(moved)
  })

  test('a lost answer to a merge: merged once, and its commit is known', async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    stage.github.faults.add({ kind: 'cut-after', on: /^PUT .*\/merge$/ })
    const merged = await stage.person.forge.merge(stage.person.repo, number, {
      ...MERGE,
      expectedHead: commit,
    })
    expect(merged.commit).toBe(stage.pulls()[0]?.mergeCommit)
    const again = await stage.person.forge.merge(stage.person.repo, number, {
      ...MERGE,
      expectedHead: commit,
    })
    expect(again.commit).toBe(merged.commit)
  })

  test("the person's own main stays; origin/main follows", async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    const before = await stage.person.git(['rev-parse', 'main'])
    const message = 'Take topic\n\nbecause it is good'
    const merged = await stage.person.forge.merge(stage.person.repo, number, {
      ...MERGE,
      expectedHead: commit,
      message,
    })
    expect(merged.repository).toMatchObject({
      updated: false,
      message: expect.stringContaining('git pull'),
    })
    expect(await stage.person.git(['rev-parse', 'main'])).toBe(before)
    expect(await stage.person.git(['rev-parse', 'origin/main'])).toBe(merged.commit)
    expect(await stage.person.git(['log', '-1', '--format=%B', 'origin/main'])).toBe(message)
  })
})
