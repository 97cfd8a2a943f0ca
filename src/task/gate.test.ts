import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { TaskId } from '../id.ts'
import { checkCircle, circleOf, gateOf } from './gate.ts'

const task = (id: string, ...after: string[]) => ({
  id: `t-${id}` as TaskId,
  spec: { after: after.map((it) => `t-${it}` as TaskId) },
})

it('knows no circle in a chain, a diamond, or behind tasks that are there already', () => {
  expect(circleOf([])).toBeUndefined()
  expect(circleOf([task('a'), task('b', 'a'), task('c', 'b')])).toBeUndefined()
  expect(circleOf([task('d', 'b', 'c'), task('b', 'a'), task('c', 'a'), task('a', 'old')])).toBeUndefined()
})

it('names the circle, not those that wait behind it', () => {
  expect(circleOf([task('x', 'a'), task('a', 'b'), task('b', 'c'), task('c', 'a')])?.sort()).toEqual([
    't-a',
    't-b',
    't-c',
  ])
  expect(() => checkCircle([task('a', 'b'), task('b', 'a')])).toThrow(
    't-a comes after t-b comes after t-a: none would ever be due',
  )
  expect(() => checkCircle([task('a', 'a')])).toThrow('t-a comes after itself')
})

it('counts each task that is waited for once', () => {
  expect(gateOf(task('a', 'b', 'b'))).toEqual(['t-b'])
  expect(gateOf({ spec: {} })).toEqual([])
})

it('finds one exactly when no order of the tasks is right', () => {
  const edges = fc.array(fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 6 })), { maxLength: 12 })
  fc.assert(
    fc.property(edges, (drawn) => {
      const tasks = Array.from({ length: 7 }, (_, n) =>
        task(`${n}`, ...drawn.filter(([from]) => from === n).map(([, to]) => `${to}`)),
      )
      const reaches = (from: TaskId, to: TaskId, seen = new Set<TaskId>()): boolean =>
        (tasks.find(({ id }) => id === from)?.spec.after ?? []).some(
          (next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))),
        )
      expect(circleOf(tasks) !== undefined).toBe(tasks.some(({ id }) => reaches(id, id)))
    }),
  )
})
