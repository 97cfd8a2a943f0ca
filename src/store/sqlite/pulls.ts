import {
  newPull,
  noPull,
  type PullChange,
  type PullRecord,
  type PullRequestRecords,
  pullVerbs,
} from '../../forge/local/records.ts'
import type { Fence } from '../../task/task.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group.ts'
import type { EventTable } from './journal.ts'

interface PullRow {
  record: string
}

const INSERT = 'INSERT INTO pull_requests (repo, number, head, state, record) VALUES (?, ?, ?, ?, ?)'
const toRecord = (row: PullRow): PullRecord => JSON.parse(row.record) as PullRecord

/** Pull requests of the local forge. One that would change nothing (the same head, merged again) writes nothing. */
export function createPullRequestRecords(
  db: Database,
  events: EventTable,
  group: GroupCommit,
  /** Throws when the task is no longer that attempt's; called inside the transaction. */
  expectHeld: (fence: Fence) => void,
): PullRequestRecords {
  const { write } = group
  const find = (repo: string, number: number): PullRecord | undefined => {
    const row = db.one<PullRow>(
      'SELECT record FROM pull_requests WHERE repo = ? AND number = ?',
      repo,
      number,
    )
    return row && toRecord(row)
  }
  const update = (
    repo: string,
    number: number,
    decide: (record: PullRecord) => PullChange | undefined,
    fence?: Fence,
  ) =>
    write(() => {
      if (fence) expectHeld(fence)
      const found = find(repo, number)
      if (!found) throw noPull(repo, number)
      const change = decide(found)
      if (!change) return found
      const sql = 'UPDATE pull_requests SET state = ?, record = ? WHERE repo = ? AND number = ?'
      db.run(sql, change.record.state, JSON.stringify(change.record), repo, number)
      events.add(change.event)
      return change.record
    })

  return {
    open: (repo, request, now, fence) =>
      write(() => {
        if (fence) expectHeld(fence)
        const sql = `SELECT record FROM pull_requests WHERE repo = ? AND head = ? AND state = 'open'`
        const there = db.one<PullRow>(sql, repo, request.head)
        if (there) return { record: toRecord(there), created: false }
        const { record, event } = newPull(repo, nextNumber(db, repo), request, now)
        db.run(INSERT, repo, record.number, record.head, record.state, JSON.stringify(record))
        events.add(event)
        return { record, created: true }
      }),
    get: async (repo, number) => find(repo, number),
    list: async (repo, { head, state } = {}) =>
      db
        .all<PullRow>(
          `SELECT record FROM pull_requests WHERE repo = ?1 AND (?2 IS NULL OR head = ?2)
           AND (?3 IS NULL OR state = ?3) ORDER BY number DESC`,
          repo,
          head ?? null,
          state ?? null,
        )
        .map(toRecord),
    ...pullVerbs(update),
  }
}

function nextNumber(db: Database, repo: string): number {
  const row = db.one<{ last: number | null }>(
    'SELECT max(number) AS last FROM pull_requests WHERE repo = ?',
    repo,
  )
  return (row?.last ?? 0) + 1
}
