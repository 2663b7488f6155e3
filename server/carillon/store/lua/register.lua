-- After Redis lost its data (a new ledger): a pod says again what it holds of one user.
-- ARGV[1]: 1 ledger  2 pod  3 user  4 generation  5 kind  6 attach id  7 session  8 n  9 new epoch  10 other user or ""  11 call id
--   12 TTL ms  13 lease  14 grace  15 ring_until  16 revision held  17 sharded
--   18 {member, score} of the deadline by which a device is pushed to, or {}.  ARGV[2]: call as its key holds it, or ""
-- Returns {"ok", call, epoch, peer's presence, peer has place, clash}, {"stale", somebody else has a place} or
-- {"ledger", raw}. call: the one named as Redis now has it,
-- else the live one that holds the user; clash: another live call that holds one of them. The other user's pod is told to look again when
-- this changed how they stand.
local user, other, id = a[3], a[10], a[11]
local got = redis.call('MGET', KEYS[1], base .. 'p:' .. user, base .. 'r:' .. user, base .. 'e:' .. user,
  base .. 'p:' .. other, base .. 'r:' .. other, base .. 'c:' .. id)
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local presence, session, there = read(got[2]), read(got[4]), read_call(got[7])
local now = micros()
if presence and presence[4] > a[4] then
  if presence[2] == ledger[2] then return_to(presence, user, a[2], a[4]) end
  local elsewhere = presence[3] ~= '' and (presence[2] ~= ledger[2] or placed(presence, a[2], now, ledger))
  return {'stale', elsewhere and 1 or 0}
end
local mine = ARGV[2] ~= '' and read_call(ARGV[2]) or nil
local raw = got[7]
if mine and (not there or (there[3] ~= 'ended' and (mine[3] == 'ended' or mine[2] > there[2]))) then
  raw = ARGV[2]
end
local call = mine and read_call(raw)
local live = call and call[3] ~= 'ended'
local clash, holder = false, false
local reserve = {}
for name, at in pairs({[user] = 3, [other] = 6}) do
  if name ~= '' then
    local reservation = read(got[at])
    local held_raw = reservation and reservation[2] ~= '' and reservation[2] ~= id and redis.call('GET', base .. 'c:' .. reservation[2])
    local held = held_raw and read_call(held_raw)
    if held and held[3] ~= 'ended' then
      if live then clash = held_raw end
      if name == user then holder = held_raw end
    elseif live and not (reservation and reservation[2] == id) then
      reserve[name] = {FORMAT, id, call[2], ''}
    elseif not live and name == user and (not reservation or (reservation[2] == '' and reservation[3] < a[16])) then
      reserve[name] = {FORMAT, '', a[16], reservation and reservation[4] or ''}
    end
  end
end
local epoch = ''
write_gently()
redis.call('SET', base .. 'p:' .. user, cmsgpack.pack({FORMAT, ledger[2], a[2], a[4], a[5], a[6], 0, -1}), 'PX', TTL)
if a[5] == 'v' then
  if presence and presence[2] == ledger[2] and presence[4] == a[4] and session then
    epoch = session[2]
  else
    local n = session and session[4] == a[7] and math.max(session[5], a[8]) or a[8]
    redis.call('DEL', base .. 'i:' .. user, base .. 'j:' .. user)
    epoch = a[9]
    keep({FORMAT, epoch, 0, a[7], n, 0, 0, 0, 0}, user)
  end
end
if mine and raw == ARGV[2] then redis.call('SET', base .. 'c:' .. id, raw, 'PX', a[12]) end
for name, reservation in pairs(reserve) do redis.call('SET', base .. 'r:' .. name, cmsgpack.pack(reservation), 'PX', TTL) end
if live and not clash then
  redis.call('ZADD', base .. 'd', now + a[13], 'l:' .. id .. ':' .. user)
  redis.call('ZADD', base .. 'd', 'NX', now + a[14], 'l:' .. id .. ':' .. other)
  if call[3] == 'ringing' then
    redis.call('ZADD', base .. 'd', 'NX', a[15], 'r:' .. id .. ':')
    if a[18][1] then redis.call('ZADD', base .. 'h', 'NX', a[18][2], a[18][1]) end
  end
end
local peer = read(got[5])
local there_too = other ~= '' and placed(peer, a[2], now, ledger)
if there_too and reserve[other] then send(a[17], peer[3], {'l', other, peer[4], 0, call[2], a[2], a[4], a[5]}, '') end
return {'ok', live and raw or holder or raw, epoch, got[5], there_too and 1 or 0, clash}
