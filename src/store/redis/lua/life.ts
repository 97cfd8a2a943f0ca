/**
 * Begins every script, behind BASE: finds out whether Redis has forgotten what it had confirmed (it was restarted without its
 * last second, a replica that was behind took over, somebody emptied it). `ARGV[2]`: the highest seq that the caller has seen;
 * `ARGV[3]`: now; `ARGV[4]`: for how long nothing is claimed then, in ms. `NEWEST` is the newest seq.
 *
 * `life` tells of the Redis process that is there: `run`, its id; `from`, the seq that it came with; `to`, the one that it goes
 * on behind, so that no seq is used twice. Who has seen a seq between the two has seen one that is gone: `gap` has them until
 * the journal says so. `hold` is the time before which nobody may claim or take over a task: until
 * then a host may believe in a lease of which Redis knows nothing any more. It is by the clock of Redis: a host that has just
 * come does not know yet how far its own is off.
 */
export const LIFE = `
local SEEN, NOW, HOLD = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local NEWEST
local life_append, life_raised = append, false
append = function(e)
  NEWEST = life_append(e)
  return NEWEST
end
local function life_raise(seq, to)
  redis.call('HSET', P .. 'life', 'from', seq, 'to', to)
  redis.call('MSET', P .. 'seq', to, P .. 'gap', string.format('%.0f %.0f', seq, to))
  local held = tonumber(redis.call('GET', P .. 'hold') or 0)
  local till = redis.call('TIME')[1] * 1000 + 1000 + HOLD
  if till > held then redis.call('SET', P .. 'hold', till) end
  life_raised, NEWEST = true, to
end
local function life_check()
  local known = redis.call('MGET', P .. 'seq', P .. 'gap')
  NEWEST = tonumber(known[1] or 0)
  if SEEN > NEWEST then
    life_raise(NEWEST, SEEN + ${1_000_000})
    known[2] = redis.call('GET', P .. 'gap')
  end
  if not known[2] then return end
  local from, to = string.match(known[2], '(%d+) (%d+)')
  if SEEN <= tonumber(from) or SEEN >= tonumber(to) then return end
  redis.call('DEL', P .. 'gap')
  local facts = string.format('{"seen":%.0f,"from":%s,"to":%s}', SEEN, from, to)
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
