import { expect, onTestFinished, test } from 'vitest'
import { mailDaemon } from '../../test/support/mail-daemon.ts'
import { until } from '../../test/support/orch.ts'
import { systemClock } from '../clock.ts'
import { AgentCommunicationBus } from './communication-bus.ts'
import type { BusOptions, ProgramAgent } from './program-messages.ts'

async function withBus(...agents: ProgramAgent[]) {
  const daemon = await mailDaemon()
  const make = async (given: ProgramAgent[], options: BusOptions = {}) => {
    const bus = new AgentCommunicationBus({ ...daemon.client, close: () => {} }, options)
    for (const agent of given) await bus.registerAgent(agent)
    onTestFinished(() => bus.close())
    return bus
  }
  const say = (to: string, text: string, from = 'person') =>
    daemon.client.call('sendMessage', { body: { from, to, type: 'warning', payload: { text } } })
  const state = async (id: string) => (await daemon.client.call('message', { params: { id } })).state
  return { ...daemon, bus: await make(agents), make, say, state }
}

test('messages come in order, one after the other; what was handled is acknowledged', async () => {
  const { bus, say, state } = await withBus({ name: 'builds' })
  const ids: string[] = []
  for (let n = 0; n < 25; n++) ids.push((await say('builds', `${n}`)).id)
  const seen: unknown[] = []
  let at = 0
  const reading = bus.subscribe(async ({ payload }) => {
    at += 1
    expect(at).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 1))
    at -= 1
    seen.push(payload.text)
  })
  await until('all are there', () => seen.length === 25)
  expect(seen).toEqual(ids.map((_, n) => `${n}`))
  await reading.close()
  await reading.ended
  for (const id of ids) expect(await state(id)).toBe('acknowledged')
  expect((await bus.getStatistics()).own).toEqual({ sent: 0, handled: 25, returned: 0 })
})

test('who subscribes while the reading before ends gets what comes', async () => {
  const { bus, say } = await withBus({ name: 'builds' })
  const seen: unknown[] = []
  const first = bus.subscribe(({ payload }) => void seen.push(['first', payload.text]))
  await say('builds', 'one')
  await until('it is there', () => seen.length === 1)
  const closing = first.close()
  const second = bus.subscribe(({ payload }) => void seen.push(['second', payload.text]))
  await closing
  await say('builds', 'two')
  await until('that one too', () => seen.length === 2)
  expect(seen).toEqual([
    ['first', 'one'],
    ['second', 'two'],
  ])
  await second.close()
})

test('what a handler rejects comes again, and holds up its own sender only', async () => {
  const { make, say } = await withBus()
  const errors: unknown[] = []
  const bus = await make([{ name: 'builds' }, { name: 'tests' }], {
    onError: (error, { payload }) => errors.push([(error as Error).message, payload.text]),
  })
  await say('builds', '1')
  await say('builds', '2')
  await say('builds', 'other', 'tests')
  const seen: unknown[] = []
  let fails = 1
  bus.subscribe(
    ({ payload }) => {
      if (payload.text === '1' && fails-- > 0) throw new Error('not yet\0')
      seen.push(payload.text)
    },
    { agent: 'builds' },
  )
  await until('all are handled', () => seen.length === 3)
  expect(seen).toEqual(['other', '1', '2'])
  expect(errors).toEqual([['not yet\0', '1']])
  expect((await bus.getStatistics()).own.returned).toBe(1)
})

test('several handlers, each with its types; what nobody wants is acknowledged', async () => {
  const { bus, client, say, state } = await withBus({ name: 'builds' })
  const seen: string[] = []
  bus.subscribe(() => void seen.push('warned'), { types: ['warning'] })
  bus.subscribe(() => void seen.push('told'), { types: ['context_share'] })
  const body = { to: 'builds', type: 'progress_update', payload: { summary: 'x' } }
  const { id } = await client.call('sendMessage', { body })
  await say('builds', 'x')
  await until('it is handled', () => seen.length === 1)
  await until('both are read', async () => (await state(id)) === 'acknowledged')
  expect(seen).toEqual(['warned'])
})

test('assistance by capability: asked, answered, and not given to handlers; declined; nobody there', async () => {
  const { bus, make } = await withBus({ name: 'asker' })
  const expert = await make([{ name: 'dba', capabilities: ['sql'] }])
  expert.subscribe(async ({ type, id, payload }) => {
    if (type !== 'assistance_request') return
    const status = payload.question === 'Why?' ? 'declined' : 'answered'
    const answer = { status, answer: `re: ${payload.question}` } as const
    await expert.sendMessage({ type: 'assistance_response', payload: answer, correlationId: id })
  })
  const seen: unknown[] = []
  const first = await bus.requestAssistance({ capability: 'sql', question: 'Which index?', files: ['a.sql'] })
  expect(first).toMatchObject({ from: 'dba', payload: { answer: 're: Which index?', status: 'answered' } })
  bus.subscribe(({ payload }) => void seen.push(payload))
  const second = await bus.requestAssistance({ to: 'dba', question: 'Why?' })
  expect(second.payload.status).toBe('declined')
  expect(await bus.waitForResponse(second.correlationId ?? '')).toEqual(second)
  await bus.sendMessage({ to: 'asker', type: 'warning', payload: { text: 'the end' } })
  await until('the last is handled', () => seen.length > 0)
  expect(seen).toEqual([{ text: 'the end', severity: 'medium', files: [] }])
  await expect(bus.requestAssistance({ capability: 'cooking', question: 'x' })).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
  })
  await expect(bus.waitForResponse('nothing-1')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})

