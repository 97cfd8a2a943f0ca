import { constants, copyFileSync, existsSync, linkSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Clock, systemClock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { syncToDisk } from './backup.ts'
import { checkDatabase } from './check.ts'
import { type Database, openDatabase, openForReplacement } from './database.ts'
import { storeError } from './failure.ts'
import { expectStore, migrate } from './schema.ts'

export interface RestoreOptions {
  backup: string
  /** The store's file. */
  file: string
  clock?: Pick<Clock, 'now'>
}

/**
 * Puts a backup in the place of the store. The backup is checked first; the old store stays beside it under the name
 * that is given back. At every moment `file` is either the old store or the new one, whole.
 * @throws OrchError E_STORE_LOCKED while a store is open on `file`, E_NOT_FOUND (no such backup), E_INVALID (the
 *   backup is the store itself), E_STORE (the backup is damaged, or not a store), E_DISK_FULL, E_STATE_DIR.
 */
export async function restoreSqliteStore(options: RestoreOptions): Promise<{ kept: string | undefined }> {
  const { backup, file, clock = systemClock } = options
  expectBackup(backup, file)
  const kept = `${file}.${new Date(clock.now()).toISOString().replace(/[:.]/g, '-')}`
  const old = lockOld(file, kept)
  const copy = `${file}.restoring`
  try {
    removeStore(copy)
    copyChecked(backup, copy)
    if (old.exists) linkSync(file, kept)
    rmSync(`${file}-wal`, { force: true })
    renameSync(copy, file)
    syncToDisk(dirname(file))
    return { kept: old.exists ? kept : undefined }
  } catch (error) {
    if (!existsSync(kept)) giveLogBack(file, kept)
    throw storeError(error, file)
  } finally {
    removeStore(copy)
    old.lock?.close()
  }
}

function expectBackup(backup: string, file: string): void {
  if (!existsSync(backup)) throw new OrchError('E_NOT_FOUND', `there is no file ${backup}`)
  if (!existsSync(file) || realpathSync(backup) !== realpathSync(file)) return
  throw new OrchError('E_INVALID', `${backup} is the store itself, not a backup of it`)
}

interface OldStore {
  exists: boolean
  lock?: Database
}

/**
 * Holds the old store until the new one is in its place. One that is too damaged to be locked cannot be in use; its
 * log gets a second name first, because SQLite would remove what it cannot make sense of.
 */
function lockOld(file: string, kept: string): OldStore {
  if (!existsSync(file)) return { exists: false }
  const log = `${kept}-wal`
  if (existsSync(`${file}-wal`)) linkSync(`${file}-wal`, log)
  try {
    const lock = openForReplacement(file)
    rmSync(log, { force: true })
    return { exists: true, lock }
  } catch (error) {
    if ((error as OrchError).code === 'E_STORE') return { exists: true }
    rmSync(log, { force: true })
    throw error
  }
}

function giveLogBack(file: string, kept: string): void {
  const log = `${kept}-wal`
  if (existsSync(log) && !existsSync(`${file}-wal`)) renameSync(log, `${file}-wal`)
  rmSync(log, { force: true })
}

/** Everything is looked at (and brought to the newest version) in the copy, so that nothing is written to the backup or beside it. */
function copyChecked(backup: string, copy: string): void {
  for (const suffix of ['', '-wal']) {
    if (existsSync(backup + suffix)) copyFileSync(backup + suffix, copy + suffix, constants.COPYFILE_EXCL)
  }
  const findings = examine(copy)
  if (findings.length > 0) {
    throw new OrchError('E_STORE', `${backup} is damaged: ${findings[0]}`, {
      fix: 'Restore another backup.',
      details: { findings },
    })
  }
  syncToDisk(copy)
}

function examine(copy: string): string[] {
  const db = openDatabase(copy)
  try {
    expectStore(db)
    migrate(db)
    return checkDatabase(db)
  } finally {
    db.close()
  }
}

function removeStore(file: string): void {
  for (const suffix of ['', '-wal', '-journal']) rmSync(file + suffix, { force: true })
}
