import { expect, onTestFinished, test } from 'vitest'
import { order, taskWhen } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { hostOf, localExchange } from '../../../test/support/two-hosts.ts'
import type { TaskId } from '../../id.ts'
import type { Parts } from '../../orchestrator/parts.ts'

/** An agent that people can speak to: told when its turn ends. */
const hearing = ({ drivers }: Parts): Partial<Parts> => {
  const command = drivers.get('command')
  if (!command) throw new Error('there is no driver')
  return { drivers: new Map([['command', { ...command, conversation: 'processes' as const }]]) }
}

/** `alpha`, where people ask, and `beta`, which has the agent of a task that works on. */
async function workAtBeta(script = 'echo begun; sleep 1000') {
  const exchange = localExchange()
  const alpha = await hostOf('alpha', undefined, exchange)
  const beta = await hostOf('beta', alpha.parts.store, exchange, { change: hearing })
  const { path } = await makeRepository()
  await beta.orchestrator.begin()
  onTestFinished(() => beta.orchestrator.end())
  const made = await order(alpha.orchestrator, path, script)
  const task = await taskWhen(alpha.parts, made, 'works', ({ state }) => state === 'working')
  const params = { id: task.id }
  const logText = async () => (await alpha.handlers.log({ params, query: { from: 0 } })).text
  await expect.poll(logText).toContain('begun')
  return { alpha, beta, task, params, exchange }
}

const cancelled = async (parts: Parts, id: TaskId) => (await parts.store.tasks.get(id))?.state === 'cancelled'

test('the log, the places and the ear of an agent are those of its host', async () => {
  const { alpha, beta, params, task } = await workAtBeta()
  const agent = (await alpha.parts.store.tasks.attempts(task.id))[0]?.agent ?? ''
  const shown = await alpha.handlers.task({ params })
  expect(shown.log).toBe(`${beta.parts.paths.attempts}/${agent}/log`)
  expect(shown.workspace).toContain(beta.parts.paths.worktrees)
  await alpha.handlers.say({ params, body: { text: 'go on' } })
  const said = await alpha.parts.store.journal.read({ taskId: task.id, types: ['agent.said'] })
  expect(said.map(({ data }) => data?.text)).toEqual(['go on'])
  await alpha.handlers.cancel({ params })
})

test('an agent is found by its name and by the beginning of its id, also in the log of an attempt', async () => {
  const { alpha, task } = await workAtBeta()
  const attempt = await alpha.handlers.log({ params: { id: task.id }, query: { from: 0, attempt: 1 } })
  expect(attempt.text).toContain('begun')
  const params = { id: task.id.slice(0, 8) }
  expect((await alpha.handlers.task({ params })).id).toBe(task.id)
  await expect(
    alpha.handlers.log({ params: { id: task.id }, query: { from: 0, attempt: 2 } }),
  ).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  await alpha.handlers.cancel({ params: { id: task.id } })
})

test('whoever cancels is answered when the agent has ended and its work is saved', async () => {
  const { alpha, beta, params, task } = await workAtBeta('echo work >work.txt; echo begun; sleep 1000')
  expect(await alpha.handlers.cancel({ params })).toMatchObject({ id: task.id, state: 'cancelled' })
  const agent = (await alpha.parts.store.tasks.attempts(task.id))[0]?.agent ?? ''
  expect((await beta.parts.directories.status(agent)).state).toBe('exited')
  const saved = await alpha.parts.store.journal.read({ taskId: task.id, types: ['work.saved'] })
  expect(saved).toMatchObject([{ data: { committed: true } }])
})

test('a host that is gone: the journal instead of the log, a record without places, and a plain word for the rest', async () => {
  const { alpha, beta, params, task } = await workAtBeta()
  const fence = { taskId: task.id, epoch: 1, host: 'beta' }
  const events = [{ type: 'message' as const, at: 1, taskId: task.id, epoch: 1, data: { text: 'I look' } }]
  await beta.parts.store.tasks.progress(fence, { events })
  await beta.unanswer()
  const log = await alpha.handlers.log({ params, query: { from: 0 } })
  expect(log).toMatchObject({ gone: 'beta', ended: false })
  expect(log.text).toBe('-- beta does not answer and has the log; this is what the journal tells\nI look\n')
  expect(await alpha.handlers.log({ params, query: { from: log.next } })).toMatchObject({
    text: '',
    next: log.next,
  })
  const shown = await alpha.handlers.task({ params })
  expect(shown).toMatchObject({ id: task.id, state: 'working' })
  expect([shown.log, shown.workspace, shown.result]).toEqual([undefined, undefined, undefined])
  const gone = { code: 'E_HOST_GONE', message: expect.stringContaining('beta') }
  await expect(alpha.handlers.say({ params, body: { text: 'x' } })).rejects.toMatchObject(gone)
  await expect(alpha.handlers.interrupt({ params, body: {} })).rejects.toMatchObject(gone)
  await expect(alpha.handlers.permit({ params, body: { allow: true } })).rejects.toMatchObject(gone)
  await expect(alpha.handlers.attach({ params })).rejects.toMatchObject(gone)
  expect(await alpha.handlers.cancel({ params })).toMatchObject({ state: 'cancelled' })
  expect(await cancelled(beta.parts, task.id)).toBe(true)
  // the record moved, and nobody here says anything of an agent that is elsewhere
  expect(await alpha.parts.store.journal.read({ taskId: task.id, types: ['agent.stopped'] })).toEqual([])
})

