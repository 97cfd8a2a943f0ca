import { type Log, silentLog } from '../../log.ts'
import { checkFence } from '../../task/life.ts'
import type { Fence } from '../../task/task.ts'
import type { Store } from '../store.ts'
import { backupDatabase } from './backup.ts'
import { checkDatabase } from './check.ts'
import { type Database, openDatabase } from './database.ts'
import { createGroupCommit, together } from './group.ts'
import { createHostRegistry } from './hosts.ts'
import { createEventTable, createJournal } from './journal.ts'
import { whenFree } from './lock.ts'
import { createArrivals } from './mail/arrivals.ts'
import { createLeases } from './mail/leases.ts'
import { createMailboxTable } from './mail/mailbox-table.ts'
import { createMessageTable } from './mail/message-table.ts'
import { createMailboxes, createTaskMail } from './mailboxes.ts'
import { createPrune } from './prune.ts'
import { createPullRequestRecords } from './pulls.ts'
import { migrate } from './schema.ts'
import { createTaskTable } from './task-table.ts'
import { createTaskStore } from './tasks.ts'

export interface SqliteStoreOptions {
  /** Made with its directory (0700) when it is not there. */
  file: string
  log?: Log
}

/**
 * The embedded store: one SQLite file that belongs to this process alone while it is open.
 * @throws OrchError E_STORE_LOCKED when another store is open on the file, E_STORE (damaged, not Orch's, or written by
 *   a newer Orch), E_STATE_DIR, E_DISK_FULL.
 */
export async function openSqliteStore({ file, log = silentLog }: SqliteStoreOptions): Promise<Store> {
  const db = await whenFree(() => openDatabase(file))
  try {
    migrate(db)
    return createStore(db, log)
  } catch (error) {
    db.close()
    throw error
  }
}

function createStore(db: Database, log: Log): Store {
  const events = createEventTable(db, log)
  const leases = createLeases()
  const arrivals = createArrivals(log)
  const mail = { boxes: createMailboxTable(db), messages: createMessageTable(db), events, leases, arrivals }
  const group = createGroupCommit(db, together(events, leases, arrivals), log)
  let backups: Promise<unknown> = Promise.resolve()
  const table = createTaskTable(db)
  const expectHeld = (fence: Fence) => checkFence(table.get(fence.taskId), fence)
  return {
    tasks: createTaskStore(table, events, group, createTaskMail(mail)),
    journal: createJournal(events, group),
    pulls: createPullRequestRecords(db, events, group, expectHeld),
    mailboxes: createMailboxes(mail, group),
    hosts: createHostRegistry(db, events, group),
    upkeep: {
      backup: (target) => {
        const copied = backups.then(() => backupDatabase(db, target))
        backups = copied.catch(() => {})
        return copied
      },
      check: async () => checkDatabase(db),
      prune: createPrune(db, events, group),
    },
    close: async () => {
      group.close()
      await backups
      db.close()
    },
  }
}
