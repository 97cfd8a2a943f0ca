import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OrchError } from '../../errors.ts'
import { openForReplacement } from './database.ts'
import { storeError } from './failure.ts'

/**
 * Takes the file of the embedded store for this process without using it: whoever works over another store is the one
 * daemon of its state directory all the same, and nobody restores or opens what it may fall back to. Made empty when it is
 * not there. Gives what lets it go. @throws OrchError E_STORE_LOCKED, E_STATE_DIR
 */
export async function holdStoreFile(file: string): Promise<() => void> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  } catch (error) {
    throw storeError(error, file)
  }
  const db = await whenFree(() => openForReplacement(file))
  return () => db.close()
}

/**
 * Of several that open in the same instant each can find the file taken by another that is about to give up:
 * so a few more looks, at moments of chance, before "in use" is believed.
 */
export async function whenFree<T>(open: () => T): Promise<T> {
  for (let look = 1; ; look++) {
    try {
      return open()
    } catch (error) {
      if ((error as OrchError).code !== 'E_STORE_LOCKED' || look === 6) throw error
      await sleep(2 + Math.random() * 10 * look)
    }
  }
}
