import { OrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import type { TaskSpec } from './task.ts'

/** The gate before a task: it is not due before all that it comes after (`spec.after`) are accepted. Pure. */

interface Gated {
  id: TaskId
  spec: Pick<TaskSpec, 'after'>
}

/** Those that it comes after, each once. */
export const gateOf = ({ spec }: Pick<Gated, 'spec'>): TaskId[] => [...new Set(spec.after)]

/**
 * The first circle of tasks that wait for each other, in the order of waiting; undefined when there is none. Only tasks that
 * are queued together can make one: who is queued already waits for none that comes.
 */
export function circleOf(tasks: readonly Gated[]): TaskId[] | undefined {
  const waiting = new Map(tasks.map((task) => [task.id, gateOf(task)]))
  for (let before = -1; waiting.size !== before; ) {
    before = waiting.size
    for (const [id, after] of waiting) if (!after.some((it) => waiting.has(it))) waiting.delete(id)
  }
  const way: TaskId[] = []
  let at = waiting.keys().next().value
  while (at && !way.includes(at)) {
    way.push(at)
    at = waiting.get(at)?.find((it) => waiting.has(it))
  }
  return at && way.slice(way.indexOf(at))
}

/** @throws OrchError E_INVALID that names the circle */
export function checkCircle(tasks: readonly Gated[]): void {
  const fault = circleFault(tasks)
  if (fault) throw new OrchError('E_INVALID', fault)
}

/** What is wrong, in words. */
export function circleFault(tasks: readonly Gated[]): string | undefined {
  const circle = circleOf(tasks)
  if (!circle) return undefined
  if (circle.length === 1) return `${circle[0]} comes after itself: it would never be due`
  return `${[...circle, circle[0]].join(' comes after ')}: none would ever be due`
}

export const noGate = (task: TaskId, after: TaskId) =>
  new OrchError('E_NOT_FOUND', `${task} comes after ${after}, which is not there`)
