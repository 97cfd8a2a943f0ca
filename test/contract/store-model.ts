import fc from 'fast-check'
import { expect } from 'vitest'
import type { OrchError } from '../../src/errors.ts'
import type { TaskId } from '../../src/id.ts'
import type { NewEvent } from '../../src/journal/journal.ts'
import type { Store } from '../../src/store/store.ts'
import * as life from '../../src/task/life.ts'
import { type Fence, isHeld, type Task, type TaskState } from '../../src/task/task.ts'
import { PROOF, REASON, request, submit } from '../support/store.ts'
import { sumsByHand } from './store-usage.ts'

/** A model of the store: the pure functions of task/life.ts over a map, with the order of the queue written down naively. */

const IDS: TaskId[] = ['t-0', 't-1', 't-2', 't-3']
const HOSTS = ['here', 'there'] as const
const LEASE_MS = 50
const FENCED = ['start', 'wait', 'resume', 'report', 'verify', 'accept', 'fail', 'lose', 'postpone'] as const

/** The way to accepted, so that sequences get to its end often enough. */
const ONWARD: Partial<Record<TaskState, FencedVerb['verb']>> = {
  leased: 'start',
  working: 'report',
  waiting: 'resume',
  reported: 'verify',
  verified: 'accept',
}

interface FencedVerb {
  verb: (typeof FENCED)[number] | 'onward'
  task: TaskId
  /** 0 is the epoch that owns the task. */
  epochsOff: number
  otherHost: boolean
  backoff: number
  final: boolean
}
interface HostVerb {
  verb: 'claim' | 'renew' | 'rescue'
  host: string
}
interface PersonVerb {
  verb: 'cancel' | 'retry'
  task: TaskId
}
export type Verb = FencedVerb | HostVerb | PersonVerb

const mostly = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 15 }, other)

export function sequences(): fc.Arbitrary<Verb[]> {
  const task = fc.constantFrom(...IDS)
  const fenced = fc.record({
    verb: fc.oneof({ arbitrary: fc.constant('onward' as const), weight: 2 }, fc.constantFrom(...FENCED)),
    task,
    epochsOff: mostly(0, fc.integer({ min: -2, max: 1 })),
    otherHost: mostly(false, fc.constant(true)),
    backoff: fc.nat({ max: 60 }),
    final: mostly(false, fc.constant(true)),
  })
  const host = fc.constantFrom(...HOSTS)
  return fc.array(
    fc.oneof(
      { arbitrary: fenced, weight: 12 },
      { arbitrary: fc.record({ verb: fc.constant('claim' as const), host }), weight: 4 },
      {
        arbitrary: fc.record({ verb: fc.constantFrom('renew' as const, 'rescue' as const), host }),
        weight: 2,
      },
      {
        arbitrary: fc.record({ verb: fc.constantFrom('cancel' as const, 'retry' as const), task }),
        weight: 1,
      },
    ),
    { minLength: 1, maxLength: 120, size: 'max' },
  )
}

interface Model {
  tasks: Map<TaskId, Task>
  events: NewEvent[]
}

