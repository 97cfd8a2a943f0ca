import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import type { HistoryQuery } from '../mailboxes.ts'
import { openDatabase } from './database.ts'
import { select } from './journal.ts'
import { selectHistory } from './mail/history.ts'
import { selectMailboxes } from './mail/mailbox-table.ts'
import { COUNTS, EXPIRED, FORGET, FORGET_BEYOND, NOTE_ANSWER, WAITING } from './mail/message-sql.ts'
import { MIGRATIONS, migrate } from './schema.ts'
import { openSqliteStore } from './sqlite.ts'
import { next } from './task-table.ts'

const place = () => join(temporaryDirectory(), 'store', 'orch.db')
const FIRST = 'CREATE TABLE a (x); INSERT INTO a VALUES (1)'
const SECOND = 'ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1'

describe('opening', () => {
  it('makes the directory for the owner only, and the file too', async () => {
    const file = place()
    const store = await openSqliteStore({ file })
    await store.journal.append([{ type: 'daemon.started', at: 1 }])
    const modes = [dirname(file), file, `${file}-wal`].map((path) =>
      (statSync(path).mode & 0o777).toString(8),
    )
    expect(modes).toEqual(['700', '600', '600'])
    await store.close()
  })

  it('takes rights away that others have on the file', async () => {
    const file = place()
    await (await openSqliteStore({ file })).close()
    chmodSync(file, 0o644)
    await (await openSqliteStore({ file })).close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('refuses a second store on the file at once, and leaves the first as it is', async () => {
    const file = place()
    const store = await openSqliteStore({ file })
    const asked = Date.now()
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'E_STORE_LOCKED' })
    expect(Date.now() - asked).toBeLessThan(2_000)
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'E_STORE_LOCKED' })
    expect(await store.journal.append([{ type: 'daemon.started', at: 1 }])).toBe(1)
    await store.close()
    const next = await openSqliteStore({ file })
    expect(await next.journal.last()).toBe(1)
    await next.close()
  })

  it('refuses a file that is no database, a damaged one, and a database of something else', async () => {
    const file = join(temporaryDirectory(), 'orch.db')
    writeFileSync(file, 'not a database '.repeat(1_000))
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'E_STORE' })
    const other = join(temporaryDirectory(), 'other.db')
    const db = new DatabaseSync(other)
    db.exec('CREATE TABLE notes (x)')
    db.close()
    const refusal = { code: 'E_STORE', message: expect.stringContaining('not a store of Orch') }
    await expect(openSqliteStore({ file: other })).rejects.toMatchObject(refusal)
  })

  it('says E_STATE_DIR when the place cannot be a directory', async () => {
    const inTheWay = join(temporaryDirectory(), 'file')
    writeFileSync(inTheWay, '')
    const opening = openSqliteStore({ file: join(inTheWay, 'orch.db') })
    await expect(opening).rejects.toMatchObject({ code: 'E_STATE_DIR' })
  })
})

describe('migrations', () => {
  it('take each step once, whatever version the file has', () => {
    const file = place()
    const old = openDatabase(file)
    migrate(old, [FIRST])
    old.close()
    const db = openDatabase(file)
    migrate(db, [FIRST, SECOND])
    migrate(db, [FIRST, SECOND])
    expect(db.all('SELECT * FROM a')).toEqual([{ x: 1, y: 2 }])
    expect(db.one('PRAGMA user_version')).toEqual({ user_version: 2 })
    db.close()
  })

  it('tell of tasks that are there already what they need, and that they wait for none', () => {
    const db = openDatabase(place())
    migrate(db, MIGRATIONS.slice(0, 2))
    db.run(`INSERT INTO runs (id, request_id, record) VALUES ('r-1', 'r-1', '{}')`)
    for (const [id, driver] of Object.entries({ 't-own': 'command', 't-named': 'claude' })) {
      const columns = 'id, run_id, repo, state, priority, not_before, record'
      const ordinal = db.run(
        `INSERT INTO tasks (${columns}) VALUES (?, 'r-1', '/r', 'queued', 0, 0, '{}')`,
        id,
      )
      db.run('INSERT INTO specs (ordinal, spec) VALUES (?, ?)', ordinal, JSON.stringify({ driver }))
    }
    migrate(db)
    expect(db.all('SELECT id, needs, waits FROM tasks')).toEqual([
      { id: 't-own', needs: '[]', waits: 0 },
      { id: 't-named', needs: '["driver:claude"]', waits: 0 },
    ])
    db.close()
  })

  it('leave the file as it was when a step fails', () => {
    const db = openDatabase(place())
    migrate(db, [FIRST])
    expect(() => migrate(db, [FIRST, 'DELETE FROM a; CREATE TABLE a (again)'])).toThrow(/already exists/)
    expect(db.all('SELECT * FROM a')).toEqual([{ x: 1 }])
    expect(db.one('PRAGMA user_version')).toEqual({ user_version: 1 })
    migrate(db, [FIRST, SECOND])
    db.close()
  })

  it('refuse a file that a newer Orch wrote, and say what to do', async () => {
    const file = place()
    const db = openDatabase(file)
    migrate(
      db,
      Array.from({ length: 40 }, (_, n) => `CREATE TABLE t${n} (x)`),
    )
    db.close()
    const refusal = { code: 'E_STORE', message: /newer Orch/, fix: expect.stringContaining('Update Orch') }
    await expect(openSqliteStore({ file })).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/newer Orch/),
    })
  })
})

