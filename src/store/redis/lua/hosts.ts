/**
 * What the scripts of the registry share: `rowOf(name)` gives a host as JSON strings (record, joinedAt, seenAt), `forget(name,
 * now)` removes one that was not heard of and says so in the journal, `rows(list)` makes the answer of several.
 */
export const HOSTS = `
local function key(name)
  return P .. 'host:' .. name
end
local function rowOf(name)
  return redis.call('HMGET', key(name), 'record', 'joinedAt', 'seenAt')
end
local function rows(list)
  if #list == 0 then return '[]' end
  return cjson.encode(list)
end
local function remove(name)
  redis.call('DEL', key(name))
  redis.call('ZREM', P .. 'hosts', name)
end
local function forget(name, now)
  local known = redis.call('HMGET', key(name), 'instance', 'seenAt')
  local who = cjson.encode({ host = name, instance = known[1] })
  local data = string.sub(who, 1, -2) .. ',"seenAt":' .. known[2] .. '}'
  remove(name)
  append({ 'host.lost', now, '', '', '', '', data })
end
`

export const BEAT = `
local known = redis.call('HMGET', key(A.name), 'instance', 'joinedAt', 'seenAt')
local joinedAt = known[2] or A.now
if known[1] and known[1] ~= A.instance then
  if tonumber(known[3]) > A.now - A.staleMs then
    refuse('E_HOST_TAKEN', 'a host named ' .. A.name .. ' is there already')
  end
  forget(A.name, A.now)
  known[1] = false
  joinedAt = A.now
end
if not known[1] then append(A.joined) end
local now = string.format('%d', A.now)
if joinedAt == A.now then joinedAt = now end
redis.call('HSET', key(A.name), 'instance', A.instance, 'record', A.record, 'joinedAt', joinedAt, 'seenAt', now)
redis.call('ZADD', P .. 'hosts', now, A.name)
return cjson.encode(rowOf(A.name))
`

export const LEAVE = `
if redis.call('HGET', key(A.name), 'instance') ~= A.instance then return nil end
remove(A.name)
append(A.left)
`

export const LIST = `
local list = {}
for _, name in ipairs(redis.call('ZRANGE', P .. 'hosts', 0, -1)) do list[#list + 1] = rowOf(name) end
return rows(list)
`

export const REMOVE_STALE = `
local list = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', P .. 'hosts', '-inf', '(' .. string.format('%d', A.before))) do
  list[#list + 1] = rowOf(name)
  forget(name, A.now)
end
return rows(list)
`