/** Carries the verbs out on both, ten units of time apart, and compares every answer and all that is there at the end. */
export async function runModel(store: Store, verbs: Verb[]): Promise<void> {
  const model = await start(store)
  for (const [index, drawn] of verbs.entries()) {
    const verb = resolve(model, drawn)
    const now = 10 * (index + 1)
    const fence = 'epochsOff' in verb ? fenceOf(model, verb) : undefined
    const wanted = onModel(model, verb, fence, now)
    expect(await onStore(store, verb, fence, now)).toEqual(wanted)
  }
  for (const id of IDS) expect(await store.tasks.get(id)).toEqual(model.tasks.get(id))
  const now = 10 * verbs.length + 5
  const sums = await store.tasks.usage({ by: 'task', now })
  expect(sums.sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual(
    await sumsByHand(store, model.tasks.values(), now),
  )
  const told = await store.journal.read({ limit: 10_000 })
  expect(told.map(({ seq: _, ...event }) => event)).toEqual(model.events)
}

function resolve({ tasks }: Model, drawn: Verb): Verb {
  if (drawn.verb !== 'onward') return drawn
  const { state } = tasks.get(drawn.task) as Task
  return { ...drawn, verb: ONWARD[state] ?? 'start' }
}

async function start(store: Store): Promise<Model> {
  const { tasks } = await submit(store, { ids: IDS, spec: { tries: 2 } })
  const events = (await store.journal.read({})).map(({ seq: _, ...event }) => event)
  return { tasks: new Map(tasks.map((task) => [task.id, task])), events }
}

function fenceOf({ tasks }: Model, { task: id, epochsOff, otherHost }: FencedVerb): Fence {
  const task = tasks.get(id) as Task
  const owner = task.lease?.host ?? 'here'
  const host = otherHost ? 'elsewhere' : owner
  return { taskId: id, epoch: task.epoch + epochsOff, host }
}

/** What came of a verb: the tasks as they are now (ids for `renew`), or the code of the refusal. */
type Answer = Task[] | TaskId[] | { refused: string }

function onModel(model: Model, verb: Verb, fence: Fence | undefined, now: number): Answer {
  const before = new Map(model.tasks)
  try {
    const changes = changesOf([...before.values()], verb, fence, now)
    for (const { task, event } of changes) {
      model.tasks.set(task.id, task)
      if (event) model.events.push(JSON.parse(JSON.stringify(event)))
    }
    return changes.map(({ task }) => (verb.verb === 'renew' ? task.id : task)) as Answer
  } catch (error) {
    return { refused: (error as OrchError).code }
  }
}

type Step = { task: Task; event?: NewEvent }

function changesOf(tasks: Task[], verb: Verb, fence: Fence | undefined, now: number): Step[] {
  if ('epochsOff' in verb) return [fencedChange(named(tasks, verb.task), verb, fence as Fence, now)]
  if ('task' in verb) {
    const task = named(tasks, verb.task)
    return [verb.verb === 'cancel' ? life.cancel(task, now, REASON) : life.retry(task, now)]
  }
  const held = tasks.filter(({ state }) => isHeld(state))
  switch (verb.verb) {
    case 'claim': {
      const next = tasks.find(({ state, notBefore = 0 }) => state === 'queued' && notBefore <= now)
      if (!next) return []
      const agent = request().agent(next, next.epoch + 1)
      return [life.lease(next, { host: verb.host, now, leaseMs: LEASE_MS, agent })]
    }
    case 'renew':
      return held
        .filter(({ lease }) => lease?.host === verb.host)
        .map((task) => ({ task: life.renew(task, ownFence(task), now + LEASE_MS) }))
    case 'rescue':
      return held
        .filter(({ lease }) => lease && lease.host !== verb.host && lease.until < now)
        .map((task) => life.lose(task, ownFence(task), now, lapsed(task), now))
  }
}

function fencedChange(task: Task, verb: FencedVerb, fence: Fence, now: number): Step {
  switch (verb.verb) {
    case 'wait':
      return life.wait(task, fence, now, 'quota', now + 5)
    case 'report':
      return life.report(task, fence, now, { summary: `at ${now}` })
    case 'verify':
      return life.verify(task, fence, now, PROOF)
    case 'fail':
      return life.fail(task, fence, now, REASON, now + verb.backoff, verb.final)
    case 'lose':
      return life.lose(task, fence, now, REASON, now + verb.backoff)
    case 'postpone':
      return life.postpone(task, fence, now, REASON, now + verb.backoff)
    case 'start':
      return life.start(task, fence, now)
    case 'resume':
      return life.resume(task, fence, now)
    case 'accept':
      return life.accept(task, fence, now)
    case 'onward':
      throw new Error('not resolved')
  }
}

const named = (tasks: Task[], id: TaskId) => tasks.find((task) => task.id === id) as Task
const ownFence = ({ id, epoch, lease }: Task): Fence => ({ taskId: id, epoch, host: lease?.host ?? '' })
const lapsed = ({ lease }: Task) => ({
  code: 'lease-expired',
  message: `${lease?.host} has not renewed its lease: the machine or its daemon is gone`,
})

async function onStore(store: Store, verb: Verb, fence: Fence | undefined, now: number): Promise<Answer> {
  try {
    return await carryOut(store.tasks, verb, fence, now)
  } catch (error) {
    return { refused: (error as OrchError).code }
  }
}

async function carryOut(
  tasks: Store['tasks'],
  verb: Verb,
  fence: Fence | undefined,
  now: number,
): Promise<Answer> {
  if ('epochsOff' in verb) return [await carryOutFenced(tasks, verb, fence as Fence, now)]
  switch (verb.verb) {
    case 'cancel':
      return [await tasks.cancel(verb.task, now, REASON)]
    case 'retry':
      return [await tasks.retry(verb.task, now)]
    case 'claim': {
      const claimed = await tasks.claim(request({ host: verb.host, now, leaseMs: LEASE_MS }))
      return claimed ? [claimed.task] : []
    }
    case 'renew':
      return (await tasks.renew(verb.host, now, LEASE_MS)).sort()
    case 'rescue':
      return (await tasks.rescue(verb.host, now)).sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}

function carryOutFenced(tasks: Store['tasks'], verb: FencedVerb, fence: Fence, now: number): Promise<Task> {
  switch (verb.verb) {
    case 'wait':
      return tasks.wait(fence, now, 'quota', now + 5)
    case 'report':
      return tasks.report(fence, now, { summary: `at ${now}` })
    case 'verify':
      return tasks.verify(fence, now, PROOF)
    case 'fail':
      return tasks.fail(fence, now, { reason: REASON, retryAt: now + verb.backoff, final: verb.final })
    case 'lose':
      return tasks.lose(fence, now, { reason: REASON, retryAt: now + verb.backoff })
    case 'postpone':
      return tasks.postpone(fence, now, { reason: REASON, retryAt: now + verb.backoff })
    case 'onward':
      throw new Error('not resolved')
    default:
      return tasks[verb.verb](fence, now)
  }
}
