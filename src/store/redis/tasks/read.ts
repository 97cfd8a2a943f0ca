import type { RunId, TaskId } from '../../../id.ts'
import { type Attempt, type Run, TASK_STATES, type Task, type TaskState } from '../../../task/task.ts'
import type { TaskFilter, TaskStore } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import { ATTEMPTS_OF, COUNT_TASKS, LIST_TASKS, NEXT_DUE } from '../lua/task-read.ts'
import { ATTEMPT_ROW, TASK_ROW } from '../lua/task-row.ts'
import type { RedisTools } from '../tools.ts'
import type { Looks } from './look.ts'
import { type TaskRow, taskOf, WHEN_FULL } from './record.ts'

export type TaskReading = Pick<
  TaskStore,
  'get' | 'list' | 'find' | 'attempts' | 'counts' | 'nextDue' | 'run' | 'runs'
>

interface ListInput {
  states: readonly TaskState[] | false
  run: string
  repo: string
  host: string
  parent: string
  before: string
  piece: number
  limit: number
}

const PIECE = 200

export function createReading(tools: RedisTools, looks: Looks): TaskReading {
  const { redis, prefix, scripts } = tools
  const piece = scripts.define<ListInput, { rows: TaskRow[]; next: string }>(
    'orchList',
    [TASK_ROW],
    LIST_TASKS,
    WHEN_FULL,
  )
  const count = scripts.define<{ states: readonly TaskState[] }, number[]>(
    'orchCounts',
    [],
    COUNT_TASKS,
    WHEN_FULL,
  )
  const due = scripts.define<object, number | null>('orchNextDue', [], NEXT_DUE, WHEN_FULL)
  const attempts = scripts.define<{ id: TaskId }, Attempt[]>(
    'orchAttempts',
    [ATTEMPT_ROW],
    ATTEMPTS_OF,
    WHEN_FULL,
  )

  async function list({ limit = Number.POSITIVE_INFINITY, ...filter }: TaskFilter = {}): Promise<Task[]> {
    if (filter.states?.length === 0 || limit <= 0) return []
    const found: Task[] = []
    for (let before = '+inf'; before; ) {
      const most = Math.min(limit - found.length, PIECE)
      const { rows, next } = await piece(listInput(filter, before, most))
      found.push(...rows.map(taskOf))
      before = found.length < limit ? next : ''
    }
    return found
  }

  return {
    list,
    get: async (id) => (await looks.named([id]))[0],
    async find(start, limit) {
      if (limit <= 0) return []
      const [from, to] = [`[${start}`, `[${start}\u{10ffff}`]
      const ids = await asked(() => redis.zrangebylex(`${prefix}tasks:id`, from, to, 'LIMIT', 0, limit))
      return await looks.named(ids as TaskId[])
    },
    attempts: (id) => attempts({ id }),
    async counts() {
      const counts = await count({ states: TASK_STATES })
      const entries = TASK_STATES.map((state, n) => [state, counts[n] ?? 0])
      return Object.fromEntries(entries) as Record<TaskState, number>
    },
    nextDue: async () => (await due({})) ?? undefined,
    async run(id) {
      const record = await asked(() => redis.get(`${prefix}run:${id}`))
      return record ? (JSON.parse(record) as Run) : undefined
    },
    async runs(limit) {
      if (limit <= 0) return []
      const ids = (await asked(() => redis.zrevrange(`${prefix}runs`, 0, limit - 1))) as RunId[]
      if (ids.length === 0) return []
      const records = await asked(() => redis.mget(ids.map((id) => `${prefix}run:${id}`)))
      return records.flatMap((record) => (record ? [JSON.parse(record) as Run] : []))
    },
  }
}

/** A command that is no script. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    throw storeError(error)
  }
}

function listInput(
  { states, runId, repo, host, parent }: Omit<TaskFilter, 'limit'>,
  before: string,
  limit: number,
): ListInput {
  return {
    states: states ? [...new Set(states)] : false,
    run: runId ?? '',
    repo: repo?.toWellFormed() ?? '',
    host: host ?? '',
    parent: parent ?? '',
    before,
    piece: PIECE,
    limit,
  }
}
