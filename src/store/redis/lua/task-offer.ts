/**
 * The best task that the host may take, reserved for it until `reserve`, so that hosts do not fight for one. Nothing: none is
 * due; `"more"`: more became due than goes into one piece, ask again.
 *
 * Input: now, reserve; `except`: repositories by name; `offers`: what the host has, by name.
 */
export const OFFER_TASK = `
local PIECE = 200
if A.now < tonumber(redis.call('GET', P .. 'hold') or 0) then return nil end
local function back(id)
  local at = redis.call('HMGET', P .. 'task:' .. id, 'state', 'lane', 'score', 'due', 'waits')
  if at[1] == 'queued' then enqueue(id, at[2], at[3], tonumber(at[4]), tonumber(at[5])) end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'reserved', '-inf', A.now, 'LIMIT', 0, PIECE)) do
  redis.call('ZREM', P .. 'reserved', id)
  back(id)
end
local due = redis.call('ZRANGEBYSCORE', P .. 'delayed', '-inf', A.now, 'LIMIT', 0, PIECE)
for _, id in ipairs(due) do
  redis.call('ZREM', P .. 'delayed', id)
  local at = redis.call('HMGET', P .. 'task:' .. id, 'lane', 'score')
  if at[1] then lane_add(id, at[1], at[2]) end
end
if #due == PIECE then return '"more"' end

local function suits(lane)
  local needs = cjson.decode(lane)
  if A.except[needs[1]] then return false end
  if not A.offers then return true end
  for n = 2, #needs do
    if not A.offers[needs[n]] then return false end
  end
  return true
end
-- Another host whose clock is ahead may have found due what is not due yet by this one's.
local function take(lane)
  while true do
    local first = redis.call('ZPOPMIN', P .. 'lane:' .. lane)
    lane_left(lane)
    if not first[1] then return nil end
    local at = redis.call('HMGET', P .. 'task:' .. first[1], 'state', 'due')
    if at[1] == 'queued' then
      if tonumber(at[2]) <= A.now then return first[1] end
      redis.call('ZADD', P .. 'delayed', at[2], first[1])
    end
  end
end
for from = 0, 1000000, 50 do
  local lanes = redis.call('ZRANGE', P .. 'lanes', from, from + 49)
  for _, lane in ipairs(lanes) do
    local id = suits(lane) and take(lane)
    if id then
      redis.call('ZADD', P .. 'reserved', A.reserve, id)
      return task_row(id)
    end
  end
  if #lanes < 50 then return nil end
end
`

/** Gives a reservation back. */
export const RELEASE_TASK = `
if redis.call('ZREM', P .. 'reserved', A.id) == 0 then return end
local at = redis.call('HMGET', P .. 'task:' .. A.id, 'lane', 'score', 'due', 'waits')
if at[1] then enqueue(A.id, at[1], at[2], tonumber(at[3]), tonumber(at[4])) end
`
