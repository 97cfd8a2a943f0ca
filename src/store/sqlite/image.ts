import type { StoreRecord } from '../transfer.ts'
import { writeWhole } from './backup.ts'
import { openDatabase } from './database.ts'
import { createLoad } from './load.ts'
import { migrate } from './schema.ts'

type Fill = (put: (records: readonly StoreRecord[]) => void) => Promise<void>

/**
 * Writes a new store file out of records; `fill` gives them, the later one of two with the same name counts.
 * @throws OrchError E_INVALID when the file exists, E_DISK_FULL, E_STATE_DIR, E_STORE
 */
export const writeImage = (target: string, fill: Fill): Promise<{ bytes: number }> =>
  writeWhole(target, async (partial) => {
    const db = openDatabase(partial)
    try {
      migrate(db)
      // A copy of a store at work meets a task before its run: what hangs together is settled at the end.
      db.script('PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF')
      const load = createLoad(db)
      await fill(load.put)
      load.finish()
    } finally {
      db.close()
    }
  })
