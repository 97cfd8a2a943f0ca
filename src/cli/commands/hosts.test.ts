import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch, taskDetail, taskView } from '../../../test/support/cli.ts'
import { handlersFor } from '../../../test/support/daemon-handlers.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import type { Answer } from '../../api/contract.ts'

type Host = Answer<'hosts'>['hosts'][number]

const seen = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1_000).toISOString()
const host = (more: Partial<Host> = {}): Host => ({
  name: 'alpha',
  state: 'up',
  here: true,
  labels: ['gpu', 'linux'],
  drivers: ['claude'],
  agents: { running: 3, limit: 20 },
  version: '1.2.3',
  pid: 7,
  address: 'ann@alpha',
  joinedAt: seen(100),
  seenAt: seen(4),
  ...more,
})
const BETA = host({
  name: 'beta',
  here: false,
  state: 'stale',
  labels: [],
  drivers: [],
  agents: { running: 0, limit: 2 },
  seenAt: seen(130),
  address: '\u001b[31mbeta\n',
})

const daemonOf = (...hosts: Host[]) => fakeDaemon({ hosts: async () => ({ hosts }) })

test('orch hosts: a line each, the one that answers marked', async () => {
  const { state } = await daemonOf(host(), BETA)
  const { code, out, err } = await orch(['hosts'], { state })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const [head, first, second] = out.split('\n')
  expect(head).toMatch(/^HOST +STATE +AGENTS +LABELS +PROGRAMS +VERSION +SEEN +ADDRESS$/)
  expect(first).toMatch(/^alpha \* +up +3\/20 +gpu,linux +claude +1\.2\.3 +[45]s +ann@alpha$/)
  expect(second).toMatch(/^beta +stale +0\/2 +– +– +1\.2\.3 +2m1[01]s +beta$/)
  const json = JSON.parse((await orch(['hosts', '--json'], { state })).out)
  expect(json).toMatchObject({ kind: 'hosts', hosts: [{ name: 'alpha', here: true }, { name: 'beta' }] })
})

test('orch hosts tells why it shows one host only', async () => {
  const { state } = await fakeDaemon({ hosts: async () => ({ hosts: [host()], fallback: 'no Redis' }) })
  const { out } = await orch(['hosts'], { state })
  expect(out).toMatch(
    /\nwarning this host is alone: the embedded store is used instead of Redis: no Redis\n$/,
  )
})

test('orch hosts starts no daemon, and takes no words', async () => {
  expect(await orch(['hosts', 'alpha'])).toMatchObject({ code: 2 })
  const { state } = await fakeDaemon()
  expect(await orch(['hosts'], { state: `${state}/none` })).toMatchObject({ code: 5 })
})

test('the status shows the hosts, and on which one each task is, when there are several', async () => {
  const plain = await handlersFor().status({ query: {} })
  const tasks = [taskView({ host: 'alpha' }), taskView({ id: 't-aaaa00000002', host: 'beta' })]
  const status = {
    ...plain,
    tasks,
    hosts: [host(), BETA],
    warnings: ['no host has label:tpu: nobody can take t-x'],
  }
  const { state } = await fakeDaemon({ status: async () => status })
  const { out } = await orch(['status'], { state })
  expect(out).toMatch(/^orchd .* · host local · agents/)
  expect(out).toMatch(/\nhosts alpha 3\/20 · beta silent for 2m1[01]s\n/)
  expect(out).toContain('no host has label:tpu')
  expect(out).toMatch(/TASK .* HOST *\n/)
  expect(out).toMatch(/t-aaaa00000002 .* beta\n/)
  const alone = await fakeDaemon({
    status: async () => ({ ...plain, tasks: [tasks[0] as never], hosts: [host()] }),
  })
  expect((await orch(['status'], { state: alone.state })).out).not.toMatch(/host/i)
})

test('orch show tells what nobody has, and on which host each attempt was', async () => {
  const attempt = { number: 1, agent: 'a-1', host: 'beta', startedAt: seen(9), usage: taskView().usage }
  const task = taskDetail({ state: 'queued', unmet: ['label:tpu'], attempts: [attempt] })
  const { state } = await fakeDaemon({ task: async () => task })
  const { out } = await orch(['show', task.id], { state })
  expect(out).toMatch(/nobody can take it +no host has label:tpu\n/)
  expect(out).toMatch(/ATTEMPT +AGENT +HOST/)
  expect(out).toMatch(/a-1 +beta/)
})

test.each([
  [[], []],
  [['--host-name', 'alpha', '--labels', 'linux, gpu', '--max-agents', '20'], []],
  [['--host-name', 'gamma'], ['its name is alpha']],
  [
    ['--labels', 'gpu', '--max-agents', '4'],
    ['its labels are gpu,linux', 'it runs 20 agents at once'],
  ],
])('orch start %j with a daemon that runs already', async (flags, faults) => {
  const { state } = await daemonOf(host())
  const { code, err } = await orch(['start', ...flags], { state })
  expect(code).toBe(faults.length > 0 ? 1 : 0)
  for (const fault of faults) expect(err).toContain(fault)
  if (faults.length > 0) expect(err).toContain('orch stop')
})

test.each([
  ['--host-name', 'Big Host'],
  ['--host-name', ''],
  ['--host-name', '-x'],
  ['--host-name', 'x'.repeat(64)],
  ['--labels', ''],
  ['--labels', 'gpu,,linux'],
  ['--labels', 'g/pu'],
  ['--labels', '$(id)'],
  ['--max-agents', '0'],
  ['--max-agents', '1.5'],
  ['--max-agents', '1e2'],
  ['--max-agents', 'many'],
  ['--max-agents', '-3'],
  ['--max-agents', '100000'],
])('orch start %s %j is refused before anything is started', async (flag, value) => {
  const { code, err } = await orch(['start', `${flag}=${value}`])
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(flag) })
})

test('the ways to start exclude each other', async () => {
  expect(await orch(['start', '--install', '--foreground'])).toMatchObject({ code: 2 })
  expect(await orch(['start', '--uninstall', '--labels', 'gpu'])).toMatchObject({ code: 2 })
})

test('a service is told of the secret that it will not have', async () => {
  const state = temporaryDirectory()
  const settings = 'redis:\n  url: redis://127.0.0.1:6379\n  password: REDIS_PASSWORD\n'
  writeFileSync(join(state, 'config.yaml'), settings)
  const { code, err } = await orch(['start', '--install'], { state, platform: 'freebsd' })
  expect({ code, err }).toEqual({
    code: 4,
    err: expect.stringContaining('needs the variable REDIS_PASSWORD'),
  })
  const { err: without } = await orch(['start', '--install'], { platform: 'freebsd' })
  expect(without).not.toContain('variable')
})

test('no tasks are told apart from tasks that cannot be asked for', async () => {
  const plain = await handlersFor().status({ query: {} })
  const reach = { state: 'down' as const, since: seen(9), reason: 'Redis cannot be reached' }
  const store = { kind: 'redis' as const, cluster: 'orch', place: 'redis://redis', reach }
  const { state } = await fakeDaemon({ status: async () => ({ ...plain, store }) })
  const { out } = await orch(['status'], { state })
  expect(out).toContain('not known until the store can be reached again')
  expect(out).not.toContain('No tasks')
})
