import { describe, expect, it } from 'vitest'
import {
  accept,
  type Change,
  cancel,
  FREE_LOSSES,
  fail,
  lease,
  lose,
  postpone,
  queue,
  renew,
  report,
  resume,
  retry,
  start,
  verify,
  wait,
} from './life.ts'
import type { Fence, Proof, Task, TaskSpec, TaskState } from './task.ts'

const spec = { title: 'Fix it', tries: 2 } as TaskSpec
const fence: Fence = { taskId: 't-1', epoch: 1, host: 'here' }
const proof = { pullRequest: { forge: 'local', number: 1, url: 'u' } } as Proof
const reason = { code: 'x', message: 'because' }
const claim = { host: 'here', now: 10, leaseMs: 1_000, agent: 'a' }

const ways: Record<string, (task: Task) => Change> = {
  lease: (task) => lease(task, claim),
  start: (task) => start(task, fence, 20),
  wait: (task) => wait(task, fence, 20, 'quota', 99),
  resume: (task) => resume(task, fence, 20),
  report: (task) => report(task, fence, 20, { summary: 'done' }),
  verify: (task) => verify(task, fence, 20, proof),
  accept: (task) => accept(task, fence, 20),
  fail: (task) => fail(task, fence, 20, reason, 50),
  lose: (task) => lose(task, fence, 20, reason, 50),
  postpone: (task) => postpone(task, fence, 20, reason, 50),
  cancel: (task) => cancel(task, 20, reason),
  retry: (task) => retry(task, 20),
}
const queued = queue({ id: 't-1', runId: 'r-1', spec, createdAt: 1 }).task
const go = (...names: string[]) => names.reduce((task, name) => ways[name]!(task).task, queued)
const at: Record<TaskState, Task> = {
  queued,
  leased: go('lease'),
  working: go('lease', 'start'),
  waiting: go('lease', 'start', 'wait'),
  reported: go('lease', 'start', 'report'),
  verified: go('lease', 'start', 'report', 'verify'),
  accepted: go('lease', 'start', 'report', 'verify', 'accept'),
  dead: fail(go('lease'), fence, 20, reason, 50, true).task,
  cancelled: go('cancel'),
}
const drawn: Record<string, [TaskState[], TaskState]> = {
  lease: [['queued'], 'leased'],
  start: [['leased'], 'working'],
  wait: [['working'], 'waiting'],
  resume: [['waiting'], 'working'],
  report: [['working', 'waiting'], 'reported'],
  verify: [['reported'], 'verified'],
  accept: [['verified'], 'accepted'],
  fail: [['leased', 'working', 'waiting', 'reported', 'verified'], 'queued'],
  lose: [['leased', 'working', 'waiting', 'reported', 'verified'], 'queued'],
  postpone: [['leased'], 'queued'],
  cancel: [['queued', 'leased', 'working', 'waiting', 'reported', 'verified', 'dead'], 'cancelled'],
  retry: [['dead', 'cancelled'], 'queued'],
}

describe('every arrow that is drawn, and none that is not', () => {
  for (const [name, [from, to]] of Object.entries(drawn)) {
    for (const state of Object.keys(at) as TaskState[]) {
      const allowed = from.includes(state)
      it(`${name} from ${state} ${allowed ? `leads to ${to}` : 'is refused'}`, () => {
        if (!allowed)
          return expect(() => ways[name]!(at[state])).toThrow(
            expect.objectContaining({ code: expect.stringMatching(/^E_STA(LE|TE)$/) }),
          )
        const { task, event } = ways[name]!(at[state])
        expect(task.state).toBe(to)
        expect(event).toMatchObject({
          taskId: 't-1',
          runId: 'r-1',
          epoch: task.epoch,
          type: expect.stringMatching(/^task\./),
        })
      })
    }
  }
})

