import type { Environment } from '../../config/load.ts'
import { withoutPassword } from '../../config/redact.ts'
import type { Config, RedisConfig } from '../../config/schema.ts'
import { OrchError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { RedisPlace } from '../../store/redis/connection/connection.ts'

/**
 * Where Redis is, and with which password. @throws OrchError E_CONFIG: the variable with the password is not there, or there
 * is none although others can reach that Redis
 */
export function redisPlace(
  environment: Pick<Environment, 'env'>,
  { redis, cluster }: Config & { redis: RedisConfig },
  log: Log,
): RedisPlace & { cluster: string } {
  const password = passwordOf(redis, environment.env)
  if (!password && !(redis.url && new URL(redis.url).password)) refuseOpen(redis)
  return { config: redis, cluster, log, ...(password && { password }) }
}

function passwordOf({ password: name }: RedisConfig, env: Environment['env']): string | undefined {
  if (!name || env[name]) return name && env[name]
  throw new OrchError('E_CONFIG', `the variable ${name}, which redis.password names, is not set`, {
    fix: `Set ${name} where orchd is started (for a service: in its environment file), or correct redis.password.`,
  })
}

/** Whoever can write to the store can have any program run on every host. */
function refuseOpen(redis: RedisConfig): void {
  const open = hostsOf(redis).find((host) => !isLoopback(host))
  if (!open) return
  throw new OrchError(
    'E_CONFIG',
    `Redis on ${open} has no password: whoever reaches it could run programs here`,
    {
      fix: 'Give Redis a password or an ACL user (docs/redis.md), and name the variable that holds it: redis.password.',
    },
  )
}

function hostsOf({ url, sentinels = [] }: RedisConfig): string[] {
  return url ? [new URL(url).hostname] : sentinels.map((it) => it.slice(0, it.lastIndexOf(':')))
}

const isLoopback = (host: string) =>
  /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host) || host === ''

/** For the eyes of people: without a secret. */
export const describePlace = ({ url, sentinels, sentinelName }: RedisConfig): string =>
  url ? withoutPassword(url) : `${sentinelName} by the Sentinels ${sentinels?.join(', ')}`
