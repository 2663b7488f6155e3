-- A user's new connection takes their place; for v1 it is the resume as well.
-- ARGV[1]: 1 ledger  2 pod  3 sharded  4 user  5 kind ("v" | "r")  6 attach id  7 session or ""  8 epoch or ""  9 last_seq  10 n
--   11 lease microseconds  12 patient (what is not found yet is waited for)
--   13 generation of a connection that takes its place back, which it does from no later one; 0: a new connection
-- Returns {"ok", generation, now, previous pod, previous generation, reservation, call, peer's presence, peer has place, owed call,
--   epoch, session, seq, n, recovered, entries, the revision known to have been told before, or -1}, {"wait"}, {"stale"} or
--   {"ledger", raw}.
-- Asked again with the same attach id it answers the same: a session and an inbox that it begins are named after that, and are kept.
-- Nobody is kicked here: the new pod kicks the previous place once its own socket has answered.
local user = a[4]
local got = redis.call('MGET', KEYS[1], base .. 'p:' .. user, base .. 'r:' .. user, base .. 'e:' .. user)
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local presence, reservation, session = read(got[2]), read(got[3]) or {FORMAT, '', 0, ''}, read(got[4])
local now = micros()
local unsaid = not presence or presence[2] ~= ledger[2]
if a[5] == 'v' then unsaid = a[7] ~= '' and not session else unsaid = unsaid and reservation[2] == '' end
if a[12] and unsaid and now < (ledger[6] or 0) then return {'wait'} end
if a[13] > 0 and presence and presence[6] ~= a[6] and presence[4] > a[13] and placed(presence, a[2], now, ledger) then
  return_to(presence, user, a[2], a[13])
  return {'stale'}
end

local generation, before, told = 0, {'', 0}, -1
if presence and presence[6] == a[6] then
  generation, told, before = presence[4], presence[8], {presence[9] or '', presence[10] or 0}
else
  generation = math.max((presence and presence[4] or 0) + 1, now)
  if placed(presence, a[2], now, ledger) then before = {presence[3], presence[4]} end
  if presence and presence[3] == '' then told = presence[8] end
end
local call, peer, peer_raw, other, call_raw = nil, nil, nil, nil, nil
if reservation[2] ~= '' then
  call_raw = redis.call('GET', base .. 'c:' .. reservation[2])
  call = read_call(call_raw)
  if call and call[3] ~= 'ended' then
    other = call[4] == user and call[5] or call[4]
    peer_raw = redis.call('GET', base .. 'p:' .. other)
    peer = read(peer_raw)
  else
    call, call_raw = nil, nil
  end
end
local owed = reservation[4] ~= '' and redis.call('GET', base .. 'c:' .. reservation[4])

write_gently()
local recovered, missed = 0, {}
if a[5] == 'v' then
  if session and session[4] == a[7] then
    session[5] = math.max(session[5], a[10])
    if session[2] == a[8] and a[9] <= session[3] then
      missed = entries(user, a[9])
      if #missed == session[3] - a[9] then recovered = 1 else missed = {} end
    end
  elseif not session or session[4] ~= a[6] then
    redis.call('DEL', base .. 'i:' .. user, base .. 'j:' .. user)
    session = {FORMAT, a[1] .. '-' .. a[6], 0, a[6], 0, 0, 0, 0, 0}
  end
  keep(session, user)
elseif session then
  redis.call('DEL', base .. 'e:' .. user, base .. 'i:' .. user, base .. 'j:' .. user)
  session = nil
end
redis.call('SET', base .. 'p:' .. user, cmsgpack.pack({FORMAT, ledger[2], a[2], generation, a[5], a[6], 0, told, before[1], before[2]}),
  'PX', TTL)
local has_place = 0
if call then
  if a[5] == 'v' or (call[3] == 'ringing' and call[4] == user) then
    redis.call('ZADD', base .. 'd', now + a[11], 'l:' .. reservation[2] .. ':' .. user)
  end
  if placed(peer, a[2], now, ledger) then
    has_place = 1
    send(a[3], peer[3], {'p', other, peer[4], 0, call[2], a[2], generation, a[5]}, '')
  end
end
return {'ok', generation, now, before[1], before[2], got[3], call_raw or false, peer_raw or false, has_place, owed,
  session and session[2] or '', session and session[4] or '', session and session[3] or 0, session and session[5] or 0, recovered, missed, told}
