import type { TaskId } from '../id.ts'
import type { TaskState } from '../task/task.ts'

/** A task that another one handed its work over to. */
export interface Receiver {
  id: TaskId
  state: TaskState
  /** Whether its branch started from a commit that contains the head of the one that handed over. */
  hasHead: boolean
  /** Whether it started from a commit of that branch at all. */
  hasPart: boolean
}

/**
 * Tasks in which the work goes on, when nothing of it is lost: each of them is still to be done or was done and has begun from
 * this branch, and at least one of them has all of it. Else none: then the work has to be proven like any other.
 */
export function judgeHandedOver(receivers: readonly Receiver[]): TaskId[] {
  const alive = receivers.every(({ state }) => state !== 'dead' && state !== 'cancelled')
  const whole = receivers.some(({ hasHead }) => hasHead)
  const ours = receivers.every(({ hasHead, hasPart }) => hasHead || hasPart)
  return alive && whole && ours ? receivers.map(({ id }) => id) : []
}
