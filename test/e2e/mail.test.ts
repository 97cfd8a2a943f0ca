import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { type SendOrder, send } from '../../src/orchestrator/bus/bus.ts'
import { senderOf } from '../../src/orchestrator/bus/sender.ts'
import { whileAsking } from '../../src/orchestrator/conversation/asking.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Task } from '../../src/task/task.ts'
import { flag, gate, give, processes, team, types, work } from '../support/conversation.ts'
import { message, openBox } from '../support/mail.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, order, taskWhen } from '../support/parts.ts'
import { lines, scriptedDriver } from '../support/scripted.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Messages to agents that work, that wait, and that are about to end. */

const { started, reported, commit, until, event } = lines
const works = (parts: Parts, task: Task) =>
  taskWhen(parts, task, 'works', ({ state }) => state === 'working').then(() =>
    waitUntil('its turn began', async () => (await types(parts, task)).includes('turn.started')),
  )
const waits = (parts: Parts, task: Task, what = 'message') =>
  taskWhen(parts, task, `waits for ${what}`, ({ waitingFor }) => waitingFor === what)
const note = (text: string, more: Partial<SendOrder> = {}): Omit<SendOrder, 'to'> => ({
  type: 'context_share',
  payload: { subject: text, content: text },
  ...more,
})
const toAgent = (parts: Parts, task: Task, order: Omit<SendOrder, 'to'>) =>
  send(parts, { mailbox: 'person' }, { to: task.id, ...order })
const stateOf = async (parts: Parts, id: string) => (await parts.store.mailboxes.get(id))?.state

/** First one file, until the flag is there; then what it is told. */
const inTwoTurns = (go: string) =>
  processes(
    [started(), until(go), 'echo 1 >first', reported('one')],
    [started(), commit('second'), reported('two')],
  )

it('brings messages at the end of a turn, in their order, as a further turn; then they are read', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, inTwoTurns(go))
  await works(parts, task)
  const { id: one } = await toAgent(parts, task, note('the first'))
  const { id: two } = await toAgent(parts, task, note('the second'))
  expect(await stateOf(parts, one)).toBe('waiting')
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, report: { summary: 'two' } })
  const told = work(done, 'second')
  expect(told.indexOf('the first')).toBeGreaterThan(0)
  expect(told.indexOf('the second')).toBeGreaterThan(told.indexOf('the first'))
  expect(told).toContain('never an instruction of Orch')
  expect([await stateOf(parts, one), await stateOf(parts, two)]).toEqual(['acknowledged', 'acknowledged'])
})

it('puts them on the standard input of a program that listens there, not before its turn has ended', async () => {
  const { parts, orchestrator } = await team({
    drivers: [scriptedDriver('scripted', { fifo: true, conversation: 'live' })],
  })
  const go = flag()
  const script = [
    ...[started(), until(go), 'echo 1 >first; git add .; git commit -qm first', reported('one')],
    'read -r line; printf "%s" "$line" >second',
    `id=$(sed 's/^{"id":"\\([^"]*\\)".*/\\1/' second)`,
    ...[started(), `echo "{\\"heard\\":\\"$id\\"}"; git add .; git commit -qm second`, reported('two')],
  ]
  const task = await give(orchestrator, script)
  await works(parts, task)
  const { id } = await toAgent(parts, task, note('mind the gap'))
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done.report?.summary).toBe('two')
  expect(work(done, 'second')).toContain('mind the gap')
  expect(await stateOf(parts, id)).toBe('acknowledged')
})

it('a copy for all does not keep an agent that is done, and is no dead letter', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, [started(), until(go), commit('first'), reported('one')])
  await works(parts, task)
  await parts.store.mailboxes.open({ name: 'tool', runId: task.runId, capacity: 10 }, 0)
  const sender = { mailbox: 'tool', runId: task.runId }
  const { to } = await send(parts, sender, { to: '*', ...note('for all') })
  expect(to).toEqual([task.id])
  writeFileSync(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', report: { summary: 'one' } })
  expect(await parts.store.mailboxes.history({ states: ['dead'] })).toEqual([])
})

const QUESTION = { type: 'assistance_request', payload: { question: 'Which port?' } } as const

it('waits for an answer without a place among the agents, and goes on with it', async () => {
  const { parts, orchestrator } = await team({ config: { maxAgents: 1, totalAgents: 1 } })
  const go = flag()
  const task = await give(orchestrator, inTwoTurns(go))
  await works(parts, task)
  const { id } = await send(parts, senderOf(task), { to: 'person', ...QUESTION })
  writeFileSync(go, '')
  await waits(parts, task)
  const other = await order(orchestrator, task.spec.repo, 'cat >work.txt; echo 1 >>work.txt', {
    driver: 'scripted',
    argv: ['sh', '-c', [started(), commit('other'), reported()].join('\n')],
  })
  expect((await ended(parts, other)).state).toBe('accepted')
  expect((await parts.store.tasks.get(task.id))?.waitingFor).toBe('message')
  const answer = { type: 'assistance_response', payload: { answer: 'Port 8080' }, correlationId: id } as const
  await toAgent(parts, task, answer)
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'second')).toContain('Port 8080')
  expect(await parts.store.mailboxes.get(id)).toMatchObject({ answer: { id: expect.any(String) } })
})

it('goes on when nobody answers in time', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, inTwoTurns(go))
  await works(parts, task)
  await send(parts, senderOf(task), { to: 'person', ...QUESTION, ttlMs: 1_000 })
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(work(done, 'second')).toContain('timed-out')
})

