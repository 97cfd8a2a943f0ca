import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { OrchError } from '../../../errors.ts'

/** Blocking reads let others through every two seconds: one that answers much later has lost its connection without a word. */
const SILENT_MS = 10_000
const AGAIN_MS = 100

/** What a connection was asked when it broke is never answered (ioredis drops it); one that says nothing at all is made anew. */
export async function answered<T>(redis: Redis, asked: Promise<T>): Promise<T> {
  const broken = Promise.withResolvers<never>()
  const end = () => broken.reject(new OrchError('E_STORE_DOWN', 'the connection to Redis broke'))
  const timer = setTimeout(() => redis.disconnect(true), SILENT_MS)
  redis.once('close', end)
  try {
    return await Promise.race([asked, broken.promise])
  } finally {
    clearTimeout(timer)
    redis.off('close', end)
  }
}

/** Before the next try. */
export const pause = async (signal: AbortSignal) => {
  await sleep(AGAIN_MS, undefined, { signal }).catch(() => {})
}
