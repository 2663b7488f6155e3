-- Claims deadlines that are due, for two seconds: only who commits the work removes them. Those of calls that are over are removed here, in
-- bulk: a busy cell leaves far more of them than it has live ones, and they must not stand before these.
-- ARGV[1]: 1 ledger  2 most to claim of each kind  3 claim microseconds  4 grace  5 oldest tick microseconds
-- Returns {"ok", {zset, member, score, call, when it was due}...} or {"ledger", raw}.
local raw = redis.call('GET', KEYS[1])
local ledger = known(raw, a[1])
if not ledger then return {'ledger', raw} end
local now = micros()
local LOOK = 2000 -- members looked at; below what Lua unpacks, and some milliseconds of Redis at worst
local function due(zset)
  return redis.call('ZRANGEBYSCORE', base .. zset, '-inf', now, 'WITHSCORES', 'LIMIT', 0, LOOK)
end
write_gently()
local sets = {h = due('h')}
local gap = now - ledger[4]
if gap > a[5] then ledger[5] = math.max(ledger[5], now + a[4]) end
-- The clock went back: what it said of the end of a hold, it said too late.
if gap < 0 then ledger[5], ledger[6] = now + a[4], math.min(ledger[6] or 0, now + a[4]) end
if now >= ledger[5] then sets.d = due('d') end
if gap > a[5] / 3 or gap < 0 then
  ledger[4] = now
  redis.call('SET', KEYS[1], cmsgpack.pack(ledger), 'PX', TTL)
end
local claimed = {'ok'}
for zset, scored in pairs(sets) do
  local names, over, live = {}, {}, 0
  for i = 1, #scored, 2 do names[#names + 1] = base .. 'c:' .. string.match(scored[i], '^%a:([^:]*):') end
  local calls = #names > 0 and redis.call('MGET', unpack(names))
  for i = 1, #names do
    local member, call = scored[2 * i - 1], read_call(calls[i])
    if not call or call[3] == 'ended' then
      over[#over + 1] = member
    elseif live < a[2] then
      live = live + 1
      redis.call('ZADD', base .. zset, now + a[3], member)
      claimed[#claimed + 1] = {zset, member, now + a[3], calls[i], scored[2 * i]}
    end
  end
  if #over > 0 then redis.call('ZREM', base .. zset, unpack(over)) end
end
return claimed
