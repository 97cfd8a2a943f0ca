import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Database } from './database.ts'
import { storeError } from './failure.ts'

/** Copies a consistent image while work goes on. @throws as writeWhole */
export const backupDatabase = (db: Database, target: string): Promise<{ bytes: number }> =>
  writeWhole(target, (partial) => db.copyTo(partial))

/**
 * A new store file. `target` is reserved first, so that two cannot meet, and gets what `write` puts into the file that it is
 * given in one rename: a file that is not empty is whole.
 * @throws OrchError E_INVALID when the file exists, E_DISK_FULL, E_STATE_DIR, E_STORE.
 */
export async function writeWhole(
  target: string,
  write: (partial: string) => Promise<void>,
): Promise<{ bytes: number }> {
  const partial = `${target}.partial`
  reserve(target)
  try {
    rmSync(partial, { force: true })
    closeSync(openSync(partial, 'wx', 0o600))
    await write(partial)
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

function reserve(target: string): void {
  try {
    closeSync(openSync(target, 'wx', 0o600))
  } catch (error) {
    if (!existsSync(target)) throw storeError(error, target)
    throw new OrchError('E_INVALID', `${target} is there already; a backup never writes over a file`, {
      fix: 'Name a file that does not exist.',
      cause: error,
    })
  }
}

/** Makes a file, or what a directory lists, survive a power cut. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
