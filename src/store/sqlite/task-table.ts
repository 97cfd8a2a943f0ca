import { OrchError } from '../../errors.ts'
import type { RunId, TaskId } from '../../id.ts'
import { needsOf, suits } from '../../task/needs.ts'
import type { Attempt, Run, Task, TaskSpec, TaskState } from '../../task/task.ts'
import type { UsageQuery } from '../../task/usage.ts'
import type { TaskFilter } from '../store.ts'
import type { Database } from './database.ts'
import { sumUsage } from './usage.ts'

/** The tables `runs`, `tasks`, `specs` and `attempts`: records in, records out. What may follow what is decided above. */

interface TaskRow {
  record: string
  spec: string
}
interface QueueRow {
  ordinal: number
  needs: string
}
interface RecordRow {
  record: string
}

const TASK = 'SELECT t.record, s.spec FROM tasks t JOIN specs s USING (ordinal)'
/** `tasks_queue` holds all that is looked at, in the order that is wanted; left alone, SQLite sorts all queued tasks. */
export const next = (except: number, limit = 'LIMIT 1'): string => `SELECT ordinal, needs
  FROM tasks INDEXED BY tasks_queue
  WHERE state = 'queued' AND waits = 0 AND not_before <= ? ${except > 0 ? `AND repo NOT IN (${marks(except)})` : ''}
  ORDER BY priority DESC, ordinal ${limit}`
