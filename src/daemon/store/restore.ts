import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { prepareStateDirectory } from '../../api/state-directory.ts'
import { type Environment, loadConfig } from '../../config/load.ts'
import type { Paths } from '../../config/paths.ts'
import { restoreSqliteStore } from '../../store/sqlite/restore.ts'
import { migrateStore } from './migrate/migrate.ts'

/**
 * Puts a backup in the place of the store that is configured; gives the name that the old one has now (of what was in Redis:
 * a file that can be restored). It takes the store's lock, so no daemon may be there: that is why it is no verb of the API.
 * @throws OrchError E_STORE_LOCKED while a daemon runs, E_STATE while another host works with Redis, E_NOT_FOUND, E_INVALID,
 *   E_STORE, E_STORE_DOWN, E_CONFIG, E_DISK_FULL, E_STATE_DIR
 */
export async function restoreStore(
  environment: Pick<Environment, 'env' | 'home'>,
  paths: Paths,
  backup: string,
): Promise<{ kept?: string; file?: string }> {
  const { config } = await loadConfig(environment)
  if (config.redis) {
    const options = { to: 'redis', from: backup, restore: true, progress: () => {} } as const
    const { kept } = await migrateStore({ ...options, config, environment, paths })
    return kept ? { kept } : {}
  }
  await prepareStateDirectory(paths)
  await mkdir(dirname(paths.store), { recursive: true, mode: 0o700 })
  const { kept } = await restoreSqliteStore({ backup, file: paths.store })
  return { file: paths.store, ...(kept && { kept }) }
}
