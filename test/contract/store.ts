import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TaskId } from '../../src/id.ts'
import type { JournalEvent } from '../../src/journal/journal.ts'
import type { Claimed, Store } from '../../src/store/store.ts'
import { type Fence, NO_USAGE, TASK_STATES } from '../../src/task/task.ts'
import { claim, PROOF, REASON, refused, request, type StoreUnderTest, submit } from '../support/store.ts'
import { gateCases } from './store-gate.ts'
import { hostCases } from './store-hosts.ts'
import { mailModel } from './store-mail-model.ts'
import { mailboxCases } from './store-mailboxes.ts'
import { runModel, sequences } from './store-model.ts'
import { offerCases } from './store-offers.ts'
import { pruneCases } from './store-prune.ts'
import { spawnCases } from './store-spawn.ts'
import { usageCases } from './store-usage.ts'

/** What every store must do, whatever it is made of. `open` gives a new, empty store each time. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let under: StoreUnderTest
    let store: Store
    beforeEach(async () => {
      under = await open()
      store = under.store
    })
    afterEach(async () => {
      const findings = await store.upkeep.check()
      await under.dispose()
      expect(findings).toEqual([])
    })

    describe('submit', () => {
      it('queues all tasks of a run, in their order, with an event for the run and one for each', async () => {
        const submitted = await submit(store, { ids: ['t-a', 't-b'] })
        expect(submitted.created).toBe(true)
        expect(submitted.tasks.map(({ id, state, epoch, used }) => [id, state, epoch, used])).toEqual([
          ['t-a', 'queued', 0, 0],
          ['t-b', 'queued', 0, 0],
        ])
        expect(await store.tasks.get('t-a')).toEqual(submitted.tasks[0])
        expect(await store.tasks.run('r-1')).toEqual(submitted.run)
        expect(await types(store)).toEqual(['run.submitted', 'task.queued', 'task.queued'])
      })

      it('changes nothing when the same request comes again, even at the same moment', async () => {
        const [first, again] = await Promise.all([
          submit(store, { ids: ['t-a'], request: 'once' }),
          submit(store, { ids: ['t-b'], request: 'once', run: 'r-2' }),
        ])
        expect([first.created, again.created].sort()).toEqual([false, true])
        expect(again.run).toEqual(first.run)
        expect(again.tasks).toEqual(first.tasks)
        expect(await store.tasks.list()).toHaveLength(1)
        expect(await types(store)).toEqual(['run.submitted', 'task.queued'])
      })

      it('queues none when one cannot be queued', async () => {
        await submit(store, { ids: ['t-a'] })
        await refused('E_STATE', submit(store, { ids: ['t-b', 't-a'], run: 'r-2', request: 'other' }))
        await refused('E_STATE', submit(store, { ids: ['t-c'], run: 'r-1', request: 'third' }))
        expect((await store.tasks.list()).map(({ id }) => id)).toEqual(['t-a'])
        expect(await store.tasks.run('r-2')).toBeUndefined()
        expect(await types(store)).toEqual(['run.submitted', 'task.queued'])
      })

      it('keeps texts exactly: quotes, escape codes, lone surrogates, 100,000 characters', async () => {
        const description = `'"\`\\ \u0000 \u001b[31m \ud800 $(id) #(id) \r\n ${'ü'.repeat(100_000)}`
        const { tasks } = await submit(store, {
          ids: ['t-a'],
          spec: { description, title: "'; DROP TABLE tasks --" },
        })
        expect(await store.tasks.get('t-a')).toEqual(tasks[0])
        expect((await store.tasks.get('t-a'))?.spec.description).toBe(description)
      })
    })

    describe('claim', () => {
      it('leases the task, begins an attempt and says so', async () => {
        await submit(store, { ids: ['t-a'] })
        const { task, attempt, fence } = await claim(store, { now: 100, leaseMs: 50 })
        expect(task).toMatchObject({ state: 'leased', epoch: 1, lease: { host: 'here', until: 150 } })
        expect(fence).toEqual({ taskId: 't-a', epoch: 1, host: 'here' })
        const expected = {
          taskId: 't-a',
          runId: 'r-1',
          epoch: 1,
          agent: 'agent-t-a-1',
          host: 'here',
          startedAt: 100,
        }
        expect(attempt).toEqual({ ...expected, usage: NO_USAGE, cursor: { out: 0, log: 0 } })
        expect(await store.tasks.attempts('t-a')).toEqual([attempt])
        expect(await store.tasks.get('t-a')).toEqual(task)
        const [event] = await store.journal.read({ types: ['task.leased'] })
        expect(event).toMatchObject({ taskId: 't-a', runId: 'r-1', epoch: 1, at: 100 })
        expect(event?.data).toEqual({ host: 'here', agent: 'agent-t-a-1' })
      })

      it('gives nothing when nothing is queued', async () => {
        expect(await store.tasks.claim(request())).toBeUndefined()
        await submit(store, { ids: ['t-a'] })
        await claim(store)
        expect(await store.tasks.claim(request())).toBeUndefined()
      })

      it('takes the higher priority first, then the older', async () => {
        await submit(store, { ids: ['t-low'], spec: { priority: -5 } })
        await submit(store, { ids: ['t-z', 't-y'], run: 'r-2', request: 'second' })
        await submit(store, { ids: ['t-high'], run: 'r-3', request: 'third', spec: { priority: 7 } })
        const order = []
        for (let n = 0; n < 4; n++) order.push((await claim(store)).task.id)
        expect(order).toEqual(['t-high', 't-z', 't-y', 't-low'])
      })

      it('leaves a task alone until its backoff is over, whatever its priority', async () => {
        await submit(store, { ids: ['t-a'], spec: { priority: 9 } })
        await submit(store, { ids: ['t-b', 't-c'], run: 'r-2', request: 'second' })
        const { fence } = await claim(store)
        await store.tasks.fail(fence, 10, { reason: REASON, retryAt: 500 })
        expect((await claim(store, { now: 499 })).task.id).toBe('t-b')
        expect((await claim(store, { now: 500 })).task).toMatchObject({ id: 't-a', epoch: 2 })
      })

      it('passes over the tasks of repositories that are at their limit, whatever their priority', async () => {
        await submit(store, { ids: ['t-a', 't-b'], spec: { repo: '/full', priority: 9 } })
        await submit(store, { ids: ['t-c'], run: 'r-2', request: 'second', spec: { repo: '/free' } })
        expect((await claim(store, { except: ['/full', '/other'] })).task.id).toBe('t-c')
        expect(await store.tasks.claim(request({ except: ['/full'] }))).toBeUndefined()
        expect((await claim(store, { except: [] })).task.id).toBe('t-a')
      })

      it('never gives one task twice, however many ask at once', async () => {
        const ids = Array.from({ length: 30 }, (_, n) => `t-${n}` as TaskId)
        await submit(store, { ids })
        const claims = await Promise.all(
          Array.from({ length: 50 }, (_, n) => store.tasks.claim(request({ host: `host-${n}` }))),
        )
        const given = claims.flatMap((claimed) => (claimed ? [claimed.task.id] : []))
        expect(given).toHaveLength(30)
        expect(new Set(given)).toEqual(new Set(ids))
      })

      it('refuses an agent name that an attempt has had, and leaves the task queued', async () => {
        await submit(store, { ids: ['t-a', 't-b'] })
        await store.tasks.claim(request({ agent: () => 'same' }))
        await refused('E_STATE', store.tasks.claim(request({ agent: () => 'same' })))
        expect(await store.tasks.get('t-b')).toMatchObject({ state: 'queued', epoch: 0 })
        expect(await store.tasks.attempts('t-b')).toEqual([])
      })
    })

    describe('the life of a task', () => {
      it('goes all the way to accepted, one event an arrow, and ends the attempt', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store)
        await store.tasks.start(fence, 2)
        await store.tasks.wait(fence, 3, 'quota', 90)
        expect(await store.tasks.get('t-a')).toMatchObject({
          state: 'waiting',
          waitingFor: 'quota',
          resetAt: 90,
        })
        await store.tasks.resume(fence, 4)
        await store.tasks.report(fence, 5, { summary: 'done' })
        await store.tasks.verify(fence, 6, PROOF)
        const accepted = await store.tasks.accept(fence, 7)
        expect(accepted).toMatchObject({
          state: 'accepted',
          report: { summary: 'done' },
          proof: PROOF,
          updatedAt: 7,
        })
        expect(accepted).not.toHaveProperty('lease')
        expect(await store.tasks.get('t-a')).toEqual(accepted)
        expect(await store.tasks.attempts('t-a')).toMatchObject([{ endedAt: 7, outcome: 'accepted' }])
        const told = (await types(store)).filter((type) => type.startsWith('task.'))
        expect(told).toEqual(
          ['queued', 'leased', 'working', 'waiting', 'working', 'reported', 'verified', 'accepted'].map(
            (word) => `task.${word}`,
          ),
        )
      })

      it('goes back to the queue after a failed attempt, and is dead after the last try', async () => {
        await submit(store, { ids: ['t-a'], spec: { tries: 2 } })
        const first = await claim(store)
        const failed = await store.tasks.fail(first.fence, 10, { reason: REASON, retryAt: 20 })
        expect(failed).toMatchObject({ state: 'queued', used: 1, notBefore: 20, reason: REASON })
        const second = await claim(store, { now: 20 })
        expect(second.fence.epoch).toBe(2)
        const dead = await store.tasks.fail(second.fence, 30, { reason: REASON, retryAt: 40 })
        expect(dead).toMatchObject({ state: 'dead', used: 2, reason: REASON })
        expect(await store.tasks.attempts('t-a')).toMatchObject([
          { epoch: 1, outcome: 'failed', endedAt: 10, reason: REASON },
          { epoch: 2, outcome: 'failed', endedAt: 30, reason: REASON },
        ])
      })

      it('buries at once when the failure is final', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store)
        const dead = await store.tasks.fail(fence, 1, { reason: REASON, retryAt: 1, final: true })
        expect(dead).toMatchObject({ state: 'dead', used: 1 })
      })

      it('goes back to the queue when the attempt was lost, and no try is used up', async () => {
        await submit(store, { ids: ['t-a'], spec: { tries: 1 } })
        const first = await claim(store)
        const lost = await store.tasks.lose(first.fence, 10, { reason: REASON, retryAt: 20 })
        expect(lost).toMatchObject({ state: 'queued', used: 0, notBefore: 20, reason: REASON })
        const [event] = await store.journal.read({ types: ['task.failed'] })
        expect(event?.data).toEqual({ reason: REASON, retryAt: 20, tries: 0 })
        expect(await store.tasks.attempts('t-a')).toMatchObject([{ outcome: 'failed', endedAt: 10 }])
        await refused('E_STALE', store.tasks.lose(first.fence, 11, { reason: REASON, retryAt: 20 }))
        expect((await claim(store, { now: 20 })).fence.epoch).toBe(2)
      })

      it('goes back to the queue when the attempt was put off before it began, and no try is used up', async () => {
        await submit(store, { ids: ['t-a'], spec: { tries: 1 } })
        const first = await claim(store)
        const delay = { reason: REASON, retryAt: 20 }
        const later = await store.tasks.postpone(first.fence, 10, delay)
        expect(later).toMatchObject({ state: 'queued', epoch: 1, used: 0, notBefore: 20, reason: REASON })
        expect(await store.tasks.attempts('t-a')).toMatchObject([{ outcome: 'postponed', endedAt: 10 }])
        const [event] = await store.journal.read({ types: ['task.postponed'] })
        expect(event).toMatchObject({ epoch: 1, data: delay })
        await refused('E_STALE', store.tasks.postpone(first.fence, 11, delay))
        expect(await store.tasks.claim(request({ now: 19 }))).toBeUndefined()
        const second = await claim(store, { now: 20 })
        expect(second.fence.epoch).toBe(2)
        await store.tasks.start(second.fence, 21)
        await refused('E_STATE', store.tasks.postpone(second.fence, 22, delay))
        expect(await store.upkeep.check()).toEqual([])
      })

      it('is cancelled from the queue and from a host, and retried with all tries anew', async () => {
        await submit(store, { ids: ['t-a', 't-b'] })
        await claim(store)
        const reason = { code: 'cancelled', message: 'by a person' }
        expect(await store.tasks.cancel('t-a', 5, reason)).toMatchObject({ state: 'cancelled', reason })
        expect(await store.tasks.cancel('t-b', 5, reason)).toMatchObject({ state: 'cancelled', reason })
        expect(await store.tasks.attempts('t-a')).toMatchObject([
          { outcome: 'cancelled', endedAt: 5, reason },
        ])
        expect(await store.tasks.attempts('t-b')).toEqual([])
        await refused('E_STATE', store.tasks.cancel('t-a', 6, reason))
        expect(await store.tasks.retry('t-a', 7)).toMatchObject({ state: 'queued', used: 0, epoch: 1 })
        expect((await claim(store)).fence.epoch).toBe(2)
      })

      it('refuses every arrow that is not drawn', async () => {
        await submit(store, { ids: ['t-a'] })
        await refused('E_STATE', store.tasks.retry('t-a', 1))
        const { fence } = await claim(store)
        for (const arrow of ['resume', 'accept'] as const)
          await refused('E_STATE', store.tasks[arrow](fence, 1))
        await refused('E_STATE', store.tasks.wait(fence, 1, 'input'))
        await refused('E_STATE', store.tasks.report(fence, 1, { summary: '' }))
        await refused('E_STATE', store.tasks.verify(fence, 1, PROOF))
        await store.tasks.start(fence, 1)
        await refused('E_STATE', store.tasks.start(fence, 2))
        await refused('E_STATE', store.tasks.retry('t-a', 2))
        expect(await types(store)).toEqual(['run.submitted', 'task.queued', 'task.leased', 'task.working'])
      })

      it('refuses tasks that are not there', async () => {
        const fence = { taskId: 't-none', epoch: 1, host: 'here' } as const
        await refused('E_NOT_FOUND', store.tasks.start(fence, 1))
        await refused('E_NOT_FOUND', store.tasks.progress(fence, {}))
        await refused('E_NOT_FOUND', store.tasks.retry('t-none', 1))
        await refused('E_NOT_FOUND', store.tasks.cancel('t-none', 1, REASON))
        expect(await store.tasks.get('t-none')).toBeUndefined()
        expect(await store.tasks.run('r-none')).toBeUndefined()
        expect(await store.tasks.attempts('t-none')).toEqual([])
      })
    })

    describe('the fence', () => {
      const writers = (under: Store, { fence }: Pick<Claimed, 'fence'>) => [
        under.tasks.start(fence, 9),
        under.tasks.wait(fence, 9, 'input'),
        under.tasks.resume(fence, 9),
        under.tasks.report(fence, 9, { summary: 'late' }),
        under.tasks.verify(fence, 9, PROOF),
        under.tasks.accept(fence, 9),
        under.tasks.fail(fence, 9, { reason: REASON, retryAt: 9 }),
        under.tasks.progress(fence, { events: [{ type: 'note', at: 9 }], attempt: { session: 'late' } }),
      ]

      it('refuses a writer of an older epoch after the task was tried again', async () => {
        await submit(store, { ids: ['t-a'] })
        const old = await claim(store)
        await store.tasks.fail(old.fence, 1, { reason: REASON, retryAt: 1 })
        for (const late of writers(store, old)) await refused('E_STALE', late)
        const now = await claim(store, { now: 2 })
        const before = [await store.tasks.get('t-a'), await store.tasks.attempts('t-a'), await types(store)]
        for (const late of writers(store, old)) await refused('E_STALE', late)
        expect([await store.tasks.get('t-a'), await store.tasks.attempts('t-a'), await types(store)]).toEqual(
          before,
        )
        expect((await store.tasks.start(now.fence, 3)).state).toBe('working')
      })

      it('refuses another host and an epoch to come', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store)
        for (const late of writers(store, { fence: { ...fence, host: 'there' } }))
          await refused('E_STALE', late)
        for (const late of writers(store, { fence: { ...fence, epoch: 2 } })) await refused('E_STALE', late)
      })

      it('refuses whoever writes after the task was cancelled or retried by a person', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store)
        await store.tasks.cancel('t-a', 1, REASON)
        for (const late of writers(store, { fence })) await refused('E_STALE', late)
        await store.tasks.retry('t-a', 2)
        for (const late of writers(store, { fence })) await refused('E_STALE', late)
      })
    })

    describe('leases', () => {
      it('are renewed for all that the host holds, whatever their state, without a word in the journal', async () => {
        await submit(store, { ids: ['t-a', 't-b', 't-c', 't-d'] })
        const [a, , c] = [await claim(store), await claim(store), await claim(store, { host: 'there' })]
        await store.tasks.start(a.fence, 1)
        const before = await store.journal.last()
        expect((await store.tasks.renew('here', 100, 50)).sort()).toEqual(['t-a', 't-b'])
        expect(await store.tasks.get('t-a')).toMatchObject({ state: 'working', lease: { until: 150 } })
        expect(await store.tasks.get('t-c')).toEqual(c.task)
        expect(await store.journal.last()).toBe(before)
        expect(await store.tasks.renew('nowhere', 100, 50)).toEqual([])
      })

      it('that ended are rescued by another host: the attempt fails, its host is refused', async () => {
        await submit(store, { ids: ['t-a', 't-b'], spec: { tries: 1 } })
        const lost = await claim(store, { host: 'there', leaseMs: 50, now: 0 })
        await claim(store, { host: 'there', leaseMs: 60, now: 0 })
        expect(await store.tasks.rescue('here', 50)).toEqual([])
        const rescued = await store.tasks.rescue('here', 51)
        expect(rescued).toMatchObject([
          { id: 't-a', state: 'queued', used: 0, reason: { code: 'lease-expired' } },
        ])
        expect(await store.tasks.attempts('t-a')).toMatchObject([
          { outcome: 'failed', endedAt: 51, reason: { code: 'lease-expired' } },
        ])
        await refused('E_STALE', store.tasks.start(lost.fence, 52))
        expect(await store.tasks.renew('there', 52, 50)).toEqual(['t-b'])
        expect((await claim(store, { now: 51 })).fence).toEqual({ taskId: 't-a', epoch: 2, host: 'here' })
      })

      it('of the asking host are left alone, ended or not', async () => {
        await submit(store, { ids: ['t-a'] })
        await claim(store, { leaseMs: 1, now: 0 })
        expect(await store.tasks.rescue('here', 1_000)).toEqual([])
        expect(await store.tasks.renew('here', 1_000, 50)).toEqual(['t-a'])
      })
    })

    describe('progress', () => {
      it('forgets what is given as undefined', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store)
        const word = { done: false, summary: 'I cannot' }
        expect((await store.tasks.progress(fence, { attempt: { word, session: 's-1' } })).word).toEqual(word)
        const noted = await store.tasks.progress(fence, { attempt: { word: undefined } })
        expect([noted.word, noted.session]).toEqual([undefined, 's-1'])
        expect((await store.tasks.attempts('t-a'))[0]).toEqual(noted)
      })

      it('notes what became known and appends its events, as those of the attempt', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence, attempt } = await claim(store)
        const usage = { ...NO_USAGE, turns: 2, costUsd: 0.5 }
        await store.tasks.progress(fence, { attempt: { session: 's-1', from: 'abc' } })
        const noted = await store.tasks.progress(fence, {
          attempt: { usage, cursor: { out: 10, log: 20 } },
          events: [
            { type: 'turn.started', at: 5 },
            { type: 'message', at: 6, data: { text: 'hello' } },
          ],
        })
        expect(noted).toEqual({
          ...attempt,
          session: 's-1',
          from: 'abc',
          usage,
          cursor: { out: 10, log: 20 },
        })
        expect(await store.tasks.attempts('t-a')).toEqual([noted])
        const told = await store.journal.read({ types: ['turn.started', 'message'] })
        const of = { runId: 'r-1', taskId: 't-a', epoch: 1, agent: attempt.agent }
        expect(told).toMatchObject([
          { type: 'turn.started', at: 5, ...of },
          { type: 'message', at: 6, data: { text: 'hello' }, ...of },
        ])
      })
    })

    describe('reading', () => {
      it('lists newest first, by every filter', async () => {
        await submit(store, { ids: ['t-a', 't-b'] })
        await submit(store, { ids: ['t-c'], run: 'r-2', request: 'second', spec: { repo: '/other' } })
        await claim(store)
        const ids = async (filter?: Parameters<Store['tasks']['list']>[0]) =>
          (await store.tasks.list(filter)).map(({ id }) => id)
        expect(await ids()).toEqual(['t-c', 't-b', 't-a'])
        expect(await ids({ limit: 2 })).toEqual(['t-c', 't-b'])
        expect(await ids({ runId: 'r-1' })).toEqual(['t-b', 't-a'])
        expect(await ids({ repo: '/other' })).toEqual(['t-c'])
        expect(await ids({ host: 'here' })).toEqual(['t-a'])
        expect(await ids({ states: ['queued'], runId: 'r-1' })).toEqual(['t-b'])
        expect(await ids({ states: ['queued', 'leased'], limit: 10 })).toEqual(['t-c', 't-b', 't-a'])
        expect(await ids({ states: [] })).toEqual([])
      })

      it('lists runs newest first', async () => {
        await submit(store, { ids: [] })
        await submit(store, { ids: [], run: 'r-2', request: 'second' })
        expect((await store.tasks.runs(10)).map(({ id }) => id)).toEqual(['r-2', 'r-1'])
        expect((await store.tasks.runs(1)).map(({ id }) => id)).toEqual(['r-2'])
      })

      it('finds tasks by the beginning of their id', async () => {
        await submit(store, { ids: ['t-abc', 't-abd', 't-b', 't-a%'] })
        const found = async (prefix: string, limit = 9) =>
          (await store.tasks.find(prefix, limit)).map(({ id }) => id).sort()
        expect(await found('t-ab')).toEqual(['t-abc', 't-abd'])
        expect(await found('t-abc')).toEqual(['t-abc'])
        expect(await found('t-a%')).toEqual(['t-a%'])
        expect(await found('%')).toEqual([])
        expect(await found('t-', 2)).toHaveLength(2)
      })

      it('counts each state and knows when the next task is due', async () => {
        const none = Object.fromEntries(TASK_STATES.map((state) => [state, 0]))
        expect(await store.tasks.counts()).toEqual(none)
        expect(await store.tasks.nextDue()).toBeUndefined()
        await submit(store, { ids: ['t-a', 't-b'] })
        expect(await store.tasks.nextDue()).toBe(0)
        const [a, b] = [await claim(store), await claim(store)]
        expect(await store.tasks.nextDue()).toBeUndefined()
        await store.tasks.fail(a.fence, 1, { reason: REASON, retryAt: 700 })
        await store.tasks.fail(b.fence, 1, { reason: REASON, retryAt: 300 })
        expect(await store.tasks.nextDue()).toBe(300)
        expect(await store.tasks.counts()).toEqual({ ...none, queued: 2 })
      })
    })

    describe('the journal', () => {
      it('is read by place, run, task and type, in order', async () => {
        await submit(store, { ids: ['t-a', 't-b'] })
        await submit(store, { ids: ['t-c'], run: 'r-2', request: 'second' })
        const last = await store.journal.append([
          { type: 'daemon.started', at: 1, data: { pid: 5 } },
          { type: 'daemon.stopped', at: 2 },
        ])
        expect(last).toBe(await store.journal.last())
        const all = await store.journal.read({})
        expect(all.map(({ type }) => type)).toEqual([
          'run.submitted',
          'task.queued',
          'task.queued',
          'run.submitted',
          'task.queued',
          'daemon.started',
          'daemon.stopped',
        ])
        expect(all.every(({ seq }, n) => n === 0 || seq > (all[n - 1]?.seq ?? 0))).toBe(true)
        expect(all.at(-2)).toEqual({ seq: last - 1, type: 'daemon.started', at: 1, data: { pid: 5 } })
        const third = all[2]?.seq ?? 0
        const read = async (query: Parameters<Store['journal']['read']>[0]) =>
          (await store.journal.read(query)).map(({ seq }) => all.findIndex((event) => event.seq === seq))
        expect(await read({ after: third })).toEqual([3, 4, 5, 6])
        expect(await read({ after: third, limit: 2 })).toEqual([3, 4])
        expect(await read({ runId: 'r-1' })).toEqual([0, 1, 2])
        expect(await read({ taskId: 't-b' })).toEqual([2])
        expect(await read({ taskId: 't-b', runId: 'r-2' })).toEqual([])
        expect(await read({ types: ['task.queued'] })).toEqual([1, 2, 4])
        expect(
          await read({ types: ['daemon.started', 'run.submitted', 'task.queued'], after: third }),
        ).toEqual([3, 4, 5])
        expect(await read({ types: ['task.queued', 'task.queued', 'run.submitted'], limit: 3 })).toEqual([
          0, 1, 2,
        ])
        expect(await read({ types: ['run.submitted'], runId: 'r-2' })).toEqual([3])
        expect(await read({ types: [] })).toEqual([])
        expect(await read({ after: last })).toEqual([])
      })

      it('is empty at first, and appending nothing changes nothing', async () => {
        expect(await store.journal.last()).toBe(0)
        expect(await store.journal.read({})).toEqual([])
        expect(await store.journal.append([])).toBe(0)
      })

      it('tells its subscribers every event once, in order, as it will be read', async () => {
        const told: JournalEvent[] = []
        const stop = store.journal.subscribe((events) => told.push(...events))
        const late: JournalEvent[] = []
        store.journal.subscribe((events) => late.push(...events))()
        await Promise.all([
          submit(store, { ids: ['t-a', 't-b'] }),
          store.tasks.claim(request()),
          store.journal.append([{ type: 'daemon.started', at: 1, data: { gone: undefined } }]),
          store.tasks.claim(request()),
          store.tasks.start({ taskId: 't-a', epoch: 9, host: 'here' }, 1).catch(() => {}),
          submit(store, { ids: ['t-c', 't-a'], run: 'r-2' }).catch(() => {}),
        ])
        await store.tasks.cancel('t-a', 1, REASON)
        await expect.poll(() => told.at(-1)?.type).toBe('task.cancelled')
        expect(told).toEqual(await store.journal.read({}))
        stop()
        const end = await store.journal.append([{ type: 'daemon.stopped', at: 2 }])
        let another: JournalEvent[] = []
        store.journal.subscribe((events) => {
          another = events
        })
        await store.journal.append([{ type: 'daemon.started', at: 3 }])
        await expect.poll(() => another.length).toBe(1)
        expect(told.at(-1)?.seq).toBeLessThan(end)
        expect(late).toEqual([])
      })

      it('goes on when a subscriber throws, or writes', async () => {
        const told: string[] = []
        store.journal.subscribe(() => {
          throw new Error('a bad reader')
        })
        const stop = store.journal.subscribe((events) => {
          told.push(...events.map(({ type }) => type))
          stop()
          void store.journal.append([{ type: 'daemon.stopped', at: 2 }])
        })
        await store.journal.append([{ type: 'daemon.started', at: 1 }])
        await expect.poll(() => types(store)).toEqual(['daemon.started', 'daemon.stopped'])
        expect(told).toEqual(['daemon.started'])
      })
    })

    describe('pull request records', () => {
      const REQUEST = {
        head: 'orch/a',
        base: 'main',
        title: 'A',
        body: 'b',
        author: 'agent-1',
        headCommit: 'c1',
      }
      const CHECK = { name: 'test', state: 'pending', required: true, commit: 'c1' } as const

      it('are numbered per repository, and one branch has one that is open', async () => {
        const { record, created } = await store.pulls.open('/r', REQUEST, 5)
        expect(created).toBe(true)
        const times = { createdAt: 5, updatedAt: 5 }
        expect(record).toEqual({
          ...REQUEST,
          ...times,
          repo: '/r',
          number: 1,
          state: 'open',
          checks: [],
          reviews: [],
        })
        expect(await store.pulls.open('/r', { ...REQUEST, title: 'B' }, 6)).toEqual({
          record,
          created: false,
        })
        expect((await store.pulls.open('/r', { ...REQUEST, head: 'orch/b' }, 6)).record.number).toBe(2)
        expect((await store.pulls.open('/other', REQUEST, 6)).record.number).toBe(1)
        await store.pulls.closed('/r', 1, 7)
        expect(await store.pulls.open('/r', REQUEST, 8)).toMatchObject({
          record: { number: 3 },
          created: true,
        })
        expect(await store.pulls.get('/r', 1)).toMatchObject({ state: 'closed', updatedAt: 7 })
        expect(await store.pulls.get('/r', 9)).toBeUndefined()
        const opened = await store.journal.read({ types: ['pr.opened'] })
        expect(opened.map(({ data }) => [data?.repo, data?.number])).toEqual([
          ['/r', 1],
          ['/r', 2],
          ['/other', 1],
          ['/r', 3],
        ])
      })

      it('are never two for one branch, however many open at once', async () => {
        const opened = await Promise.all(Array.from({ length: 20 }, () => store.pulls.open('/r', REQUEST, 1)))
        expect(opened.filter(({ created }) => created)).toHaveLength(1)
        expect(await store.pulls.list('/r')).toHaveLength(1)
      })

      it('are listed newest first, by head and by state', async () => {
        for (const head of ['a', 'b', 'c']) await store.pulls.open('/r', { ...REQUEST, head }, 1)
        await store.pulls.merged('/r', 2, 'm', 2)
        const numbers = async (filter?: Parameters<Store['pulls']['list']>[1]) =>
          (await store.pulls.list('/r', filter)).map(({ number }) => number)
        expect(await numbers()).toEqual([3, 2, 1])
        expect(await numbers({ head: 'b' })).toEqual([2])
        expect(await numbers({ state: 'open' })).toEqual([3, 1])
        expect(await numbers({ state: 'open', head: 'b' })).toEqual([])
        expect(await store.pulls.list('/none')).toEqual([])
      })

      it('follow their head, collect checks and reviews, and are merged once', async () => {
        await store.pulls.open('/r', REQUEST, 1)
        await store.pulls.checked('/r', 1, CHECK, 2)
        await store.pulls.moved('/r', 1, 'c2', 3)
        await store.pulls.moved('/r', 1, 'c2', 4)
        await store.pulls.checked('/r', 1, { ...CHECK, commit: 'c2' }, 5)
        await store.pulls.checked('/r', 1, { ...CHECK, commit: 'c2', state: 'success', summary: 'ok' }, 6)
        const review = { author: 'me', verdict: 'approve', body: 'fine', commit: 'c2', at: 7 } as const
        await store.pulls.reviewed('/r', 1, review, 7)
        const merged = await store.pulls.merged('/r', 1, 'm1', 8)
        expect(await store.pulls.merged('/r', 1, 'm1', 9)).toEqual(merged)
        expect(merged).toMatchObject({ state: 'merged', mergeCommit: 'm1', headCommit: 'c2', updatedAt: 8 })
        expect(merged.checks).toEqual([CHECK, { ...CHECK, commit: 'c2', state: 'success', summary: 'ok' }])
        expect(merged.reviews).toEqual([review])
        expect(await store.pulls.get('/r', 1)).toEqual(merged)
        expect(await types(store)).toEqual([
          'pr.opened',
          'pr.checked',
          'pr.updated',
          'pr.checked',
          'pr.checked',
          'pr.reviewed',
          'pr.merged',
        ])
      })

      it('are opened and moved for an attempt only while it has its task', async () => {
        await submit(store, { ids: ['t-a'] })
        const { fence } = await claim(store, { now: 1 })
        const { record } = await store.pulls.open('/r', REQUEST, 2, fence)
        expect(await store.pulls.open('/r', REQUEST, 3, fence)).toEqual({ record, created: false })
        expect(await store.pulls.moved('/r', 1, 'c2', 3, fence)).toMatchObject({ headCommit: 'c2' })
        await store.tasks.lose(fence, 4, { reason: REASON, retryAt: 4 })
        const seen = await store.journal.read({})
        const late = async (by: Fence) => {
          await refused('E_STALE', store.pulls.open('/r', { ...REQUEST, head: 'orch/b' }, 5, by))
          await refused('E_STALE', store.pulls.open('/r', REQUEST, 5, by))
          await refused('E_STALE', store.pulls.moved('/r', 1, 'c3', 5, by))
          await refused('E_STALE', store.pulls.moved('/r', 1, 'c2', 5, by))
        }
        await late(fence)
        expect(await store.journal.read({})).toEqual(seen)
        const next = await claim(store, { now: 5, host: 'there' })
        await late(fence)
        await late({ ...next.fence, host: 'here' })
        const none = { ...fence, taskId: 't-none' } as const
        await refused('E_NOT_FOUND', store.pulls.open('/r', { ...REQUEST, head: 'orch/b' }, 5, none))
        await refused('E_NOT_FOUND', store.pulls.moved('/r', 1, 'c3', 5, none))
        expect(await store.pulls.list('/r')).toEqual([{ ...record, headCommit: 'c2', updatedAt: 3 }])
        expect(await store.pulls.moved('/r', 1, 'c4', 6, next.fence)).toMatchObject({ headCommit: 'c4' })
        await store.pulls.closed('/r', 1, 7)
        await refused('E_STALE', store.pulls.moved('/r', 1, 'c5', 8, fence))
        await refused('E_STATE', store.pulls.moved('/r', 1, 'c5', 8, next.fence))
      })

      it('refuse what cannot be', async () => {
        await refused('E_NOT_FOUND', store.pulls.merged('/r', 1, 'm', 1))
        await store.pulls.open('/r', REQUEST, 1)
        await store.pulls.merged('/r', 1, 'm', 2)
        await refused('E_STATE', store.pulls.merged('/r', 1, 'other', 3))
        await refused('E_STATE', store.pulls.closed('/r', 1, 3))
        await refused('E_STATE', store.pulls.moved('/r', 1, 'c2', 3))
        await store.pulls.open('/r', REQUEST, 4)
        const closed = await store.pulls.closed('/r', 2, 5)
        expect(await store.pulls.closed('/r', 2, 6)).toEqual(closed)
        await refused('E_STATE', store.pulls.merged('/r', 2, 'm', 7))
      })
    })

    hostCases(() => store)
    pruneCases(() => store)
    usageCases(() => store)
    spawnCases(() => store)
    gateCases(() => store)
    offerCases(() => store)
    mailboxCases(
      () => store,
      async () => {
        store = await under.reopen()
        return store
      },
    )

    describe('closing', () => {
      it('finishes what is under way, refuses what comes later, and may be done twice', async () => {
        const submitting = submit(store, { ids: ['t-a'] })
        const closing = store.close()
        expect((await submitting).created).toBe(true)
        await closing
        await store.close()
        await refused('E_STORE', store.journal.append([]))
        await refused('E_STORE', store.tasks.get('t-a'))
        await under.dispose()
        under = await open()
        store = under.store
      })
    })
  })

  mailModel(name, open)

  describe(`store contract: ${name}, against the pure life of a task`, () => {
    it('gives the same tasks, refusals and events for any sequence of verbs', {
      timeout: 120_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(sequences(), async (verbs) => {
          const under = await open()
          try {
            await runModel(under.store, verbs)
            expect(await under.store.upkeep.check()).toEqual([])
          } finally {
            await under.dispose()
          }
        }),
        { numRuns: 60 },
      )
    })
  })
}

async function types(store: Store): Promise<string[]> {
  return (await store.journal.read({ limit: 10_000 })).map(({ type }) => type)
}
