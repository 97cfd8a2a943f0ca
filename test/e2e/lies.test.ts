import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { agent, type Orch, startOrch } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const run = async (name: string, more: object = {}, repo?: string) => {
  const path = repo ?? (await makeRepository({ commits: 2 })).path
  const { id } = await orch.submit(path, [
    { driver: 'command', argv: [agent(name)], description: `Let ${name} do it`, ...more },
  ])
  const [task] = await orch.finished(id)
  const { pulls } = await orch.client.call('pulls', { query: { repo: path, forge: 'local' } })
  return { task, pulls, path }
}

describe('an agent’s word is not believed', () => {
  it.each([
    ['claims-done-without-commit', 'no-commit'],
    ['exits-0-without-result', 'no-commit'],
    ['makes-empty-commit', 'empty-diff'],
    ['undoes-its-work', 'empty-diff'],
    ['deletes-own-branch', 'no-commit'],
    ['fails-with-status-3', 'agent-failed'],
  ])('%s ends as %s, without a pull request', async (name, code) => {
    const { task, pulls } = await run(name)
    expect(task).toMatchObject({ state: 'dead', reason: { code } })
    expect(pulls).toEqual([])
  })

  it.each([
    ['commits-without-push', 'not-pushed'],
    ['claims-done-without-pr', 'no-pull-request'],
  ])('%s ends as %s when the agent itself has to publish', async (name, code) => {
    const { task, pulls } = await run(name, { publish: 'agent' })
    expect(task).toMatchObject({ state: 'dead', reason: { code } })
    expect(pulls).toEqual([])
  })

  it('an agent that pushes to the base branch has not changed it', async () => {
    const repository = await makeRepository({ commits: 2 })
    const before = await repository.head()
    const { task } = await run('pushes-to-base-branch', {}, repository.path)
    expect(task?.state).toBe('dead')
    expect(await repository.head()).toBe(before)
    const next = await run('commits-without-push', {}, repository.path)
    expect(next.task?.attempts[0]?.from).toBe(before)
  })

  it('a rewritten history does not become a pull request with everything in it', async () => {
    const { task } = await run('rewrites-history')
    expect(task?.state).toBe('dead')
  })

  it.each(['switches-branch', 'detaches-head'])(
    '%s: work beside the branch is brought to it, not lost',
    async (name) => {
      const { task, pulls } = await run(name)
      expect(task).toMatchObject({ state: 'accepted', proof: { filesChanged: ['work.txt'] } })
      expect(pulls).toMatchObject([{ head: task?.branch }])
    },
  )

  it('a pull request to the wrong base is refused', async () => {
    const repository = await makeRepository({ commits: 2, branches: ['release'] })
    const first = await run('commits-and-opens-pr', { publish: 'agent' }, repository.path)
    expect(first.task).toMatchObject({ state: 'accepted', proof: { openedByOrch: false } })
    const second = await run('opens-pr-to-release', { publish: 'agent' }, repository.path)
    expect(second.task).toMatchObject({ state: 'dead', reason: { code: 'wrong-base' } })
  })

  it('someone else’s pull request is no proof', async () => {
    const repository = await makeRepository({ commits: 2 })
    await run('commits-without-push', {}, repository.path)
    const { task } = await run('claims-done-without-pr', { publish: 'agent' }, repository.path)
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'no-pull-request' } })
  })

  it('a later commit that was not pushed is a stale head', async () => {
    const { task } = await run('commits-after-the-pr', { publish: 'agent' })
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'stale-head' } })
  })
})

it('planted hooks and configuration run nothing in the daemon', async () => {
  const repository = await makeRepository()
  const { task } = await run('plants-hooks', {}, repository.path)
  expect(task?.state).toBe('accepted')
  const { pulls } = await orch.client.call('pulls', { query: { repo: repository.path, forge: 'local' } })
  await orch.client.call('diff', {
    params: { number: pulls[0]?.number ?? 0 },
    query: { repo: repository.path, forge: 'local' },
  })
  await expect(repository.git(['rev-parse', '--git-path', 'planted'])).resolves.toBe('.git/planted')
  expect(await import('node:fs').then((fs) => fs.existsSync(`${repository.path}/.git/planted`))).toBe(false)
})
