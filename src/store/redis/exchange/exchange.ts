import type { Exchange } from '../../store.ts'
import { examineRedis } from '../connection/examine.ts'
import type { Closing, RedisTools } from '../tools.ts'
import { createBytes } from './bytes.ts'
import { createCalls } from './calls.ts'
import { createPulse } from './pulse.ts'

interface DutyInput {
  name: string
  host: string
  now: number
  until: string
}

const DUTY = `
local key = P .. 'duty:' .. A.name
local held = redis.call('HMGET', key, 'host', 'until')
if held[1] and held[1] ~= A.host and tonumber(held[2]) > A.now then return 'false' end
redis.call('HSET', key, 'host', A.host, 'until', A['until'])
return 'true'`

/** Calls, bytes, duties and the pulse of the connection. `begin` asks the clock for the first time. */
export function createExchange(tools: RedisTools): Exchange & Closing & { begin(): Promise<void> } {
  const pulse = createPulse(tools)
  const calls = createCalls(tools, tools.life.now)
  const takeDuty = tools.scripts.define<DutyInput, boolean>('orchDuty', [], DUTY, { evenWhenFull: true })
  return {
    ...createBytes(tools),
    call: calls.call,
    answer: calls.answer,
    duty: (name, host, now, ms) => takeDuty({ name, host, now, until: String(now + ms) }),
    begin: pulse.begin,
    reach: pulse.reach,
    onReach: pulse.onReach,
    clockOffset: pulse.clockOffset,
    async troubles() {
      const { troubles } = await examineRedis(tools.redis, tools.prefix)
      return troubles.map(({ level, what, fix }) => ({ level, what, fix }))
    },
    async close() {
      await Promise.all([calls.close(), pulse.close()])
    },
  }
}
