import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acceptWith, buryTask, claimTask, holdNext, holdParent } from '../../../test/support/family.ts'
import { until } from '../../../test/support/orch.ts'
import { realParts } from '../../../test/support/parts.ts'
import type { Config } from '../../config/schema.ts'
import { checkSpawn } from '../../task/family.ts'
import type { Task, TaskSpec } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import { send } from '../bus/bus.ts'
import { childrenOf } from '../family/children.ts'

const part = (title: string, more: object = {}) => ({ title, description: `Do ${title}`, ...more })

async function given(config: Partial<Config> = {}, spec: Partial<TaskSpec> = {}) {
  const parts = await realParts({ config })
  const parent = await holdParent(parts, spec)
  const children = () => childrenOf(parts, parent.task)
  const hearing = await parts.hearings.of(parent.attempt)
  return { parts, parent, children, hearing }
}

test('delegate makes tasks that start from the commits of the one that delegates', async () => {
  const { parent, children } = await given()
  const head = await parent.commit({ 'plan.md': 'plan\n' })
  const answer = await parent.call('delegate', {
    tasks: [part('one', { profile: 'worker', priority: 7, validate: ['reviewer'] }), part('two')],
  })
  const [one, two] = (await children()) as [Task, Task]
  expect(answer).toMatchObject({
    pending: 2,
    notes: [],
    tasks: [
      { task: one.id, title: 'one', profile: 'worker', state: 'queued', branch: one.spec.branch },
      { task: two.id, title: 'two', profile: 'general', state: 'queued' },
    ],
    next: expect.stringContaining('wait_for_tasks'),
  })
  const common = {
    parent: parent.task.id,
    depth: 1,
    from: head,
    proof: 'branch',
    origin: { kind: 'delegation' },
    base: 'main',
    driver: 'command',
    argv: ['true'],
  }
  expect(one.spec).toMatchObject({ ...common, priority: 7, validate: ['reviewer'] })
  expect(two.spec).toMatchObject({ ...common, priority: 1 })
  expect(one.runId).toBe(parent.task.runId)
})

test('what is not committed they do not see, and the answer says so', async () => {
  const { parts, parent } = await given()
  await writeFile(join(workspaceOf(parts, parent.task).path, 'half.txt'), 'half\n')
  const { notes } = await parent.call('delegate', { tasks: [part('one')] })
  expect(notes).toEqual([expect.stringContaining('half.txt')])
})

test('called again it makes nothing new: by its name, else by what it asks for', async () => {
  const { parent, children } = await given()
  await parent.call('delegate', { tasks: [part('one')] })
  const again = await parent.call('delegate', { tasks: [part('one')] })
  expect(again.notes).toEqual([expect.stringContaining('asked for before')])
  expect(await children()).toHaveLength(1)
  await parent.call('delegate', { tasks: [part('two')], request: 'second' })
  await parent.call('delegate', { tasks: [part('two, reworded')], request: 'second' })
  expect((await children()).map(({ spec }) => spec.title)).toEqual(['one', 'two'])
  await Promise.all([1, 2, 3].map(() => parent.call('delegate', { tasks: [part('three')] })))
  expect(await children()).toHaveLength(3)
})

test('with pull requests each, they start from the base and are proven by their own', async () => {
  const { parent, children } = await given({ integrate: 'pull-requests' })
  await parent.commit({ 'plan.md': 'plan\n' })
  const { notes } = await parent.call('delegate', { tasks: [part('one')] })
  expect(notes).toEqual([expect.stringContaining('pull request of its own')])
  const [one] = await children()
  expect(one?.spec).toMatchObject({ base: 'main', origin: { kind: 'delegation' } })
  expect(one?.spec.proof).toBeUndefined()
  expect(one?.spec.from).toBeUndefined()
})

test('waits inside of the call until all are at their end, and says meanwhile that it waits', async () => {
  const { parts, parent, children, hearing } = await given()
  const waiting = parent.call('delegate', { tasks: [part('one'), part('two')], wait: 30 })
  await until('it waits', () => hearing.asking === 1)
  const [one, two] = (await children()) as [Task, Task]
  const head = await acceptWith(parts, await claimTask(parts, one.id), { 'one.txt': '1\n' })
  await buryTask(parts, await claimTask(parts, two.id))
  const answer = await waiting
  expect(hearing.asking).toBe(0)
  expect(answer).toMatchObject({
    pending: 0,
    tasks: [
      {
        task: one.id,
        state: 'accepted',
        result: { status: 'accepted', summary: 'Did one', head, merge: 'merged' },
      },
      { task: two.id, state: 'dead', result: { status: 'dead', reason: 'it could not be done' } },
    ],
    next: expect.stringContaining('All are at their end'),
  })
  expect(await parts.workspaces.contains(parent.sample.path, head, parent.task.spec.branch)).toBe(true)
  expect([...hearing.given].sort()).toEqual([`result-${one.id}-1`, `result-${two.id}-1`].sort())
})

