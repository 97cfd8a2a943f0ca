import { join } from 'node:path'
import { expect, it } from 'vitest'
import { message, openBox } from '../../../test/support/mail.ts'
import { claim, PROOF, REASON, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { checkDatabase } from './check.ts'
import { openDatabase } from './database.ts'
import { openSqliteStore } from './sqlite.ts'

/** One task in each of four ways to be, a pull request, and a message in each of four ways to be. */
async function someStore(): Promise<string> {
  const file = join(temporaryDirectory(), 'orch.db')
  const store = await openSqliteStore({ file })
  await submit(store, { ids: ['t-held', 't-done', 't-dead', 't-queued'] })
  await claim(store)
  const { fence } = await claim(store)
  await store.tasks.start(fence, 1)
  await store.tasks.report(fence, 1, { summary: '' })
  await store.tasks.verify(fence, 1, PROOF)
  await store.tasks.accept(fence, 1)
  await store.tasks.fail((await claim(store)).fence, 1, { reason: REASON, retryAt: 1, final: true })
  const request = { head: 'h', base: 'main', title: '', body: '', author: '', headCommit: 'c' }
  await store.pulls.open('/r', request, 1)
  await openBox(store, 't-held', { reader: 'one' })
  await openBox(store, 't-queued')
  const ids = ['m-read-0001', 'm-waits-001', 'm-waits-002']
  await store.mailboxes.send(
    ids.map((id) => message({ id, to: 't-held', from: 't-queued' })),
    1,
  )
  await store.mailboxes.acknowledge({ mailbox: 't-held', reader: 'one', ids: ['m-read-0001'], now: 2 })
  await store.mailboxes.send([message({ id: 'm-dead-0001', to: 't-queued' })], 1)
  await store.mailboxes.send([message({ id: 'm-copy-0001', to: 't-queued', audience: '*' })], 1)
  await store.tasks.cancel('t-queued', 3, REASON)
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
  return file
}

it.each([
  [`UPDATE tasks SET record = '{' WHERE id = 't-held'`, 'task t-held: the record is not readable'],
  [`DELETE FROM specs WHERE ordinal = 1`, 'task t-held: the record is not readable'],
  [`UPDATE tasks SET state = 'asleep' WHERE id = 't-held'`, 'task t-held: unknown state asleep'],
  [`UPDATE tasks SET state = 'working' WHERE id = 't-held'`, 'the record and the index differ in state'],
  [`UPDATE tasks SET priority = 5 WHERE id = 't-held'`, 'the record and the index differ in priority'],
  [`UPDATE tasks SET host = 'x' WHERE id = 't-held'`, 'the record and the index differ in host'],
  [
    `UPDATE tasks SET host = NULL, lease_until = NULL, record = json_remove(record, '$.lease') WHERE id = 't-held'`,
    'task t-held: leased without a lease',
  ],
  [
    `UPDATE tasks SET record = json_set(record, '$.epoch', 2) WHERE id = 't-held'`,
    'task t-held: it is at attempt 2, but 1 are recorded, up to 1',
  ],
  [`DELETE FROM attempts WHERE task_id = 't-held'`, 'task t-held: leased without an open attempt'],
  [
    `UPDATE attempts SET ended_at = NULL, record = json_remove(record, '$.endedAt', '$.outcome') WHERE task_id = 't-dead'`,
    'task t-dead: dead, but attempt 1 has not ended',
  ],
  [
    `UPDATE attempts SET record = json_remove(record, '$.outcome') WHERE task_id = 't-dead'`,
    'attempt agent-t-dead-1: it has ended without an outcome',
  ],
  [
    `UPDATE attempts SET agent = 'other' WHERE task_id = 't-dead'`,
    'attempt other: the record is not readable',
  ],
  [
    `UPDATE tasks SET record = json_remove(record, '$.proof') WHERE id = 't-done'`,
    'task t-done: accepted without a proof',
  ],
  [
    `DELETE FROM events WHERE type = 'task.dead'`,
    'task t-dead: it is dead, but the journal says task.leased last',
  ],
  [
    `UPDATE tasks SET waits = 1 WHERE id = 't-held'`,
    'task t-held: the number of tasks that it waits for is wrong',
  ],
  [
    `INSERT INTO gates (after, dependent) SELECT 't-done', ordinal FROM tasks WHERE id = 't-held';
      UPDATE tasks SET waits = 1 WHERE id = 't-held'`,
    'task t-held: it waits for a task that is accepted',
  ],
  [`UPDATE events SET data = 'x' WHERE seq = 1`, 'event 1: the data is not readable'],
  [
    `INSERT INTO events (type, at, task_id) VALUES ('note', 1, 't-none')`,
    'it is of a task that does not exist',
  ],
  [
    `INSERT INTO events (type, at, run_id) VALUES ('note', 1, 'r-none')`,
    'it is of a run that does not exist',
  ],
  [
    `INSERT INTO events (type, at, task_id, epoch) VALUES ('note', 1, 't-held', 7)`,
    'it is of an attempt that does not exist',
  ],
  [`UPDATE runs SET record = '[]'`, 'run r-1: the record is not readable'],
  [`UPDATE pull_requests SET state = 'lost'`, 'pull request /r#1: the record is not readable'],
  [
    `UPDATE mailboxes SET record = json_remove(record, '$.capacity') WHERE name = 't-held'`,
    'mailbox t-held: the record is not readable',
  ],
  [
    `UPDATE mailboxes SET open = 1, record = json_set(record, '$.open', json('true')) WHERE name = 't-queued'`,
    'mailbox t-queued: it is open, but its task is over',
  ],
  [`UPDATE mailboxes SET direct = 7 WHERE name = 't-held'`, 'mailbox t-held: the number of messages'],
  [
    `UPDATE messages SET state = 'waiting' WHERE id = 'm-dead-0001'`,
    'message m-dead-0001: it waits in a mailbox that is closed',
  ],
  [`UPDATE messages SET state = 'lost' WHERE id = 'm-waits-001'`, 'message m-waits-001: unknown state'],
  [`UPDATE messages SET message = '{' WHERE id = 'm-waits-001'`, 'message m-waits-001: it is not readable'],
  [`UPDATE messages SET sender = 'x' WHERE id = 'm-waits-001'`, 'message m-waits-001: it is not readable'],
  [
    `UPDATE messages SET reason = NULL WHERE id = 'm-dead-0001'`,
    'message m-dead-0001: it is dead without a reason',
  ],
  [
    `UPDATE messages SET acknowledged_at = NULL WHERE id = 'm-read-0001'`,
    'message m-read-0001: it is acknowledged without a time',
  ],
  [
    `UPDATE messages SET ordinal = 1000 WHERE id = 'm-waits-001'`,
    'message m-waits-001: the journal does not say that it was sent',
  ],
  [
    `UPDATE messages SET state = 'acknowledged', acknowledged_at = 2 WHERE id = 'm-waits-002'`,
    'message m-waits-001: it waits, but a later one of the same sender was acknowledged',
  ],
  [
    `PRAGMA foreign_keys = OFF; UPDATE messages SET mailbox = 'gone' WHERE id = 'm-read-0001'`,
    'file: a row of messages refers to nothing in mailboxes',
  ],
  [`PRAGMA foreign_keys = OFF; DELETE FROM runs`, 'file: a row of tasks refers to nothing in runs'],
  [`PRAGMA writable_schema = ON; DROP INDEX tasks_by_run; DROP TABLE events`, 'cannot be read on: '],
])('finds: %s', async (damage, finding) => {
  const db = openDatabase(await someStore())
  db.script(damage)
  expect(checkDatabase(db)).toContainEqual(expect.stringContaining(finding))
  db.close()
})

it('finds pages that are damaged', async () => {
  const file = await someStore()
  const { openSync, writeSync, closeSync } = await import('node:fs')
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(4_096, 7), 0, 4_096, 4_096 * 3)
  closeSync(descriptor)
  const db = openDatabase(file)
  expect(checkDatabase(db)[0]).toMatch(/^(file|cannot be read on): /)
  db.close()
})
