-- A connection is gone. Does nothing unless it still is the user's current one.
-- ARGV[1]: 1 ledger  2 pod  3 sharded  4 user  5 generation, or 0: known by its attach id  6 lost (else left)  7 grace microseconds
--   8 attach id or ""  9 revision known to have been told on it, or -1: it never came to be, and who had the place before is asked to take it back
-- Returns {"ok"}, {"stale"} or {"ledger", raw}.
local user = a[4]
local got = redis.call('MGET', KEYS[1], base .. 'p:' .. user, base .. 'r:' .. user)
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local presence, reservation = read(got[2]), read(got[3])
local mine = presence and (a[5] > 0 and presence[4] == a[5] or a[5] == 0 and presence[6] == a[8])
local undone = a[9] < 0
if not mine or (presence[3] ~= a[2] and not (undone and presence[3] == '')) then return {'stale'} end
local now = micros()
local call = reservation and reservation[2] ~= '' and read_call(redis.call('GET', base .. 'c:' .. reservation[2]))
write_gently()
if presence[3] ~= '' then
  presence[3], presence[7] = '', a[6] and now or 0
  if not undone then presence[8] = a[9] end
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
end
if undone and (presence[9] or '') ~= '' then send(a[3], presence[9], {'u', user, presence[10], 0, 0, '', 0, ''}, '') end
return {'ok'}
