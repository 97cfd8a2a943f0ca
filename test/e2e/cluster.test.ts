import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orch as commandLine } from '../support/cli.ts'
import { joinOrch, type Orch, startOrch, until } from '../support/orch.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Daemons with state directories of their own, one Redis: who is there, and who takes which task. */

const QUICK = {
  ORCH_HEARTBEAT_SECONDS: '0.3',
  ORCH_STALE_SECONDS: '3',
  ORCH_LEASE_SECONDS: '5',
  ORCH_TOTAL_AGENTS: '2',
}

let redis: RedisServer
let alpha: Orch
let beta: Orch
let repo: string
beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes'])
  const cluster = { ORCH_REDIS: redis.url, ORCH_CLUSTER: 'labels' }
  alpha = await startOrch({ ...cluster, ...QUICK, ORCH_HOST_NAME: 'alpha', ORCH_HOST_LABELS: 'gpu,linux' })
  beta = await joinOrch(alpha, 'beta', { ...QUICK, ORCH_HOST_LABELS: 'mac' })
  repo = (await makeRepository()).path
})
afterAll(async () => {
  await beta?.close()
  await alpha?.close()
  await redis?.dispose()
})

const task = (more: object = {}, script = 'echo x >x.txt') => ({
  driver: 'command',
  argv: ['sh', '-c', script],
  description: 'Do it',
  ...more,
})
const hostsAt = async ({ client }: Orch) => (await client.call('hosts')).hosts
const namesAt = async (at: Orch) => (await hostsAt(at)).map(({ name, state }) => `${name} ${state}`)
const cli = (at: Orch, ...argv: string[]) => commandLine(argv, { state: at.stateDir, env: { ...at.env } })
const eventsAt = async (at: Orch, ...types: string[]) => {
  const found: string[] = []
  for await (const { type, data, taskId } of at.client.events({ types, after: 0, follow: false }))
    found.push(`${type} ${data?.host ?? taskId}`)
  return found
}

test('each host is seen from any of them, with its labels', async () => {
  for (const at of [alpha, beta]) {
    const hosts = await hostsAt(at)
    expect(hosts.map(({ name, state, labels }) => ({ name, state, labels }))).toEqual([
      { name: 'alpha', state: 'up', labels: ['gpu', 'linux'] },
      { name: 'beta', state: 'up', labels: ['mac'] },
    ])
    expect(hosts.filter(({ here }) => here).map(({ name }) => name)).toEqual([
      at === alpha ? 'alpha' : 'beta',
    ])
  }
  expect((await cli(beta, 'hosts')).out).toMatch(/beta \* +up +0\/2 +mac /)
  expect(await eventsAt(beta, 'host.joined')).toEqual(['host.joined alpha', 'host.joined beta'])
})

test('a second daemon of the same name is refused, and told who has it', async () => {
  const { ORCH_REDIS = '', ORCH_CLUSTER = '' } = alpha.env
  const start = startOrch({ ...QUICK, ORCH_REDIS, ORCH_CLUSTER, ORCH_HOST_NAME: 'alpha' })
  await expect(start).rejects.toMatchObject({
    code: 'E_HOST_TAKEN',
    message: expect.stringMatching(/with the name alpha .* pid \d+/),
    fix: expect.stringContaining('--host-name'),
  })
  expect(await namesAt(alpha)).toEqual(['alpha up', 'beta up'])
})

test('labels decide who takes a task; both hosts work, and each status shows all of it', async () => {
  const wanted = [['gpu'], ['mac'], ['linux', 'gpu'], [], [], [], [], []]
  const tasks = wanted.map((labels) => task({ labels }, 'echo x >x.txt; sleep 0.5'))
  const { id } = await alpha.submit(repo, tasks)
  const done = await beta.finished(id)
  expect(done.map(({ state }) => state)).toEqual(wanted.map(() => 'accepted'))
  const hosts = done.map(({ attempts }) => attempts.at(-1)?.host)
  expect(hosts.slice(0, 3)).toEqual(['alpha', 'beta', 'alpha'])
  expect(new Set(hosts)).toEqual(new Set(['alpha', 'beta']))
  for (const at of [alpha, beta]) {
    const status = await at.client.call('status', { query: {} })
    expect(status.hosts.map(({ name }) => name)).toEqual(['alpha', 'beta'])
    expect(new Set(status.tasks.map(({ host }) => host))).toEqual(new Set(['alpha', 'beta']))
  }
})

