import { readFile } from 'node:fs/promises'
import type { Redis, RedisOptions } from 'ioredis'
import type { RedisConfig } from '../../../config/schema.ts'
import { OrchError } from '../../../errors.ts'
import type { Log } from '../../../log.ts'
import { storeError } from './failure.ts'
import { withinTime } from './within.ts'

export interface RedisPlace {
  config: RedisConfig
  /** Value of the variable that `config.password` names. */
  password?: string | undefined
  log: Log
}

/** One connection for what is asked, others for what blocks or listens. */
export interface Connection {
  redis: Redis
  /**
   * Another one to the same place, for blocking reads and subscriptions. Ended with all others. What it was asked when it broke
   * is asked again, unless that `takes` something: who would get it? @throws OrchError E_STORE after `end`
   */
  another(name: string, takes?: 'takes'): Redis
  /** Gives up all that are there and makes them anew. */
  again(): void
  /** Ends all; resolves when it is at its end and says so. Safe to call twice. */
  end(): Promise<void>
}

/** What waits longer for its answer is given up: it may have been done. */
const ANSWER_MS = 10_000
const CONNECT_MS = 5_000
/** Blocking reads let others through more often. */
const ALIVE_MS = 5_000
const END_MS = 1_000
const ANEW_MS = 200
/** Sentinels that cannot be reached are asked on and on: so long at start. */
const START_MS = 12_000

const silence = () =>
  new OrchError('E_STORE_DOWN', `Redis cannot be reached: no answer within ${START_MS} ms`)

/**
 * Connects. Later losses are mended by themselves: what is asked meanwhile fails at once with E_STORE_DOWN.
 * @throws OrchError E_PROGRAM_MISSING (ioredis is not installed), E_STORE_DOWN, E_CONFIG (a certificate cannot be read)
 */
export async function connectRedis(place: RedisPlace): Promise<Connection> {
  const { Redis } = await import('ioredis').catch((cause) => {
    throw new OrchError('E_PROGRAM_MISSING', 'the package ioredis is not installed; Redis needs it', {
      cause,
      fix: 'npm install -g ioredis@6.0.0 (beside orch), or remove the setting redis.',
    })
  })
  const options = await optionsOf(place)
  const all: Redis[] = []
  const open = (connectionName: string, more: RedisOptions): Redis => {
    const { url } = place.config
    const own = { ...options, ...more, connectionName }
    const redis = url ? new Redis(url, own) : new Redis(own)
    redis.on('error', (error) =>
      place.log.debug('redis', { connection: connectionName, error: error.message }),
    )
    redis.on('end', () => connectAnew(redis))
    all.push(redis)
    return redis
  }
  const timers: NodeJS.Timeout[] = []
  let ended = false
  /** ioredis gives a connection up for good when it is to be made anew while Sentinels are still asked where. */
  const connectAnew = (redis: Redis) => {
    const again = () => {
      if (!ended && redis.status === 'end') redis.connect().catch(() => {})
    }
    if (!ended) timers.push(setTimeout(again, ANEW_MS).unref())
  }
  const end = async () => {
    ended = true
    for (const timer of timers) clearInterval(timer)
    for (const redis of all) redis.disconnect()
    await atItsEnd(all[0])
  }
  const redis = open('orch', { commandTimeout: ANSWER_MS, enableAutoPipelining: true })
  let trouble: Error | undefined
  const note = (error: Error) => {
    trouble = error
  }
  redis.on('error', note)
  try {
    await withinTime(redis.connect(), START_MS, silence)
  } catch (error) {
    void end()
    throw noWay(trouble ?? error)
  }
  redis.off('error', note)
  return {
    redis,
    another(name, takes) {
      if (ended) throw new OrchError('E_STORE', 'the store is closed')
      const other = open(`orch-${name}`, {
        lazyConnect: false,
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        autoResendUnfulfilledCommands: !takes,
      })
      timers.push(setInterval(() => void proveAlive(other), ALIVE_MS).unref())
      return other
    },
    again: () => {
      for (const it of all) it.disconnect(true)
    },
    end,
  }
}

/** Until then it says that it is not writeable, as if it were lost. */
async function atItsEnd(redis: Redis | undefined): Promise<void> {
  if (!redis || redis.status === 'end' || redis.status === 'wait') return
  const ended = new Promise<void>((resolve) => redis.once('end', resolve))
  await withinTime(ended, END_MS, silence).catch(() => {})
}

/**
 * What only listens would never know that the other end is gone without a word: a firewall forgets who is silent. So it may be
 * gone before it has answered at all, while the connection is made (`connect`).
 */
async function proveAlive(redis: Redis): Promise<void> {
  if (redis.status !== 'ready' && redis.status !== 'connect') return
  await withinTime(redis.ping(), ALIVE_MS, silence).catch((error) => {
    if (error instanceof OrchError) redis.disconnect(true)
  })
}

/** Whatever goes wrong before the first answer (TLS says it in many ways): there is no store to be had. */
function noWay(thrown: unknown): OrchError {
  const error = storeError(thrown)
  if (error.code !== 'E_STORE') return error
  const said = error.cause instanceof Error ? error.cause.message : error.message
  const cause = { cause: error.cause }
  return new OrchError('E_STORE_DOWN', `Redis cannot be reached: ${said.replace(/\.$/, '')}`, cause)
}

async function optionsOf({ config, password }: RedisPlace): Promise<RedisOptions> {
  const tls = await tlsOf(config)
  return {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    keepAlive: 5_000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 6), 1_000),
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    ...(config.username && { username: config.username }),
    ...(password && { password }),
    ...(tls && { tls }),
    ...(config.sentinels && {
      sentinels: config.sentinels.map((it) => ({
        host: it.slice(0, it.lastIndexOf(':')),
        port: Number(it.slice(it.lastIndexOf(':') + 1)),
      })),
      name: config.sentinelName,
      failoverDetector: true,
      sentinelCommandTimeout: CONNECT_MS,
      sentinelRetryStrategy: (times: number) => Math.min(100 * times, 1_000),
    }),
  }
}

async function tlsOf({ url, tls, ca, cert, key }: RedisConfig): Promise<RedisOptions['tls']> {
  if (!tls && !ca && !cert && !url?.startsWith('rediss:')) return undefined
  const read = async (file: string) =>
    await readFile(file).catch((cause) => {
      throw new OrchError('E_CONFIG', `cannot read ${file} (setting redis): ${cause.message}`, { cause })
    })
  return {
    ...(ca && { ca: await read(ca) }),
    ...(cert && { cert: await read(cert) }),
    ...(key && { key: await read(key) }),
  }
}
