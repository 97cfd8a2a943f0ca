import type { Redis } from 'ioredis'
import type { Log } from '../../log.ts'
import type { Connection } from './connection/connection.ts'
import type { Life } from './script/life.ts'
import type { Scripts } from './script/script.ts'

/** What every part of the Redis store works with. */
export interface RedisTools {
  redis: Redis
  scripts: Scripts
  connection: Connection
  /** Of all keys: `{CLUSTER}:`. Redis Cluster keeps keys with the same hash tag together. */
  prefix: string
  life: Life
  log: Log
}

/** What a part has to let go of when the store closes. */
export interface Closing {
  close(): Promise<void>
}