const marks = (count: number) => Array(count).fill('?').join(', ')
const INSERT_TASK = `INSERT INTO tasks (id, run_id, repo, state, priority, not_before, parent, waits, needs, record)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const UPDATE_TASK = `UPDATE tasks SET state = ?, not_before = ?, host = ?, lease_until = ?, record = ? WHERE id = ?`

const toTask = (row: TaskRow): Task => ({ ...JSON.parse(row.record), spec: JSON.parse(row.spec) as TaskSpec })
const parse = <T>(row: RecordRow): T => JSON.parse(row.record) as T
/** The part of a task that moves. */
const recordOf = ({ spec: _, ...moving }: Task): string => JSON.stringify(moving)

export type TaskTable = ReturnType<typeof createTaskTable>

export function createTaskTable(db: Database) {
  const find = (id: TaskId): Task | undefined => {
    const row = db.one<TaskRow>(`${TASK} WHERE t.id = ?`, id)
    return row && toTask(row)
  }
  const tasks = (rest: string, ...values: (string | number)[]): Task[] =>
    db.all<TaskRow>(`${TASK} ${rest}`, ...values).map(toTask)
  const attempts = (taskId: TaskId): Attempt[] =>
    db
      .all<RecordRow>('SELECT record FROM attempts WHERE task_id = ? ORDER BY epoch', taskId)
      .map(parse<Attempt>)

  return {
    find,
    attempts,
    /** @throws OrchError E_NOT_FOUND */
    get(id: TaskId): Task {
      const task = find(id)
      if (!task) throw new OrchError('E_NOT_FOUND', `there is no task ${id}`)
      return task
    },
    /** @param waits those of its gate that are not accepted yet */
    add(task: Task, waits: readonly TaskId[] = []): void {
      const { id, runId, spec, state, notBefore = 0 } = task
      const ordinal = db.run(
        INSERT_TASK,
        id,
        runId,
        spec.repo,
        state,
        spec.priority,
        notBefore,
        spec.parent ?? null,
        waits.length,
        JSON.stringify(needsOf(spec)),
        recordOf(task),
      )
      for (const after of waits) db.run('INSERT INTO gates (after, dependent) VALUES (?, ?)', after, ordinal)
      db.run('INSERT INTO specs (ordinal, spec) VALUES (?, ?)', ordinal, JSON.stringify(spec))
    },
    /** It is accepted: those that waited for it alone are due. */
    openGate(id: TaskId): void {
      const dependents = 'SELECT dependent FROM gates WHERE after = ?'
      if (db.change(`UPDATE tasks SET waits = waits - 1 WHERE ordinal IN (${dependents})`, id) > 0)
        db.run('DELETE FROM gates WHERE after = ?', id)
    },
    save(task: Task): void {
      const { id, state, notBefore = 0, lease } = task
      db.run(UPDATE_TASK, state, notBefore, lease?.host ?? null, lease?.until ?? null, recordOf(task), id)
    },
    /** The task that is to be claimed next. */
    next(now: number, except: readonly string[], offers?: readonly string[]): Task | undefined {
      const found = offers
        ? firstThatSuits(db.each(next(except.length, ''), now, ...except), new Set(offers))
        : db.one<QueueRow>(next(except.length), now, ...except)
      return found && tasks('WHERE t.ordinal = ?', found.ordinal)[0]
    },
    nextDue: () =>
      db.one<{ due: number | null }>(
        `SELECT min(not_before) AS due FROM tasks WHERE state = 'queued' AND waits = 0`,
      )?.due ?? undefined,
    heldBy: (host: string) => tasks('WHERE t.host = ? ORDER BY t.ordinal', host),
    /** Held by other hosts whose lease has ended. */
    lapsed: (host: string, now: number) =>
      tasks('WHERE t.host IS NOT NULL AND t.host <> ? AND t.lease_until < ? ORDER BY t.ordinal', host, now),
    /** Those that `spawn` made for this request. */
    ofRequest: (requestId: string) => tasks('WHERE t.request_id = ? ORDER BY t.ordinal', requestId),
    noteRequest: (id: TaskId, requestId: string) =>
      db.run('UPDATE tasks SET request_id = ? WHERE id = ?', requestId, id),
    ofRun: (runId: RunId) => tasks('WHERE t.run_id = ? ORDER BY t.ordinal', runId),
    list(filter: TaskFilter): Task[] {
      const { where, values } = conditions(filter)
      return tasks(`${where} ORDER BY t.ordinal DESC LIMIT ?`, ...values, filter.limit ?? -1)
    },
    startingWith: (prefix: string, limit: number) =>
      tasks('WHERE t.id >= ? AND t.id < ? ORDER BY t.id LIMIT ?', prefix, `${prefix}\u{10ffff}`, limit),
    counts: () =>
      db.all<{ state: TaskState; tasks: number }>(
        'SELECT state, count(*) AS tasks FROM tasks GROUP BY state',
      ),

    addAttempt({ taskId, epoch, agent, ...rest }: Attempt): void {
      const taken = db.one('SELECT 1 FROM attempts WHERE agent = ?', agent)
      if (taken) throw new OrchError('E_STATE', `an agent named ${agent} was there before`)
      const record = JSON.stringify({ taskId, epoch, agent, ...rest })
      db.run(
        'INSERT INTO attempts (task_id, epoch, agent, record) VALUES (?, ?, ?, ?)',
        taskId,
        epoch,
        agent,
        record,
      )
    },
    attempt(taskId: TaskId, epoch: number): Attempt {
      const row = db.one<RecordRow>(
        'SELECT record FROM attempts WHERE task_id = ? AND epoch = ?',
        taskId,
        epoch,
      )
      if (!row) throw new OrchError('E_NOT_FOUND', `there is no attempt ${epoch} of ${taskId}`)
      return parse<Attempt>(row)
    },
    saveAttempt(attempt: Attempt): void {
      const { taskId, epoch, endedAt = null } = attempt
      const sql = 'UPDATE attempts SET ended_at = ?, record = ? WHERE task_id = ? AND epoch = ?'
      db.run(sql, endedAt, JSON.stringify(attempt), taskId, epoch)
    },

    addRun(run: Run): void {
      const taken = db.one('SELECT 1 FROM runs WHERE id = ?', run.id)
      if (taken) throw new OrchError('E_STATE', `there is a run ${run.id} already`)
      db.run(
        'INSERT INTO runs (id, request_id, record) VALUES (?, ?, ?)',
        run.id,
        run.requestId,
        JSON.stringify(run),
      )
    },
    run(id: RunId): Run | undefined {
      const row = db.one<RecordRow>('SELECT record FROM runs WHERE id = ?', id)
      return row && parse<Run>(row)
    },
    runOfRequest(requestId: string): Run | undefined {
      const row = db.one<RecordRow>('SELECT record FROM runs WHERE request_id = ?', requestId)
      return row && parse<Run>(row)
    },
    runs: (limit: number) =>
      db.all<RecordRow>('SELECT record FROM runs ORDER BY ordinal DESC LIMIT ?', limit).map(parse<Run>),
    usage: (query: UsageQuery) => sumUsage(db, query),
  }
}

function firstThatSuits(queue: Iterable<QueueRow>, offers: ReadonlySet<string>): QueueRow | undefined {
  for (const row of queue) if (suits(JSON.parse(row.needs), offers)) return row
  return undefined
}

function conditions({ states, runId, repo, host, parent }: TaskFilter): { where: string; values: string[] } {
  const all = ['true']
  const values: string[] = []
  const equal = (column: string, value: string | undefined) => {
    if (value === undefined) return
    all.push(`t.${column} = ?`)
    values.push(value)
  }
  equal('run_id', runId)
  equal('repo', repo)
  equal('host', host)
  equal('parent', parent)
  if (states) {
    all.push(`t.state IN (${marks(states.length)})`)
    values.push(...states)
  }
  return { where: `WHERE ${all.join(' AND ')}`, values }
}
