import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { prepareStateDirectory } from '../api/state-directory.ts'
import type { Paths } from '../config/paths.ts'
import { restoreSqliteStore } from '../store/sqlite/restore.ts'

/**
 * Puts a backup in the place of the store; gives the name the old store has now. It takes the store's lock, so no
 * daemon may be there: that is why it is no verb of the API.
 * @throws OrchError E_STORE_LOCKED while a daemon runs, E_NOT_FOUND, E_INVALID, E_STORE, E_DISK_FULL, E_STATE_DIR
 */
export async function restoreStore(paths: Paths, backup: string): Promise<{ kept: string | undefined }> {
  await prepareStateDirectory(paths)
  await mkdir(dirname(paths.store), { recursive: true, mode: 0o700 })
  return await restoreSqliteStore({ backup, file: paths.store })
}