describe('queries', () => {
  function planOf(sql: string, values: (string | number)[]): string {
    const db = openDatabase(place())
    migrate(db)
    const rows = db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values)
    db.close()
    return rows.map(({ detail }) => detail).join('\n')
  }

  it('find the next task to claim in the index of the queue, without sorting', () => {
    expect(planOf(next(0), [1])).toBe('SCAN tasks USING COVERING INDEX tasks_queue')
    expect(planOf(next(2), [1, '/a', '/b'])).toMatch(/^SCAN tasks USING INDEX tasks_queue/)
  })

  it.each([
    [{}, 'INTEGER PRIMARY KEY'],
    [{ types: ['task.dead'] }, 'events_by_type'],
    [{ types: ['task.dead', 'pr.opened', 'pr.merged'] }, 'events_by_type'],
    [{ runId: 'r-1' }, 'events_by_run'],
    [{ runId: 'r-1', types: ['task.dead'] }, 'events_by_run'],
    [{ taskId: 't-1', types: ['task.dead', 'pr.opened'] }, 'events_by_task'],
    [{ taskId: 't-1', runId: 'r-1' }, 'events_by_task'],
  ] as const)('read the journal by %j through %s, without sorting', (query, index) => {
    const { sql, values } = select(query as Parameters<typeof select>[0])
    const plan = planOf(sql, values)
    expect(plan).toContain(index)
    expect(plan).not.toMatch(/SCAN|TEMP B-TREE/)
  })

  it.each([
    [{}, 'SCAN messages'],
    [{ runId: 'r-1' }, 'messages_by_run'],
    [{ runId: 'r-1', types: ['warning'], states: ['dead'] }, 'messages_by_run'],
    [{ mailbox: 't-1' }, 'messages_by_sender'],
    [{ mailbox: 't-1', runId: 'r-1', states: ['waiting'] }, 'messages_by_mailbox (mailbox=? AND state=?'],
    [{ correlationId: 'm-1' }, 'messages_by_correlation'],
    [{ correlationId: 'm-1', mailbox: 't-1', runId: 'r-1', types: ['warning'] }, 'messages_by_correlation'],
    [{ states: ['dead'] }, 'messages_by_state'],
    [{ types: ['warning', 'handoff'] }, 'messages_by_state'],
    [{ types: ['warning'], states: ['dead', 'waiting'] }, 'messages_by_state'],
  ] as const)('read messages by %j through %s, from either end, without sorting', (query, index) => {
    for (const order of [{}, { after: 5 }, { newest: true }, { newest: true, after: 5 }]) {
      const { sql, values } = selectHistory({ ...(query as HistoryQuery), ...order })
      const plan = planOf(sql, values)
      if ('after' in order && index === 'SCAN messages') expect(plan).toContain('INTEGER PRIMARY KEY')
      else expect(plan).toContain(index)
      expect(plan).not.toMatch(/TEMP B-TREE/)
      if (index !== 'SCAN messages') expect(plan).not.toMatch(/SCAN/)
    }
  })

  it.each([
    {},
    { mailbox: 't-1', runId: 'r-1' },
    { types: ['assistance_request'], after: 5, newest: true },
  ] as const)('unanswered requests are looked for only among themselves (%j)', (query) => {
    const { sql, values } = selectHistory({ ...(query as HistoryQuery), unanswered: true })
    const plan = planOf(sql, values)
    expect(plan).toMatch(/USING INDEX messages_unanswered/)
    expect(plan).not.toMatch(/TEMP B-TREE/)
  })

  it.each([
    [
      WAITING,
      ['t-1', 0, 1],
      'SEARCH messages USING INDEX messages_by_mailbox (mailbox=? AND state=? AND rowid>?)',
    ],
    [EXPIRED, [1, 1], 'SEARCH messages USING INDEX messages_expiring (expires_at>? AND expires_at<?)'],
    [NOTE_ANSWER, ['a', 1, 'c', 't', 's'], 'SEARCH messages USING INDEX messages_by_correlation'],
    [FORGET, [1, 1], 'USING COVERING INDEX messages_settled (sent_at<?)'],
    [FORGET_BEYOND, [1, 1], 'USING COVERING INDEX messages_settled'],
    [COUNTS, [], 'SCAN messages USING COVERING INDEX messages_by_state'],
    [selectMailboxes({ runId: 'r-1', open: true }).sql, ['r-1'], 'USING INDEX mailboxes_by_run'],
    [selectMailboxes({ open: true, topic: 'x' }).sql, ['x'], 'USING INDEX mailboxes_open'],
  ])('%s uses its index, without sorting', (sql, values, wanted) => {
    const plan = planOf(sql, values)
    expect(plan).toContain(wanted)
    expect(plan).not.toMatch(/TEMP B-TREE/)
  })
})
