import * as life from '../../../task/life.ts'
import type { Fence, Task } from '../../../task/task.ts'
import type { TaskStore } from '../../store.ts'
import type { RedisTools } from '../tools.ts'
import { createAdding } from './add.ts'
import { createClaims } from './claim.ts'
import { createHolding } from './hold.ts'
import { createLooks } from './look.ts'
import { createMover, type Step } from './move.ts'
import { createReading } from './read.ts'
import { createUsage } from './usage.ts'

/**
 * The arrows of task/life.ts over Redis. What follows is decided here, by the pure functions; a script moves the record if it
 * is still the one that was decided by (lua/task-move.ts).
 */
export function createTaskStore(tools: RedisTools): TaskStore {
  const looks = createLooks(tools)
  const mover = createMover(tools, looks)
  const reading = createReading(tools, looks)
  const arrow = (fence: Fence, decide: (task: Task) => Step) => mover.change(fence.taskId, decide)

  return {
    ...reading,
    ...createAdding(tools, looks, reading),
    ...createHolding(tools, looks, mover),
    claim: createClaims(tools, mover),
    usage: createUsage(tools),
    start: (fence, now) => arrow(fence, (task) => life.start(task, fence, now)),
    wait: (fence, now, waitingFor, resetAt) =>
      arrow(fence, (task) => life.wait(task, fence, now, waitingFor, resetAt)),
    resume: (fence, now) => arrow(fence, (task) => life.resume(task, fence, now)),
    report: (fence, now, report) => arrow(fence, (task) => life.report(task, fence, now, report)),
    verify: (fence, now, proof) => arrow(fence, (task) => life.verify(task, fence, now, proof)),
    accept: (fence, now) =>
      arrow(fence, (task) => ({ ...life.accept(task, fence, now), end: { outcome: 'accepted' } })),
    fail: (fence, now, { reason, retryAt, final }) =>
      arrow(fence, (task) => ({
        ...life.fail(task, fence, now, reason, retryAt, final),
        end: { outcome: 'failed', reason },
      })),
    lose: (fence, now, { reason, retryAt }) =>
      arrow(fence, (task) => ({
        ...life.lose(task, fence, now, reason, retryAt),
        end: { outcome: 'failed', reason },
      })),
    postpone: (fence, now, { reason, retryAt }) =>
      arrow(fence, (task) => ({
        ...life.postpone(task, fence, now, reason, retryAt),
        end: { outcome: 'postponed', reason },
      })),
    cancel: (taskId, now, reason) =>
      mover.change(taskId, (task) => ({
        ...life.cancel(task, now, reason),
        ...(task.lease && { end: { outcome: 'cancelled', reason } }),
      })),
    retry: (taskId, now) => mover.change(taskId, (task) => ({ ...life.retry(task, now), retried: true })),
  }
}
