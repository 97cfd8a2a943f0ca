import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { OrchError } from '../../src/errors.ts'
import { type JournalEvent, matches, type NewEvent } from '../../src/journal/journal.ts'
import type { Journal } from '../../src/store/store.ts'

/**
 * A journal in one SQLite table with an exclusive lock, and nothing else of the store: for tests of who only needs a
 * journal. `:memory:` keeps it in this process.
 */
export function openTableJournal(file: string): Journal & { close(): void; reads: number } {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const database = new DatabaseSync(file)
  try {
    database.exec('pragma locking_mode = exclusive; begin exclusive; commit')
  } catch (cause) {
    throw new OrchError('E_STORE_LOCKED', 'another daemon has it', { cause })
  }
  database.exec('create table if not exists event (seq integer primary key autoincrement, event text)')
  const insert = database.prepare('insert into event (event) values (?)')
  const select = database.prepare('select seq, event from event where seq > ? order by seq')
  const newest = database.prepare('select coalesce(max(seq), 0) as seq from event')
  const listeners = new Set<(events: JournalEvent[]) => void>()
  return {
    reads: 0,
    async append(events: NewEvent[]) {
      const appended = events.map((event) => ({
        ...event,
        seq: Number(insert.run(JSON.stringify(event)).lastInsertRowid),
      }))
      for (const listener of listeners) listener(appended)
      return appended.at(-1)?.seq ?? 0
    },
    async read({ after = 0, limit = 1_000, ...filter }) {
      this.reads += 1
      const found: JournalEvent[] = []
      for (const row of select.iterate(after) as Iterable<{ seq: number; event: string }>) {
        const event = { ...(JSON.parse(row.event) as NewEvent), seq: row.seq }
        if (matches(event, filter)) found.push(event)
        if (found.length === limit) break
      }
      return found
    },
    last: async () => (newest.get() as { seq: number }).seq,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: () => database.close(),
  }
}
