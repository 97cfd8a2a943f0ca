import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { AgentCommunicationBus } from '../../src/api/communication-bus.ts'
import type { TaskDetail } from '../../src/api/contract.ts'
import type { Message } from '../../src/message/message.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { orch as commandLine } from '../support/cli.ts'
import { joinOrch, type Orch, startOrch, until } from '../support/orch.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { makeRepository } from '../support/repository.ts'

/** Two hosts with state directories of their own over one Redis: what a person asks of one of them about an agent of the other. */

const claude = fileURLToPath(new URL('../fixtures/agents/claude', import.meta.url))
const PATH = [claude, process.env.PATH].join(delimiter)

let redis: RedisServer
let alpha: Orch
let beta: Orch
let repo: string
beforeAll(async () => {
  redis = await startRedis(['--appendonly', 'yes'])
  const own = { PATH, ORCH_HEARTBEAT_SECONDS: '1', ORCH_LEASE_SECONDS: '5' }
  const cluster = { ORCH_REDIS: redis.url, ORCH_CLUSTER: 'two', ORCH_HOST_NAME: 'alpha', ...own }
  alpha = await startOrch({ ...cluster, ORCH_TOTAL_AGENTS: '1' })
  repo = (await makeRepository()).path
  // alpha has its only place taken: what comes next is beta's
  const plug = await alpha.submit(repo, [task('sleep 1000')])
  await until('alpha is busy', async () => (await alpha.task(plug.tasks[0]?.id ?? '')).state === 'working')
  beta = await joinOrch(alpha, 'beta', { ...own, ORCH_HOST_ADDRESS: 'ann@beta' })
})
afterAll(async () => {
  await beta?.close()
  await alpha?.close()
  await redis?.dispose()
})

const task = (script: string, more: object = {}) => ({
  driver: 'command',
  argv: ['sh', '-c', script],
  description: 'Do it',
  ...more,
})

/** A task that beta works on, asked for at alpha. */
async function atBeta(script: string, more: object = {}): Promise<TaskDetail> {
  const run = await alpha.submit(repo, [task(script, more)])
  const id = run.tasks[0]?.id ?? ''
  return await until(
    'beta works on it',
    async () => {
      const found = await alpha.task(id)
      return found.attempts.at(-1)?.host === 'beta' && found.state === 'working' && found
    },
    20_000,
  )
}

const eventsOf = async (id: string) => {
  const events: { type: string; data?: Record<string, unknown> | undefined }[] = []
  for await (const event of alpha.client.events({ task: id, after: 0, follow: false })) events.push(event)
  return events
}
const has = async (id: string, type: string) => (await eventsOf(id)).some((event) => event.type === type)

const cli = (at: Orch, ...argv: string[]) => commandLine(argv, { state: at.stateDir, env: { ...at.env } })

test('logs -f on one host shows what an agent of the other prints, to its end', async () => {
  const made = await atBeta('for n in 1 2 3; do echo line $n; sleep 0.3; done; echo x >x.txt')
  const { code, out } = await cli(alpha, 'logs', '-f', made.id)
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/line 1\nline 2\nline 3\n/) })
  await alpha.finished(made.runId)
  const shown = await cli(alpha, 'show', made.id)
  expect(shown.out).toMatch(/host +beta/)
  expect(shown.out).toContain(beta.paths.attempts)
})

test('run on one host follows its task on the other, and events are heard on both', async () => {
  const abort = new AbortController()
  const heard: Record<string, string[]> = { alpha: [], beta: [] }
  const listening = Object.entries({ alpha, beta }).map(async ([name, { client }]) => {
    for await (const { type, taskId } of client.events({ signal: abort.signal }))
      if (taskId) heard[name]?.push(`${taskId} ${type}`)
  })
  const made = await atBeta('echo x >y.txt; sleep 0.5')
  const [done] = await alpha.finished(made.runId)
  expect(done?.state).toBe('accepted')
  const all = (await alpha.client.call('run', { params: { id: made.runId } })).tasks
  expect(all[0]?.state).toBe('accepted')
  await until('both heard it', () =>
    Object.values(heard).every((events) => events.includes(`${made.id} task.accepted`)),
  )
  abort.abort()
  await Promise.all(listening)
  const mine = (name: string) => heard[name]?.filter((it) => it.startsWith(made.id) && it.includes(' task.'))
  expect(mine('alpha')).toEqual(mine('beta'))
})

