import type { EventType, JournalEvent, NewEvent } from '../../journal/journal.ts'
import type { Log } from '../../log.ts'
import { createListeners } from '../listeners.ts'
import type { Journal } from '../store.ts'
import type { Database } from './database.ts'
import type { GroupCommit, SideEffects } from './group.ts'

export interface EventRow {
  seq: number
  type: string
  at: number
  run_id: string | null
  task_id: string | null
  epoch: number | null
  agent: string | null
  data: string | null
}

/** The table `events`, as the verbs write to it from inside their transaction. */
export interface EventTable extends SideEffects {
  /** Gives the seq. */
  add(event: NewEvent): number
  read: Journal['read']
  last(): number
  subscribe: Journal['subscribe']
}

/** seq is the table's rowid (the highest + 1): whoever prunes events one day must keep the newest. */
const INSERT = `INSERT INTO events (type, at, run_id, task_id, epoch, agent, data) VALUES (?, ?, ?, ?, ?, ?, ?)`
export const COLUMNS = 'seq, type, at, run_id, task_id, epoch, agent, data'

export function createEventTable(db: Database, log: Log): EventTable {
  const listeners = createListeners<JournalEvent[]>(log, 'a reader of the journal failed')
  let appended: EventRow[] = []

  return {
    add(event) {
      const row = toRow(event)
      row.seq = db.run(INSERT, row.type, row.at, row.run_id, row.task_id, row.epoch, row.agent, row.data)
      appended.push(row)
      return row.seq
    },
    mark: () => appended.length,
    rewind: (mark) => {
      appended.length = mark
    },
    publish() {
      const rows = appended
      appended = []
      // After the turn in which the verbs' promises settle, so that whoever awaits one is not behind its readers.
      if (rows.length > 0 && listeners.size() > 0) queueMicrotask(() => listeners.tell(rows.map(toEvent)))
    },
    read: async (query) => {
      const { sql, values } = select(query)
      return sql ? db.all<EventRow>(sql, ...values).map(toEvent) : []
    },
    last: () => db.one<{ seq: number | null }>('SELECT max(seq) AS seq FROM events')?.seq ?? 0,
    subscribe: listeners.add,
  }
}

export function createJournal(events: EventTable, group: GroupCommit): Journal {
  return {
    append: (added) => group.write(() => added.map((event) => events.add(event)).at(-1) ?? events.last()),
    read: events.read,
    last: async () => events.last(),
    subscribe: events.subscribe,
  }
}

/**
 * Every form walks one index in the order of seq and stops at the limit. Several types without a run or a task are
 * merged from one walk each: a rare type is found without reading a million others.
 */
export function select(query: Parameters<Journal['read']>[0]): { sql: string; values: (string | number)[] } {
  const { taskId, runId, types, after = 0, limit = 1_000 } = query
  const kinds = types && [...new Set(types)]
  const scopes = { task_id: taskId, run_id: taskId ? undefined : runId }
  const scoped = Object.entries(scopes).flatMap(([column, id]) => (id ? [{ column, id }] : []))
  const where = [...scoped.map(({ column }) => `${column} = ?`), 'seq > ?']
  const values = [...scoped.map(({ id }) => id), after]
  if (taskId && runId) {
    where.push('+run_id = ?')
    values.push(runId)
  }
  if (!kinds) return { sql: walk(where, 'LIMIT ? + 0'), values: [...values, limit] }
  if (kinds.length === 0) return { sql: '', values: [] }
  if (scoped.length > 0) {
    const among = `+type IN (${kinds.map(() => '?').join(', ')})`
    return { sql: walk([...where, among], 'LIMIT ? + 0'), values: [...values, ...kinds, limit] }
  }
  const walks = kinds.map(() => `SELECT ${COLUMNS} FROM events WHERE type = ? AND seq > ?`)
  return {
    sql: `${walks.join(' UNION ALL ')} ORDER BY seq LIMIT ? + 0`,
    values: [...kinds.flatMap((kind) => [kind, after]), limit],
  }
}

const walk = (where: string[], limit: string) =>
  `SELECT ${COLUMNS} FROM events WHERE ${where.join(' AND ')} ORDER BY seq ${limit}`

export function toRow(event: NewEvent): EventRow {
  return {
    seq: 0,
    type: event.type,
    at: event.at,
    run_id: event.runId ?? null,
    task_id: event.taskId ?? null,
    epoch: event.epoch ?? null,
    agent: event.agent ?? null,
    data: event.data ? JSON.stringify(event.data) : null,
  }
}

export function toEvent(row: EventRow): JournalEvent {
  return {
    seq: row.seq,
    type: row.type as EventType,
    at: row.at,
    ...(row.run_id !== null && { runId: row.run_id as JournalEvent['runId'] & string }),
    ...(row.task_id !== null && { taskId: row.task_id as JournalEvent['taskId'] & string }),
    ...(row.epoch !== null && { epoch: row.epoch }),
    ...(row.agent !== null && { agent: row.agent }),
    ...(row.data !== null && { data: JSON.parse(row.data) as Record<string, unknown> }),
  }
}