describe('fencing', () => {
  const fenced = ['start', 'wait', 'resume', 'report', 'verify', 'accept', 'fail', 'lose', 'postpone']
  it.each(fenced)('%s by an older attempt is refused as stale', (name) => {
    const from = drawn[name]![0][0]!
    const newer = { ...at[from], epoch: 2 }
    expect(() => ways[name]!(newer)).toThrow(expect.objectContaining({ code: 'E_STALE' }))
  })
  it('another host is refused, also for renewing', () => {
    const elsewhere = { ...at.working, lease: { host: 'there', until: 1 } }
    expect(() => ways.report!(elsewhere)).toThrow(expect.objectContaining({ code: 'E_STALE' }))
    expect(() => renew(elsewhere, fence, 2)).toThrow(expect.objectContaining({ code: 'E_STALE' }))
  })
  it('each lease is a new epoch', () => {
    expect(lease({ ...go('lease', 'fail'), notBefore: 0 }, claim).task.epoch).toBe(2)
  })
})

describe('tries', () => {
  it('a failed attempt waits for its backoff', () => {
    const failed = go('lease', 'fail')
    expect(failed).toMatchObject({ state: 'queued', used: 1, notBefore: 50, reason })
    expect(() => lease(failed, claim)).toThrow(expect.objectContaining({ code: 'E_STATE' }))
    expect(lease(failed, { ...claim, now: 50 }).task).toMatchObject({ state: 'leased', reason })
  })
  it('the last one leaves it dead, a person can begin anew', () => {
    const second = lease({ ...go('lease', 'fail'), notBefore: 0 }, claim).task
    const dead = fail(second, { ...fence, epoch: 2 }, 20, reason, 50)
    expect(dead.task).toMatchObject({ state: 'dead', used: 2 })
    expect(dead.task.lease).toBeUndefined()
    expect(retry(dead.task, 30).task).toMatchObject({ state: 'queued', used: 0, epoch: 2 })
  })
  it('a lost attempt uses up none, unless losing goes on and on', () => {
    let task = { ...queued, spec: { ...spec, tries: 1 } }
    for (let epoch = 1; epoch <= FREE_LOSSES; epoch++) {
      const { task: leased } = lease({ ...task, notBefore: 0 }, claim)
      task = lose(leased, { ...fence, epoch }, 20, reason, 50).task
      expect(task).toMatchObject({ state: 'queued', used: 0, losses: epoch, reason, notBefore: 50 })
    }
    const last = lease({ ...task, notBefore: 0 }, claim).task
    const dead = lose(last, { ...fence, epoch: last.epoch }, 20, reason, 50).task
    expect(dead).toMatchObject({ state: 'dead', used: 1 })
    expect(retry(dead, 30).task).not.toHaveProperty('losses')
  })
  it('a postponed attempt uses up none, however often, and waits', () => {
    let task = { ...queued, spec: { ...spec, tries: 1 } }
    for (let epoch = 1; epoch <= FREE_LOSSES + 2; epoch++) {
      const { task: leased } = lease({ ...task, notBefore: 0 }, claim)
      task = postpone(leased, { ...fence, epoch }, 20, reason, 50).task
      expect(task).toMatchObject({ state: 'queued', used: 0, reason, notBefore: 50 })
      expect(task).not.toHaveProperty('lease')
    }
  })
  it('what waited leaves nothing of the waiting behind', () => {
    expect(go('lease', 'start', 'wait')).toMatchObject({ waitingFor: 'quota', resetAt: 99 })
    expect(go('lease', 'start', 'wait', 'resume')).not.toHaveProperty('waitingFor')
  })
  it('a new attempt carries no report and no proof of the old one', () => {
    const again = lease({ ...go('lease', 'start', 'report', 'verify', 'fail'), notBefore: 0 }, claim).task
    expect(again).not.toHaveProperty('proof')
    expect(again).not.toHaveProperty('report')
  })
})

it('changes nothing in the task it is given', () => {
  const before = structuredClone(at.working)
  ways.report!(at.working)
  expect(at.working).toEqual(before)
})
