import { OrchError } from '../../errors.ts'
import type { RunId, TaskId } from '../../id.ts'
import { checkSpawn } from '../../task/family.ts'
import { checkCircle, gateOf, noGate } from '../../task/gate.ts'
import * as life from '../../task/life.ts'
import {
  type Attempt,
  type Fence,
  isFinal,
  NO_USAGE,
  type Reason,
  type Run,
  TASK_STATES,
  type Task,
  type TaskState,
} from '../../task/task.ts'
import type { Claimed, ClaimRequest, NewTask, Progress, SpawnOrder, TaskStore } from '../store.ts'
import type { GroupCommit } from './group.ts'
import type { EventTable } from './journal.ts'
import type { TaskMail } from './mailboxes.ts'
import type { TaskTable } from './task-table.ts'

/** The arrows of task/life.ts, each with its journal event in one transaction. */
export function createTaskStore(
  table: TaskTable,
  events: EventTable,
  { write }: GroupCommit,
  mail: TaskMail,
): TaskStore {
  function apply({ task, event }: life.Change): Task {
    table.save(task)
    events.add(event)
    if (isFinal(task.state)) mail.ended(task, event.at)
    return task
  }
  function end(task: Task, at: number, outcome: Attempt['outcome'], reason?: Reason): void {
    const attempt = table.attempt(task.id, task.epoch)
    table.saveAttempt({ ...attempt, endedAt: at, outcome, ...(reason && { reason }) })
  }
  const arrow = (fence: Fence, change: (task: Task) => life.Change) =>
    write(() => apply(change(table.get(fence.taskId))))

  function fail(
    fence: Fence,
    now: number,
    { reason, retryAt, final }: Parameters<TaskStore['fail']>[2],
  ): Task {
    const failed = apply(life.fail(table.get(fence.taskId), fence, now, reason, retryAt, final))
    end(failed, now, 'failed', reason)
    return failed
  }

  function lose(fence: Fence, now: number, { reason, retryAt }: Parameters<TaskStore['lose']>[2]): Task {
    const lost = apply(life.lose(table.get(fence.taskId), fence, now, reason, retryAt))
    end(lost, now, 'failed', reason)
    return lost
  }

  return {
    submit: (run, tasks) => write(() => submit(table, events, run, tasks)),
    spawn: (fence, order) => write(() => spawn(table, events, fence, order)),
    claim: (request) => write(() => claim(table, apply, request)),
    start: (fence, now) => arrow(fence, (task) => life.start(task, fence, now)),
    wait: (fence, now, waitingFor, resetAt) =>
      arrow(fence, (task) => life.wait(task, fence, now, waitingFor, resetAt)),
    resume: (fence, now) => arrow(fence, (task) => life.resume(task, fence, now)),
    report: (fence, now, report) => arrow(fence, (task) => life.report(task, fence, now, report)),
    verify: (fence, now, proof) => arrow(fence, (task) => life.verify(task, fence, now, proof)),
    accept: (fence, now) =>
      write(() => {
        const accepted = apply(life.accept(table.get(fence.taskId), fence, now))
        end(accepted, now, 'accepted')
        table.openGate(accepted.id)
        return accepted
      }),
    fail: (fence, now, failure) => write(() => fail(fence, now, failure)),
    lose: (fence, now, loss) => write(() => lose(fence, now, loss)),
    postpone: (fence, now, { reason, retryAt }) =>
      write(() => {
        const postponed = apply(life.postpone(table.get(fence.taskId), fence, now, reason, retryAt))
        end(postponed, now, 'postponed', reason)
        return postponed
      }),
    cancel: (taskId, now, reason) =>
      write(() => {
        const task = table.get(taskId)
        const cancelled = apply(life.cancel(task, now, reason))
        if (task.lease) end(cancelled, now, 'cancelled', reason)
        return cancelled
      }),
    retry: (taskId, now) =>
      write(() => {
        const task = apply(life.retry(table.get(taskId), now))
        mail.retried(task, now)
        return task
      }),
    renew: (host, now, leaseMs) => write(() => renew(table, host, now + leaseMs)),
    rescue: (host, now) =>
      write(() =>
        table.lapsed(host, now).map((task) => {
          const { fence, reason } = lapse(task)
          return lose(fence, now, { reason, retryAt: now })
        }),
      ),
    progress: (fence, progress) => write(() => note(table, events, fence, progress)),

    get: async (taskId) => table.find(taskId),
    list: async (filter = {}) => table.list(filter),
    find: async (prefix, limit) => table.startingWith(prefix, limit),
    attempts: async (taskId) => table.attempts(taskId),
    counts: async () => {
      const counts = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>
      for (const { state, tasks } of table.counts()) counts[state] = tasks
      return counts
    },
    nextDue: async () => table.nextDue(),
    run: async (runId) => table.run(runId),
    runs: async (limit) => table.runs(limit),
    usage: async (query) => table.usage(query),
  }
}