test('attach says where the agent is; cancel is answered when it has ended there and its work is saved', async () => {
  const made = await atBeta('echo x >z.txt; echo begun; sleep 1000', { runtime: 'tmux' })
  const attach = await cli(alpha, 'attach', made.id)
  expect(attach).toMatchObject({
    code: 1,
    err: expect.stringContaining(`ssh -t ann@beta orch attach ${made.id}`),
  })
  expect(attach.err).toContain('host beta')
  expect(await cli(alpha, 'cancel', made.id)).toMatchObject({ code: 0 })
  const events: string[] = []
  for await (const { type, data } of alpha.client.events({ task: made.id, after: 0, follow: false }))
    events.push(`${type} ${data?.committed ?? ''}`.trim())
  expect(events).toEqual(expect.arrayContaining(['task.cancelled', 'agent.stopped', 'work.saved true']))
  expect((await cli(alpha, 'attach', made.id)).err).toContain('no screen')
})

test('programs that are connected to different hosts talk to each other, and move to another host', async () => {
  const connect = ({ stateDir }: Orch) => AgentCommunicationBus.connect({ stateDir })
  const [here, there] = await Promise.all([connect(alpha), connect(beta)])
  const seen: string[] = []
  const textOf = ({ payload }: Message) => (payload as { subject?: string }).subject ?? ''
  await there.registerAgent({ name: 'reader', topics: ['news'] })
  await here.registerAgent({ name: 'writer' })
  there.subscribe(async (message) => void seen.push(textOf(message)))
  const subjects = Array.from({ length: 20 }, (_, n) => `number ${n}`)
  for (const subject of subjects)
    await here.sendMessage({ to: 'reader', type: 'context_share', payload: { subject, content: 'x' } })
  await until('all were read', () => seen.length >= subjects.length)
  expect(seen).toEqual(subjects)
  await here.broadcastMessage({
    topic: 'news',
    type: 'context_share',
    payload: { subject: 'to many', content: 'x' },
  })
  await until('the broadcast is read', () => seen.includes('to many'))
  await there.close()
  // the same program, now beside the other one: what waited and what comes is there
  await here.sendMessage({ to: 'reader', type: 'context_share', payload: { subject: 'late', content: 'x' } })
  const moved = await connect(alpha)
  await moved.registerAgent({ name: 'reader' })
  moved.subscribe(async (message) => void seen.push(textOf(message)))
  await until('what waited is read', () => seen.includes('late'))
  expect(seen.filter((it) => it === 'late')).toHaveLength(1)
  await moved.close()
  await here.close()
})

test('a program asks one that is connected to another host, and has its answer', async () => {
  const [here, there] = await Promise.all([
    AgentCommunicationBus.connect({ stateDir: alpha.stateDir }),
    AgentCommunicationBus.connect({ stateDir: beta.stateDir }),
  ])
  await there.registerAgent({ name: 'expert', capabilities: ['sums'] })
  await here.registerAgent({ name: 'asker' })
  there.subscribe(async ({ id, payload }) => {
    const { question } = payload as { question: string }
    await there.sendMessage({
      type: 'assistance_response',
      correlationId: id,
      payload: { status: 'answered', answer: `${question} is 2` },
    })
  })
  const began = performance.now()
  const answer = await here.requestAssistance({ to: 'expert', question: '1 + 1' })
  expect((answer.payload as { answer: string }).answer).toBe('1 + 1 is 2')
  expect(performance.now() - began).toBeLessThan(3_000) // woken, not found by looking now and then
  await there.close()
  await here.close()
})

