import { expect, test } from 'vitest'
import { onGithub, request } from '../../../test/fixtures/github/stage.ts'

onGithub('opening pull requests on GitHub', (stage) => {
  test('shows what was asked for, and by whom', async () => {
    const pullRequest = await stage.opened('topic')
    expect(pullRequest).toEqual({
      ...request('topic'),
      forge: 'github',
      number: 1,
      url: `http://github.localhost/${stage.person.fullName}/pull/1`,
      state: 'open',
      headCommit: await stage.person.git(['rev-parse', 'topic']),
      author: 'sam',
      createdAt: expect.any(Number),
    })
    expect(Math.abs(Date.now() - pullRequest.createdAt)).toBeLessThan(60_000)
  })

  test.each(['cut-after', 'server-error'] as const)('%s while creating: one pull request', async (kind) => {
    await stage.pushed('topic')
    stage.github.faults.add({ kind, on: /^POST .*\/pulls$/ })
    const first = await stage.person.forge
      .open(stage.person.repo, request('topic'))
      .catch((error: unknown) => error)
    if (kind === 'cut-after') expect(first).toMatchObject({ pullRequest: { number: 1 }, created: true })
    else expect(first).toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
    const again = await stage.person.forge.open(stage.person.repo, request('topic'))
    expect(again).toMatchObject({ pullRequest: { number: 1 }, created: kind === 'server-error' })
    expect(stage.pulls()).toHaveLength(1)
  })

  test('the answer and the looking again are lost: found at the next call', async () => {
    await stage.pushed('topic')
    await stage.person.forge.find(stage.person.repo, 'topic')
    stage.github.faults.add({ kind: 'cut-after', on: /^POST .*\/pulls$/ })
    stage.github.faults.add({ kind: 'cut-before', on: /^GET .*\/pulls$/, skip: 1 })
    const opening = stage.person.forge.open(stage.person.repo, request('topic'))
    await expect(opening).rejects.toMatchObject({ code: 'E_FORGE', details: { retryable: true } })
    expect(stage.pulls()).toHaveLength(1)
    const again = await stage.person.forge.open(stage.person.repo, request('topic'))
    expect(again).toMatchObject({ created: false, pullRequest: { number: 1 } })
    expect(stage.pulls()).toHaveLength(1)
  })

  test('two daemons at once: one pull request', async () => {
    await stage.pushed('topic')
    const other = stage.person.forgeWith({})
    // both have looked and seen none before the first one asks
    stage.github.faults.add({ kind: 'slow', on: /^POST .*\/pulls$/, times: 2, delayMs: 500 })
    const both = await Promise.all(
      [stage.person.forge, other].map((forge) => forge.open(stage.person.repo, request('topic'))),
    )
    expect(both.map((it) => it.pullRequest.number)).toEqual([1, 1])
    expect(both.map((it) => it.created).sort()).toEqual([false, true])
    expect(stage.pulls()).toHaveLength(1)
  })

  test('one that goes to another base is the one that the branch has', async () => {
    await stage.pushed('other-base')
    await stage.pushed('topic', { from: 'other-base' })
    await stage.github.openPull(stage.person.fullName, { head: 'topic', base: 'other-base', author: 'sam' })
    const found = await stage.person.forge.open(stage.person.repo, request('topic'))
    expect(found).toMatchObject({ created: false, pullRequest: { number: 1, base: 'other-base' } })
  })

  test("someone else's pull request is theirs to see", async () => {
    await stage.pushed('topic')
    await stage.github.openPull(stage.person.fullName, { head: 'topic', base: 'main', author: 'mallory' })
    const found = await stage.person.forge.open(stage.person.repo, request('topic'))
    expect(found).toMatchObject({ created: false, pullRequest: { author: 'mallory' } })
  })

  test('a branch that was not pushed', async () => {
    await stage.person.branch('topic')
    await expect(stage.person.forge.open(stage.person.repo, request('topic'))).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      message: expect.stringContaining('topic'),
    })
    await stage.person.forge.push(stage.person.repo, 'topic')
    const elsewhere = stage.person.forge.open(stage.person.repo, request('topic', 'nowhere'))
    await expect(elsewhere).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
      message: expect.stringContaining('nowhere'),
    })
  })

  test('a branch without a commit of its own is refused for good', async () => {
    await stage.person.git(['branch', 'empty'])
    await stage.person.forge.push(stage.person.repo, 'empty')
    await expect(stage.person.forge.open(stage.person.repo, request('empty'))).rejects.toMatchObject({
      code: 'E_FORGE',
      message: expect.stringContaining('No commits between'),
      details: { retryable: false },
    })
  })
})