test('wait_for_tasks gives the results again, as often as it is asked, and none where nothing was delegated', async () => {
  const { parts, parent, children } = await given()
  expect(await parent.call('wait_for_tasks')).toMatchObject({ tasks: [], pending: 0 })
  await parent.call('delegate', { tasks: [part('one')] })
  const [one] = (await children()) as [Task]
  expect(await parent.call('wait_for_tasks', { wait: 0.1 })).toMatchObject({ pending: 1 })
  await acceptWith(parts, await claimTask(parts, one.id), { 'one.txt': '1\n' })
  const first = await parent.call('wait_for_tasks')
  expect(first).toMatchObject({ pending: 0, tasks: [{ result: { status: 'accepted' } }] })
  expect(await parent.call('wait_for_tasks')).toEqual(first)
})

test('what else came is shown along with the results', async () => {
  const { parts, parent, children, hearing } = await given()
  await parent.call('delegate', { tasks: [part('one')] })
  const payload = { text: 'mind the gap' }
  await send(
    parts,
    { mailbox: 'orch' },
    { to: parent.task.id, type: 'warning', payload, id: 'm-before-it-all' },
  )
  const [one] = (await children()) as [Task]
  await buryTask(parts, await claimTask(parts, one.id))
  const answer = await parent.call('wait_for_tasks')
  expect(answer).toMatchObject({ pending: 0, messages: [{ id: 'm-before-it-all', payload }] })
  expect(hearing.given).toEqual(new Set(['m-before-it-all', `result-${one.id}-1`]))
  expect(await parent.call('wait_for_tasks')).toMatchObject({ messages: [] })
})

test('asked by the one that it waits for, it is told at once, once', async () => {
  const { parts, parent, children, hearing } = await given()
  const waiting = parent.call('delegate', { tasks: [part('one')], wait: 45 })
  await until('it waits', () => hearing.asking === 1)
  const [one] = (await children()) as [Task]
  const question = {
    to: parent.task.id,
    type: 'assistance_request',
    payload: { question: 'Which port?' },
  } as const
  const { id } = await send(parts, { mailbox: one.id, runId: one.runId }, question)
  expect(await waiting).toMatchObject({
    pending: 1,
    messages: [{ id, payload: { question: 'Which port?' } }],
    next: expect.stringContaining('answer that first'),
  })
  expect(await parent.call('wait_for_tasks', { wait: 0.2 })).toMatchObject({ pending: 1, messages: [] })
})

test('cancelled while it waits, the call ends', async () => {
  const { parts, parent, hearing } = await given()
  const waiting = parent.call('delegate', { tasks: [part('one')], wait: 45 })
  const refused = expect(waiting).rejects.toMatchObject({ code: 'E_STALE' })
  await until('it waits', () => hearing.asking === 1)
  await parts.store.tasks.cancel(parent.task.id, parts.clock.now(), { code: 'cancelled', message: 'enough' })
  await refused
  expect(hearing.asking).toBe(0)
})

test.each([
  ['nothing', {}, 'tasks'],
  ['no task', { tasks: [] }, 'tasks'],
  ['no description', { tasks: [{ title: 'x' }] }, 'description'],
  ['a blank title', { tasks: [{ title: ' ', description: 'x' }] }, 'title'],
  ['a profile that is no name', { tasks: [part('x', { profile: '../x' })] }, 'profile'],
  ['more than is known', { tasks: [part('x', { parent: 't-1' })] }, 'parent'],
  ['too many at once', { tasks: Array.from({ length: 101 }, () => part('x')) }, 'tasks'],
  ['a wait that no client waits', { tasks: [part('x')], wait: 46 }, 'wait'],
])('refuses %s', async (_, input, field) => {
  const { parent, children } = await given()
  await expect(parent.call('delegate', input)).rejects.toMatchObject({
    code: 'E_INVALID',
    message: expect.stringContaining(field),
  })
  expect(await children()).toEqual([])
})

test('an unknown profile refuses all of them', async () => {
  const { parent, children } = await given()
  const tasks = [part('one'), part('two', { profile: 'nobody' })]
  await expect(parent.call('delegate', { tasks })).rejects.toMatchObject({ code: 'E_INVALID' })
  expect(await children()).toEqual([])
})

test('a delegation bomb: each task delegates as often as it may, and it ends at the limits', async () => {
  const { parts, parent } = await given({ delegateDepth: 2, delegateTasks: 3, runTasks: 9 })
  const refusals = new Set<string>()
  const goOff = async (task: Task, call: typeof parent.call) => {
    for (let n = 0; n < 5; n++)
      await call('delegate', { tasks: [part(`part ${n}`)] }).catch(({ message }) => {
        refusals.add(/setting (\w+)/.exec(message)?.[1] ?? message)
      })
    expect((await childrenOf(parts, task)).length).toBeLessThanOrEqual(3)
  }
  await goOff(parent.task, parent.call)
  for (let held = await holdNext(parts); held; held = await holdNext(parts)) await goOff(held.task, held.call)
  expect(refusals).toEqual(new Set(['delegateTasks', 'runTasks', 'delegateDepth']))
  expect(await parts.store.tasks.list({ runId: parent.task.runId })).toHaveLength(9)
})

test('no circle can be made: a task names its parent when it is made and never again, and the parent is there before it', () => {
  const child = { id: 't-child', runId: 'r-1', spec: { depth: 3, parent: 't-parent' } } as unknown as Task
  const limits = { depth: 3, perTask: 20, perRun: 100 }
  expect(() => checkSpawn(child, { tasks: [{ spec: child.spec }], limits }, { own: 0, run: 1 })).toThrow(
    'delegateDepth',
  )
})
