import type { RunId, TaskId } from '../../../id.ts'
import { gateOf } from '../../../task/gate.ts'
import * as life from '../../../task/life.ts'
import { needsOf } from '../../../task/needs.ts'
import type { Attempt, Task, TaskSpec } from '../../../task/task.ts'
import type { NewTask } from '../../store.ts'
import { type EventRow, eventRow } from '../journal/row.ts'

/** How tasks and attempts stand in Redis. What moves is apart from what was asked, and the end of a lease from both. */

/** As `task_row` (lua/task-row.ts) gives it. */
export interface TaskRow {
  rev: string
  ord: number
  /** '' = nobody holds it. */
  host: string
  until: number | null
  record: Omit<Task, 'spec' | 'lease'>
  spec: TaskSpec
}

/** Of scripts that only read, or free more than they take. */
export const WHEN_FULL = { evenWhenFull: true } as const

/** A task as it was read, and which of its records that was. */
export interface Look {
  task: Task
  rev: string
}

export const taskOf = ({ record, spec, host, until }: TaskRow): Task => ({
  ...record,
  spec,
  ...(host && { lease: { host, until: until ?? 0 } }),
})
export const lookOf = (row: TaskRow): Look => ({ task: taskOf(row), rev: row.rev })
export const recordOf = ({ spec: _spec, lease: _lease, ...record }: Task): string => JSON.stringify(record)

/** Names go through cjson, which takes no halves of characters; records are JSON that it does not look into. */
const plain = (text: string) => text.toWellFormed()

/** Tasks of the same repository with the same needs are one lane of the queue; its name tells both. */
export const laneOf = (spec: TaskSpec): string => plain(JSON.stringify([plain(spec.repo), ...needsOf(spec)]))

/** Beyond this priorities are alike: with the age they have to go into one score. */
const HIGHEST = 4_000

export interface AddedTask {
  task: Task
  input: ReturnType<typeof inputOf>
}

/** A task that is to be queued, and what `add_task` (lua/task-add.ts) takes of it. */
export function addedTask(runId: RunId, now: number, { id, spec }: NewTask, request = ''): AddedTask {
  const { task, event } = life.queue({ id, runId, spec, createdAt: now })
  return { task, input: inputOf(task, eventRow(event), request) }
}

function inputOf(task: Task, event: EventRow, request: string) {
  const { id, spec, createdAt } = task
  return {
    id,
    record: recordOf(task),
    spec: JSON.stringify(spec),
    at: createdAt,
    priority: Math.max(-HIGHEST, Math.min(HIGHEST, Math.round(spec.priority))),
    lane: laneOf(spec),
    repo: plain(spec.repo),
    parent: spec.parent ?? '',
    profile: plain(spec.profile),
    driver: plain(spec.driver),
    after: gateOf({ spec }),
    event,
    request,
  }
}

/** Name and JSON in turn. What is not known is left out. */
export function fieldsOf(part: Partial<Attempt>): string[] {
  return Object.entries(part).flatMap(([name, value]) =>
    value === undefined ? [] : [name, JSON.stringify(value)],
  )
}

/** The fields of an attempt that begins. */
export function attemptFields({ taskId: _, epoch: __, runId, agent, host, ...rest }: Attempt): string[] {
  return ['run', runId, 'agent', agent, 'host', host, ...fieldsOf(rest)]
}

export const exceptOf = (repos: readonly string[] = []): Record<string, true> =>
  Object.fromEntries(repos.map((repo) => [plain(repo), true]))
export const offersOf = (offers: readonly string[] | undefined): Record<string, true> | undefined =>
  offers && Object.fromEntries(offers.map((offer) => [plain(offer), true]))

export const idsOf = (text: string): TaskId[] => text.split(' ').filter(Boolean) as TaskId[]
