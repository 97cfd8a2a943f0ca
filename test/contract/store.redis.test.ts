import { afterAll, beforeAll } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openRedisStore } from '../../src/store/redis/redis.ts'
import { writeImage } from '../../src/store/sqlite/image.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'
import { storeContract } from './store.ts'

let server: RedisServer
let clusters = 0
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.dispose())

storeContract('redis', async () => {
  const config = { url: server.url, sentinelName: 'mymaster', required: true }
  const place = { config, image: writeImage, cluster: `c${++clusters}`, log: silentLog }
  let store = await openRedisStore(place)
  const reopen = async () => {
    await store.close()
    store = await openRedisStore(place)
    return store
  }
  return { store, reopen, dispose: () => store.close() }
})
