import { OrchError } from '../errors.ts'
import type { NewEvent, TaskEventType } from '../journal/journal.ts'
import {
  type Fence,
  isFinal,
  isHeld,
  type Proof,
  type Reason,
  type Report,
  type Task,
  type TaskState,
  type WaitingFor,
  workOf,
} from './task.ts'

/**
 * The life of a task. Every arrow is one function here, one transaction of the store and one journal event.
 *
 * ```
 * queued ─▶ leased ─▶ working ⇄ waiting ─▶ reported ─▶ verified ─▶ accepted
 *   ▲          │          │                    │           │
 *   └─ backoff ┴─ failed attempt ◀─────────────┴───────────┘    after the last try ─▶ dead      any ─▶ cancelled
 *   └─────────── lost attempt: its host or its terminal went away, which uses up no try
 *   └─ postponed ┘  what it needs is out of order: the attempt has not begun and counts as none
 *
 * a person's word:  dead | cancelled ─▶ queued (retry)      dead ─▶ cancelled (drop)
 * ```
 *
 * The functions are pure: they take the task as it is and give the task as it will be with the event that says so.
 * A writer whose fence is not the task's own (an older epoch, another host) is refused with E_STALE; an arrow
 * that is not drawn above is refused with E_STATE.
 */
export interface Change {
  task: Task
  event: NewEvent
}

export interface Claim {
  host: string
  now: number
  leaseMs: number
  agent: string
}

/** queued ─▶ leased: a new attempt begins, its number is the new epoch. */
export function lease(task: Task, claim: Claim): Change {
  expect(task, 'lease', ['queued'])
  if ((task.notBefore ?? 0) > claim.now) throw new OrchError('E_STATE', `${task.id} waits for its backoff`)
  const next = {
    ...task,
    epoch: task.epoch + 1,
    lease: { host: claim.host, until: claim.now + claim.leaseMs },
  }
  return move(next, 'leased', 'task.leased', claim.now, { host: claim.host, agent: claim.agent }, [
    'notBefore',
    'report',
    'proof',
  ])
}

/** leased ─▶ working: the agent's process is there. */
export function start(task: Task, fence: Fence, now: number): Change {
  hold(task, fence, 'start', ['leased'])
  return move(task, 'working', 'task.working', now)
}

/** working ─▶ waiting, saying for what. */
export function wait(
  task: Task,
  fence: Fence,
  now: number,
  waitingFor: WaitingFor,
  resetAt?: number,
): Change {
  hold(task, fence, 'wait', ['working'])
  return move({ ...task, waitingFor, ...(resetAt && { resetAt }) }, 'waiting', 'task.waiting', now, {
    for: waitingFor,
    resetAt,
  })
}

/** waiting ─▶ working. */
export function resume(task: Task, fence: Fence, now: number): Change {
  hold(task, fence, 'resume', ['waiting'])
  return move(task, 'working', 'task.working', now, { resumed: true })
}

/** working | waiting ─▶ reported: the agent's word that it is done. */
export function report(task: Task, fence: Fence, now: number, said: Report): Change {
  hold(task, fence, 'report', ['working', 'waiting'])
  return move({ ...task, report: said }, 'reported', 'task.reported', now, { summary: said.summary })
}

/** reported ─▶ verified: the forge's word. */
export function verify(task: Task, fence: Fence, now: number, proof: Proof): Change {
  hold(task, fence, 'verify', ['reported'])
  return move({ ...task, proof }, 'verified', 'task.verified', now, { proof })
}

/** verified ─▶ accepted. */
export function accept(task: Task, fence: Fence, now: number): Change {
  hold(task, fence, 'accept', ['verified'])
  return move(task, 'accepted', 'task.accepted', now, { pullRequest: workOf(task.proof)?.pullRequest }, [
    'lease',
    'reason',
  ])
}

/** A failed attempt: back to queued until `retryAt`, or dead after the last try, or at once when `final`. */
export function fail(
  task: Task,
  fence: Fence,
  now: number,
  reason: Reason,
  retryAt: number,
  final = false,
): Change {
  hold(task, fence, 'fail', ['leased', 'working', 'waiting', 'reported', 'verified'])
  const used = task.used + 1
  const failed = { ...task, used, reason }
  if (final || used >= task.spec.tries)
    return move(failed, 'dead', 'task.dead', now, { reason, tries: used }, ['lease'])
  return move(
    { ...failed, notBefore: retryAt },
    'queued',
    'task.failed',
    now,
    { reason, retryAt, tries: used },
    ['lease'],
  )
}

