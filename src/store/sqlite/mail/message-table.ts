import { OrchError } from '../../../errors.ts'
import type { DeliveryState } from '../../../message/delivery.ts'
import { ANSWERS, type Message, type MessageType, ORCH } from '../../../message/message.ts'
import type { Reason } from '../../../task/task.ts'
import type { Database } from '../database.ts'
import type { MessageRow, WholeRow } from './message-row.ts'
import {
  ASKED_OF,
  COUNT,
  COUNTS,
  EXPIRED,
  FORGET,
  FORGET_BEYOND,
  INSERT,
  NOTE_ANSWER,
  UNREACHED,
  WAITING,
} from './message-sql.ts'

interface Placed {
  ordinal: number
  runId: string | null | undefined
  now: number
}

/** Rows read at a time, first and at most: what waits can be far more than memory should hold. */
const FIRST_PAGE = 16
const MOST_PAGE = 256

const timeOf = (iso: string | undefined): number | null => (iso === undefined ? null : Date.parse(iso))
const requestTypeOf = (answer: MessageType): string | undefined =>
  Object.entries(ANSWERS).find(([, type]) => type === answer)?.[0]

/** The table `messages`. What may follow what is decided above. */
export type MessageTable = ReturnType<typeof createMessageTable>

export function createMessageTable(db: Database) {
  const find = (id: string): WholeRow | undefined =>
    db.one<WholeRow>(`SELECT * FROM messages WHERE id = ?`, id)

  /** No trigger: each statement that has one keeps a copy of every page it touches until its verb is over. */
  const count = ({ mailbox, copy }: Pick<MessageRow, 'mailbox' | 'copy'>, by: 1 | -1) =>
    db.run(COUNT, copy ? 0 : by, copy ? by : 0, mailbox)

  return {
    find,
    /** @throws OrchError E_NOT_FOUND */
    get(id: string): WholeRow {
      const found = find(id)
      if (!found) throw new OrchError('E_NOT_FOUND', `there is no message ${id}`)
      return found
    },
    has: (id: string) => db.one('SELECT 1 FROM messages WHERE id = ?', id) !== undefined,
    whole: (ordinal: number) => db.one<WholeRow>('SELECT * FROM messages WHERE ordinal = ?', ordinal),
    add(message: Message, { ordinal, runId = null, now }: Placed): void {
      const { id, to, from, type, correlationId = null, audience } = message
      const copy = Number(audience !== undefined)
      const expiresAt = timeOf(message.expiresAt)
      const json = JSON.stringify(message)
      db.run(INSERT, ordinal, id, to, from, runId, type, correlationId, copy, now, expiresAt, json)
      count({ mailbox: to, copy }, 1)
    },
    /** At the request that was asked of its sender; what `orch` answers, at the copies that nobody else will, or else at all. */
    noteAnswer({ id, type, from, to, correlationId }: Message, now: number): void {
      const request = requestTypeOf(type)
      if (!request || !correlationId) return
      const note = (which: string, ...values: (string | number)[]) =>
        db.change(`${NOTE_ANSWER} ${which}`, id, now, correlationId, request, to, ...values) > 0
      if (from !== ORCH) note(ASKED_OF, from)
      else if (!note(UNREACHED, now)) note('')
    },
    /** In order. What is changed meanwhile is seen as it is then. */
    *waitingIn(mailbox: string): Generator<MessageRow> {
      let after = -1
      for (let size = FIRST_PAGE; ; size = Math.min(size * 2, MOST_PAGE)) {
        const page = db.all<MessageRow>(WAITING, mailbox, after, size)
        yield* page
        const last = page.at(-1)
        if (!last || page.length < size) return
        after = last.ordinal
      }
    },
    expired: (now: number, limit: number) => db.all<MessageRow>(EXPIRED, now, limit),

    settle(row: MessageRow, state: 'dead' | 'dropped', reason: Reason | undefined): void {
      const sql =
        'UPDATE messages SET state = ?, reason = coalesce(?, reason), not_before = NULL WHERE ordinal = ?'
      db.run(sql, state, reason ? JSON.stringify(reason) : null, row.ordinal)
      if (row.state === 'waiting') count(row, -1)
    },
    read(row: MessageRow, deliveredAt: number, now: number): void {
      const sql = `UPDATE messages SET state = 'acknowledged', delivered_at = ?, acknowledged_at = ?, not_before = NULL
        WHERE ordinal = ?`
      db.run(sql, deliveredAt, now, row.ordinal)
      count(row, -1)
    },
    returned(
      ordinal: number,
      { deliveredAt, notBefore, reason }: { deliveredAt: number; notBefore: number; reason: Reason },
    ) {
      const sql = `UPDATE messages SET returns = returns + 1, delivered_at = ?, not_before = ?, reason = ?
        WHERE ordinal = ?`
      db.run(sql, deliveredAt, notBefore, JSON.stringify(reason), ordinal)
    },
    edit(ordinal: number, message: Message): void {
      const sql = 'UPDATE messages SET mailbox = ?, message = ? WHERE ordinal = ?'
      db.run(sql, message.to, JSON.stringify(message), ordinal)
    },
    /** Waits again, at another place. */
    redrive(row: MessageRow, to: number, message: Message): void {
      const sql = `UPDATE messages SET ordinal = ?, state = 'waiting', returns = 0, not_before = NULL, reason = NULL,
        expires_at = ?, message = ? WHERE ordinal = ?`
      db.run(sql, to, timeOf(message.expiresAt), JSON.stringify(message), row.ordinal)
      count(row, 1)
    },
    all: (sql: string, values: (string | number)[]) => db.all<WholeRow>(sql, ...values),
    counts: () => db.all<{ state: DeliveryState; type: MessageType; messages: number }>(COUNTS),
    /** Gives how many were forgotten. */
    forget: (before: number, limit: number) => db.change(FORGET, before, limit),
    forgetBeyond: (keep: number, limit: number) => db.change(FORGET_BEYOND, limit, keep),
  }
}
