import { OrchError } from '../../../errors.ts'
import type { RunId, TaskId } from '../../../id.ts'
import type { Mailbox, MailboxFilter } from '../../mailboxes.ts'
import type { Database } from '../database.ts'

interface MailboxRow {
  record: string
  direct: number
  copies: number
}

/** Where an event about a message belongs. */
export interface Scope {
  runId?: RunId
  taskId?: TaskId
}

const parse = ({ record }: Pick<MailboxRow, 'record'>): Mailbox => JSON.parse(record) as Mailbox
const isTask = (name: string): name is TaskId => name.startsWith('t-')

/** The table `mailboxes`: records in, records out. How many wait is counted by the table `messages`. */
export type MailboxTable = ReturnType<typeof createMailboxTable>

export function createMailboxTable(db: Database) {
  const row = (name: string) =>
    db.one<MailboxRow>('SELECT record, direct, copies FROM mailboxes WHERE name = ?', name)
  const existing = (name: string): MailboxRow => {
    const found = row(name)
    if (!found) throw new OrchError('E_NOT_FOUND', `there is no mailbox ${name}`)
    return found
  }
  const find = (name: string): Mailbox | undefined => {
    const found = row(name)
    return found && parse(found)
  }
  const get = (name: string): Mailbox => parse(existing(name))

  return {
    find,
    get,
    /** @throws OrchError E_NOT_FOUND, E_STALE when somebody else is the reader */
    readBy(name: string, reader: string): Mailbox {
      const box = get(name)
      if (box.reader === reader) return box
      throw new OrchError(
        'E_STALE',
        `${reader} is not the reader of ${name}: that is ${box.reader ?? 'nobody'}`,
      )
    },
    /** With how many wait. @throws OrchError E_NOT_FOUND */
    filled(name: string): { box: Mailbox; direct: number; copies: number } {
      const { record, direct, copies } = existing(name)
      return { box: parse({ record }), direct, copies }
    },
    add(box: Mailbox): void {
      const sql = 'INSERT INTO mailboxes (name, run_id, open, record) VALUES (?, ?, ?, ?)'
      db.run(sql, box.name, box.runId ?? null, Number(box.open), JSON.stringify(box))
    },
    save(box: Mailbox): void {
      const sql = 'UPDATE mailboxes SET run_id = ?, open = ?, record = ? WHERE name = ?'
      db.run(sql, box.runId ?? null, Number(box.open), JSON.stringify(box), box.name)
    },
    list(filter: MailboxFilter): Mailbox[] {
      const { sql, values } = selectMailboxes(filter)
      return db.all<MailboxRow>(sql, ...values).map(parse)
    },
    countOpen: () =>
      db.one<{ open: number }>('SELECT count(*) AS open FROM mailboxes WHERE open = 1')?.open ?? 0,
    /** State of the task that the mailbox belongs to. */
    taskState: (name: string): string | undefined =>
      isTask(name)
        ? db.one<{ state: string }>('SELECT state FROM tasks WHERE id = ?', name)?.state
        : undefined,
    /** The task of the mailbox and its run, else the run that is given. What does not exist is left out. */
    scopeOf(name: string, runId: string | null | undefined): Scope {
      const task = isTask(name) && db.one<{ run_id: RunId }>('SELECT run_id FROM tasks WHERE id = ?', name)
      if (task) return { taskId: name, runId: task.run_id }
      const run = runId && db.one<{ id: RunId }>('SELECT id FROM runs WHERE id = ?', runId)
      return run ? { runId: run.id } : {}
    },
  }
}

/** By the index of the run, or of those that are open. */
export function selectMailboxes({ runId, open, capability, topic }: MailboxFilter): {
  sql: string
  values: string[]
} {
  const where = ['true']
  const values: string[] = []
  const given = (condition: string, value: string | undefined) => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  given('run_id = ?', runId)
  if (open !== undefined) where.push(open ? 'open = 1' : 'open = 0')
  const within = (list: string) => `EXISTS (SELECT 1 FROM json_each(record, '$.${list}') WHERE value = ?)`
  given(within('capabilities'), capability)
  given(within('topics'), topic)
  return { sql: `SELECT record FROM mailboxes WHERE ${where.join(' AND ')} ORDER BY ordinal`, values }
}
