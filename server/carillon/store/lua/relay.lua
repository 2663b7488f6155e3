-- A WebRTC message to or from a v1 user: numbered, kept in a v1 recipient's inbox, and left at their place.
-- ARGV[1]: 1 ledger  2 pod  3 sharded  4 caps  5 sender  6 its generation  7 session or ""  8 n or 0  9 recipient  10 call id
--   11 {when the sender's connection attached, count of its relays}, which numbers those of the reference's protocol; {} for v1
--   12 sent before and unanswered  13 direct (recipient's generation here, or 0)
-- ARGV[2]: the event
-- Returns {"ok", seq, how, pod, generation, kind}, {"dup", n}, {"gap", n}, {"stale"}, {"unregistered"}, {"ledger", raw} or {"refused", call}.
local got = redis.call('MGET', KEYS[1], base .. 'c:' .. a[10], base .. 'p:' .. a[5], base .. 'e:' .. a[5], base .. 'p:' .. a[9], base .. 'e:' .. a[9])
local ledger = known(got[1], a[1])
if not ledger then return {'ledger', got[1]} end
local call, sender, session, presence, inbox = read_call(got[2]), read(got[3]), read(got[4]), read(got[5]), read(got[6])
if not sender or sender[2] ~= ledger[2] or sender[4] < a[6] then return {'unregistered'} end
if sender[4] > a[6] then return {'stale'} end
if a[8] > 0 then
  if not session or session[4] ~= a[7] then return {'stale'} end
  if a[8] <= session[5] then return {'dup', session[5]} end
  if a[8] > session[5] + 1 then return {'gap', session[5]} end
end
local between = call and ((call[4] == a[5] and call[5] == a[9]) or (call[5] == a[5] and call[4] == a[9]))
if not between or call[3] ~= 'accepted' then return {'refused', got[2]} end
local numbered = a[11][1]
local done = numbered and inbox and inbox[10] == numbered and a[11][2] <= inbox[11]
if done or (numbered and not inbox and a[12]) then -- to a client of the reference's protocol nothing goes twice, at worst not at all
  return {'ok', 0, 'none', presence and presence[3] or '', presence and presence[4] or 0, presence and presence[5] or ''}
end
local seq, how = 0, 'none'
if not inbox then write_gently() end
if inbox then
  if numbered then inbox[10], inbox[11] = numbered, a[11][2] end
  seq = add(inbox, a[9], true, ARGV[2], a[4])
  keep(inbox, a[9])
end
if a[8] > 0 then
  session[5] = a[8]
  keep(session, a[5])
end
if a[13] > 0 and presence and presence[3] == a[2] and presence[4] == a[13] then
  how = 'direct'
elseif presence and presence[2] == ledger[2] and presence[3] ~= '' then
  local heard = send(a[3], presence[3], {'e', a[9], presence[4], seq, call[2], sender[3], sender[4], sender[5]}, ARGV[2])
  how = heard > 0 and 'sent' or 'none'
end
return {'ok', seq, how, presence and presence[3] or '', presence and presence[4] or 0, presence and presence[5] or ''}
