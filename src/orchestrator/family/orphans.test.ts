import { expect, test } from 'vitest'
import { acceptWith, buryTask, claimTask, holdParent } from '../../../test/support/family.ts'
import { realParts } from '../../../test/support/parts.ts'
import type { TaskId } from '../../id.ts'
import type { Fence, Task, TaskSpec } from '../../task/task.ts'
import { cancel, cancelAll, cancelOrphans } from '../cancel.ts'
import { createCrew } from '../crew.ts'

async function given() {
  const parts = await realParts()
  const parent = await holdParent(parts)
  const crew = createCrew(parts, () => {})
  const make = async (maker: { task: Task; fence: Fence }, origin: TaskSpec['origin'], proof?: 'answer') => {
    const id = parts.ids.task()
    const { spec } = maker.task
    const made = {
      branch: `orch/${id}`,
      parent: maker.task.id,
      depth: (spec.depth ?? 0) + 1,
      ...(origin && { origin }),
    }
    const tasks = [{ id, spec: { ...spec, ...made, ...(proof && { proof }) } }]
    const limits = { depth: 5, perTask: 20, perRun: 100 }
    await parts.store.tasks.spawn(maker.fence, { requestId: id, now: parts.clock.now(), tasks, limits })
    return id
  }
  const stateOf = async (id: TaskId) => (await parts.store.tasks.get(id))?.state
  return { parts, parent, crew, make, stateOf }
}

test('who is cancelled is cancelled with all that were made for it, to the deepest', async () => {
  const { parts, parent, crew, make, stateOf } = await given()
  const other = await holdParent(parts)
  const child = await claimTask(parts, await make(parent, { kind: 'delegation' }))
  const below = await claimTask(parts, await make(child, { kind: 'delegation' }))
  const made = [
    child.task.id,
    below.task.id,
    await make(below, { kind: 'assistance' }, 'answer'),
    await make(parent, { kind: 'validation' }, 'answer'),
  ]
  await cancel(parts, crew, parent.task.id)
  for (const id of made) expect(await stateOf(id)).toBe('cancelled')
  expect((await parts.store.tasks.get(below.task.id))?.reason).toMatchObject({ code: 'parent-ended' })
  expect(await stateOf(other.task.id)).toBe('working')
  await expect(make(below, { kind: 'delegation' })).rejects.toMatchObject({ code: 'E_STALE' })
})

test('a pass finds those of a task that died, or was cancelled by a daemon that was killed then', async () => {
  const { parts, parent, crew, make, stateOf } = await given()
  const child = await claimTask(parts, await make(parent, { kind: 'delegation' }))
  const below = await make(child, { kind: 'delegation' })
  expect(await cancelOrphans(parts, crew)).toBe(0)
  await buryTask(parts, parent)
  expect(await cancelOrphans(parts, crew)).toBe(2)
  expect([await stateOf(child.task.id), await stateOf(below)]).toEqual(['cancelled', 'cancelled'])
  expect(await cancelOrphans(parts, crew)).toBe(0)
})

test('an expert whose asker is accepted without its answer is not needed; a queued parent keeps its children', async () => {
  const { parts, parent, crew, make, stateOf } = await given()
  const waits = await holdParent(parts)
  const expertise = await make(parent, { kind: 'assistance' }, 'answer')
  const child = await make(waits, { kind: 'delegation' })
  const reason = { code: 'x', message: 'x' }
  await parts.store.tasks.fail(waits.fence, parts.clock.now(), { reason, retryAt: 0 })
  await acceptWith(parts, parent, { 'x.txt': 'x\n' })
  expect(await cancelOrphans(parts, crew)).toBe(1)
  expect([await stateOf(expertise), await stateOf(child)]).toEqual(['cancelled', 'queued'])
})

test('work that was handed over lives on without its sender, but not without whom it was begun for', async () => {
  const { parts, parent, crew, make, stateOf } = await given()
  const child = await claimTask(parts, await make(parent, { kind: 'delegation' }))
  const receiver = await make(child, { kind: 'handoff', transfers: true })
  const aside = await make(child, { kind: 'handoff' })
  await parts.store.tasks.cancel(child.task.id, parts.clock.now(), { code: 'cancelled', message: 'x' })
  expect(await cancelOrphans(parts, crew)).toBe(0)
  await cancel(parts, crew, parent.task.id)
  expect([await stateOf(receiver), await stateOf(aside)]).toEqual(['cancelled', 'queued'])
})

test('what a person has started again is left alone', async () => {
  const { parts, parent, crew, make, stateOf } = await given()
  const child = await make(parent, { kind: 'delegation' })
  await cancel(parts, crew, parent.task.id)
  await parts.store.tasks.retry(child, parts.clock.now())
  expect(await cancelOrphans(parts, crew)).toBe(0)
  expect(await stateOf(child)).toBe('queued')
})

test('stopping all agents: a person is the reason, also for those that were made by others', async () => {
  const { parts, parent, crew, make } = await given()
  const child = await make(parent, { kind: 'delegation' })
  await cancelAll(parts, crew)
  expect((await parts.store.tasks.get(child))?.reason).toMatchObject({ code: 'cancelled' })
})