test('a reader that goes on beside another host gets again what it had not acknowledged; another one takes its place at once', async () => {
  const box = { name: 'mover', reader: 'one' }
  for (const { client } of [alpha, beta]) await client.call('openMailbox', { body: box })
  const send = (subject: string) =>
    alpha.client.call('sendMessage', {
      body: { from: 'person', to: 'mover', type: 'context_share', payload: { subject, content: 'x' } },
    })
  const receive = async ({ client }: Orch, reader: string, acknowledge: string[] = []) => {
    const body = { reader, acknowledge, limit: 10, leaseMs: 60_000, waitMs: 0, again: true }
    const { messages } = await client.call('receive', { params: { name: 'mover' }, body })
    return messages.map(({ message }) => message.id)
  }
  const [first, second] = [(await send('first')).id, (await send('second')).id]
  expect(await receive(alpha, 'one')).toEqual([first, second])
  expect(await receive(beta, 'one', [first])).toEqual([second])
  await beta.client.call('openMailbox', { body: { ...box, reader: 'two' } })
  await expect(receive(alpha, 'one')).rejects.toMatchObject({ code: 'E_STALE' })
  expect(await receive(beta, 'two')).toEqual([second])
  expect(await receive(alpha, 'two', [second])).toEqual([])
})

test('a word, an interrupt and a critical message get to an agent of another host', async () => {
  const talks = { driver: 'claude', argv: undefined, tries: 1 }
  const made = await atBeta('', { ...talks, description: '[[ends-its-turn-when-spoken-to]]' })
  await until('its turn began', () => has(made.id, 'turn.started'))
  expect(await cli(alpha, 'say', made.id, 'One thing more')).toMatchObject({ code: 0 })
  expect((await alpha.finished(made.runId))[0]).toMatchObject({ state: 'accepted', summary: 'Turn 2 done.' })
  const hangs = await atBeta('', { ...talks, description: '[[hangs]]' })
  await until('its turn began', () => has(hangs.id, 'turn.started'))
  const warning = ['send', hangs.id, '--type', 'warning', '--priority', 'critical', 'Stop at once']
  expect(await cli(alpha, ...warning)).toMatchObject({ code: 0 })
  await until('beta ended its turn', () => has(hangs.id, 'agent.interrupted'))
  await alpha.client.call('cancel', { params: { id: hangs.id } })
})

test('a host that dies: what the journal has of its log, a plain word for what needs it; back again it ends what was cancelled', async () => {
  const made = await atBeta('', {
    driver: 'claude',
    argv: undefined,
    tries: 1,
    description: '[[calls-many-tools]]',
  })
  await until('it has begun', () => has(made.id, 'tool.called'))
  process.kill(await beta.pid(), 'SIGKILL')
  const { code, out } = await cli(alpha, 'logs', made.id)
  expect({ code, out }).toEqual({
    code: 0,
    out: expect.stringMatching(/^-- beta does not answer.*\n● Bash echo step 1 ✓\n/),
  })
  expect(await cli(alpha, 'say', made.id, 'Hello')).toMatchObject({
    code: 5,
    err: expect.stringContaining('E_HOST_GONE'),
  })
  const shown = await cli(alpha, 'show', made.id)
  expect(shown.out).toContain('beta')
  expect(shown.out).not.toContain(beta.paths.attempts)
  expect(await cli(alpha, 'cancel', made.id)).toMatchObject({ code: 0 })
  expect((await alpha.task(made.id)).state).toBe('cancelled')
  expect((await cli(beta, 'logs', made.id)).out).toMatch(/^● Bash echo step 1 ✓\n/) // which starts its daemon
  await until('its agent is ended', () => agentProcesses(made.id).length === 0)
})
