import type { Environment } from '../../config/load.ts'
import type { Config, RedisConfig } from '../../config/schema.ts'
import { toOrchError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import { aboutClock, examineRedisPlace } from '../../store/redis/connection/examine.ts'
import { describePlace, redisPlace } from '../store/redis-place.ts'
import type { Finding } from './finding.ts'

const name = 'redis'

/** The Redis that is configured, with connections of doctor's own: no daemon need be there. */
export async function examineSharedStore(
  environment: Pick<Environment, 'env'>,
  config: Config & { redis: RedisConfig },
): Promise<Finding[]> {
  const { redis, cluster } = config
  try {
    const facts = await examineRedisPlace(redisPlace(environment, config, silentLog))
    const found = `${facts.name}, ${describePlace(redis)}, cluster ${cluster}, answers in ${facts.latency.toFixed(1)} ms`
    const troubles = [...facts.troubles, ...aboutClock(facts.clockOffset)]
    return [
      { name, state: 'ok', found },
      ...troubles.map(({ level, what, fix }): Finding => ({ name, state: level, found: what, fix })),
    ]
  } catch (thrown) {
    const { code, message, fix } = toOrchError(thrown)
    const alone = code === 'E_STORE_DOWN' && !redis.required
    const found = `${describePlace(redis)}: ${message}`
    if (!alone) return [{ name, state: 'fail', found, fix }]
    return [
      {
        name,
        state: 'warn',
        found: `${found}; orchd starts with the embedded store (redis.required: false)`,
        fix,
      },
    ]
  }
}
