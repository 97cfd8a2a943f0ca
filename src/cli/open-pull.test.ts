import { expect, test } from 'vitest'
import { fakeDaemon, type Given, orch, taskDetail } from '../../test/support/cli.ts'
import { makeRepository } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import type { Checked, Handlers } from '../api/contract.ts'

const pull = (body: Checked<'openPull'>['body']) => ({
  forge: 'local' as const,
  number: 3,
  url: 'local:3',
  repo: body.repo,
  state: 'open' as const,
  title: body.title,
  body: body.body,
  head: body.head,
  base: body.base,
  headCommit: 'a'.repeat(40),
  author: 'orch',
  createdAt: '2026-01-02T03:04:05Z',
})

async function daemon(more: Partial<Handlers> = {}) {
  const asked: Checked<'openPull'>['body'][] = []
  const openPull: Handlers['openPull'] = async ({ body }) => {
    asked.push(body)
    return pull(body)
  }
  return { ...(await fakeDaemon({ openPull, ...more })), asked }
}

async function repositoryOn(branch: string, more: Parameters<typeof makeRepository>[0] = {}) {
  const repository = await makeRepository(more)
  await repository.git(['switch', '--quiet', '--create', branch])
  await repository.commit({ 'a.txt': 'a\n' }, 'Add the work\n\nAnd more')
  return repository
}

const create = (words: string[], given: Given) => orch(['pr', 'create', ...words], given)

test('takes head, base and title from the repository', async () => {
  const { path } = await repositoryOn('feature')
  const { state, asked } = await daemon()
  const { code, out, err } = await create([], { state, cwd: path })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toBe('#3 Add the work\nfeature into main, open\n')
  expect(asked).toEqual([{ repo: path, head: 'feature', base: 'main', title: 'Add the work', body: '' }])
})

test('takes what it is given', async () => {
  const { path } = await repositoryOn('feature', { branches: ['release'] })
  const { state, asked } = await daemon()
  const words = '--head feature --base release --title T --body B --forge local --json'.split(' ')
  const { out } = await create([...words, '--repo', path], { state })
  expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, kind: 'pull-opened', number: 3, head: 'feature' })
  expect(asked).toEqual([
    { repo: path, forge: 'local', head: 'feature', base: 'release', title: 'T', body: 'B' },
  ])
})

test('reads the body from standard input', async () => {
  const { path } = await repositoryOn('feature')
  const { state, asked } = await daemon()
  await create(['--body', '-'], { state, cwd: path, stdin: 'first\nsecond\n' })
  expect(asked).toMatchObject([{ body: 'first\nsecond\n' }])
})

test('an agent gets the words of its task, and the forge that its task has', async () => {
  const { path, git } = await repositoryOn('orch/work')
  await git(['checkout', '--quiet', '--detach'])
  const { state, asked } = await daemon({ task: async () => taskDetail({ forge: 'github' }) })
  const env = { ORCH_BRANCH: 'orch/work', ORCH_BASE: 'release', ORCH_TASK: 't-aaaa00000001' }
  await create([], { state, cwd: path, env })
  expect(asked).toMatchObject([{ head: 'orch/work', base: 'release', forge: 'github' }])
  await create([], { state, cwd: path, env: { ...env, ORCH_TASK: 'not/one' } })
  expect(asked[1]).not.toHaveProperty('forge')
})

test.each([
  ['the main branch of origin', { origin: true, branch: 'develop' }, 'develop'],
  ['trunk', { branch: 'trunk' }, 'trunk'],
])('finds the base: %s', async (_, sample, base) => {
  const { path } = await repositoryOn('feature', sample)
  const { state, asked } = await daemon()
  await create([], { state, cwd: path })
  expect(asked).toMatchObject([{ base }])
})

test('the configured base wins', async () => {
  const { path, write } = await repositoryOn('feature')
  await write({ '.orch/config.yaml': 'base: release\n' })
  const { state, asked } = await daemon()
  await create([], { state, cwd: path })
  expect(asked).toMatchObject([{ base: 'release' }])
})

test('says what is missing, before a daemon is asked', async () => {
  const odd = await repositoryOn('feature', { branch: 'odd' })
  const onMain = await makeRepository()
  const detached = await repositoryOn('feature')
  await detached.git(['checkout', '--quiet', '--detach'])
  const failing = async (words: string[], cwd: string) => (await create(words, { cwd })).err.split('\n')
  expect(await failing([], odd.path)).toMatchObject(
    [/no main branch/, 'code: E_NO_BASE', /--base/, ''].map(like),
  )
  expect(await failing([], onMain.path)).toMatchObject(
    [/the same branch, main/, 'code: E_USAGE', /--head/, ''].map(like),
  )
  expect(await failing([], detached.path)).toMatchObject(
    [/no branch is checked out/, 'code: E_USAGE', /--head/, ''].map(like),
  )
  expect(await failing(['--head', 'other'], detached.path)).toMatchObject(
    [/no commit on other/, 'code: E_USAGE', /--title/, ''].map(like),
  )
  expect(await failing(['--head', '--upload-pack=x'], detached.path)).toMatchObject(
    [/no commit on --upload-pack=x/, 'code: E_USAGE', /--title/, ''].map(like),
  )
  expect((await failing([], temporaryDirectory()))[1]).toBe('code: E_NOT_A_REPOSITORY')
})

const like = (wanted: string | RegExp) =>
  typeof wanted === 'string' ? wanted : expect.stringMatching(wanted)
