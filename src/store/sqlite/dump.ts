import type { PullRecord } from '../../forge/local/records.ts'
import type { RunId } from '../../id.ts'
import type { Attempt, Run, Task } from '../../task/task.ts'
import type { Mailbox } from '../mailboxes.ts'
import type { StoreRecord } from '../transfer.ts'
import type { Database } from './database.ts'
import { COLUMNS, type EventRow, toEvent } from './journal.ts'
import { toDelivery, type WholeRow } from './mail/message-row.ts'

const PIECE = 200

interface Row {
  place: number
  record: string
}
interface TaskRow extends Row {
  id: string
  spec: string
  request_id: string | null
}

/** Everything, in the order of `StoreRecord`. Nobody else may write meanwhile. */
export async function* dumpDatabase(db: Database): AsyncGenerator<StoreRecord[]> {
  yield* pieces<Row>(
    db,
    'SELECT ordinal AS place, record FROM runs WHERE ordinal > ? ORDER BY ordinal',
    (row) => ({
      kind: 'run',
      run: JSON.parse(row.record) as Run,
    }),
  )
  yield* pieces<TaskRow>(
    db,
    `SELECT t.ordinal AS place, t.id, t.record, t.request_id, s.spec FROM tasks t JOIN specs s USING (ordinal)
     WHERE t.ordinal > ? ORDER BY t.ordinal`,
    (row) => taskRecord(db, row),
  )
  yield* pieces<Row>(
    db,
    'SELECT ordinal AS place, record FROM mailboxes WHERE ordinal > ? ORDER BY ordinal',
    (row) => ({ kind: 'box', box: JSON.parse(row.record) as Mailbox }),
  )
  yield* pieces<WholeRow & { place: number }>(
    db,
    'SELECT *, ordinal AS place FROM messages WHERE ordinal > ? ORDER BY ordinal',
    (row) => ({
      kind: 'message',
      delivery: toDelivery(row),
      ...(row.run_id !== null && { runId: row.run_id as RunId }),
    }),
  )
  yield* pulls(db)
  yield* pieces<EventRow & { place: number }>(
    db,
    `SELECT ${COLUMNS}, seq AS place FROM events WHERE seq > ? ORDER BY seq`,
    (row) => ({ kind: 'event', event: toEvent(row) }),
  )
}

async function* pieces<R extends { place: number }>(
  db: Database,
  sql: string,
  record: (row: R) => StoreRecord,
): AsyncGenerator<StoreRecord[]> {
  for (let after = -1; ; ) {
    const rows = db.all<R>(`${sql} LIMIT ${PIECE}`, after)
    if (rows.length > 0) yield rows.map(record)
    if (rows.length < PIECE) return
    after = rows.at(-1)?.place ?? after
  }
}

function taskRecord(db: Database, { id, record, spec, request_id: requestId }: TaskRow): StoreRecord {
  const attempts = db.all<{ record: string }>(
    'SELECT record FROM attempts WHERE task_id = ? ORDER BY epoch',
    id,
  )
  return {
    kind: 'task',
    task: { ...JSON.parse(record), spec: JSON.parse(spec) } as Task,
    ...(requestId !== null && { requestId }),
    attempts: attempts.map((it) => JSON.parse(it.record) as Attempt),
  }
}

async function* pulls(db: Database): AsyncGenerator<StoreRecord[]> {
  const sql = 'SELECT record FROM pull_requests WHERE (repo, number) > (?, ?) ORDER BY repo, number'
  for (let [repo, number] = ['', 0]; ; ) {
    const rows = db.all<{ record: string }>(`${sql} LIMIT ${PIECE}`, repo, number)
    const records = rows.map((row) => JSON.parse(row.record) as PullRecord)
    if (records.length > 0) yield records.map((pull) => ({ kind: 'pull', pull }))
    const last = records.at(-1)
    if (!last || rows.length < PIECE) return
    repo = last.repo
    number = last.number
  }
}
