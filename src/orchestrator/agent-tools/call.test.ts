import { expect, test } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { realParts } from '../../../test/support/parts.ts'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { createAgentCalls } from './call.ts'
import { AGENT_TOOLS } from './list.ts'

async function given(options: { clock?: Clock } = {}) {
  const parts = await realParts(options)
  const held = await holdTask(parts)
  const calls = createAgentCalls(parts)
  const call = (name: string, input: unknown = {}, token = held.token) => calls.call(token, name, input)
  const notes = async () => {
    return await parts.store.journal.read({
      taskId: held.task.id,
      types: ['agent.progress', 'agent.completed'],
    })
  }
  const attempt = async () => (await parts.store.tasks.attempts(held.task.id)).at(-1)
  return { parts, held, call, notes, attempt }
}

test('each tool is named as MCP and shells like it, and says what it is for', () => {
  for (const { name, description } of AGENT_TOOLS) {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(description.length).toBeGreaterThan(60)
  }
  const names = AGENT_TOOLS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names).not.toContain('mcp')
})

test('report_progress is an event of the attempt', async () => {
  const { call, notes, held } = await given()
  expect(await call('report_progress', { summary: ' Half \n', percent: 50 })).toEqual({ recorded: true })
  expect(await call('report-progress', { summary: 'More' })).toEqual({ recorded: true })
  const { agent, epoch, taskId, runId } = held.attempt
  const about = { type: 'agent.progress', agent, epoch, taskId, runId }
  expect(await notes()).toMatchObject([
    { ...about, data: { summary: 'Half', percent: 50 } },
    { ...about, data: { summary: 'More' } },
  ])
})

test('complete_task is the word of the attempt, noted once, and the last one counts', async () => {
  const { call, notes, attempt } = await given()
  await call('complete_task', { summary: 'Done' })
  const { next } = await call('complete_task', { summary: 'Done', done: true })
  expect(next).toContain('End your turn')
  expect((await attempt())?.word).toEqual({ done: true, summary: 'Done' })
  expect(await notes()).toHaveLength(1)
  await call('complete_task', { summary: 'It cannot be done', done: false })
  expect((await attempt())?.word).toEqual({ done: false, summary: 'It cannot be done' })
  expect(await notes()).toMatchObject([
    { type: 'agent.completed', data: { done: true } },
    { type: 'agent.completed', data: { done: false, summary: 'It cannot be done' } },
  ])
})

test('get_task tells what is asked, what is left, and what became of the attempt before', async () => {
  const { parts, held, call } = await given()
  expect(await call('get_task')).toMatchObject({
    id: held.task.id,
    description: 'Do it well',
    branch: 'orch/do-it',
    base: 'main',
    attempt: 1,
    triesLeft: 2,
    state: 'working',
    used: { turns: 0, tokens: 0 },
  })
  await call('complete_task', { summary: 'I give up', done: false })
  await parts.store.tasks.fail(held.fence, parts.clock.now(), {
    reason: { code: 'gave-up', message: 'it gave up' },
    retryAt: 0,
  })
  const again = await parts.store.tasks.claim({
    host: parts.host,
    now: parts.clock.now(),
    leaseMs: 1_000,
    agent: () => 'second',
  })
  const token = parts.agentTokens.issue(again?.attempt ?? held.attempt)
  expect(await call('get_task', {}, token)).toMatchObject({
    agent: 'second',
    attempt: 2,
    triesLeft: 1,
    before: { attempt: 1, outcome: 'failed', why: 'it gave up', word: 'I give up' },
  })
})

test('who does not hold the task is told so and changes nothing', async () => {
  const { parts, held, call, notes } = await given()
  const elsewhere = parts.agentTokens.issue({ taskId: 't-nosuchtask00', epoch: 1 })
  const early = parts.agentTokens.issue({ taskId: held.task.id, epoch: 7 })
  for (const token of ['', 'stolen', elsewhere])
    await expect(call('report_progress', { summary: 'x' }, token)).rejects.toMatchObject({
      code: 'E_UNAUTHORIZED',
    })
  await expect(call('report_progress', { summary: 'x' }, early)).rejects.toMatchObject({ code: 'E_STALE' })
  await parts.store.tasks.cancel(held.task.id, parts.clock.now(), {
    code: 'cancelled',
    message: 'by a person',
  })
  for (const { name } of AGENT_TOOLS)
    await expect(call(name, { summary: 'late' })).rejects.toMatchObject({ code: 'E_STALE' })
  expect(await notes()).toEqual([])
})

test.each([
  ['report_progress', {}, 'summary'],
  ['report_progress', { summary: 5 }, 'summary'],
  ['report_progress', { summary: '  ' }, 'summary'],
  ['report_progress', { summary: 'x'.repeat(2_001) }, 'summary'],
  ['report_progress', { summary: 'x', percent: 101 }, 'percent'],
  ['report_progress', { summary: 'x', percent: Number.NaN }, 'percent'],
  ['report_progress', { summary: 'x', progress: 5 }, 'progress'],
  ['complete_task', { summary: 'x', done: 'yes' }, 'done'],
  ['get_task', { id: 't-other' }, 'id'],
  ['get_task', [], 'get_task'],
  ['get_task', 'text', 'get_task'],
])('%s refuses what is wrong (case %#)', async (name, input, field) => {
  const { call, notes } = await given()
  await expect(call(name, input)).rejects.toMatchObject({
    code: 'E_INVALID',
    message: expect.stringContaining(field),
  })
  expect(await notes()).toEqual([])
})

test('what is too large or does not exist is refused with the way out', async () => {
  const { call } = await given()
  const huge = { summary: 'x'.repeat(5_000_000) }
  await expect(call('complete_task', huge)).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
  await expect(call('constructor')).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
    fix: expect.stringContaining('report_progress'),
  })
})

test('an agent in a loop is slowed down, others are not, and time helps', async () => {
  let now = 1_000_000
  const { parts, call } = await given({ clock: { ...systemClock, now: () => now } })
  const other = await holdTask(parts)
  for (let i = 0; i < 120; i++) await call('get_task')
  await expect(call('get_task')).rejects.toMatchObject({
    code: 'E_BUSY',
    fix: expect.stringContaining('60 s'),
  })
  await call('get_task', {}, other.token)
  now += 60_000
  await call('get_task')
})

test('a task takes so many notes and no more, and its agent goes on', async () => {
  const { parts, held, call, notes } = await given()
  const events = Array.from({ length: 999 }, () => ({ type: 'agent.progress', at: 1 }) as const)
  await parts.store.tasks.progress(held.fence, { events })
  expect(await call('report_progress', { summary: 'the last' })).toEqual({ recorded: true })
  expect(await call('report_progress', { summary: 'one more' })).toEqual({ recorded: false })
  expect((await notes()).at(-1)?.data).toEqual({ summary: 'the last' })
})
