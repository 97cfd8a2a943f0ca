import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { prepareStateDirectory } from '../../../api/state-directory.ts'
import { OrchError } from '../../../errors.ts'
import { silentLog } from '../../../log.ts'
import { openClusterToMove } from '../../../store/redis/upkeep/transfer.ts'
import { holdStoreFile } from '../../../store/sqlite/lock.ts'
import { redisPlace } from '../redis-place.ts'
import { type Migrated, type MigrateOptions, refuseHosts } from './migration.ts'
import { toEmbedded } from './to-embedded.ts'
import { toRedis } from './to-redis.ts'

export type { Migrated, MigrateOptions } from './migration.ts'

/**
 * Moves everything between the embedded store and Redis while nobody works with either. The target is compared with the source
 * at the end and not opened by anybody before; the source stays as it is and is put aside, so that its tasks are not run twice.
 * Interrupted at any moment, it can be done again.
 * @throws OrchError E_STORE_LOCKED (a daemon runs here), E_STATE (a host is at work; the target holds something), E_CONFIG (no
 *   setting redis), E_NOT_FOUND, E_STORE, E_STORE_DOWN, E_DISK_FULL
 */
export async function migrateStore(options: MigrateOptions): Promise<Migrated> {
  const { config, environment, paths, to } = options
  const { redis } = config
  if (!redis)
    throw new OrchError('E_CONFIG', 'there is no setting redis: it says which Redis is meant', {
      fix: 'Add `redis: redis://127.0.0.1:6379` to the file that `orch config path` names.',
    })
  await prepareStateDirectory(paths)
  await mkdir(dirname(paths.store), { recursive: true, mode: 0o700 })
  ;(await holdStoreFile(paths.store))() // no daemon may be there
  const cluster = await openClusterToMove(redisPlace(environment, { ...config, redis }, silentLog))
  try {
    await refuseHosts(cluster, options)
    return to === 'redis' ? await toRedis(cluster, options) : await toEmbedded(cluster, options)
  } finally {
    await cluster.close()
  }
}
