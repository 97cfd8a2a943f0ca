import { rename, rm, writeFile } from 'node:fs/promises'
import { toOrchError } from '../errors.ts'

let written = 0

/**
 * Writes a file (0600) so that a reader finds the old content or the new, never a part.
 * @throws OrchError E_DISK_FULL
 */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  const fresh = `${file}.${process.pid}-${++written}.new`
  try {
    await writeFile(fresh, content, { mode: 0o600 })
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {})
    throw toOrchError(error)
  }
}

/** What `read` gives, or undefined when there is no such file. */
export async function ifThere<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw toOrchError(error)
  }
}