test('priority is one for all: a place on either host goes to the most urgent', async () => {
  const gate = join(temporaryDirectory(), 'open')
  const plugged = task({}, `echo x >x.txt; while [ ! -e ${gate} ]; do sleep 0.1; done`)
  const plug = await alpha.submit(repo, [plugged, plugged, plugged, plugged])
  await until('all places are taken', async () => {
    const running = (await hostsAt(alpha)).map(({ agents }) => agents.running)
    return running.join() === '2,2'
  })
  const low = await beta.submit(repo, [task({ priority: 1 }), task({ priority: 1 })])
  const high = await alpha.submit(repo, [task({ priority: 9 }), task({ priority: 9 })])
  writeFileSync(gate, '')
  const leased: string[] = []
  await Promise.all([plug, low, high].map(({ id }) => alpha.finished(id)))
  for await (const { taskId = '' } of alpha.client.events({
    types: ['task.leased'],
    after: 0,
    follow: false,
  }))
    leased.push(taskId)
  const place = (run: typeof low) => run.tasks.map((it) => leased.indexOf(it.id))
  expect(Math.max(...place(high))).toBeLessThan(Math.min(...place(low)))
})

test('a task that no host can take is told on each of them, and taken when one comes that can', async () => {
  const { id, tasks } = await alpha.submit(repo, [task({ labels: ['tpu'] })])
  const [waiting] = tasks
  for (const at of [alpha, beta])
    expect((await at.client.call('status', { query: {} })).warnings).toContain(
      `no host has label:tpu: nobody can take ${waiting?.id}`,
    )
  expect((await cli(beta, 'show', waiting?.id ?? '')).out).toContain('no host has label:tpu')
  await cli(beta, 'stop')
  await until('beta has left', async () => (await namesAt(alpha)).join() === 'alpha up')
  const differs = ['start', '--labels', 'mac,tpu', '--max-agents', '3']
  expect(await cli(beta, ...differs)).toMatchObject({ code: 0, err: '' })
  expect(await hostsAt(beta)).toMatchObject([
    { name: 'alpha' },
    { name: 'beta', labels: ['mac', 'tpu'], agents: { limit: 3 } },
  ])
  expect(await cli(beta, ...differs)).toMatchObject({ code: 0 })
  expect(await cli(beta, 'start', '--host-name', 'gamma')).toMatchObject({ code: 1 })
  const [done] = await alpha.finished(id)
  expect(done).toMatchObject({ state: 'accepted', attempts: [{ host: 'beta' }] })
  expect((await alpha.client.call('status', { query: {} })).warnings).toEqual([])
})

test('a host is woken by what others queue: it does not look by itself for minutes', async () => {
  const rarely = { ...QUICK, ORCH_HOST_LABELS: 'late', ORCH_RECONCILE_SECONDS: '300' }
  const delta = await joinOrch(alpha, 'delta', rarely)
  try {
    const { id } = await alpha.submit(repo, [task({ labels: ['late'] })])
    const [done] = await alpha.finished(id, 30_000)
    expect(done).toMatchObject({ state: 'accepted', attempts: [{ host: 'delta' }] })
  } finally {
    await delta.close()
  }
  expect(await namesAt(alpha)).toEqual(['alpha up', 'beta up'])
})

test('a host that is killed is stale, then gone; when it comes back it is there again', async () => {
  process.kill(await beta.pid(), 'SIGKILL')
  await until('beta is stale', async () => (await namesAt(alpha)).includes('beta stale'))
  await until('beta is gone', async () => (await namesAt(alpha)).join() === 'alpha up')
  expect(await eventsAt(alpha, 'host.lost')).toEqual(['host.lost beta'])
  expect(await cli(beta, 'start')).toMatchObject({ code: 0 })
  await until('beta is back', async () => (await namesAt(alpha)).join() === 'alpha up,beta up')
})
