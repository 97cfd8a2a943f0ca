import { expect, test } from 'vitest'
import { onGithub } from '../../../test/fixtures/github/stage.ts'
import { readChecks } from './checks.ts'
import type { Gh } from './gh.ts'

const remote = { host: 'github.com', owner: 'o', name: 'r' }

/** GitHub's answer with these contexts and nothing else. */
function answering(nodes: object[], demanded: (string | null)[] | null = null): Gh {
  const contexts = { pageInfo: { hasNextPage: false, endCursor: null }, nodes }
  const commit = { oid: 'c1', statusCheckRollup: { contexts } }
  const baseRef = { refUpdateRule: demanded && { requiredStatusCheckContexts: demanded } }
  const data = { repository: { pullRequest: { baseRef, commits: { nodes: [{ commit }] } } } }
  return { graphql: async () => data } as unknown as Gh
}

const run = (name: string, more: object = {}) => ({
  __typename: 'CheckRun',
  name,
  status: 'COMPLETED',
  conclusion: 'SUCCESS',
  isRequired: false,
  ...more,
})
const status = (context: string, state: string) => ({
  __typename: 'StatusContext',
  context,
  state,
  isRequired: false,
})

test.each([
  [run('a'), 'success'],
  [run('a', { conclusion: 'NEUTRAL' }), 'success'],
  [run('a', { conclusion: 'SKIPPED' }), 'success'],
  [run('a', { conclusion: 'CANCELLED' }), 'failure'],
  [run('a', { conclusion: 'TIMED_OUT' }), 'failure'],
  [run('a', { conclusion: 'ACTION_REQUIRED' }), 'failure'],
  [run('a', { conclusion: 'STALE' }), 'pending'],
  [run('a', { status: 'QUEUED', conclusion: null }), 'pending'],
  [status('a', 'SUCCESS'), 'success'],
  [status('a', 'PENDING'), 'pending'],
  [status('a', 'EXPECTED'), 'pending'],
  [status('a', 'ERROR'), 'failure'],
  [status('a', 'FAILURE'), 'failure'],
])('%j is %s', async (node, state) => {
  expect(await readChecks(answering([node]), remote, 1)).toMatchObject([{ name: 'a', state, commit: 'c1' }])
})

test('of a run that was started again only the newest counts; another workflow is another check', async () => {
  const of = (workflow: string) => ({
    checkSuite: { workflowRun: { event: 'push', workflow: { name: workflow } } },
  })
  const nodes = [
    run('test', { ...of('ci'), startedAt: '2026-01-02T00:00:00Z' }),
    run('test', { ...of('ci'), startedAt: '2026-01-01T00:00:00Z', conclusion: 'FAILURE' }),
    run('test', { ...of('nightly'), startedAt: '2026-01-01T00:00:00Z', conclusion: 'FAILURE' }),
  ]
  const states = (await readChecks(answering(nodes), remote, 1)).map((it) => it.state)
  expect(states).toEqual(['success', 'failure'])
})

test('demanded by name, although GitHub does not mark the run itself', async () => {
  const checks = await readChecks(answering([run('a'), run('b')], ['b', null]), remote, 1)
  expect(checks.map((it) => [it.name, it.required])).toEqual([
    ['a', false],
    ['b', true],
  ])
})

test('an answer of another shape is an error that names the place', async () => {
  const gh = { graphql: async () => ({ repository: null }) } as unknown as Gh
  await expect(readChecks(gh, remote, 1)).rejects.toMatchObject({
    code: 'E_FORGE',
    message: expect.stringContaining('repository'),
  })
})

onGithub('checks on GitHub', (stage) => {
  const check = (name: string, state: 'pending' | 'success' | 'failure', more = {}) =>
    stage.github.setCheck(stage.person.fullName, { name, state, commit: '', ...more })

  test('none', async () => {
    const { number } = await stage.opened('topic')
    expect(await stage.person.forge.checks(stage.person.repo, number)).toEqual([])
  })

  test('runs and statuses; all count as required when none is', async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    check('build', 'pending', { commit })
    check('legacy', 'failure', { commit, kind: 'status', summary: 'two tests fail' })
    expect(await stage.person.forge.checks(stage.person.repo, number)).toEqual([
      { name: 'build', state: 'pending', required: true, commit, url: 'http://ci.localhost/build' },
      {
        name: 'legacy',
        state: 'failure',
        required: true,
        commit,
        summary: 'two tests fail',
        url: 'http://ci.localhost/legacy',
      },
    ])
  })

  test('only the required ones count when GitHub tells which; one not reported yet is pending', async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    check('build', 'success', { commit, required: true })
    check('style', 'failure', { commit })
    check('slow', 'success', { commit: 'of another commit', required: true })
    expect(await stage.person.forge.checks(stage.person.repo, number)).toMatchObject([
      { name: 'build', state: 'success', required: true },
      { name: 'style', state: 'failure', required: false },
      { name: 'slow', state: 'pending', required: true, commit },
    ])
  })

  test('more than a page of them', async () => {
    const { number, headCommit: commit } = await stage.opened('topic')
    for (let n = 0; n < 130; n++) check(`check ${n}`, 'success', { commit })
    expect(await stage.person.forge.checks(stage.person.repo, number)).toHaveLength(130)
  })

  test.each(['pending', 'failure'] as const)('a required one that is %s stops a merge', async (state) => {
    const { number, headCommit: commit } = await stage.opened('topic')
    check('build', state, { commit })
    const merging = stage.person.forge.merge(stage.person.repo, number, {
      method: 'merge',
      expectedHead: commit,
    })
    await expect(merging).rejects.toMatchObject({
      code: 'E_CHECKS',
      message: expect.stringContaining('build'),
    })
    expect(stage.pulls()[0]?.state).toBe('open')
  })
})