function submit(table: TaskTable, events: EventTable, run: Run, added: NewTask[]) {
  const there = table.runOfRequest(run.requestId)
  if (there) return { run: there, tasks: table.ofRun(there.id), created: false }
  table.addRun(run)
  const data = { repo: run.repo, tasks: added.length }
  events.add({ type: 'run.submitted', at: run.createdAt, runId: run.id, data })
  const tasks = addTasks(table, events, run.id, run.createdAt, added)
  return { run, tasks, created: true }
}

/** Those that are waited for may stand behind those that wait. */
function addTasks(table: TaskTable, events: EventTable, runId: RunId, now: number, added: NewTask[]): Task[] {
  checkCircle(added)
  const own = new Set(added.map(({ id }) => id))
  return added.map((task) => {
    const waits = gateOf(task).filter((after) => {
      if (own.has(after)) return true
      const there = table.find(after)
      if (!there) throw noGate(task.id, after)
      return there.state !== 'accepted'
    })
    return addTask(table, events, runId, now, task, waits)
  })
}

function addTask(
  table: TaskTable,
  events: EventTable,
  runId: RunId,
  now: number,
  { id, spec }: NewTask,
  waits: readonly TaskId[],
): Task {
  if (table.find(id)) throw new OrchError('E_STATE', `there is a task ${id} already`)
  const { task, event } = life.queue({ id, runId, spec, createdAt: now })
  table.add(task, waits)
  events.add(event)
  return task
}

function spawn(table: TaskTable, events: EventTable, fence: Fence, order: SpawnOrder) {
  const parent = table.get(fence.taskId)
  life.checkFence(parent, fence)
  const there = table.ofRequest(order.requestId)
  if (there.length > 0) return { tasks: there, created: false }
  checkSpawn(parent, order, {
    own: table.list({ parent: parent.id }).length,
    run: table.ofRun(parent.runId).length,
  })
  const tasks = addTasks(table, events, parent.runId, order.now, order.tasks)
  for (const { id } of tasks) table.noteRequest(id, order.requestId)
  return { tasks, created: true }
}

function claim(
  table: TaskTable,
  apply: (change: life.Change) => Task,
  { host, now, leaseMs, except = [], offers, agent: name }: ClaimRequest,
): Claimed | undefined {
  const next = table.next(now, except, offers)
  if (!next) return undefined
  const agent = name(next, next.epoch + 1)
  const task = apply(life.lease(next, { host, now, leaseMs, agent }))
  const { id: taskId, runId, epoch } = task
  const cursor = { out: 0, log: 0 }
  const attempt: Attempt = { taskId, runId, epoch, agent, host, startedAt: now, usage: NO_USAGE, cursor }
  table.addAttempt(attempt)
  return { task, attempt, fence: { taskId, epoch, host } }
}

function renew(table: TaskTable, host: string, until: number): TaskId[] {
  return table.heldBy(host).map((task) => {
    table.save(life.renew(task, { taskId: task.id, epoch: task.epoch, host }, until))
    return task.id
  })
}

function lapse(task: Task): { fence: Fence; reason: Reason } {
  const host = task.lease?.host ?? ''
  const message = `${host} has not renewed its lease: the machine or its daemon is gone`
  return { fence: { taskId: task.id, epoch: task.epoch, host }, reason: { code: 'lease-expired', message } }
}

function note(table: TaskTable, events: EventTable, fence: Fence, progress: Progress): Attempt {
  const task = table.get(fence.taskId)
  life.checkFence(task, fence)
  const attempt = { ...table.attempt(task.id, fence.epoch), ...progress.attempt }
  if (progress.attempt) table.saveAttempt(attempt)
  const { taskId, runId, epoch, agent } = attempt
  for (const event of progress.events ?? []) events.add({ ...event, taskId, runId, epoch, agent })
  return attempt
}
