import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { StoreDump } from '../transfer.ts'
import { syncToDisk } from './backup.ts'
import { checkDatabase } from './check.ts'
import { openDatabase, openForReplacement } from './database.ts'
import { dumpDatabase } from './dump.ts'
import { whenFree } from './lock.ts'
import { expectStore, migrate } from './schema.ts'

/** An embedded store that nobody works with, to be read as a whole. */
export interface FileToMove {
  dump: StoreDump
  /** What is wrong with it, in sentences. */
  check(): string[]
  /** Gives the file another name: no daemon finds it any more. Closes it. */
  moveAway(name: string): void
  close(): void
}

/**
 * Takes the file for this process. @throws OrchError E_STORE_LOCKED (a daemon runs), E_NOT_FOUND, E_STORE
 */
export async function openFileToMove(file: string): Promise<FileToMove> {
  if (isNothing(file) || (await isUnused(file)))
    throw new OrchError('E_NOT_FOUND', `there is no store ${file}`)
  const db = await whenFree(() => openDatabase(file))
  try {
    expectStore(db)
    migrate(db)
  } catch (error) {
    db.close()
    throw error
  }
  return {
    dump: () => dumpDatabase(db),
    check: () => checkDatabase(db),
    close: () => db.close(),
    moveAway(name) {
      db.close()
      const alone = openForReplacement(file) // nothing is left beside it
      renameSync(file, name)
      alone.close()
      syncToDisk(dirname(file))
    },
  }
}

/** A copy of a file that is to be read only: a backup. */
export function copyOf(file: string, copy: string): void {
  if (isNothing(file)) throw new OrchError('E_NOT_FOUND', `there is no file ${file}`)
  removeStore(copy)
  for (const suffix of ['', '-wal']) if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix)
}

export function removeStore(file: string): void {
  for (const suffix of ['', '-wal', '-journal', '.partial']) rmSync(file + suffix, { force: true })
}

/** Whether a store can take its place: no file, or one without runs, pull requests and messages. What a lock alone left goes. */
export async function holdsNothing(file: string): Promise<boolean> {
  if (isNothing(file) || (await isUnused(file))) {
    removeStore(file)
    return true
  }
  const store = await openFileToMove(file)
  try {
    for await (const records of store.dump())
      for (const { kind } of records) {
        if (kind === 'event') return true
        if (kind !== 'box') return false
      }
    return true
  } finally {
    store.close()
  }
}

/** Made by `holdStoreFile` for its lock alone. */
async function isUnused(file: string): Promise<boolean> {
  const db = await whenFree(() => openDatabase(file))
  try {
    return db.one<{ tables: number }>('SELECT count(*) AS tables FROM sqlite_schema')?.tables === 0
  } finally {
    db.close()
  }
}

const isNothing = (file: string) => !existsSync(file) || statSync(file).size === 0
