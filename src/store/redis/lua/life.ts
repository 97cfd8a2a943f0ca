/**
 * Begins every script, behind BASE: finds out whether Redis has forgotten what it had confirmed (it was restarted without its
 * last second, a replica that was behind took over, somebody emptied it). `ARGV[2]`: the highest seq that the caller has seen;
 * `ARGV[3]`: now; `ARGV[4]`: for how long nothing is claimed then, in ms.
 *
 * `life` tells of the Redis process that is there: `run`, its id; `from`, the seq that it came with; `to`, the one that it goes
 * on behind, so that no seq is used twice; `told`, whether the journal says that events were lost. Who has seen a seq between
 * `from` and `to` has seen one that is gone. `hold` is the time before which nobody may claim or take over a task: until
 * then a host may believe in a lease of which Redis knows nothing any more.
 */
export const LIFE = `
local SEEN, NOW, HOLD = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local life_raised = false
local function life_raise(seq, to)
  redis.call('HSET', P .. 'life', 'from', seq, 'to', to, 'told', '0')
  redis.call('SET', P .. 'seq', to)
  local held = tonumber(redis.call('GET', P .. 'hold') or 0)
  if NOW + HOLD > held then redis.call('SET', P .. 'hold', NOW + HOLD) end
  life_raised = true
end
local function life_check()
  local seq = tonumber(redis.call('GET', P .. 'seq') or 0)
  if SEEN > seq then life_raise(seq, SEEN + ${1_000_000}) end
  local life = redis.call('HMGET', P .. 'life', 'from', 'to', 'told')
  if life[3] ~= '0' or SEEN <= tonumber(life[1]) or SEEN >= tonumber(life[2]) then return end
  redis.call('HSET', P .. 'life', 'told', '1')
  local facts = string.format('{"seen":%.0f,"from":%.0f,"to":%.0f}', SEEN, tonumber(life[1]), tonumber(life[2]))
  append({ 'store.regressed', string.format('%.0f', NOW), '', '', '', '', facts })
end
life_check()
`

/** The script of the pulse: what is there now? Another process than before begins a new life. */
export const PULSE = `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
local known = redis.call('HGET', P .. 'life', 'run')
if known ~= run then
  if known and not life_raised then
    local seq = tonumber(redis.call('GET', P .. 'seq') or 0)
    life_raise(seq, seq + ${1_000_000})
    life_check()
  end
  redis.call('HSET', P .. 'life', 'run', run)
end
local time = redis.call('TIME')
return string.format('{"time":%.3f}', time[1] * 1000 + time[2] / 1000)`