test('an answer that does not come: the time is over, or nobody will give one', async () => {
  const { bus, make } = await withBus({ name: 'asker' })
  const expert = await make([{ name: 'dba', capabilities: ['sql'] }])
  await expect(bus.requestAssistance({ to: 'dba', question: 'x', timeoutMs: 30 })).rejects.toMatchObject({
    code: expect.stringMatching(/^E_TIMEOUT$|^E_STATE$/),
  })
  const { id } = await bus.sendMessage({ to: 'dba', type: 'assistance_request', payload: { question: 'y' } })
  await expect(bus.waitForResponse(id, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  await expert.deregisterAgent('dba')
  await expect(bus.waitForResponse(id)).rejects.toMatchObject({
    code: 'E_STATE',
    message: expect.stringContaining('closed'),
  })
})

test('an answer that nobody subscribed for is read, unless earlier words of its sender are not', async () => {
  const { bus, make, state } = await withBus({ name: 'asker' })
  const expert = await make([{ name: 'dba' }])
  const ask = async () =>
    (await bus.sendMessage({ to: 'dba', type: 'assistance_request', payload: { question: 'x' } })).id
  const answer = (correlationId: string) =>
    expert.sendMessage({ type: 'assistance_response', payload: { answer: 'y' }, correlationId })
  const asked = await ask()
  const first = await answer(asked)
  expect((await bus.waitForResponse(asked)).id).toBe(first.id)
  expect(await state(first.id)).toBe('acknowledged')
  const before = await expert.sendMessage({ to: 'asker', type: 'warning', payload: { text: 'first this' } })
  const id = await ask()
  const second = await answer(id)
  expect((await bus.waitForResponse(id)).id).toBe(second.id)
  expect(await state(before.id)).toBe('waiting')
})

test('topics, names that are refused, several agents of one bus', async () => {
  const { bus, make } = await withBus({ name: 'asker' })
  const listener = await make([{ name: 'builds', topics: ['ci'] }])
  const seen: unknown[] = []
  listener.subscribe(({ audience, from }) => void seen.push([audience, from]))
  const sent = await bus.broadcastMessage({ topic: 'ci', type: 'warning', payload: { text: 'red' } })
  expect(sent.to).toEqual(['builds'])
  await until('it is heard', () => seen.length > 0)
  expect(seen).toEqual([['#ci', 'asker']])
  await expect(bus.broadcastMessage({ type: 'warning', payload: { text: 'x' } })).rejects.toMatchObject({
    code: 'E_INVALID',
  })
  for (const name of ['t-abc', 'orch', 'person'])
    await expect(bus.registerAgent({ name }), name).rejects.toMatchObject({ code: 'E_FORBIDDEN' })
  await expect(bus.registerAgent({ name: 'Not A Name' })).rejects.toMatchObject({ code: 'E_INVALID' })
  await bus.registerAgent({ name: 'second' })
  const order = { to: 'person', type: 'warning', payload: { text: 'x' } } as const
  await expect(bus.sendMessage(order)).rejects.toMatchObject({ code: 'E_INVALID' })
  expect(await bus.sendMessage({ ...order, from: 'second' })).toMatchObject({ to: ['person'] })
  expect(() => bus.subscribe(() => {}, { agent: 'stranger' })).toThrow(
    expect.objectContaining({ code: 'E_INVALID' }),
  )
})

test('a process that takes the name over ends the reading of the one before', async () => {
  const { bus, make, say } = await withBus({ name: 'builds' })
  const reading = bus.subscribe(() => {})
  const other = await make([{ name: 'builds' }])
  await expect(reading.ended).rejects.toMatchObject({ code: 'E_STALE' })
  const seen: unknown[] = []
  other.subscribe(({ payload }) => void seen.push(payload.text))
  await say('builds', 'for the new one')
  await until('it is there', () => seen.length === 1)
})

test('a handler that takes longer than the lease keeps its message', async () => {
  let now = systemClock.now()
  const { client, parts } = await mailDaemon({ clock: { ...systemClock, now: () => now } })
  /** By the clock of the daemon: when the renewal began that was answered last. */
  let renewed = 0
  const call = (async (...args: [name: 'mailStatistics']) => {
    const begun = now
    const answer = await client.call(...args)
    if ((args[0] as string) === 'receive') renewed = Math.max(renewed, begun)
    return answer
  }) as typeof client.call
  const bus = new AgentCommunicationBus({ ...client, call, close: () => {} }, { leaseMs: 1_000 })
  onTestFinished(() => bus.close())
  await bus.registerAgent({ name: 'builds' })
  const body = { from: 'person', to: 'builds', type: 'warning', payload: { text: 'slow' } } as const
  const { id } = await client.call('sendMessage', { body })
  let calls = 0
  const retry = { tries: 2, baseMs: 1, maxMs: 1, fraction: 0 }
  const reading = bus.subscribe(async () => {
    calls += 1
    for (let n = 0; n < 3; n++) {
      now += 900
      await until('the lease is renewed', () => renewed === now)
      expect(await parts.store.mailboxes.expire(now, retry)).toEqual({ returned: 0, buried: 0 })
    }
  })
  const state = async () => (await client.call('message', { params: { id } })).state
  await until('it is read', async () => (await state()) === 'acknowledged')
  await reading.close()
  expect(calls).toBe(1)
})
