import type { Redis } from 'ioredis'
import { OrchError } from '../../../errors.ts'
import { createClockOffset } from './clock-offset.ts'
import { connectRedis, type RedisPlace } from './connection.ts'
import { storeError } from './failure.ts'
import { lackingRights } from './rights.ts'
import type { Trouble } from './trouble.ts'

/** What Redis tells of itself (INFO) that matters to those who trust it with their tasks. */
export interface RedisFacts {
  /** `Redis 7.0.15`. */
  name: string
  /** ms of a round trip. */
  latency: number
  /** How far the clock of this machine is behind, in ms. */
  clockOffset: number
  troubles: Trouble[]
}

const OLDEST = 7
const SLOW_MS = 50
const NEARLY_FULL = 0.9
const WRONG_CLOCK_MS = 2_000

/** @throws OrchError E_STORE_DOWN */
export async function examineRedis(redis: Redis, prefix: string): Promise<RedisFacts> {
  const info = await ask(redis)
  const { latency, clockOffset } = await compareClocks(redis)
  const fsync = await redis.config('GET', 'appendfsync').catch(() => undefined) // an ACL user need not have it
  const troubles = [
    ...aboutVersion(info),
    ...aboutRole(info),
    ...aboutFailover(info),
    ...aboutEviction(info),
    ...aboutMemory(info),
    ...aboutDurability(info, (fsync as string[] | undefined)?.[1]),
    ...(await lackingRights(redis, prefix)),
    ...(latency > SLOW_MS ? [slow(latency)] : []),
  ]
  return { name: `${product(info)} ${versionOf(info)}`, latency, clockOffset, troubles }
}

/** The same from outside, with connections of its own. @throws OrchError E_STORE_DOWN, E_PROGRAM_MISSING, E_CONFIG */
export async function examineRedisPlace(place: RedisPlace & { cluster: string }): Promise<RedisFacts> {
  const connection = await connectRedis(place)
  try {
    return await examineRedis(connection.redis, `{${place.cluster}}:`)
  } finally {
    await connection.end()
  }
}

/** @throws OrchError for the first trouble that a store cannot be opened with. */
export function refuseTroubles({ troubles }: RedisFacts): void {
  const worst = troubles.find(({ level }) => level === 'fail')
  if (worst) throw new OrchError(worst.code ?? 'E_STORE', worst.what, { fix: worst.fix })
}

/** The fastest of a few round trips. */
async function compareClocks(redis: Redis): Promise<Pick<RedisFacts, 'latency' | 'clockOffset'>> {
  const offset = createClockOffset()
  let latency = Number.POSITIVE_INFINITY
  for (let round = 0; round < 3; round++) {
    const [sent, from] = [Date.now(), performance.now()]
    const [seconds, micros] = await redis.time().catch((error) => {
      throw storeError(error)
    })
    const took = performance.now() - from
    latency = Math.min(latency, took)
    offset.sample(sent, took, Number(seconds) * 1_000 + Number(micros) / 1_000)
  }
  return { latency, clockOffset: offset.value() }
}

type Info = Record<string, string>

