import type { RunId } from '../../id.ts'
import type { Delivery } from '../../message/delivery.ts'
import { gateOf } from '../../task/gate.ts'
import type { Task } from '../../task/task.ts'
import type { StoreRecord } from '../transfer.ts'
import type { Database } from './database.ts'
import { toRow } from './journal.ts'
import { createMailboxTable } from './mail/mailbox-table.ts'
import { createTaskTable } from './task-table.ts'

const RUN = `INSERT INTO runs (id, request_id, record) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record`
const ATTEMPT = `INSERT OR REPLACE INTO attempts (task_id, epoch, agent, ended_at, record) VALUES (?, ?, ?, ?, ?)`
const PULL = `INSERT OR REPLACE INTO pull_requests (repo, number, head, state, record) VALUES (?, ?, ?, ?, ?)`
const EVENT = `INSERT OR REPLACE INTO events (seq, type, at, run_id, task_id, epoch, agent, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
const MESSAGE = `INSERT OR REPLACE INTO messages (ordinal, id, mailbox, sender, run_id, type, correlation_id, copy, state, sent_at,
  expires_at, returns, not_before, delivered_at, acknowledged_at, answer_id, answer_at, reason, message)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const COUNT = `UPDATE mailboxes SET
  direct = (SELECT count(*) FROM messages m WHERE m.mailbox = name AND m.state = 'waiting' AND m.copy = 0),
  copies = (SELECT count(*) FROM messages m WHERE m.mailbox = name AND m.state = 'waiting' AND m.copy = 1)`
const GATED = `SELECT t.ordinal, s.spec FROM tasks t JOIN specs s USING (ordinal)
  WHERE json_array_length(s.spec, '$.after') > 0`
const GATE = `INSERT INTO gates (after, dependent) SELECT ?1, ?2
  WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND state = 'accepted')`
const WAITS = 'UPDATE tasks SET waits = (SELECT count(*) FROM gates g WHERE g.dependent = tasks.ordinal)'

/** Puts records into a file that nobody else uses. A record that is there already is replaced. */
export function createLoad(db: Database) {
  const tasks = createTaskTable(db)
  const boxes = createMailboxTable(db)

  function putTask({ task, requestId, attempts }: Extract<StoreRecord, { kind: 'task' }>): void {
    if (!tasks.find(task.id)) tasks.add(task)
    tasks.save(task)
    if (requestId) tasks.noteRequest(task.id, requestId)
    for (const attempt of attempts) {
      const { taskId, epoch, agent, endedAt = null } = attempt
      db.run(ATTEMPT, taskId, epoch, agent, endedAt, JSON.stringify(attempt))
    }
  }
  function put(record: StoreRecord): void {
    if (record.kind === 'run') {
      const { id, requestId } = record.run
      db.run(RUN, id, requestId, JSON.stringify(record.run))
    } else if (record.kind === 'task') putTask(record)
    else if (record.kind === 'box') {
      if (boxes.find(record.box.name)) boxes.save(record.box)
      else boxes.add(record.box)
    } else if (record.kind === 'message') putMessage(db, record.delivery, record.runId)
    else if (record.kind === 'pull') {
      const { repo, number, head, state } = record.pull
      db.run(PULL, repo, number, head, state, JSON.stringify(record.pull))
    } else {
      const row = toRow(record.event)
      const { type, at, run_id, task_id, epoch, agent, data } = row
      db.run(EVENT, record.event.seq, type, at, run_id, task_id, epoch, agent, data)
    }
  }
  const whole = (work: () => void) => {
    db.run('BEGIN IMMEDIATE')
    try {
      work()
      db.run('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.run('ROLLBACK')
      throw error
    }
  }

  return {
    /** One transaction. */
    put: (records: readonly StoreRecord[]) =>
      whole(() => {
        for (const record of records) put(record)
      }),
    /** What is counted from the records, when all of them are there. */
    finish: () =>
      whole(() => {
        db.run(COUNT)
        db.run('DELETE FROM gates')
        for (const { ordinal, spec } of db.all<{ ordinal: number; spec: string }>(GATED))
          for (const after of gateOf({ spec: JSON.parse(spec) as Task['spec'] })) db.run(GATE, after, ordinal)
        db.run(WAITS)
      }),
  }
}

function putMessage(db: Database, { message, ...delivery }: Delivery, runId: RunId | undefined): void {
  const { id, to, from, type, correlationId = null, audience, expiresAt, retryCount } = message
  db.run(
    MESSAGE,
    delivery.ordinal,
    id,
    to,
    from,
    runId ?? null,
    type,
    correlationId,
    Number(audience !== undefined),
    delivery.state,
    delivery.sentAt,
    expiresAt === undefined ? null : Date.parse(expiresAt),
    retryCount,
    delivery.notBefore ?? null,
    delivery.deliveredAt ?? null,
    delivery.acknowledgedAt ?? null,
    delivery.answer?.id ?? null,
    delivery.answer?.at ?? null,
    delivery.reason ? JSON.stringify(delivery.reason) : null,
    JSON.stringify(message),
  )
}
