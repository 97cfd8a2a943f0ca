import type { TaskId } from '../../id.ts'
import { FINAL_STATES, isFinal, type TaskState } from '../../task/task.ts'
import type { Retention } from '../store.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group.ts'
import type { EventTable } from './journal.ts'

/** Rows in one transaction: a few milliseconds, between which all other verbs have their turn. */
const PIECE = 500
const PIECE_OF_TASKS = 50

interface EventRow {
  seq: number
  at: number
  type: string
  state: TaskState | null
}
interface RunRow {
  ordinal: number
  id: string
}

const FINAL = FINAL_STATES.map((it) => `'${it}'`).join(', ')
/** Also one that a task of another run still waits for: without it, that one would never be due. */
const OPEN = `SELECT 1 FROM tasks t WHERE t.run_id = ? AND (t.state NOT IN (${FINAL}) OR t.record ->> 'updatedAt' >= ?
  OR EXISTS (SELECT 1 FROM gates g JOIN tasks d ON d.ordinal = g.dependent WHERE g.after = t.id AND d.state NOT IN (${FINAL})))
  LIMIT 1`
const EVENTS = `SELECT e.seq, e.at, e.type, t.state FROM events e LEFT JOIN tasks t ON t.id = e.task_id
  WHERE e.seq > ? AND e.seq <= ? ORDER BY e.seq LIMIT ${PIECE}`
const RUNS = `SELECT ordinal, id FROM runs WHERE ordinal > ? AND record ->> 'createdAt' < ? ORDER BY ordinal LIMIT ${PIECE}`

const isKept = ({ state }: EventRow) => state !== null && !isFinal(state)

/** Forgets what is old; `store.pruned` is written with the first that goes. */
export function createPrune(db: Database, events: EventTable, { write }: GroupCommit) {
  /** The last event that goes, 0 when none does: its own word alone is not worth another one. Only read. */
  async function cutOf(bounds: Retention): Promise<number> {
    const count = db.one<{ n: number }>('SELECT count(*) AS n FROM events')?.n ?? 0
    const newest = events.last()
    let beyond = count - Math.max(1, bounds.events)
    for (let from = 0, cut = 0; ; ) {
      const rows = db.all<EventRow>(EVENTS, from, newest - 1)
      for (const row of rows) {
        if (beyond-- <= 0 && row.at >= bounds.eventsBefore) return cut
        if (!isKept(row) && row.type !== 'store.pruned') cut = row.seq
      }
      if (rows.length < PIECE) return cut
      from = rows.at(-1)?.seq ?? from
      await write(() => {}) // whoever waits comes first
    }
  }

  async function pruneEvents(upTo: number): Promise<number> {
    let gone = 0
    for (let from = 0; from < upTo; ) {
      from = await write(() => {
        const rows = db.all<EventRow>(EVENTS, from, upTo)
        for (const row of rows)
          if (!isKept(row)) gone += db.change('DELETE FROM events WHERE seq = ?', row.seq)
        return rows.at(-1)?.seq ?? upTo
      })
    }
    return gone
  }

  /** Those all of whose tasks have ended before, by their age; young ones are not looked at. */
  async function* oldRuns({ tasksBefore }: Retention): AsyncGenerator<string> {
    for (let from = 0; ; ) {
      const rows = db.all<RunRow>(RUNS, from, tasksBefore)
      for (const { id } of rows) if (!db.one(OPEN, id, tasksBefore)) yield id
      if (rows.length < PIECE) return
      from = rows.at(-1)?.ordinal ?? from
      await write(() => {})
    }
  }

  /** Gives how many tasks are gone: all of them, unless one was tried again meanwhile. */
  async function pruneRun(run: string, before: number): Promise<number> {
    for (let gone = 0; ; ) {
      const some = await write(() => {
        if (db.one(OPEN, run, before)) return -1
        const sql = 'SELECT id FROM tasks WHERE run_id = ? ORDER BY ordinal DESC LIMIT ?'
        const ids = db.all<{ id: TaskId }>(sql, run, PIECE_OF_TASKS)
        for (const { id } of ids) forgetTask(db, id)
        if (ids.length < PIECE_OF_TASKS) db.run('DELETE FROM runs WHERE id = ?', run)
        return ids.length
      })
      gone += Math.max(0, some)
      if (some < PIECE_OF_TASKS) return gone
    }
  }

  return async (bounds: Retention): Promise<{ events: number; tasks: number }> => {
    const upTo = await cutOf(bounds)
    let said = false
    const say = async () => {
      if (said) return
      said = true
      await write(() => events.add({ type: 'store.pruned', at: bounds.now, data: { upTo } }))
    }
    let tasks = 0
    for await (const run of oldRuns(bounds)) {
      await say()
      tasks += await pruneRun(run, bounds.tasksBefore)
    }
    if (upTo > 0) await say()
    return { events: await pruneEvents(upTo), tasks }
  }
}

function forgetTask(db: Database, id: TaskId): void {
  db.run('DELETE FROM messages WHERE mailbox = ?', id)
  db.run('DELETE FROM mailboxes WHERE name = ?', id)
  db.run('DELETE FROM attempts WHERE task_id = ?', id)
  db.run('DELETE FROM specs WHERE ordinal = (SELECT ordinal FROM tasks WHERE id = ?)', id)
  db.run('DELETE FROM tasks WHERE id = ?', id)
}
