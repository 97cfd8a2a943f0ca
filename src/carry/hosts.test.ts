import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type CarryHost, carryCluster } from '../../test/support/carry-hosts.ts'
import { holdParent } from '../../test/support/family.ts'
import { until } from '../../test/support/orch.ts'
import { ended, order, taskWhen } from '../../test/support/parts.ts'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { openTaskMailbox } from '../orchestrator/bus/audience.ts'
import { childrenOf, settleChildren } from '../orchestrator/family/children.ts'
import { createOrchestrator } from '../orchestrator/orchestrator.ts'
import type { Claimed } from '../store/store.ts'
import { needsOf } from '../task/needs.ts'
import { type Task, workOf } from '../task/task.ts'

/** The first attempt commits and goes on for ever; the next finds its commit and ends. */
const TWICE = `set -e
if [ -f one ]; then echo 2 >two; git add -A; git commit -qm two
else echo 1 >one; git add -A; git commit -qm one; echo x >uncommitted; sleep 600; fi`

const carriedOf = async ({ parts }: CarryHost, { id }: Task) =>
  (await parts.store.tasks.attempts(id)).at(-1)?.carried
const carried = (host: CarryHost, task: Task) =>
  until('its commit was given', async () => await carriedOf(host, task))

test('a task goes on on a host that has not its repository, and its pull request is merged at home', async () => {
  const { host } = await carryCluster()
  const sample = await makeRepository({
    files: { 'README.md': 'x\n', '.orch/profiles/tester.md': '---\ndescription: x\n---\nx\n' },
  })
  const alpha = await host('alpha')
  const task = await order(await alpha.begin(), sample.path, TWICE)
  expect(task.spec).toMatchObject({ repo: sample.path, source: { host: 'alpha', path: sample.path } })
  const first = await carried(alpha, task)
  await alpha.die()

  const beta = await host('beta')
  await beta.begin()
  const done = await ended(beta.parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
  const clone = done.spec.repo
  expect(clone).not.toBe(sample.path)
  expect(existsSync(`${clone}/.orch/profiles/tester.md`)).toBe(true)
  const head = workOf(done.proof)?.head as string
  expect(await sampleGit(clone)(['rev-parse', `${head}^`])).toBe(first)
  expect(await sampleGit(clone)(['log', '-1', '--format=%cn <%ce>', head])).toBe('T <t@example.org>')

  const query = { repo: clone }
  const seen = await beta.handlers.pull({ params: { number: 1 }, query })
  expect(seen.files?.map(({ path }) => path)).toEqual(['one', 'two'])

  const again = await alpha.back()
  const at = { repo: sample.path }
  expect((await again.handlers.pulls({ query: at })).pulls).toMatchObject([{ number: 1, headCommit: head }])
  expect((await again.handlers.diff({ params: { number: 1 }, query: at })).diff).toContain('+++ b/two')
  await again.handlers.review({
    params: { number: 1 },
    body: { ...at, author: 'p', verdict: 'approve', body: '' },
  })
  await again.handlers.merge({ params: { number: 1 }, body: at })
  expect(await sample.git(['show', 'main:two'])).toBe('2')
  expect((await beta.handlers.pull({ params: { number: 1 }, query })).state).toBe('merged')
})

test('work that was saved uncommitted is uncommitted again on the next host', async () => {
  const { host } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha', { config: { backoffSeconds: 1 } })
  const script = `set -e
if [ -f wip ]; then git status --porcelain >seen; git add -A; git commit -qm done
else echo 1 >one; git add -A; git commit -qm one; echo w >wip; exit 3; fi`
  const task = await order(await alpha.begin(), sample.path, script)
  const attempt = await until('the first attempt failed', async () => {
    const [one] = await alpha.parts.store.tasks.attempts(task.id)
    return one?.outcome && one
  })
  expect(attempt.carried).toBe(attempt.saved)
  await alpha.die()
  const beta = await host('beta')
  await beta.begin()
  const done = await ended(beta.parts, task)
  expect(done.state).toBe('accepted')
  expect(await sampleGit(done.spec.repo)(['show', `${workOf(done.proof)?.head}:seen`])).toContain('?? wip')
})

test('a repository that cannot be had: the task waits for its home and uses up no try', async () => {
  const { host, exchange } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha')
  const orchestrator = await alpha.begin()
  const put = exchange.put
  exchange.put = async () => {}
  const task = await order(orchestrator, sample.path, TWICE)
  await carried(alpha, task)
  await alpha.die()
  exchange.put = put
  const beta = await host('beta')
  await beta.begin()
  const waits = await taskWhen(beta.parts, task, 'was put off', ({ state, reason }) =>
    Boolean(state === 'queued' && reason?.code === 'E_REPOSITORY_AWAY'),
  )
  expect(waits.reason?.message).toContain(`alpha:${sample.path} cannot be had on beta`)
  expect(beta.parts.carrying?.away()).toEqual([waits.spec.repo])
  const home = await alpha.back()
  await home.begin()
  const done = await ended(home.parts, task)
  expect(done).toMatchObject({ state: 'accepted', used: 0, epoch: 3 })
})

test('what is too large to be carried is bound to its home', async () => {
  const { host, store } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha', { most: 10 })
  const task = await order(await alpha.begin(), sample.path, 'echo 1 >one')
  expect(task.spec.source?.bound).toMatch(/MB of commits; .* go through the store/)
  expect(needsOf(task.spec)).toEqual(['host:alpha'])
  expect(await ended(alpha.parts, task)).toMatchObject({ state: 'accepted' })
  const notes = await store.journal.read({ taskId: task.id, types: ['note'] })
  expect(notes.map(({ data }) => data?.text)).toEqual([
    expect.stringContaining('other hosts cannot get its commits'),
  ])
})

test('a host that lost its task publishes nothing, and does not move the pull request of the next', async () => {
  const { host, store } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha')
  const task = await order(await alpha.begin(), sample.path, TWICE)
  await carried(alpha, task)
  await alpha.die()
  const beta = await host('beta')
  await beta.begin()
  const done = await ended(beta.parts, task)
  const head = workOf(done.proof)?.head as string

  const late = await alpha.back()
  const { forges, workspaces } = late.parts
  const place = workspaces.at(sample.path, task.id, task.spec.branch)
  await workspaces.save(place, 'late') // a straggler of the first attempt commits, and pushes to the forge of its host
  const env = await forges.local.agentEnv(sample.path)
  await sampleGit(place.path)(['push', '-q'], { env })
  expect(await workspaces.head(place)).not.toBe(head)
  const fence = { taskId: task.id, epoch: 1, host: 'alpha' }
  const check = () => late.parts.store.tasks.progress(fence, {})
  const pushed = forges.local.push(sample.path, task.spec.branch, { fence, check })
  await expect(pushed).rejects.toMatchObject({ code: 'E_STALE' })
  expect((await forges.local.get(sample.path, 1)).headCommit).toBe(head)
  expect((await store.pulls.list(`alpha:${sample.path}`)).length).toBe(1)
})

test('a host that loses its task between asking and writing opens nothing and moves nothing', async () => {
  const { host, store } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha')
  const task = await order(createOrchestrator(alpha.parts), sample.path, 'true')
  const { branch, base, title } = task.spec
  await sample.git(['branch', branch])
  const { forges, clock } = alpha.parts
  const repo = sample.path
  const publisher = async () => {
    const agent = ({ id }: Task, epoch: number) => `${id}-${epoch}`
    const held = await store.tasks.claim({ host: 'alpha', now: clock.now(), leaseMs: 60_000, agent })
    const { fence } = held as Claimed
    let losesNow = false
    const loseNow = () => {
      losesNow = true
    }
    const check = async () => {
      await store.tasks.progress(fence, {})
      if (!losesNow) return
      await store.tasks.lose(fence, clock.now(), { reason: { code: 'x', message: 'x' }, retryAt: 0 })
    }
    return { fence, check, loseNow }
  }
  const request = { head: branch, base, title, body: '', taskId: task.id }
  const first = await publisher()
  await forges.local.push(repo, branch, first)
  first.loseNow()
  await first.check()
  await expect(forges.local.open(repo, request, first)).rejects.toMatchObject({ code: 'E_STALE' })
  expect(await store.pulls.list(`alpha:${repo}`)).toEqual([])

  const second = await publisher()
  const { pullRequest } = await forges.local.open(repo, request, second)
  await sample.git(['switch', '-q', branch])
  await sample.commit({ late: 'late' })
  second.loseNow()
  await expect(forges.local.push(repo, branch, second)).rejects.toMatchObject({ code: 'E_STALE' })
  await expect(forges.local.find(repo, branch, second)).rejects.toMatchObject({ code: 'E_STALE' })
  expect(await store.pulls.list(`alpha:${repo}`)).toMatchObject([{ headCommit: pullRequest.headCommit }])
})

test('a part that another host does starts from its parent’s commit and is merged at the parent’s', async () => {
  const { host } = await carryCluster()
  const alpha = await host('alpha')
  const parent = await holdParent(alpha.parts, { argv: ['sh', '-c', 'cat plan.md >part.txt'] })
  const head = await parent.commit({ 'plan.md': 'plan' })
  await parent.call('delegate', { tasks: [{ title: 'one', description: 'Do it' }] })
  const [child] = (await childrenOf(alpha.parts, parent.task)) as [Task]
  expect(child.spec).toMatchObject({ repo: parent.sample.path, from: head, source: { host: 'alpha' } })

  const beta = await host('beta')
  await beta.begin()
  const done = await ended(beta.parts, child)
  expect(done.state).toBe('accepted')
  const { told } = await settleChildren(alpha.parts, parent, { idle: true, each: true })
  expect(told).toEqual([child.id])
  const git = sampleGit(alpha.parts.workspaces.at(parent.sample.path, parent.task.id, '').path)
  expect(await git(['show', 'HEAD:part.txt'])).toBe('plan')
  expect(await git(['merge-base', '--is-ancestor', workOf(done.proof)?.head as string, 'HEAD'])).toBe('')
})

test('files that git does not track are at home only: another host leaves the task to it', async () => {
  const { host } = await carryCluster()
  const sample = await makeRepository({ files: { '.gitignore': '.env\n' } })
  await sample.write({ '.env': 'A=1\n' })
  const setup = [{ copy: '.env' }]
  const alpha = await host('alpha', { config: { setup } })
  const task = await order(createOrchestrator(alpha.parts), sample.path, 'cat .env >seen')
  const beta = await host('beta', { config: { setup } })
  await beta.begin()
  const waits = await taskWhen(beta.parts, task, 'was put off', ({ reason }) => reason !== undefined)
  expect(waits).toMatchObject({ state: 'queued', used: 0, reason: { code: 'E_REPOSITORY_AWAY' } })
  expect(waits.reason?.message).toContain('set-up step 1 (copy: .env)')
  await alpha.begin()
  expect(await ended(alpha.parts, task)).toMatchObject({ state: 'accepted', used: 0 })
})

test('who writes to a task of a repository that is not here need not know its profile', async () => {
  const { host } = await carryCluster()
  const profile = '---\ndescription: x\ncapabilities: [testing]\n---\nx\n'
  const sample = await makeRepository({ files: { '.orch/profiles/own.md': profile } })
  const alpha = await host('alpha')
  const task = await order(createOrchestrator(alpha.parts), sample.path, 'echo x >x', { profile: 'own' })
  const beta = await host('beta')
  const seen = (await beta.parts.store.tasks.get(task.id)) as Task
  expect(await openTaskMailbox(beta.parts, seen)).toBe(task.id)
  await alpha.begin()
  await ended(alpha.parts, task)
  expect((await beta.parts.store.mailboxes.find(task.id))?.capabilities).toEqual(['testing'])
})