/** After so many losses each further one uses up a try: there are agents that take their machine down. */
export const FREE_LOSSES = 5

/** A lost attempt, not the agent's fault: back to queued until `retryAt`, and no try is used up. */
export function lose(task: Task, fence: Fence, now: number, reason: Reason, retryAt: number): Change {
  hold(task, fence, 'lose', ['leased', 'working', 'waiting', 'reported', 'verified'])
  const lost = { ...task, losses: (task.losses ?? 0) + 1, reason }
  if (lost.losses > FREE_LOSSES) return fail(lost, fence, now, reason, retryAt)
  const data = { reason, retryAt, tries: task.used }
  return move({ ...lost, notBefore: retryAt }, 'queued', 'task.failed', now, data, ['lease'])
}

/** leased ─▶ queued until `retryAt`: what the attempt needs is known to be out of order, so that it was not begun. */
export function postpone(task: Task, fence: Fence, now: number, reason: Reason, retryAt: number): Change {
  hold(task, fence, 'postpone', ['leased'])
  const data = { reason, retryAt }
  return move({ ...task, reason, notBefore: retryAt }, 'queued', 'task.postponed', now, data, ['lease'])
}

/** any ─▶ cancelled, of final ones only dead: it is given up. Only a person (or a parent task) asks for it, so it needs no fence. */
export function cancel(task: Task, now: number, reason: Reason): Change {
  if (isFinal(task.state) && task.state !== 'dead')
    throw new OrchError('E_STATE', `${task.id} is ${task.state} already`)
  return move({ ...task, reason }, 'cancelled', 'task.cancelled', now, { reason }, ['lease', 'notBefore'])
}

/** dead | cancelled ─▶ queued, with all tries anew. */
export function retry(task: Task, now: number): Change {
  expect(task, 'retry', ['dead', 'cancelled'])
  return move({ ...task, used: 0 }, 'queued', 'task.retried', now, {}, [
    'reason',
    'notBefore',
    'lease',
    'losses',
  ])
}

/** Moves the end of a lease. No arrow: the state stays, and the journal is not told. */
export function renew(task: Task, fence: Fence, until: number): Task {
  hold(task, fence, 'renew', ['leased', 'working', 'waiting', 'reported', 'verified'])
  return { ...task, lease: { host: fence.host, until } }
}

/** The task at its very start, with the event that announces it. */
export function queue(task: Omit<Task, 'state' | 'epoch' | 'used' | 'updatedAt'>): Change {
  const queued: Task = { ...task, state: 'queued', epoch: 0, used: 0, updatedAt: task.createdAt }
  return { task: queued, event: event(queued, 'task.queued', task.createdAt, { title: task.spec.title }) }
}

/** @throws OrchError E_STALE when the task belongs to another attempt or host by now. */
export function checkFence(task: Task, fence: Fence): void {
  if (isHeld(task.state) && task.epoch === fence.epoch && task.lease?.host === fence.host) return
  const owner = task.lease ? `attempt ${task.epoch} on ${task.lease.host}` : `nobody (${task.state})`
  throw new OrchError('E_STALE', `attempt ${fence.epoch} of ${task.id} is over: the task belongs to ${owner}`)
}

function hold(task: Task, fence: Fence, arrow: string, from: TaskState[]): void {
  checkFence(task, fence)
  expect(task, arrow, from)
}

function expect(task: Task, arrow: string, from: TaskState[]): void {
  if (from.includes(task.state)) return
  throw new OrchError('E_STATE', `cannot ${arrow} ${task.id}: it is ${task.state}, not ${from.join(' or ')}`)
}

function move(
  task: Task,
  state: TaskState,
  type: TaskEventType,
  at: number,
  data: object = {},
  drop: (keyof Task)[] = [],
): Change {
  const next = { ...task, state, updatedAt: at }
  if (state !== 'waiting') drop = [...drop, 'waitingFor', 'resetAt']
  for (const key of drop) delete next[key]
  return { task: next, event: event(next, type, at, data) }
}

function event(task: Task, type: TaskEventType, at: number, data: object): NewEvent {
  return { type, at, runId: task.runId, taskId: task.id, epoch: task.epoch, data: { ...data } }
}
