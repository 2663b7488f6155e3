-- Renews the attendance of users in calls on this pod and tells how their calls stand.
-- ARGV[1]: 1 ledger  2 pod  3 lease microseconds  4 users {user, generation, call id, renew}...  5 TTL ms of a live call
-- Returns {"ok", {call, presence, has place, peer's presence, peer has place, reservation, session}...} or {"ledger", raw}.
local names = {KEYS[1]}
for _, user in ipairs(a[4]) do
  names[#names + 1] = base .. 'p:' .. user[1]
  names[#names + 1] = base .. 'r:' .. user[1]
  names[#names + 1] = base .. 'e:' .. user[1]
end
local got = redis.call('MGET', unpack(names))
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local now = micros()
local answer = {'ok'}
for i, user in ipairs(a[4]) do
  local presence, reservation = read(got[i * 3 - 1]), read(got[i * 3])
  local id = reservation and reservation[2] or ''
  local call_raw = id ~= '' and redis.call('GET', base .. 'c:' .. id)
  local call = call_raw and read_call(call_raw)
  local peer_raw, has_place = false, 0
  if call and call[3] ~= 'ended' then
    local other = call[4] == user[1] and call[5] or call[4]
    peer_raw = redis.call('GET', base .. 'p:' .. other)
    has_place = placed(read(peer_raw), a[2], now, ledger) and 1 or 0
    if presence and presence[4] == user[2] and id == user[3] and user[4] then
      redis.call('PEXPIRE', base .. 'c:' .. id, a[5])
      redis.call('PEXPIRE', base .. 'r:' .. user[1], TTL)
      redis.call('ZADD', base .. 'd', now + a[3], 'l:' .. id .. ':' .. user[1])
    end
  end
  local has_one = placed(presence, a[2], now, ledger) and 1 or 0
  answer[#answer + 1] = {call_raw, got[i * 3 - 1], has_one, peer_raw, has_place, got[i * 3], got[i * 3 + 1]}
end
return answer