test('a cancellation whose answer was lost is no error', async () => {
  const { alpha, exchange, params } = await workAtBeta()
  const { call } = exchange
  const mute: typeof call = async (host, asked, timeoutMs) => {
    await call(host, asked, timeoutMs)
    throw Object.assign(new (await import('../../errors.ts')).OrchError('E_TIMEOUT', 'no answer'))
  }
  const exchanges = alpha.parts.store.exchange
  if (exchanges) exchanges.call = mute
  expect(await alpha.handlers.cancel({ params })).toMatchObject({ state: 'cancelled' })
})

test('attach says where to go, when there is a screen', async () => {
  const { alpha, beta, params, task } = await workAtBeta()
  await expect(alpha.handlers.attach({ params })).rejects.toMatchObject({ code: 'E_STATE' })
  const agent = (await alpha.parts.store.tasks.attempts(task.id))[0]?.agent ?? ''
  Object.assign(beta.parts.runtimes.process, {
    list: async () => new Set([agent]),
    attach: () => ['tmux', 'attach'],
  })
  expect(await alpha.handlers.attach({ params })).toEqual({
    argv: ['ssh', '-t', 'ann@beta', 'orch', 'attach', task.id],
    host: 'beta',
    ssh: `ssh -t ann@beta orch attach ${task.id}`,
  })
  await alpha.handlers.cancel({ params })
})

test('cleanup cleans every host and says what is where; one that does not answer is told', async () => {
  const { alpha, beta, params, task } = await workAtBeta('echo work >work.txt; echo begun; sleep 1000')
  await alpha.handlers.cancel({ params })
  const { removed } = await alpha.handlers.cleanup({ body: { force: false, dryRun: false } })
  expect(removed.filter((what) => what.endsWith('(beta)')).join()).toContain(task.id)
  await beta.unanswer()
  const { kept } = await alpha.handlers.cleanup({ body: { force: false, dryRun: true } })
  expect(kept).toContainEqual({ what: 'what is on beta', why: expect.stringContaining('nobody answers') })
})

test('hosts ask each other for nothing else, and one that is asked never asks on', async () => {
  const { alpha, beta, exchange, params, task } = await workAtBeta()
  const call = (verb: string, input: unknown) => exchange.call('beta', { verb, input }, 1_000)
  for (const verb of ['stop', 'submit', 'constructor', ''])
    await expect(call(verb, {})).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  await expect(call('say', { params: { id: task.id }, body: {} })).rejects.toMatchObject({
    code: 'E_INVALID',
  })
  for (const input of [undefined, null, 'x', { params: 1 }])
    await expect(call('task', input)).rejects.toMatchObject({ code: 'E_INVALID' })
  exchange.verbs.length = 0
  await beta.handlers.task({ params })
  await alpha.handlers.task({ params })
  expect(exchange.verbs).toEqual(['beta task'])
  await alpha.handlers.cancel({ params })
})

test('pull requests of a repository of another host are asked of that one', async () => {
  const exchange = localExchange()
  const alpha = await hostOf('alpha', undefined, exchange)
  await hostOf('beta', alpha.parts.store, exchange)
  const { path } = await makeRepository()
  expect(await alpha.handlers.pulls({ query: { repo: `beta:${path}` } })).toEqual({ pulls: [] })
  expect(await alpha.handlers.pulls({ query: { repo: `alpha:${path}` } })).toEqual({ pulls: [] })
  expect(exchange.verbs).toEqual(['beta pulls'])
  const body = { repo: `beta:${path}`, author: 'a', verdict: 'approve' as const, body: '' }
  await expect(alpha.handlers.review({ params: { number: 1 }, body })).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
  })
  await expect(alpha.handlers.pulls({ query: { repo: `gamma:${path}` } })).rejects.toMatchObject({
    code: 'E_HOST_GONE',
  })
})

test('stop --agents ends those of this host, and of all where there is no other', async () => {
  const { alpha, beta, params, task } = await workAtBeta()
  expect(await alpha.handlers.stop({ body: { agents: true } })).toEqual({ stoppedAgents: 0 })
  expect((await alpha.parts.store.tasks.get(task.id))?.state).toBe('working')
  expect(await beta.handlers.stop({ body: { agents: true } })).toEqual({ stoppedAgents: 1 })
  expect((await alpha.handlers.task({ params })).state).toBe('cancelled')
})

test('a host of another version that answers something else is told as that', async () => {
  const { alpha, exchange, params, beta } = await workAtBeta()
  const { unanswer } = beta
  await unanswer()
  await exchange.answer('beta', async () => ({ value: { text: 1 } }))
  await expect(alpha.handlers.log({ params, query: { from: 0 } })).rejects.toMatchObject({
    code: 'E_STATE',
    fix: expect.stringContaining('same version'),
  })
  await beta.handlers.cancel({ params })
})
