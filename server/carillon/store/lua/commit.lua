-- One decision, checked and written, or the truth in its place.
-- ARGV[1] (msgpack array): see carillon.store.records.Commit
--   1 ledger  2 pod  3 commit id  4 actor's place in ids (1 caller, 2 callee, 3 sweeper)  5 now  6 sharded  7 caps {entries, bytes}
--   8 users {user, generation (0: not checked), revision (-1: any, -2: free)}...      9 call id  10 basis (0: absent, -1: any)
--  11 online: index of the user who must have a place, or 0   12 number {user index, session, n} or {}   13 claim {kind, member, score} or {}
--  14 call {revision, state, caller, callee} or {}  15 its TTL ms  16 reservations {user index, call id, revision, owed}...  17 deadlines {held, member, score}...  18 drop {held, member}...
--  19 deliveries {user index, direct (generation or 0), revision}...  20 gently (first write must not grow memory)  21 new revision
-- ARGV[2]: body of the call  ARGV[3...]: events of the deliveries
-- Returns {"ok", now, {seq, how}...: "direct" | "sent" | "none", places...}, {"again", call}, {"dup", n}, {"gap", n}, {"stale"}, {"raced"},
--   {"ledger", raw}, or {"conflict", hold_until, unsaid_until, call, {presence, has place, reservation, live call, session}...}.
local names = {KEYS[1], base .. 'c:' .. a[9]}
for _, user in ipairs(a[8]) do
  names[#names + 1] = base .. 'p:' .. user[1]
  names[#names + 1] = base .. 'r:' .. user[1]
  names[#names + 1] = base .. 'e:' .. user[1]
end
local got = redis.call('MGET', unpack(names))
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local now = a[5]
local call = read_call(got[2])
local people = {}
for i, user in ipairs(a[8]) do
  local at = i * 3
  people[i] = {presence = read(got[at]), reservation = read(got[at + 1]) or {FORMAT, '', 0, ''}, session = read(got[at + 2])}
  local presence = people[i].presence
  if user[2] > 0 and (not presence or presence[2] ~= ledger[2] or presence[4] < user[2]) then return {'unregistered'} end
  if user[2] > 0 and presence[4] > user[2] then return {'stale'} end
end

-- First of all: the answer to this very commit was lost, whatever has followed from it since.
if call and a[4] > 0 and call[6][a[4]] == a[3] then return {'again', got[2]} end
if a[12][1] then
  local session = people[a[12][1]].session
  if not session or session[4] ~= a[12][2] then return {'stale'} end
  if a[12][3] <= session[5] then return {'dup', session[5]} end
  if a[12][3] > session[5] + 1 then return {'gap', session[5]} end
end
if a[13][1] then
  local score = redis.call('ZSCORE', base .. a[13][1], a[13][2])
  if not score or tonumber(score) ~= a[13][3] then return {'raced'} end
end

-- The live call that holds a user, beside the named one. A reservation whose call is gone or over is as good as none.
local function held(person)
  local id = person.reservation[2]
  if id == '' then return nil end
  local raw = id == a[9] and got[2] or redis.call('GET', base .. 'c:' .. id)
  local other = read_call(raw)
  if other and other[3] ~= 'ended' then return other, raw end
end

local wrong = a[10] >= 0 and (call and call[2] or 0) ~= a[10]
for i, user in ipairs(a[8]) do
  if user[3] ~= -1 and not wrong then
    local mine = held(people[i])
    if user[3] == -2 then
      wrong = mine ~= nil or people[i].reservation[3] >= a[21]
    else
      wrong = (mine and mine[2] or people[i].reservation[3]) ~= user[3] or (a[10] == 0 and mine ~= nil)
    end
  end
end
if a[11] > 0 and not wrong then wrong = not placed(people[a[11]].presence, a[2], now, ledger) end
if wrong then
  local truth = {'conflict', ledger[5], ledger[6] or 0, got[2]}
  for i, person in ipairs(people) do
    local _, raw = held(person)
    truth[#truth + 1] = {got[i * 3], placed(person.presence, a[2], now, ledger) and 1 or 0, got[i * 3 + 1], raw or false, got[i * 3 + 2]}
  end
  return truth
end

if a[20] then redis.call('PEXPIRE', KEYS[1], TTL) end
for _, deadline in ipairs(a[18]) do redis.call('ZREM', base .. deadline[1], deadline[2]) end
if a[14][1] then
  local ids = call and call[6] or {'', '', ''}
  if a[4] > 0 then ids[a[4]] = a[3] end
  write_call(names[2], {FORMAT, a[14][1], a[14][2], a[14][3], a[14][4], ids}, ARGV[2], a[15])
end
for _, reservation in ipairs(a[16]) do
  local now_holds = people[reservation[1]].reservation[2]
  if reservation[2] ~= '' or now_holds == '' or now_holds == a[9] then -- only its owner releases a user
    local packed = cmsgpack.pack({FORMAT, reservation[2], reservation[3], reservation[4]})
    redis.call('SET', base .. 'r:' .. a[8][reservation[1]][1], packed, 'PX', TTL)
  end
end
local added = {}
for _, deadline in ipairs(a[17]) do
  local list = added[deadline[1]] or {}
  added[deadline[1]] = list
  list[#list + 1] = deadline[3]
  list[#list + 1] = deadline[2]
end
for zset, list in pairs(added) do
  redis.call('ZADD', base .. zset, unpack(list))
end
local changed = {}
if a[12][1] then
  people[a[12][1]].session[5] = a[12][3]
  changed[a[12][1]] = true
end
local done = {'ok', got[2]}
for place, delivery in ipairs(a[19]) do
  local i, event = delivery[1], ARGV[2 + place]
  local person, user = people[i], a[8][i][1]
  local presence, seq, how = person.presence, 0, 'none'
  if person.session then
    seq = add(person.session, user, false, event, a[7])
    changed[i] = true
  end
  if delivery[2] > 0 and presence and presence[3] == a[2] and presence[4] == delivery[2] then
    how = 'direct'
  elseif presence and presence[2] == ledger[2] and presence[3] ~= '' then
    local peer = people[i == 1 and 2 or 1]
    local where = peer and peer.presence or {0, '', '', 0, ''}
    local heard = send(a[6], presence[3], {'e', user, presence[4], seq, delivery[3], where[3], where[4], where[5]}, event)
    how = heard > 0 and 'sent' or 'none'
  end
  done[#done + 1] = {seq, how}
end
for i in pairs(changed) do keep(people[i].session, a[8][i][1]) end
for i = 1, #people do
  local presence = people[i].presence
  done[#done + 1] = {presence and presence[3] or '', presence and presence[4] or 0, presence and presence[5] or ''}
end
return done
