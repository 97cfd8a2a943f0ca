import { closeSync, openSync, rmSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { StoreRecord } from '../transfer.ts'
import { reserve, syncToDisk } from './backup.ts'
import { openDatabase } from './database.ts'
import { storeError } from './failure.ts'
import { createLoad } from './load.ts'
import { migrate } from './schema.ts'

/**
 * Writes a new store file out of records; `fill` gives them, the later one of two with the same name counts. As with a backup,
 * a file that is not empty is whole. @throws OrchError E_INVALID when the file exists, E_DISK_FULL, E_STATE_DIR, E_STORE
 */
export async function writeImage(
  target: string,
  fill: (put: (records: readonly StoreRecord[]) => void) => Promise<void>,
): Promise<{ bytes: number }> {
  const partial = `${target}.partial`
  reserve(target)
  try {
    rmSync(partial, { force: true })
    closeSync(openSync(partial, 'wx', 0o600))
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
    syncToDisk(partial)
    await rename(partial, target)
    syncToDisk(dirname(target))
    return { bytes: statSync(target).size }
  } catch (error) {
    for (const left of [partial, `${partial}-journal`, `${partial}-wal`, target])
      rmSync(left, { force: true })
    throw storeError(error, target)
  }
}
