import { OrchError } from '../../errors.ts'
import type { PullRecord, PullRequestRecords } from '../../forge/local/records.ts'
import type { EventType } from '../../journal/journal.ts'
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
  const get = (repo: string, number: number): PullRecord => {
    const found = find(repo, number)
    if (!found) throw new OrchError('E_NOT_FOUND', `there is no pull request ${number} in ${repo}`)
    return found
  }
  const tell = ({ repo, number, taskId, runId }: PullRecord, type: EventType, at: number, data: object) =>
    events.add({
      type,
      at,
      ...(taskId && { taskId }),
      ...(runId && { runId }),
      data: { repo, number, ...data },
    })
  const save = (record: PullRecord, type: EventType, data: object): PullRecord => {
    const { state, repo, number, updatedAt } = record
    const sql = 'UPDATE pull_requests SET state = ?, record = ? WHERE repo = ? AND number = ?'
    db.run(sql, state, JSON.stringify(record), repo, number)
    tell(record, type, updatedAt, data)
    return record
  }

  return {
    open: (repo, request, now) =>
      write(() => {
        const { head, base, title, author, headCommit } = request
        const sql = `SELECT record FROM pull_requests WHERE repo = ? AND head = ? AND state = 'open'`
        const there = db.one<PullRow>(sql, repo, head)
        if (there) return { record: toRecord(there), created: false }
        const record = newRecord(repo, nextNumber(db, repo), request, now)
        db.run(INSERT, repo, record.number, head, record.state, JSON.stringify(record))
        tell(record, 'pr.opened', now, { head, base, title, author, headCommit })
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
    moved: (repo, number, headCommit, now) =>
      write(() => {
        const record = get(repo, number)
        if (record.headCommit === headCommit) return record
        expectOpen(record, 'move the head of')
        return save({ ...record, headCommit, updatedAt: now }, 'pr.updated', { headCommit })
      }),
    merged: (repo, number, mergeCommit, now) =>
      write(() => {
        const record = get(repo, number)
        if (record.state === 'merged' && record.mergeCommit === mergeCommit) return record
        expectOpen(record, 'merge')
        return save({ ...record, state: 'merged', mergeCommit, updatedAt: now }, 'pr.merged', { mergeCommit })
      }),
    closed: (repo, number, now) =>
      write(() => {
        const record = get(repo, number)
        if (record.state === 'closed') return record
        expectOpen(record, 'close')
        return save({ ...record, state: 'closed', updatedAt: now }, 'pr.closed', {})
      }),
    checked: (repo, number, check, now) =>
      write(() => {
        const record = get(repo, number)
        const others = record.checks.filter(
          ({ name, commit }) => name !== check.name || commit !== check.commit,
        )
        return save({ ...record, checks: [...others, check], updatedAt: now }, 'pr.checked', { ...check })
      }),
    reviewed: (repo, number, review, now) =>
      write(() => {
        const record = get(repo, number)
        const { body: _, ...said } = review
        return save({ ...record, reviews: [...record.reviews, review], updatedAt: now }, 'pr.reviewed', said)
      }),
  }
}

function newRecord(
  repo: string,
  number: number,
  request: Parameters<PullRequestRecords['open']>[1],
  now: number,
): PullRecord {
  return { ...request, repo, number, state: 'open', createdAt: now, updatedAt: now, checks: [], reviews: [] }
}

function nextNumber(db: Database, repo: string): number {
  const row = db.one<{ last: number | null }>(
    'SELECT max(number) AS last FROM pull_requests WHERE repo = ?',
    repo,
  )
  return (row?.last ?? 0) + 1
}

function expectOpen(record: PullRecord, action: string): void {
  if (record.state === 'open') return
  throw new OrchError('E_STATE', `cannot ${action} pull request ${record.number}: it is ${record.state}`)
}
