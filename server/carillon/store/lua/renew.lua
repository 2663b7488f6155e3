-- A pod renews its lease, learns Redis time, and keeps the ledger: the first to meet another Redis (or an emptied one) begins a new one.
-- ARGV[1]: 1 ledger held or ""  2 pod  3 sharded  4 new ledger id  5 grace  6 lease microseconds  7 connections  8 registering  9 format
--   10 microseconds for which, after a loss, what is not found is waited for
-- Returns {now, ledger, lowest format among live pods, live pods, new?, connections of all live pods}.
local raw = redis.call('GET', KEYS[1])
local ledger = read(raw)
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local now = micros()
local others = redis.call('HGETALL', base .. 'pods')
local fresh = 0
if not ledger then
  local lost = a[1] ~= ''
  ledger, fresh = {FORMAT, a[4], run_id, now, lost and now + a[5] or 0, lost and now + a[10] or 0}, 1
elseif ledger[3] ~= run_id then
  ledger, fresh = {FORMAT, a[4], run_id, now, now + a[5], now + a[10]}, 1
elseif a[1] ~= '' and a[1] ~= ledger[2] then
  ledger[5], ledger[6], fresh = math.max(ledger[5], now + a[5]), math.max(ledger[6] or 0, now + a[10]), 1
end
local changed = fresh == 1
-- While a pod still says its users again, at most until the hold ends, what is not found is waited for.
if a[8] and (ledger[6] or 0) > 0 and now < ledger[5] then
  ledger[6], changed = math.max(ledger[6], math.min(now + a[10], ledger[5])), true
end
write_gently()
if changed then redis.call('SET', KEYS[1], cmsgpack.pack(ledger), 'PX', TTL) end
local lowest, live, connections, dead = a[9], 1, a[7], {}
for i = 1, #others, 2 do
  local lease = read(others[i + 1])
  if others[i] ~= a[2] then
    if lease[2] > now then
      live, lowest, connections = live + 1, math.min(lowest, lease[5]), connections + lease[3]
    elseif lease[2] + 900000000 < now then
      dead[#dead + 1] = others[i]
    end
  end
end
if #dead > 0 then redis.call('HDEL', base .. 'pods', unpack(dead)) end
redis.call('HSET', base .. 'pods', a[2], cmsgpack.pack({FORMAT, now + a[6], a[7], a[8], a[9]}))
redis.call('PEXPIRE', base .. 'pods', TTL)
-- A member that never falls due keeps both sets in being, so that no commit makes one that has no expiry.
for _, zset in ipairs({'d', 'h'}) do
  redis.call('ZADD', base .. zset, '+inf', 'z')
  redis.call('PEXPIRE', base .. zset, TTL)
end
send(a[3], a[2], {'t', '', 0, 0, 0, '', 0, ''}, '')
return {now, cmsgpack.pack(ledger), lowest, live, fresh, connections}
