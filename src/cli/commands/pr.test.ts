import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
import type { Checked } from '../../api/contract.ts'

const codes = '\u001b]0;stolen\u0007\u001b[2J'

const pull = {
  forge: 'local' as const,
  number: 3,
  url: 'local:3',
  repo: '/repo',
  state: 'open' as const,
  title: 'Fix',
  body: `body ${codes}`,
  head: 'orch/fix',
  base: 'main',
  headCommit: 'a'.repeat(40),
  author: 'orch',
  createdAt: '2026-01-02T03:04:05Z',
}

test('pull requests: list, show, diff, merge, review, check', async () => {
  const asked: Record<string, unknown> = {}
  const note = (name: string, input: unknown) => {
    asked[name] = input
  }
  const diff = `diff --git a/x b/x\n-old\n+new ${codes}\n`
  const { state } = await fakeDaemon({
    pulls: async (input) => {
      note('pulls', input)
      return { pulls: [pull] }
    },
    pull: async () => ({
      ...pull,
      checks: [{ name: 'tests', state: 'success', required: true, commit: pull.headCommit }],
      files: [{ path: 'x', additions: 1, deletions: 1 }],
    }),
    diff: async () => ({ diff }),
    merge: async (input) => {
      note('merge', input)
      return { commit: 'b'.repeat(40), repository: { updated: false, message: 'main is dirty' } }
    },
    review: async (input) => {
      note('review', input)
      return {}
    },
    check: async (input: Checked<'check'>) => {
      note('check', input)
      return {}
    },
  })
  const pr = (line: string, given = {}) => orch(['pr', ...line.split(' ')], { state, cwd: '/repo', ...given })
  expect((await pr('list --state open --forge local')).out).toMatch(/#3 {2}open .* Fix\n/)
  expect(asked.pulls).toEqual({ query: { repo: '/repo', state: 'open', forge: 'local' } })
  const shown = await pr('show 3')
  expect(shown.out).toMatch(/tests {2}success {2}yes/)
  expect(shown.out).not.toContain('\u001b')
  expect((await pr('diff 3')).out).toBe(diff)
  expect((await pr('diff 3', { stdoutTty: true, env: { NO_COLOR: '1' } })).out).toBe(
    'diff --git a/x b/x\n-old\n+new \n',
  )
  expect((await pr('merge 3 --method squash')).out).toBe('merged #3 as bbbbbbbbbbbb\nmain is dirty\n')
  expect(asked.merge).toMatchObject({ params: { number: 3 }, body: { repo: '/repo', method: 'squash' } })
  await pr('review 3 --request-changes -m no', { env: { USER: 'sam' } })
  expect(asked.review).toMatchObject({ body: { verdict: 'request-changes', body: 'no', author: 'sam' } })
  await pr('check 3 --name lint --state failure --optional')
  expect(asked.check).toMatchObject({
    body: { name: 'lint', state: 'failure', required: false, commit: pull.headCommit },
  })
  expect(JSON.parse((await pr('merge 3 --json')).out)).toMatchObject({ kind: 'merge', number: 3 })
  expect((await pr('merge 3 --expected-head abc')).err).toContain('code: E_INVALID')
})
