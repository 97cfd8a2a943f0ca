import type { Redis } from 'ioredis'
import { storeError } from './failure.ts'
import type { Trouble } from './trouble.ts'

/** One of each kind that the store uses, on keys of its own that go again. */
const PROBES = `
local key = KEYS[1]
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err and (string.find(answer.err, 'permission') or string.find(answer.err, 'user executing the script')) then return answer.err end
end
local probes = {
  { 'SET', key, '1', 'PX', '1000' }, { 'GETDEL', key }, { 'INCR', key }, { 'DEL', key },
  { 'HSET', key, 'a', '1' }, { 'HMGET', key, 'a' }, { 'DEL', key },
  { 'ZADD', key, '1', 'a' }, { 'ZRANGE', key, '0', '-1' }, { 'DEL', key },
  { 'RPUSH', key, 'a' }, { 'PEXPIRE', key, '1000' }, { 'LRANGE', key, '0', '-1' }, { 'LPOP', key }, { 'DEL', key },
  { 'PUBSUB', 'NUMSUB', key },
  { 'SADD', key, 'a' }, { 'SMEMBERS', key }, { 'DEL', key },
  { 'XADD', key, '1-0', 'a', '1' }, { 'XRANGE', key, '-', '+' }, { 'XTRIM', key, 'MAXLEN', '0' }, { 'UNLINK', key },
  { 'TIME' }, { 'INFO', 'server' },
}
for _, probe in ipairs(probes) do
  local err = try(unpack(probe))
  if err then return probe[1] .. ': ' .. err end
end
return false`

/** What the user may not do that the store needs: commands, keys, channels. @throws OrchError E_STORE_DOWN */
export async function lackingRights(redis: Redis, prefix: string): Promise<Trouble[]> {
  const probes: (() => Promise<unknown>)[] = [
    async () => {
      const err = await redis.eval(PROBES, 1, `${prefix}probe`)
      if (err) throw new Error(`NOPERM ${String(err).replace('ERR ', '')}`)
    },
    () => redis.publish(`${prefix}probe`, ''),
    () => redis.script('EXISTS', '0'.repeat(40)),
  ]
  for (const probe of probes) {
    const error: Error | undefined = await probe().then(
      () => undefined,
      (thrown) => thrown,
    )
    if (!error) continue
    if (error.message.startsWith('NOPERM')) return [lacking(error.message, prefix)]
    // Full, read-only or short of disk: said elsewhere, and no question of rights.
    if (!/^(?:OOM|READONLY|MISCONF)/.test(error.message)) throw storeError(error)
  }
  return []
}

const lacking = (message: string, prefix: string): Trouble => ({
  level: 'fail',
  what: `the user may not do what the store needs: ${message}`,
  fix: `ACL SETUSER NAME on >PASSWORD ~${prefix}* &${prefix}* +@all -@admin -@dangerous +info`,
  code: 'E_CONFIG',
})
