import { chmod, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { OrchError } from '../errors.ts'
import type { Ids } from '../id.ts'

/** Deletion in two steps: renamed away at once, deleted when there is time. Symbolic links are never followed. */
export interface Trash {
  /** Renames what is at `path` away; nothing there is no error. @throws OrchError E_WORKSPACE */
  discard(path: string): Promise<void>
  /**
   * Deletes what was renamed away, and gives the number of directories.
   * @throws OrchError E_WORKSPACE that names what cannot be deleted; the rest is
   */
  sweep(): Promise<number>
}

/** `root` must be on the file system of what is discarded. */
export function createTrash(root: string, ids: Ids): Trash {
  return {
    async discard(path) {
      if (!(await lstat(path).catch(() => undefined))) return
      await mkdir(root, { recursive: true, mode: 0o700 })
      try {
        await rename(path, join(root, `${basename(path)}.${ids.token().slice(0, 12)}`))
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException
        if (code === 'ENOENT') return
        throw new OrchError('E_WORKSPACE', `cannot move ${path} away: ${code}`, { cause })
      }
    },
    async sweep() {
      const names = await readdir(root).catch(() => [])
      const stuck: string[] = []
      for (const name of names)
        await erase(join(root, name)).catch((cause) => stuck.push(`${join(root, name)}: ${cause.code}`))
      if (stuck.length > 0) throw new OrchError('E_WORKSPACE', `cannot delete ${stuck.join(', ')}`)
      return names.length
    },
  }
}

async function erase(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 2 })
  } catch {
    await makeWritable(path) // a module cache marks its directories read-only
    await rm(path, { recursive: true, force: true, maxRetries: 2 })
  }
}

async function makeWritable(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined)
  if (!stats?.isDirectory()) return
  await chmod(path, 0o700)
  for (const name of await readdir(path)) await makeWritable(join(path, name))
}
