-- Claims deadlines that are due, for two seconds: only who commits the work removes them. Those of calls that are over are removed here.
-- ARGV[1]: 1 ledger  2 most  3 claim microseconds  4 grace  5 oldest tick microseconds
-- Returns {"ok", {zset, member, score, call}...} or {"ledger", raw}.
local raw = redis.call('GET', KEYS[1])
local ledger = known(raw, a[1])
if not ledger then return {'ledger', raw} end
local now = micros()
local function due(zset, limit)
  return redis.call('ZRANGEBYSCORE', base .. zset, '-inf', now, 'LIMIT', 0, limit)
end
write_gently()
local sets = {h = due('h', a[2])}
local gap = now - ledger[4]
if gap > a[5] or gap < 0 then ledger[5] = math.max(ledger[5], now + a[4]) end
if now >= ledger[5] then sets.d = due('d', a[2]) end
if gap > a[5] / 3 or gap < 0 then
  ledger[4] = now
  redis.call('SET', KEYS[1], cmsgpack.pack(ledger), 'PX', TTL)
end
local claimed = {'ok'}
for zset, members in pairs(sets) do
  local over = {}
  for _, member in ipairs(members) do
    local call_raw = redis.call('GET', base .. 'c:' .. string.match(member, '^%a:([^:]*):'))
    local call = read_call(call_raw)
    if call and call[3] ~= 'ended' then
      redis.call('ZADD', base .. zset, now + a[3], member)
      claimed[#claimed + 1] = {zset, member, now + a[3], call_raw}
    else
      over[#over + 1] = member
    end
  end
  if #over > 0 then redis.call('ZREM', base .. zset, unpack(over)) end
end
return claimed
