import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test, vi } from 'vitest'
import { until } from '../../test/support/orch.ts'
import { ended, order, taskWhen } from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'
import { hostOf, localExchange } from '../../test/support/two-hosts.ts'
import { workspaceOf } from './attempt/stop.ts'

/** Nothing is found by looking now and then: what happens here happens because of the other host's event. */
const RARELY = { reconcileSeconds: 300 }

async function twoHosts(config: object = RARELY) {
  const exchange = localExchange()
  const alpha = await hostOf('alpha', undefined, exchange, { config })
  const beta = await hostOf('beta', alpha.parts.store, exchange, { config })
  const begin = async (...hosts: (typeof alpha)[]) => {
    for (const { orchestrator } of hosts) {
      await orchestrator.begin()
      onTestFinished(() => orchestrator.end())
    }
  }
  return { alpha, beta, begin }
}

test('what one host queues another one begins at once', async () => {
  const { alpha, beta, begin } = await twoHosts()
  const { path } = await makeRepository()
  await begin(beta)
  const task = await order(alpha.orchestrator, path, 'echo x >x.txt') // alpha has not begun: it claims nothing
  expect(await ended(alpha.parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
  expect(await alpha.parts.store.tasks.attempts(task.id)).toMatchObject([{ host: 'beta' }])
})

test('the agent of a task that another host cancels is stopped, and its work saved, once', async () => {
  const { alpha, beta, begin } = await twoHosts()
  const { path, git } = await makeRepository()
  await begin(beta)
  const task = await order(alpha.orchestrator, path, 'echo half >half.txt; echo begun; exec sleep 1000')
  const working = await taskWhen(alpha.parts, task, 'works', ({ state }) => state === 'working')
  const [attempt] = await alpha.parts.store.tasks.attempts(task.id)
  const agent = attempt?.agent ?? ''
  await until('it is begun', async () =>
    (await beta.parts.directories.readLog(agent, 0, 1_000)).includes('begun'),
  )
  expect(readFileSync(`${workspaceOf(beta.parts, working).path}/half.txt`, 'utf8')).toBe('half\n')
  await alpha.orchestrator.cancel(task.id)
  const events = () =>
    beta.parts.store.journal.read({ taskId: task.id, types: ['agent.stopped', 'work.saved'] })
  await until('its work is saved', async () => (await events()).length === 2)
  expect((await beta.parts.directories.status(agent)).state).toBe('exited')
  expect(await git(['show', `${task.spec.branch}:half.txt`])).toBe('half')
  // asked of the host itself, in the same moment as its event comes
  const other = await order(alpha.orchestrator, path, 'exec sleep 1000')
  await taskWhen(alpha.parts, other, 'works', ({ state }) => state === 'working')
  await beta.orchestrator.cancel(other.id)
  await beta.orchestrator.end()
  const stopped = await beta.parts.store.journal.read({ types: ['agent.stopped'] })
  expect(stopped.map(({ taskId }) => taskId)).toEqual([task.id, other.id])
})

test('labels decide who claims, priority stays one for all', async () => {
  const { alpha, beta, begin } = await twoHosts()
  const { path } = await makeRepository()
  alpha.parts.hosts.offers = () => ['label:gpu']
  beta.parts.hosts.offers = () => []
  const submit = (priority: number, labels: string[] = []) =>
    order(alpha.orchestrator, path, 'echo x >x.txt', { priority, labels })
  const tasks = [await submit(0), await submit(5, ['gpu']), await submit(9), await submit(7, ['tpu'])]
  await begin(beta)
  await Promise.all([tasks[0], tasks[2]].map((task) => ended(beta.parts, task as never)))
  const leased = await beta.parts.store.journal.read({ types: ['task.leased'] })
  expect(leased.map(({ taskId }) => taskId)).toEqual([tasks[2]?.id, tasks[0]?.id])
  expect(await beta.parts.store.tasks.get(tasks[1]?.id as never)).toMatchObject({ state: 'queued' })
  await begin(alpha)
  await ended(alpha.parts, tasks[1] as never)
  expect(await alpha.parts.store.tasks.attempts(tasks[1]?.id as never)).toMatchObject([{ host: 'alpha' }])
  expect(await alpha.parts.store.tasks.get(tasks[3]?.id as never)).toMatchObject({ state: 'queued' })
  const { unmet } = await alpha.handlers.task({ params: { id: tasks[3]?.id ?? '' } })
  expect(unmet).toEqual(['label:tpu'])
  const { warnings } = await beta.handlers.status({ query: {} })
  expect(warnings).toEqual([`no host has label:tpu: nobody can take ${tasks[3]?.id}`])
})

test('a program that only another host has may be asked for', async () => {
  const exchange = localExchange()
  const driver = { name: 'claude', detect: async () => undefined, takesProgram: false }
  const alpha = await hostOf('alpha', undefined, exchange, {
    config: RARELY,
    change: ({ drivers }) => ({ drivers: new Map([...drivers, ['claude', driver as never]]) }),
  })
  const { path } = await makeRepository()
  const submit = () =>
    alpha.orchestrator.submit({
      requestId: crypto.randomUUID(),
      repo: path,
      tasks: [{ description: 'Do it', driver: 'claude' }],
      env: {},
    })
  await expect(submit()).rejects.toMatchObject({ code: 'E_NO_AGENT' })
  const facts = { instance: 'b', capacity: 1, running: 0, version: '1', pid: 1, address: 'b' }
  const beat = (offers: string[]) =>
    alpha.parts.store.hosts.beat({ ...facts, name: 'beta', offers }, alpha.parts.clock.now(), 1_000)
  await beat(['driver:codex'])
  await expect(submit()).rejects.toMatchObject({ code: 'E_NO_AGENT' })
  await beat(['driver:claude'])
  expect(await submit()).toMatchObject([{ state: 'queued', spec: { driver: 'claude' } }])
})

test('many tasks of another host that this one cannot take cost it a look now and then, and no list', async () => {
  const { alpha, beta, begin } = await twoHosts()
  const { path } = await makeRepository()
  beta.parts.hosts.offers = () => []
  await begin(beta)
  const { tasks } = beta.parts.store
  const first = await order(alpha.orchestrator, path, 'echo x >x.txt')
  await ended(beta.parts, first)
  const list = vi.spyOn(tasks, 'list')
  const claim = vi.spyOn(tasks, 'claim')
  const one = { driver: 'command', argv: ['true'], description: 'Do it', labels: ['gpu'] }
  await alpha.orchestrator.submit({
    requestId: crypto.randomUUID(),
    repo: path,
    tasks: Array.from({ length: 200 }, () => one),
    env: {},
  })
  await until('it has looked', () => claim.mock.calls.length > 0)
  await beta.orchestrator.end()
  expect(claim.mock.calls.length).toBeLessThan(20)
  expect(list.mock.calls.filter(([filter]) => filter?.host === 'beta')).toEqual([])
})
