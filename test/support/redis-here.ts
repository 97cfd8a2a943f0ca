import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openRedisStore, type RedisStoreOptions } from '../../src/store/redis/redis.ts'
import { writeImage } from '../../src/store/sqlite/image.ts'
import type { Store } from '../../src/store/store.ts'
import { type RedisServer, startRedis } from './redis.ts'

/** One redis-server for all tests of a file, and stores over it. */
export interface RedisHere {
  readonly server: RedisServer
  /** A bare connection, to look and to change behind the stores' backs. */
  readonly raw: Redis
  /** What every store of it is opened with, beside its cluster. */
  place(): Pick<RedisStoreOptions, 'config' | 'log' | 'image'>
  /** Whoever opens it closes it. */
  open(cluster: string, url?: string): Promise<Store>
  /** The name of one that nobody has used. */
  newCluster(): string
}

export function redisHere(): RedisHere {
  let server: RedisServer
  let raw: Redis
  let clusters = 0
  beforeAll(async () => {
    server = await startRedis()
    raw = new Redis(server.url)
  })
  afterAll(async () => {
    raw.disconnect()
    await server.dispose()
  })
  const place = (url = server.url) => ({
    config: { url, sentinelName: 'mymaster', required: true },
    log: silentLog,
    image: writeImage,
  })
  return {
    get server() {
      return server
    },
    get raw() {
      return raw
    },
    place,
    open: (cluster, url) => openRedisStore({ ...place(url), cluster }),
    newCluster: () => `c${++clusters}`,
  }
}