async function ask(redis: Redis): Promise<Info> {
  const text = await redis.info().catch((error) => {
    throw storeError(error)
  })
  const lines = text.split('\r\n').filter((line) => line.includes(':') && !line.startsWith('#'))
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

const product = (info: Info) => (info.valkey_version ? 'Valkey' : 'Redis')
const versionOf = (info: Info) => info.valkey_version ?? info.redis_version ?? '0'

/** Valkey says `redis_version:7.2.4` for those who ask. */
function aboutVersion(info: Info): Trouble[] {
  if (Number.parseInt(versionOf(info), 10) >= OLDEST) return []
  const what = `${product(info)} ${versionOf(info)} is too old: ${OLDEST}.0 or newer is needed`
  return [
    { level: 'fail', what, fix: `Update Redis to ${OLDEST} or newer, or use Valkey.`, code: 'E_PROGRAM_OLD' },
  ]
}

function aboutRole(info: Info): Trouble[] {
  if (info.role === 'master') return []
  const of = info.master_host ? ` of ${info.master_host}:${info.master_port}` : ''
  return [
    {
      level: 'fail',
      what: `this Redis is a replica${of}: nothing can be written to it`,
      fix: 'Name the primary in the setting redis, or its Sentinels (redis.sentinels), which know it.',
      code: 'E_CONFIG',
    },
  ]
}

/** A primary that nobody follows any more may be one of two: what it still confirms is lost with it. */
function aboutFailover(info: Info): Trouble[] {
  if (!(Number(info.connected_slaves) > 0) || 'min_slaves_good_slaves' in info) return []
  return [
    {
      level: 'warn',
      what: 'this Redis has replicas and takes writes also when it is cut off from them: after a failover two hosts could work on one task',
      fix: 'CONFIG SET min-replicas-to-write 1 and min-replicas-max-lag 10 (less than down-after-milliseconds of the Sentinels), and the same in redis.conf.',
    },
  ]
}

function aboutEviction(info: Info): Trouble[] {
  const policy = info.maxmemory_policy ?? 'noeviction'
  if (policy === 'noeviction') return []
  const fix = 'CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.'
  if (policy.startsWith('volatile'))
    return [{ level: 'warn', what: `maxmemory-policy is ${policy}: bundles of commits may go early`, fix }]
  if (info.maxmemory === '0')
    return [
      { level: 'warn', what: `maxmemory-policy is ${policy}: tasks would vanish if maxmemory were set`, fix },
    ]
  const what = `maxmemory-policy is ${policy}: Redis throws tasks and messages away when it is full`
  return [{ level: 'fail', what, fix, code: 'E_CONFIG' }]
}

function aboutMemory(info: Info): Trouble[] {
  const [used, most] = [Number(info.used_memory), Number(info.maxmemory)]
  if (!(most > 0) || used < most * NEARLY_FULL) return []
  const percent = Math.round((used / most) * 100)
  const what = `Redis is ${used < most ? 'nearly ' : ''}full: ${percent} % of ${megabytes(most)} MB (maxmemory)`
  return [{ level: 'warn', what, fix: 'Raise maxmemory, or keep less: journalDays, taskDays, messageDays.' }]
}

function aboutDurability(info: Info, fsync: string | undefined): Trouble[] {
  const troubles: Trouble[] = []
  const warn = (what: string, fix: string) => troubles.push({ level: 'warn', what, fix })
  if (info.aof_enabled !== '1')
    warn(
      'Redis keeps no append-only file: what was done since its last snapshot is lost when it ends',
      'CONFIG SET appendonly yes, and the same in redis.conf.',
    )
  else if (fsync === 'no')
    warn(
      'appendfsync is no: a crash of the machine can lose half a minute',
      'CONFIG SET appendfsync everysec (or always).',
    )
  if (info.aof_enabled === '1' && info.aof_last_write_status === 'err')
    warn(
      'Redis cannot write its append-only file',
      'Look at its disk and its log; until then it refuses writes.',
    )
  if (info.rdb_last_bgsave_status === 'err')
    warn(
      'the last snapshot of Redis failed',
      'Look at its disk and its log (stop-writes-on-bgsave-error refuses writes).',
    )
  return troubles
}

/** Leases mean the same to all all the same, but times in the journal and of files do not. */
export function aboutClock(offset: number): Trouble[] {
  if (Math.abs(offset) < WRONG_CLOCK_MS) return []
  const what = `the clock of this machine is ${Math.abs(Math.round(offset / 1_000))} s ${offset > 0 ? 'behind' : 'ahead of'} that of Redis`
  return [{ level: 'warn', what, fix: 'Let the clocks of all hosts be set by NTP; Orch corrects its own.' }]
}

const slow = (latency: number): Trouble => ({
  level: 'warn',
  what: `Redis takes ${Math.round(latency)} ms to answer`,
  fix: 'Every step of every task waits for it several times: bring Redis nearer, or see what keeps it busy (SLOWLOG).',
})

const megabytes = (bytes: number) => Math.round(bytes / 1024 ** 2)
