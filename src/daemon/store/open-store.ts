import type { RedisConfig } from '../../config/schema.ts'
import { type OrchError, toOrchError } from '../../errors.ts'
import { LEASE_MARGIN_MS } from '../../orchestrator/lease.ts'
import { openRedisStore } from '../../store/redis/redis.ts'
import { writeImage } from '../../store/sqlite/image.ts'
import { holdStoreFile } from '../../store/sqlite/lock.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'
import type { Reach, Store } from '../../store/store.ts'
import type { Setup } from '../lifecycle.ts'
import { describePlace, redisPlace } from './redis-place.ts'

/** What a person is told about the store that is open. */
export interface StoreFacts {
  kind: 'embedded' | 'redis'
  /** Only of the shared one. */
  cluster?: string
  /** Where it is; no secrets. */
  place?: string
  reach?: Reach
  /** Why the embedded store is in the place of Redis. */
  fallback?: string
  warnings: string[]
}

export interface OpenedStore {
  store: Store
  facts(): Promise<StoreFacts>
}

/**
 * Opens the store that is configured. Its lock comes first: it decides who is the daemon of this state directory, and it is
 * that of the embedded store also for a daemon that shares one.
 * @throws OrchError E_STORE_LOCKED when another daemon is there; E_STORE_DOWN, E_CONFIG, E_PROGRAM_OLD, E_PROGRAM_MISSING
 */
export async function openStore(setup: Setup): Promise<OpenedStore> {
  const { redis, cluster } = setup.config
  if (!redis) return await openEmbedded(setup)
  const place = redisPlace(setup.environment, { ...setup.config, redis }, setup.log)
  const free = await holdStoreFile(setup.paths.store)
  try {
    const leaseMs = setup.config.leaseSeconds * 1_000 + LEASE_MARGIN_MS
    const store = await openRedisStore({ ...place, image: writeImage, leaseMs })
    setup.log.info('store', { kind: 'redis', cluster, place: describePlace(redis) })
    return shared(store, { kind: 'redis', cluster, place: describePlace(redis) }, free)
  } catch (thrown) {
    free()
    const error = toOrchError(thrown)
    if (redis.required || error.code !== 'E_STORE_DOWN') throw refusal(error, redis)
    return await fallBack(setup, redis, error)
  }
}

async function openEmbedded({ paths, log }: Setup): Promise<OpenedStore> {
  const store = await openSqliteStore({ file: paths.store, log })
  return { store, facts: async () => ({ kind: 'embedded', warnings: [] }) }
}

function shared(
  store: Store,
  known: Pick<StoreFacts, 'kind' | 'cluster' | 'place'>,
  free: () => void,
): OpenedStore {
  const close = async () => {
    await store.close()
    free()
  }
  const warnings = rarely(async () => {
    const troubles = (await store.exchange?.troubles().catch(() => [])) ?? []
    return troubles.map(({ what, fix }) => `${what} (${fix})`)
  })
  return {
    store: { ...store, close },
    async facts() {
      const reach = store.exchange?.reach()
      return { ...known, ...(reach && { reach }), warnings: reach?.state === 'up' ? await warnings() : [] }
    },
  }
}

/** A status is watched each second. */
const REMEMBERED_MS = 10_000

function rarely<T>(ask: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined
  return () => {
    const at = performance.now()
    if (!last || at - last.at > REMEMBERED_MS) last = { at, answer: ask() }
    return last.answer
  }
}

/** Which Redis it was about: the message alone may name a port only. */
function refusal(error: OrchError, redis: RedisConfig): OrchError {
  if (error.code !== 'E_STORE_DOWN') return error
  const fix = `Start Redis (${describePlace(redis)}) or correct the setting redis; \`orch doctor\` examines it. redis.required: false works alone meanwhile.`
  return Object.assign(error, { fix })
}

/** The same daemon with the store of this machine: its tasks are other ones than those in Redis. */
async function fallBack(setup: Setup, redis: RedisConfig, { message }: OrchError): Promise<OpenedStore> {
  const { store } = await openEmbedded(setup)
  const fallback = `${message}; ${describePlace(redis)} is not used until orchd starts again`
  setup.log.warn('the embedded store is used instead of Redis', {
    reason: message,
    place: describePlace(redis),
  })
  return { store, facts: async () => ({ kind: 'embedded', fallback, warnings: [] }) }
}
