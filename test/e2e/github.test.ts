import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exec } from '../../src/exec.ts'
import { createGit } from '../../src/git.ts'
import { describeGithub } from '../fixtures/github/gh.ts'
import { type LoopbackGithub, startGithub } from '../fixtures/github/server.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/** The main job with pull requests on GitHub: the real gh and git against a GitHub on loopback. */
describeGithub('on GitHub', () => {
  let github: LoopbackGithub
  let orch: Orch
  let count = 0
  beforeAll(async () => {
    github = await startGithub()
    orch = await startOrch({ ...github.env, ORCH_CHECKS_GRACE_SECONDS: '0', ORCH_TRIES: '1' })
  })
  afterAll(async () => {
    await orch.close()
    await github.close()
  })

  const clone = async () => {
    const name = `sam/project-${++count}`
    const url = await github.addRepository(name)
    const repository = await makeRepository({ commits: 2 })
    const git = createGit(exec, github.env, repository.path)
    await git(['remote', 'add', 'origin', url])
    await git(['push', '--quiet', 'origin', 'main', 'main:refs/heads/release'])
    return { name, repository }
  }
  const run = async (repo: string, argv: string[], more: object = {}) => {
    const { id } = await orch.submit(repo, [{ driver: 'command', argv, description: 'Do the work', ...more }])
    const [task] = await orch.finished(id)
    return task
  }
  const pulls = (name: string) => github.repository(name).pulls

  it('Orch pushes and opens the pull request; the person’s branches stay', async () => {
    const { name, repository } = await clone()
    const head = await repository.head()
    const task = await run(repository.path, [agent('commits-without-push')])
    expect(task).toMatchObject({
      state: 'accepted',
      forge: 'github',
      pullRequest: { number: 1 },
      proof: { openedByOrch: true },
    })
    expect(pulls(name)).toHaveLength(1)
    expect(await repository.head()).toBe(head)
  })

  it('the agent’s own pull request is taken, and no second one made', async () => {
    const { name, repository } = await clone()
    const task = await run(repository.path, [agent('opens-pr-with-gh')])
    expect(task).toMatchObject({ state: 'accepted', proof: { openedByOrch: false } })
    expect(pulls(name)).toHaveLength(1)
  })

  it('one to the wrong base is refused', async () => {
    const { name, repository } = await clone()
    const task = await run(repository.path, [agent('opens-pr-with-gh'), 'release'])
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'wrong-base' } })
    expect(pulls(name)).toHaveLength(1)
  })

  it('someone else’s pull request is no proof', async () => {
    const { name, repository } = await clone()
    await run(repository.path, [agent('commits-without-push')])
    const task = await run(repository.path, [agent('claims-done-without-pr')], { publish: 'agent' })
    expect(task).toMatchObject({ state: 'dead', reason: { code: 'no-pull-request' } })
    expect(pulls(name)).toHaveLength(1)
  })

  it('a required check is waited for: green accepts, red refuses', async () => {
    for (const [state, expected] of [
      ['success', 'accepted'],
      ['failure', 'dead'],
    ] as const) {
      const { name, repository } = await clone()
      github.setCheck(name, { name: 'build', state: 'pending', commit: '0'.repeat(40), required: true })
      const { id } = await orch.submit(repository.path, [
        { driver: 'command', argv: [agent('commits-without-push')], description: 'Do it' },
      ])
      const commit = await until(
        'the pull request is open',
        () =>
          pulls(name)[0] &&
          orch.client.call('pull', { params: { number: 1 }, query: { repo: repository.path } }),
      )
      github.setCheck(name, { name: 'build', state, commit: commit.headCommit, required: true })
      const [task] = await orch.finished(id)
      expect(task?.state).toBe(expected)
      if (state === 'failure') expect(task?.reason).toMatchObject({ code: 'red-check' })
    }
  })

  it('an answer lost after the pull request was made leads to one pull request', async () => {
    const { name, repository } = await clone()
    github.faults.add({ kind: 'cut-after', on: /POST .*pulls/, times: 1 })
    const task = await run(repository.path, [agent('commits-without-push')])
    expect(task?.state).toBe('accepted')
    expect(pulls(name)).toHaveLength(1)
  })

  it('a forge that is down for a while uses up no try', async () => {
    const { repository } = await clone()
    github.faults.add({ kind: 'server-error', on: /pulls|graphql/i, times: 2 })
    expect(await run(repository.path, [agent('commits-without-push')])).toMatchObject({
      state: 'accepted',
      attempt: 1,
    })
  })

  it('down and back: work that is to begin is put off, proofs wait, and nothing uses up a try', async () => {
    const { name, repository } = await clone()
    const hasty = { ORCH_BREAKER_FAILURES: '2', ORCH_BREAKER_SECONDS: '1', ORCH_CHECKS_GRACE_SECONDS: '0' }
    const other = await startOrch({ ...github.env, ...hasty, ORCH_TRIES: '3' })
    const breaker = async () => {
      const { breakers } = await other.client.call('status', { query: {} })
      return breakers.find((it) => it.name.startsWith('forge github at'))
    }
    try {
      const tasks = Array.from({ length: 4 }, (_, i) => ({
        driver: 'command',
        argv: [agent('commits-without-push')],
        description: `Do part ${i}`,
      }))
      const { id } = await other.submit(repository.path, tasks.slice(0, 1))
      await until(
        'it works',
        async () => (await other.client.call('run', { params: { id } })).tasks[0]?.attempt,
      )
      github.faults.add({ kind: 'server-error', times: 100_000 })
      const rest = await other.submit(repository.path, tasks.slice(1))
      await until('the breaker is open', async () => (await breaker())?.state !== 'closed')
      const run = () => other.client.call('run', { params: { id: rest.id } })
      await until('all are put off', async () =>
        (await run()).tasks.every(
          (it) => it.state === 'queued' && /is out of order/.test(it.reason?.message ?? ''),
        ),
      )
      // One call in between may be the trial of the breaker.
      await until('calls are refused at once, with what to do', async () => {
        const refusal = await other.client
          .call('pulls', { query: { repo: repository.path } })
          .catch((error) => error)
        return refusal.code === 'E_FORGE' && refusal.fix.includes('orch status')
      })
      github.faults.clear()
      const done = [...(await other.finished(id)), ...(await other.finished(rest.id))]
      expect(done).toMatchObject(Array(4).fill({ state: 'accepted' }))
      expect(await breaker()).toMatchObject({ state: 'closed', failures: 0 })
      expect(pulls(name)).toHaveLength(4)
    } finally {
      github.faults.clear()
      await other.close()
    }
  })

  it('merges there', async () => {
    const { name, repository } = await clone()
    await run(repository.path, [agent('commits-without-push')])
    await orch.client.call('merge', { params: { number: 1 }, body: { repo: repository.path } })
    expect(pulls(name)[0]).toMatchObject({ state: 'merged' })
  })

  describe('without a login', () => {
    it('is refused before anything is queued, with both ways out', async () => {
      const { repository } = await clone()
      const { GH_TOKEN: _, ...without } = github.env
      const stranger = await startOrch({ ...without })
      try {
        const refused = stranger.submit(repository.path, [
          { driver: 'command', argv: ['true'], description: 'x' },
        ])
        await expect(refused).rejects.toMatchObject({
          code: 'E_FORGE_LOGIN',
          fix: expect.stringContaining('--forge local'),
        })
      } finally {
        await stranger.close()
      }
    })
  })
})