it('a critical message ends the turn of who works', async () => {
  const { parts, orchestrator } = await team()
  const task = await give(orchestrator, inTwoTurns('/no/such/file'))
  await works(parts, task)
  const { id } = await toAgent(parts, task, note('stop: it deletes data', { priority: 'critical' }))
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'second')).toContain('it deletes data')
  expect(await stateOf(parts, id)).toBe('acknowledged')
})

it('a critical message ends the turn also of who has written to very many that have not read it', async () => {
  const { parts, orchestrator } = await team()
  const task = await give(orchestrator, inTwoTurns('/no/such/file'))
  await works(parts, task)
  await openBox(parts.store, 'slow', { capacity: 2_000 })
  const letters = Array.from({ length: 1_001 }, () => message({ from: task.id, to: 'slow' }))
  await parts.store.mailboxes.send(letters, Date.now())
  await toAgent(parts, task, note('stop', { priority: 'critical' }))
  expect(work(await ended(parts, task), 'second')).toContain('stop')
})

it.each([
  ['is given', []],
  ['reads', ['m-stop-it']],
])('who %s a critical message in the moment in which it ends the turn goes on', async (_, acknowledge) => {
  const { around, arm, reached, open } = gate('directories.stop')
  const { parts, orchestrator } = await team({ around })
  const script = processes([started(), 'sleep 60'], [started(), commit('second'), reported()])
  const task = await give(orchestrator, script)
  await works(parts, task)
  arm()
  await toAgent(parts, task, note('it deletes data', { priority: 'critical', id: 'm-stop-it' }))
  await reached
  const [attempt] = await parts.store.tasks.attempts(task.id)
  const token = parts.agentTokens.issue(attempt!)
  const inbox = (input: object) => createAgentCalls(parts).call(token, 'read_inbox', input)
  expect(await inbox({})).toMatchObject({ messages: [{ id: 'm-stop-it' }] })
  await inbox({ acknowledge })
  open()
  const told = work(await ended(parts, task), 'second')
  expect(told).toContain(acknowledge.length > 0 ? 'Go on where you were' : 'it deletes data')
  expect(await stateOf(parts, 'm-stop-it')).toBe('acknowledged')
})

it('no message comes into a permission question', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const asks = event({ type: 'waiting', for: 'permission', question: 'q', about: 'rm' })
  const first = [started(), asks, until(go), 'echo 1 >first', reported('one')]
  const task = await give(orchestrator, processes(first, [started(), commit('second'), reported('two')]))
  await waits(parts, task, 'permission')
  await toAgent(parts, task, note('hurry', { priority: 'critical' }))
  await new Promise((resolve) => setImmediate(resolve))
  expect(await types(parts, task)).not.toContain('agent.interrupted')
  writeFileSync(go, '')
  expect(work(await ended(parts, task), 'second')).toContain('hurry')
})

it('shows that it waits while one of its tools waits for a message', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, [started(), until(go), commit('first'), reported()])
  await works(parts, task)
  const [attempt] = await parts.store.tasks.attempts(task.id)
  await whileAsking(parts, attempt!, async () => await waits(parts, task))
  await taskWhen(parts, task, 'works again', ({ state }) => state === 'working')
  writeFileSync(go, '')
  await ended(parts, task)
})

it('what its inbox has shown is read when the turn is over, and not told again', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, [started(), until(go), commit('first'), reported()])
  await works(parts, task)
  const { id } = await toAgent(parts, task, note('seen'))
  const [attempt] = await parts.store.tasks.attempts(task.id)
  const lease = { mailbox: task.id, reader: attempt!.agent, now: Date.now(), leaseMs: 60_000, limit: 10 }
  expect(await parts.store.mailboxes.lease(lease)).toHaveLength(1)
  ;(await parts.hearings.of(attempt!)).given.add(id)
  writeFileSync(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted' })
  expect(await stateOf(parts, id)).toBe('acknowledged')
  expect(await types(parts, task)).not.toContain('agent.told')
})

it('a message that was told when the daemon died is told once', async () => {
  const state = temporaryDirectory('orch-state')
  let die = () => {}
  const dead = new Promise<void>((resolve) => {
    die = resolve
  })
  const first = await team({
    state,
    dies: true,
    around: async (name, call) => {
      if (name === 'mailboxes.acknowledge') {
        die()
        await new Promise(() => {})
      }
      return await call()
    },
  })
  const go = flag()
  const task = await give(first.orchestrator, inTwoTurns(go))
  await works(first.parts, task)
  await toAgent(first.parts, task, note('only once'))
  writeFileSync(go, '')
  await dead
  await first.parts.store.close()
  const { parts } = await team({ state })
  const done = await ended(parts, task)
  expect(work(done, 'second').match(/subject: only once/g)).toHaveLength(1)
  expect((await types(parts, task)).filter((type) => type === 'agent.told')).toHaveLength(1)
})

it('the next attempt knows the messages of the one before', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const second = [started(), lines.failed('agent-failed')]
  const script = processes([started(), until(go), reported()], second, [
    started(),
    commit('third'),
    reported(),
  ])
  const task = await give(orchestrator, script, { tries: 2 })
  await works(parts, task)
  await toAgent(parts, task, note('remember me'))
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
  expect(work(done, 'third')).toContain('remember me')
})
