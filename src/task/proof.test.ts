import { describe, expect, it } from 'vitest'
import { beginningOf, type Facts, judgeCommits, judgeProof } from './proof.ts'
import type { Attempt, Task } from './task.ts'

const task = { epoch: 1, spec: { branch: 'orch/x', base: 'main' } } as Task
const files = [
  { path: 'a', additions: 3, deletions: 1 },
  { path: 'b', additions: 2, deletions: 0 },
]
const good: Facts = {
  head: 'c2',
  from: 'c1',
  before: undefined,
  comparison: { commits: 2, files },
  remote: 'c2',
  pullRequest: {
    ref: { forge: 'local', number: 7, url: 'u' },
    base: 'main',
    headCommit: 'c2',
    openedByOrch: false,
  },
  checks: [
    { name: 'test', state: 'success', required: true },
    { name: 'nice', state: 'failure', required: false },
  ],
}
const code = (facts: Partial<Facts>) => {
  const verdict = judgeProof(task, { ...good, ...facts })
  return verdict.proven ? 'proven' : verdict.reason.code
}

it('is proven when the forge shows everything', () => {
  expect(judgeProof(task, good)).toEqual({
    proven: true,
    proof: {
      pullRequest: { forge: 'local', number: 7, url: 'u' },
      head: 'c2',
      base: 'main',
      filesChanged: ['a', 'b'],
      additions: 5,
      deletions: 1,
      commits: 2,
      checks: [{ name: 'test', state: 'success' }],
      openedByOrch: false,
    },
  })
})

describe('lies', () => {
  it.each<[string, Partial<Facts>]>([
    ['no-commit', { comparison: { commits: 0, files: [] } }],
    ['empty-diff', { comparison: { commits: 1, files: [] } }],
    ['no-commit', { from: 'c2', before: 'lost' }],
    ['not-pushed', { remote: undefined }],
    ['stale-head', { remote: 'c1' }],
    ['no-pull-request', { pullRequest: undefined }],
    ['wrong-base', { pullRequest: { ...good.pullRequest!, base: 'release' } }],
    ['stale-head', { pullRequest: { ...good.pullRequest!, headCommit: 'c1' } }],
    ['red-check', { checks: [{ name: 'test', state: 'failure', required: true }] }],
    ['red-check', { checks: [{ name: 'test', state: 'pending', required: true }] }],
  ])('%s', (expected, facts) => {
    expect(code(facts)).toBe(expected)
  })
})

it('asks no new commit of an attempt that only had to mend the publishing', () => {
  expect(code({ from: 'c2', before: 'no-pull-request' })).toBe('proven')
})

it('says nothing against commits before they are published', () => {
  expect(judgeCommits(task, good)).toBeUndefined()
})

const attempts = (...ends: [from: string | undefined, code?: string][]) =>
  ends.map(([from, code], n) => ({ epoch: n + 1, from, ...(code && { reason: { code } }) }) as Attempt)

describe('where the work of an attempt began', () => {
  it.each([
    'lost',
    'quota',
    'api-error',
    'idle-limit',
    'time-limit',
    'agent-failed',
    'no-result',
    'session-gone',
  ])('before an attempt whose work nobody has judged: %s', (code) => {
    const all = attempts(['c0', code], ['c1'])
    expect(beginningOf(all, all[1]!)).toEqual({ from: 'c0', before: undefined })
  })

  it.each(['no-commit', 'red-check', 'not-pushed', 'E_FORGE'])(
    'where one ended that was judged: %s',
    (code) => {
      const all = attempts(['c0', code], ['c1', 'quota'], [undefined, 'E_NO_AGENT'], ['c3'])
      expect(beginningOf(all, all[3]!)).toEqual({ from: 'c1', before: code })
    },
  )
})
