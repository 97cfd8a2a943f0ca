import { expect, test } from 'vitest'
import { onGithub, type Stage } from '../../test/fixtures/github/stage.ts'
import { type CarryHost, carryCluster } from '../../test/support/carry-hosts.ts'
import { until } from '../../test/support/orch.ts'
import { ended, order, type RealOptions } from '../../test/support/parts.ts'
import { sampleGit } from '../../test/support/repository.ts'
import { systemClock } from '../clock.ts'
import { exec } from '../exec.ts'
import { createBare } from '../forge/bare.ts'
import { createGithubForge } from '../forge/github/github.ts'
import { createGit } from '../git.ts'
import { silentLog } from '../log.ts'
import { type Task, workOf } from '../task/task.ts'

const TWICE = `set -e
if [ -f one ]; then echo 2 >two; git add -A; git commit -qm two
else echo 1 >one; git add -A; git commit -qm one; sleep 600; fi`

onGithub('a task on GitHub, carried between hosts', (stage) => {
  test('a host without the repository clones it, goes on from what the first has kept, and publishes it once', async () => {
    const { host, store } = await carryCluster()
    const alpha = await host('alpha', options(stage))
    const task = await begin(stage, alpha)
    await alpha.parts.carrying?.bring(task, []) // nothing to bring
    expect(await kept(stage)).toMatch(new RegExp(`^refs/orch/work/${task.id}/1 [0-9a-f]{40}$`))
    expect((await store.tasks.get(task.id))?.spec).toMatchObject({
      repo: `alpha:${stage.person.repo}`,
      source: { url: await stage.person.git(['remote', 'get-url', 'origin']) },
    })
    await alpha.die()
    const beta = await host('beta', options(stage))
    await beta.begin()
    const done = await ended(beta.parts, task)
    expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
    const head = workOf(done.proof)?.head
    expect(stage.pulls()).toMatchObject([{ head: task.spec.branch, state: 'open' }])
    expect(await stage.person.remote(['rev-parse', task.spec.branch])).toBe(head)
    await until('what was kept is let go of', async () => (await kept(stage)) === '')

    const late = await alpha.back()
    const fence = { taskId: task.id, epoch: 1, host: 'alpha' }
    const by = { fence, check: () => late.parts.store.tasks.progress(fence, {}) }
    const place = late.parts.workspaces.at(stage.person.repo, task.id, task.spec.branch)
    await sampleGit(place.path)(['commit', '-q', '--allow-empty', '-m', 'late'])
    const { github } = late.parts.forges
    await expect(github.push(stage.person.repo, task.spec.branch, by)).rejects.toMatchObject({
      code: 'E_STALE',
    })
    await expect(github.push(stage.person.repo, task.spec.branch)).rejects.toMatchObject({
      code: 'E_HEAD_MOVED',
    })
    expect(await stage.person.remote(['rev-parse', task.spec.branch])).toBe(head)
  })

  test('GitHub is not to be reached by the second host: the task waits for one that can', async () => {
    const { host } = await carryCluster()
    const alpha = await host('alpha', options(stage))
    const task = await begin(stage, alpha)
    await alpha.die()
    const beta = await host(
      'beta',
      options(stage, { HTTP_PROXY: 'http://127.0.0.1:9', http_proxy: 'http://127.0.0.1:9' }),
    )
    await beta.begin()
    const waits = await until('it was put off', async () => {
      const now = await beta.parts.store.tasks.get(task.id)
      return now?.state === 'queued' && now.reason?.code === 'E_REPOSITORY_AWAY' && now
    })
    expect(waits).toMatchObject({ used: 0, losses: 1 })
    const gamma = await host('gamma', options(stage))
    await gamma.begin()
    expect(await ended(gamma.parts, task)).toMatchObject({ state: 'accepted' })
  })
})

const options = ({ github }: Stage, more: Record<string, string> = {}): RealOptions => ({
  config: { checksGraceSeconds: 0 },
  github({ root, lock }) {
    const env = { ...github.env, ...more }
    const git = createGit(exec, env, '/')
    const bare = createBare({ git, root })
    return createGithubForge({ exec, env, git, bare, lock, clock: systemClock, log: silentLog })
  },
})

/** Until its first commit was kept for others. */
async function begin({ person }: Stage, host: CarryHost): Promise<Task> {
  const chooseForge = async () => 'github' as const
  host.parts.repositories.chooseForge = chooseForge
  const task = await order(await host.begin(), person.repo, TWICE)
  await until('its commit was kept', async () => (await host.parts.store.tasks.attempts(task.id))[0]?.carried)
  return task
}

const kept = ({ person }: Stage) =>
  person.remote(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/orch'])
