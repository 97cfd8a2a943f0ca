import { createHash } from 'node:crypto'
import { configSchema, type RedisConfig } from '../../src/config/schema.ts'
import { type Log, silentLog } from '../../src/log.ts'
import { openRedisStore } from '../../src/store/redis/redis.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import type { Store } from '../../src/store/store.ts'

/** Which store the tests of the whole product run over: ORCH_TEST_STORE=redis, or the embedded one. */

export const overRedis = process.env.ORCH_TEST_STORE === 'redis'

/** Hosts with the same name work together: a state directory's own, found again by the same one. */
export const clusterOf = (stateDir: string): string =>
  `t${createHash('sha256').update(stateDir).digest('hex').slice(0, 16)}`

/** The redis-server of all tests of this run. */
export function redisUrl(): string {
  const url = process.env.ORCH_TEST_REDIS
  if (url) return url
  throw new Error('no redis-server: ORCH_TEST_STORE=redis is read when vitest starts (redis-for-all.ts)')
}

/** What a daemon over the chosen store is told. `cluster`: that of another host's state directory, to join it. */
export const storeSettings = (stateDir: string): Record<string, string> =>
  overRedis ? redisSettings(stateDir) : {}

/** The same over Redis in any case, for tests of several hosts. */
export const redisSettings = (stateDir: string): Record<string, string> => ({
  ORCH_REDIS: redisUrl(),
  ORCH_CLUSTER: clusterOf(stateDir),
})

/** The store of a state directory. */
export function openStore(place: { state: string; file: string; log?: Log }): Promise<Store> {
  const { state, file, log = silentLog } = place
  if (!overRedis) return openSqliteStore({ file, log })
  return openRedisStore({ config: redisConfig(), cluster: clusterOf(state), log })
}

export const redisConfig = (): RedisConfig => configSchema.parse({ redis: redisUrl() }).redis as RedisConfig
