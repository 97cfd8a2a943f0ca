import { describe, expect, it } from 'vitest'
import type { TaskId } from '../../src/id.ts'
import type { SpawnLimits, SpawnOrder, Store } from '../../src/store/store.ts'
import type { Fence, TaskSpec } from '../../src/task/task.ts'
import { claim, REASON, refused, SPEC, submit } from '../support/store.ts'

const LIMITS: SpawnLimits = { depth: 2, perTask: 3, perRun: 5 }

/** Tasks that tasks make. */
export function spawnCases(current: () => Store): void {
  describe('spawn', () => {
    async function parent(): Promise<Fence> {
      await submit(current(), { ids: ['t-parent'] })
      return (await claim(current())).fence
    }
    function spawn(
      fence: Fence,
      ids: TaskId[],
      change: Partial<SpawnOrder> & { spec?: Partial<TaskSpec> } = {},
    ) {
      const { spec, ...order } = change
      const family = { parent: fence.taskId, depth: 1, ...spec }
      const tasks = ids.map((id) => ({ id, spec: { ...SPEC, ...family } }))
      return current().tasks.spawn(fence, { requestId: 'q-1', now: 5, limits: LIMITS, tasks, ...order })
    }
    const idsOf = async (filter: Parameters<Store['tasks']['list']>[0]) =>
      (await current().tasks.list(filter)).map(({ id }) => id)

    it('queues tasks in the run of the task that makes them, with an event for each', async () => {
      const fence = await parent()
      const made = await spawn(fence, ['t-a', 't-b'], { spec: { origin: { kind: 'delegation' } } })
      expect(made.created).toBe(true)
      expect(made.tasks).toMatchObject([
        { id: 't-a', runId: 'r-1', state: 'queued', createdAt: 5, spec: { parent: 't-parent', depth: 1 } },
        { id: 't-b', runId: 'r-1', spec: { origin: { kind: 'delegation' } } },
      ])
      expect(await current().tasks.get('t-a')).toEqual(made.tasks[0])
      expect(await idsOf({ parent: 't-parent' })).toEqual(['t-b', 't-a'])
      expect(await idsOf({ parent: 't-a' })).toEqual([])
      expect(await idsOf({ runId: 'r-1' })).toEqual(['t-b', 't-a', 't-parent'])
      const told = await current().journal.read({ types: ['task.queued'] })
      expect(told.map(({ taskId, runId }) => [taskId, runId])).toEqual([
        ['t-parent', 'r-1'],
        ['t-a', 'r-1'],
        ['t-b', 'r-1'],
      ])
      expect((await claim(current())).task.id).toBe('t-a')
    })

    it('changes nothing when the same request comes again, even at the same moment or beyond the limits', async () => {
      const fence = await parent()
      const [first, again] = await Promise.all([spawn(fence, ['t-a', 't-b']), spawn(fence, ['t-c', 't-d'])])
      expect([first?.created, again?.created]).toEqual([true, false])
      expect(again?.tasks).toEqual(first?.tasks)
      const strict = { depth: 0, perTask: 0, perRun: 0 }
      expect(await spawn(fence, ['t-e'], { limits: strict })).toEqual({ ...first, created: false })
      expect(await idsOf({ parent: 't-parent' })).toEqual(['t-b', 't-a'])
    })

    it('queues all or none', async () => {
      const fence = await parent()
      await refused('E_STATE', spawn(fence, ['t-a', 't-parent']))
      expect(await idsOf({ parent: 't-parent' })).toEqual([])
      expect((await spawn(fence, ['t-a'])).created).toBe(true)
    })

    it('refuses more than a task may make, in all its attempts', async () => {
      const fence = await parent()
      await refused('E_LIMIT', spawn(fence, ['t-a', 't-b', 't-c', 't-d']))
      await spawn(fence, ['t-a', 't-b'])
      await current().tasks.fail(fence, 6, { reason: REASON, retryAt: 6 })
      await current().tasks.cancel('t-a', 6, REASON)
      const next = (await claim(current(), { now: 7 })).fence
      expect(next.taskId).toBe('t-parent')
      await refused('E_LIMIT', spawn(next, ['t-c', 't-d'], { requestId: 'q-2' }))
      expect((await spawn(next, ['t-c'], { requestId: 'q-3' })).created).toBe(true)
      await refused('E_LIMIT', spawn(next, ['t-d'], { requestId: 'q-4' }))
    })

    it('refuses more than a run may have', async () => {
      await submit(current(), { ids: ['t-parent', 't-other', 't-third'] })
      const { fence } = await claim(current())
      await refused('E_LIMIT', spawn(fence, ['t-a', 't-b', 't-c']))
      expect((await spawn(fence, ['t-a', 't-b'])).created).toBe(true)
    })

    it('refuses tasks that would stand too deep', async () => {
      await submit(current(), { ids: ['t-deep'], spec: { depth: 2, parent: 't-elsewhere' } })
      const { fence } = await claim(current())
      await refused('E_LIMIT', spawn(fence, ['t-a']))
      await submit(current(), { ids: ['t-last'], run: 'r-2', spec: { depth: 1 } })
      const last = (await claim(current())).fence
      expect((await spawn(last, ['t-a'], { spec: { depth: 2 } })).created).toBe(true)
    })

    it('refuses a writer whose attempt is over, also for a request that is known', async () => {
      const fence = await parent()
      await spawn(fence, ['t-a'])
      await current().tasks.fail(fence, 6, { reason: REASON, retryAt: 6 })
      await refused('E_STALE', spawn(fence, ['t-a']))
      await refused('E_STALE', spawn({ ...fence, host: 'there' }, ['t-b'], { requestId: 'q-2' }))
      await refused('E_NOT_FOUND', spawn({ ...fence, taskId: 't-none' }, ['t-b'], { requestId: 'q-2' }))
      expect(await idsOf({ parent: 't-parent' })).toEqual(['t-a'])
    })
  })
}
