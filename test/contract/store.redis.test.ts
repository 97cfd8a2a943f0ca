import { redisHere } from '../support/redis-here.ts'
import { storeContract } from './store.ts'

const redis = redisHere()

storeContract('redis', async () => {
  const cluster = redis.newCluster()
  let store = await redis.open(cluster)
  const reopen = async () => {
    await store.close()
    store = await redis.open(cluster)
    return store
  }
  return { store, reopen, dispose: () => store.close() }
})
