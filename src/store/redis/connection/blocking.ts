import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { OrchError } from '../../../errors.ts'

/** Blocking reads let others through every two seconds: one that answers much later has lost its connection without a word. */
const SILENT_MS = 10_000
const AGAIN_MS = 100

/**
 * What a connection was asked when it broke is never answered (ioredis drops it); one that says nothing at all is made anew.
 * Nothing is asked before it is ready: it would wait in line, and be answered when nobody waits for it any more. Ends with
 * `signal` too: a connection that is ended while it is lost tells nobody.
 */
export async function answered<T>(redis: Redis, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const broken = Promise.withResolvers<never>()
  const ready = Promise.withResolvers<void>()
  const end = () => broken.reject(new OrchError('E_STORE_DOWN', 'the connection to Redis broke'))
  const timer = setTimeout(() => redis.disconnect(true), SILENT_MS)
  redis.once('close', end).once('ready', ready.resolve)
  signal.addEventListener('abort', end)
  try {
    if (redis.status !== 'ready') await Promise.race([ready.promise, broken.promise])
    return await Promise.race([ask(), broken.promise])
  } finally {
    clearTimeout(timer)
    redis.off('close', end).off('ready', ready.resolve)
    signal.removeEventListener('abort', end)
  }
}

/** Before the next try. */
export const pause = async (signal: AbortSignal) => {
  await sleep(AGAIN_MS, undefined, { signal }).catch(() => {})
}
