import { OrchError } from '../../../errors.ts'
import type { TaskId } from '../../../id.ts'
import * as life from '../../../task/life.ts'
import type { Attempt, Fence, Reason, Task } from '../../../task/task.ts'
import type { Progress, TaskStore } from '../../store.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { LAPSED_TASKS, NOTE_PROGRESS, RENEW_LEASES } from '../lua/task-hold.ts'
import { ATTEMPT_ROW, TASK_ROW } from '../lua/task-row.ts'
import { defineTogether } from '../script/together.ts'
import type { RedisTools } from '../tools.ts'
import { type Looks, noTask } from './look.ts'
import type { Mover } from './move.ts'
import { fieldsOf, type Look, lookOf, type TaskRow, WHEN_FULL } from './record.ts'

/** Leases, and what becomes known of an attempt while it goes on. */

interface NoteInput {
  id: TaskId
  epoch: string
  host: string
  fields: string[]
  /** Names of what is known no more. */
  gone: string[]
  events: EventRow[]
}

const PIECE = 100

export function createHolding(
  { scripts }: RedisTools,
  looks: Looks,
  { move }: Mover,
): Pick<TaskStore, 'renew' | 'rescue' | 'progress'> {
  const renew = scripts.define<{ host: string; ends: number }, TaskId[]>(
    'orchRenew',
    [],
    RENEW_LEASES,
    WHEN_FULL,
  )
  const lapsed = scripts.define<{ host: string; now: number; limit: number }, TaskRow[]>(
    'orchLapsed',
    [TASK_ROW],
    LAPSED_TASKS,
    WHEN_FULL,
  )
  const note = defineTogether<NoteInput, Attempt | 'none' | 'stale'>(
    scripts,
    'orchProgress',
    [ATTEMPT_ROW],
    NOTE_PROGRESS,
  )

  async function progress(fence: Fence, change: Progress): Promise<Attempt> {
    const input = noteInput(fence, change)
    for (;;) {
      const answer = await note(input)
      if (answer === 'none') throw noTask(fence.taskId)
      if (answer !== 'stale') return answer
      life.checkFence((await looks.read(fence.taskId)).task, fence)
    }
  }

  /** A lease that is renewed at the last moment stays: the script looks again. */
  async function rescue(host: string, now: number): Promise<Task[]> {
    const rescued: Task[] = []
    for (;;) {
      const rows = await lapsed({ host, now, limit: PIECE })
      if (rows.length === 0) return rescued
      rows.sort((a, b) => a.ord - b.ord)
      const tasks = await Promise.all(
        rows.map(async (row) => await move(lookOf(row), lapse(lookOf(row), now))),
      )
      rescued.push(...tasks.filter((task) => task !== undefined))
    }
  }

  return { renew: (host, now, leaseMs) => renew({ host, ends: now + leaseMs }), rescue, progress }
}

function lapse({ task }: Look, now: number) {
  const { id: taskId, epoch, lease } = task
  if (!lease) throw new OrchError('E_STORE', `${taskId} has a lease and no host`)
  const message = `${lease.host} has not renewed its lease: the machine or its daemon is gone`
  const reason: Reason = { code: 'lease-expired', message }
  const lost = life.lose(task, { taskId, epoch, host: lease.host }, now, reason, now)
  return { ...lost, end: { outcome: 'failed' as const, reason }, lapsed: now }
}

function noteInput({ taskId, epoch, host }: Fence, { attempt = {}, events = [] }: Progress): NoteInput {
  return {
    id: taskId,
    epoch: String(epoch),
    host,
    fields: fieldsOf(attempt),
    gone: Object.entries(attempt).flatMap(([name, value]) => (value === undefined ? [name] : [])),
    events: events.map((event) => {
      const { type, at, data } = event
      return eventRow({ type, at, ...(data && { data }) })
    }),
  }
}
