import { describe, expect, it } from 'vitest'
import type { RunId, TaskId } from '../../src/id.ts'
import type { NewEvent } from '../../src/journal/journal.ts'
import type { Retention, Store } from '../../src/store/store.ts'
import { message, openBox } from '../support/mail.ts'
import { claim, PROOF, REASON, refused, request, submit } from '../support/store.ts'

/** What every store forgets, and what it keeps whatever the bounds say. */

const ALL: Retention = { now: 1_000, events: 1_000_000, eventsBefore: 0, tasksBefore: 0 }
const note = (at: number): NewEvent => ({ type: 'note', at, data: { at } })

export function pruneCases(current: () => Store): void {
  const prune = (bounds: Partial<Retention>) => current().upkeep.prune({ ...ALL, ...bounds })
  const ats = async (type = 'note') =>
    (await current().journal.read({ limit: 10_000 })).filter((it) => it.type === type).map(({ at }) => at)
  const finish = async (id: TaskId, run: RunId, at: number) => {
    await submit(current(), { ids: [id], run, request: run, at, spec: { priority: 9 } })
    const { fence } = await claim(current(), { now: at, agent: () => `agent-${id}` })
    await current().tasks.start(fence, at)
    await current().tasks.report(fence, at, { summary: 'done' })
    await current().tasks.verify(fence, at, PROOF)
    return await current().tasks.accept(fence, at)
  }

  describe('forgetting', () => {
    it('does nothing, and says nothing, while nothing is old', async () => {
      expect(await prune({})).toEqual({ events: 0, tasks: 0 })
      await finish('t-a', 'r-1', 50)
      const last = await current().journal.last()
      expect(await prune({ eventsBefore: 50, tasksBefore: 50 })).toEqual({ events: 0, tasks: 0 })
      expect(await current().journal.last()).toBe(last)
    })

    it('keeps the newest events by count, whatever index they are read by', async () => {
      const { journal } = current()
      await journal.append(Array.from({ length: 1_200 }, (_, n) => note(n)))
      expect(await prune({ events: 100 })).toEqual({ events: 1_100, tasks: 0 })
      const kept = Array.from({ length: 100 }, (_, n) => 1_100 + n)
      expect(await ats()).toEqual(kept)
      expect((await journal.read({ types: ['note'] })).map(({ at }) => at)).toEqual(kept)
      const [told] = await journal.read({ types: ['store.pruned'] })
      expect(told).toMatchObject({ at: 1_000, data: { upTo: 1_100 } })
      const last = await journal.append([note(5_000)])
      expect((await journal.read({ after: last - 1 })).map(({ at }) => at)).toEqual([5_000])
    })

    it('forgets events by age, and the newest one never', async () => {
      const { journal } = current()
      await journal.append([note(1), note(2), note(3), note(4)])
      expect(await prune({ eventsBefore: 3 })).toEqual({ events: 2, tasks: 0 })
      expect(await ats()).toEqual([3, 4])
      await prune({ events: 1, eventsBefore: 9_999_999 })
      const left = await journal.read({})
      expect(left.map(({ type }) => type)).toEqual(['store.pruned', 'store.pruned'])
      expect(await prune({ events: 1, eventsBefore: 9_999_999 })).toEqual({ events: 0, tasks: 0 })
      expect(left.at(-1)?.seq).toBe(await journal.last())
    })

    it('keeps tasks that are open, and every event of theirs', async () => {
      const { journal, tasks } = current()
      await submit(current(), { ids: ['t-open', 't-other'], at: 1 })
      const { fence } = await claim(current())
      await tasks.start(fence, 2)
      await journal.append([note(3), { type: 'message', at: 4, taskId: 't-open', runId: 'r-1', epoch: 1 }])
      const own = await journal.read({ taskId: 't-open' })
      const others = await journal.read({ taskId: 't-other' })
      for (let round = 0; round < 2; round++) await prune({ events: 1, eventsBefore: 900, tasksBefore: 900 })
      expect(await journal.read({ taskId: 't-open' })).toEqual(own)
      expect(await journal.read({ taskId: 't-other' })).toEqual(others)
      expect((await journal.read({ runId: 'r-1' })).filter(({ taskId }) => taskId)).toHaveLength(
        own.length + others.length,
      )
      expect(await journal.read({ types: ['task.queued'] })).toHaveLength(2)
      expect(await ats()).toEqual([])
      await tasks.report(fence, 5, { summary: 'done' })
      expect(await tasks.get('t-open')).toMatchObject({ state: 'reported' })
    })

    it('forgets runs all of whose tasks have ended before, with all that is theirs', async () => {
      const { tasks, mailboxes, journal } = current()
      const old = await finish('t-old', 'r-1', 10)
      await finish('t-young', 'r-2', 500)
      expect(await prune({ tasksBefore: 100 })).toEqual({ events: 0, tasks: 1 })
      expect(await tasks.get('t-old')).toBeUndefined()
      expect(await tasks.run('r-1')).toBeUndefined()
      expect(await tasks.attempts('t-old')).toEqual([])
      expect((await tasks.list()).map(({ id }) => id)).toEqual(['t-young'])
      expect((await tasks.runs(10)).map(({ id }) => id)).toEqual(['r-2'])
      expect(await tasks.find('t-', 9)).toHaveLength(1)
      expect((await tasks.counts()).accepted).toBe(1)
      await refused('E_NOT_FOUND', tasks.retry('t-old', 20))
      expect(await mailboxes.find('t-old')).toBeUndefined()
      expect((await journal.read({ taskId: 't-old' })).length).toBeGreaterThan(0)
      // All of its names are free again.
      expect((await finish('t-old', 'r-1', 600)).spec).toEqual(old.spec)
    })

    it('forgets the mailboxes of forgotten tasks, with the messages in them', async () => {
      const { tasks, mailboxes } = current()
      await submit(current(), { ids: ['t-a'], at: 1 })
      await openBox(current(), 't-a', { runId: 'r-1' })
      await openBox(current(), 'person')
      await mailboxes.send([message({ id: 'm-in', to: 't-a', from: 'person' })], 2)
      await mailboxes.send([message({ id: 'm-out', to: 'person', from: 't-a' })], 3)
      await tasks.cancel('t-a', 4, REASON)
      expect(await prune({ tasksBefore: 100, eventsBefore: 100 })).toMatchObject({ tasks: 1 })
      expect(await mailboxes.find('t-a')).toBeUndefined()
      expect(await mailboxes.get('m-in')).toBeUndefined()
      expect(await mailboxes.get('m-out')).toMatchObject({ state: 'waiting' })
      expect(await mailboxes.history({ mailbox: 't-a' })).toHaveLength(1)
      expect((await mailboxes.list()).map(({ name }) => name)).toEqual(['person'])
    })

    it('keeps a run as long as one of its tasks is open or has ended lately', async () => {
      const { tasks } = current()
      await submit(current(), { ids: ['t-a', 't-b'], at: 1 })
      await tasks.cancel('t-a', 2, REASON)
      expect(await prune({ tasksBefore: 900 })).toMatchObject({ tasks: 0 })
      await tasks.cancel('t-b', 500, REASON)
      expect(await prune({ tasksBefore: 500 })).toMatchObject({ tasks: 0 })
      await tasks.retry('t-a', 600)
      expect(await prune({ tasksBefore: 900 })).toMatchObject({ tasks: 0 })
      expect((await tasks.claim(request({ now: 700 })))?.task.id).toBe('t-a')
    })

    it('keeps a run while an open task of another run comes after one of its tasks', async () => {
      const { tasks } = current()
      await submit(current(), { ids: ['t-first'], at: 1 })
      await tasks.cancel('t-first', 2, REASON)
      await submit(current(), {
        ids: ['t-then'],
        run: 'r-2',
        request: 'r-2',
        at: 3,
        spec: { after: ['t-first'] },
      })
      expect(await prune({ tasksBefore: 900 })).toMatchObject({ tasks: 0 })
      await tasks.cancel('t-then', 4, REASON)
      expect(await prune({ tasksBefore: 900 })).toMatchObject({ tasks: 2 })
      expect(await tasks.list()).toEqual([])
    })

    it('is done in pieces: a run of many tasks goes as a whole', async () => {
      const ids = Array.from({ length: 130 }, (_, n): TaskId => `t-${n}`)
      await submit(current(), { ids, at: 1 })
      for (const id of ids) await current().tasks.cancel(id, 2, REASON)
      expect(await prune({ tasksBefore: 900, events: 1 })).toMatchObject({ tasks: 130 })
      expect(await current().tasks.list()).toEqual([])
      expect(await current().tasks.runs(9)).toEqual([])
    })
  })
}
