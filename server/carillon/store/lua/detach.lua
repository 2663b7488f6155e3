-- A connection is gone. Does nothing unless it still is the user's current one.
-- ARGV[1]: 1 ledger  2 pod  3 sharded  4 user  5 generation  6 lost (else left)  7 grace microseconds
--   8 undo {previous pod, previous generation} or {}: the socket died while it attached  9 revision last told on it
-- Returns {"ok"}, {"stale"} or {"ledger", raw}.
local user = a[4]
local got = redis.call('MGET', KEYS[1], base .. 'p:' .. user, base .. 'r:' .. user)
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local presence, reservation = read(got[2]), read(got[3])
if not presence or presence[4] ~= a[5] or presence[3] ~= a[2] then return {'stale'} end
local now = micros()
local call = reservation and reservation[2] ~= '' and read_call(redis.call('GET', base .. 'c:' .. reservation[2]))
write_gently()
presence[3], presence[7], presence[8] = '', a[6] and now or 0, a[9]
redis.call('SET', base .. 'p:' .. user, cmsgpack.pack(presence), 'PX', TTL)
if not a[6] and reservation and reservation[4] ~= '' then
  reservation[4] = ''
  redis.call('SET', base .. 'r:' .. user, cmsgpack.pack(reservation), 'PX', TTL)
end
if call and call[3] ~= 'ended' then
  if call[3] == 'accepted' or call[4] == user then
    redis.call('ZADD', base .. 'd', now + a[7], 'l:' .. reservation[2] .. ':' .. user)
  end
  local other = call[4] == user and call[5] or call[4]
  local peer = read(redis.call('GET', base .. 'p:' .. other))
  if placed(peer, a[2], now, ledger) then
    send(a[3], peer[3], {'p', other, peer[4], 0, call[2], '', presence[4], presence[5]}, '')
  end
end
if a[8][1] then send(a[3], a[8][1], {'u', user, a[8][2], 0, 0, '', 0, ''}, '') end
return {'ok'}
