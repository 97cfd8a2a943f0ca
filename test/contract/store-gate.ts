import { describe, expect, it } from 'vitest'
import type { RunId, TaskId } from '../../src/id.ts'
import type { Store } from '../../src/store/store.ts'
import type { TaskSpec } from '../../src/task/task.ts'
import { claim, PROOF, REASON, refused, request, SPEC } from '../support/store.ts'

/** Tasks that come after others. */
export function gateCases(current: () => Store): void {
  describe('the gate', () => {
    /** `after` of each task by its id, in the order of queueing. */
    function submit(after: Record<TaskId, TaskId[]>, run: RunId = 'r-1', spec: Partial<TaskSpec> = {}) {
      const tasks = Object.entries(after).map(([id, before]) => ({
        id: id as TaskId,
        spec: { ...SPEC, ...spec, ...(before.length > 0 && { after: before }) },
      }))
      const order = { id: run, requestId: run, repo: '/repo', createdAt: 1 }
      return current().tasks.submit(order, tasks)
    }
    async function accept(id: TaskId, now = 1): Promise<void> {
      const { tasks } = current()
      const { task, fence } = await claim(current(), { now })
      expect(task.id).toBe(id)
      await tasks.start(fence, now)
      await tasks.report(fence, now, { summary: 'done' })
      await tasks.verify(fence, now, PROOF)
      await tasks.accept(fence, now)
    }
    const none = async (now = 1) => {
      expect(await current().tasks.claim(request({ now }))).toBeUndefined()
      expect(await current().tasks.nextDue()).toBeUndefined()
    }

    it('lets a diamond through in its order, whatever the order of queueing', async () => {
      await submit({ 't-d': ['t-b', 't-c'], 't-c': ['t-a'], 't-b': ['t-a'], 't-a': [] })
      expect((await current().tasks.counts()).queued).toBe(4)
      await accept('t-a')
      expect(await current().tasks.nextDue()).toBe(0)
      const [c, b] = [await claim(current()), await claim(current())]
      expect([c.task.id, b.task.id]).toEqual(['t-c', 't-b'])
      await none()
      for (const { fence } of [c, b]) {
        await none()
        await current().tasks.start(fence, 1)
        await current().tasks.report(fence, 1, { summary: '' })
        await current().tasks.verify(fence, 1, PROOF)
        await current().tasks.accept(fence, 1)
      }
      await accept('t-d')
    })

    it('passes over who waits, whatever its priority, and keeps what it waits for', async () => {
      await submit({ 't-a': [] })
      const { tasks } = await submit({ 't-b': ['t-a', 't-a'] }, 'r-2', { priority: 9 })
      expect(tasks[0]?.spec.after).toEqual(['t-a', 't-a'])
      expect(await current().tasks.get('t-b')).toEqual(tasks[0])
      await accept('t-a')
      expect((await claim(current())).task.id).toBe('t-b')
    })

    it('is open for what comes after tasks that are accepted already', async () => {
      await submit({ 't-a': [] })
      await accept('t-a')
      await submit({ 't-b': ['t-a'] }, 'r-2')
      expect((await claim(current())).task.id).toBe('t-b')
    })

    it('stays closed while a task before it fails, is dead or cancelled, until that is tried again', async () => {
      await submit({ 't-a': [], 't-b': ['t-a'] }, 'r-1', { tries: 1 })
      const { fence } = await claim(current())
      await current().tasks.fail(fence, 2, { reason: REASON, retryAt: 2 })
      await none(3)
      await current().tasks.retry('t-a', 4)
      await current().tasks.cancel('t-a', 5, REASON)
      await none(6)
      await current().tasks.retry('t-a', 7)
      await accept('t-a', 8)
      expect((await claim(current(), { now: 9 })).task.id).toBe('t-b')
    })

    it('stays closed for who is cancelled and tried again, and opens for nobody who is cancelled', async () => {
      await submit({ 't-a': [], 't-b': ['t-a'], 't-c': ['t-a'] })
      for (const id of ['t-b', 't-c'] as const) await current().tasks.cancel(id, 2, REASON)
      await current().tasks.retry('t-b', 3)
      await accept('t-a', 4)
      expect((await claim(current(), { now: 5 })).task.id).toBe('t-b')
      await none(5)
      await current().tasks.retry('t-c', 6)
      expect((await claim(current(), { now: 6 })).task.id).toBe('t-c')
    })

    it('opens once, however many are accepted at the same moment', async () => {
      const ids = Array.from({ length: 10 }, (_, n) => `t-${n}` as TaskId)
      await submit({ ...Object.fromEntries(ids.map((id) => [id, []])), 't-last': ids })
      const verified = []
      for (const _ of ids) {
        const { fence } = await claim(current())
        await current().tasks.start(fence, 1)
        await current().tasks.report(fence, 1, { summary: '' })
        await current().tasks.verify(fence, 1, PROOF)
        verified.push(fence)
      }
      await none()
      await Promise.all(verified.map((fence) => current().tasks.accept(fence, 1)))
      expect((await claim(current())).task.id).toBe('t-last')
      await none()
    })

    it('refuses what comes after a task that is not there, and circles: nothing is queued', async () => {
      await refused('E_NOT_FOUND', submit({ 't-a': [], 't-b': ['t-none'] }))
      await refused('E_INVALID', submit({ 't-a': ['t-a'] }))
      await refused('E_INVALID', submit({ 't-x': [], 't-a': ['t-c'], 't-b': ['t-a'], 't-c': ['t-b'] }))
      expect(await current().tasks.list()).toEqual([])
      expect(await current().tasks.run('r-1')).toBeUndefined()
      expect(await current().journal.last()).toBe(0)
    })

    it('does not ask again of a request that is known', async () => {
      const first = await submit({ 't-a': [], 't-b': ['t-a'] })
      expect(await submit({ 't-c': ['t-none'] })).toEqual({ ...first, created: false })
      expect(await submit({ 't-c': ['t-c'] })).toEqual({ ...first, created: false })
    })

    it('holds for tasks that tasks make', async () => {
      await submit({ 't-parent': [] })
      const { fence } = await claim(current())
      const spawn = (after: Record<TaskId, TaskId[]>) =>
        current().tasks.spawn(fence, {
          requestId: `q-${Object.keys(after)}`,
          now: 1,
          limits: { depth: 2, perTask: 9, perRun: 9 },
          tasks: Object.entries(after).map(([id, before]) => ({
            id: id as TaskId,
            spec: { ...SPEC, parent: 't-parent', depth: 1, after: before },
          })),
        })
      await refused('E_NOT_FOUND', spawn({ 't-a': ['t-none'] }))
      await refused('E_INVALID', spawn({ 't-a': ['t-b'], 't-b': ['t-a'] }))
      await spawn({ 't-b': ['t-a'], 't-a': [] })
      await accept('t-a')
      await accept('t-b')
    })
  })
}
