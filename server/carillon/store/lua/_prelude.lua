-- Put before every script. All keys of a cell share one hash tag, so one slot holds them; they are named from KEYS[1]:
--   KEYS[1]       {carillon:<cell>}:ledger        STRING  {format, id, run_id, tick, hold_until, unsaid_until}
--   ...:p:<user>  presence                        STRING  {format, ledger id, pod, generation, kind, attach id, lost_at, told, pod and generation before}
--   ...:r:<user>  reservation                     STRING  {format, call id or "", revision, owed call id or ""}
--   ...:e:<user>  client session and counter      STRING  {format, epoch, seq, session, n, marks..., last relay}; exists for v1 users only
--   ...:i:<user>  inbox, control messages         STREAM  <seq>-0 e <event>
--   ...:j:<user>  inbox, relayed messages         STREAM  <seq>-0 e <event>
--   ...:c:<call>  call                            STRING  u32 length, {format, revision, state, caller, callee, ids[3]}, body (the pods' own)
--   ...:d         deadlines that a hold stops     ZSET    member -> microseconds (rings, leases)
--   ...:h         deadlines that it does not      ZSET    member -> microseconds (ring confirmation, push)
--   ...:pods      pod leases                      HASH    pod -> {format, until, connections, registering}
--   ...:ch:<pod>  channel of a pod                PUBSUB  frames: u32 length, head (msgpack), u32 length, body
-- User ids arrive percent-encoded. Times are microseconds of Redis time. Every key is written with a TTL: rubbish collection, never a deadline.
-- Lua does not roll back: every script reads and checks all it needs before its first write.
local FORMAT = 1
local base = string.sub(KEYS[1], 1, -7)
local TTL = 3600000
local INBOX_TTL = 900000
-- Bytes that Lua does not look into come as further arguments: msgpack's bin type is not known to every Redis.
local a = cmsgpack.unpack(ARGV[1])

local function read(raw)
  if raw then return cmsgpack.unpack(raw) end
end

local function read_call(raw)
  if raw then return cmsgpack.unpack(string.sub(raw, 5, 4 + struct.unpack('>I4', raw))) end
end

local function write_call(key, header, body, ttl)
  local packed = cmsgpack.pack(header)
  redis.call('SET', key, struct.pack('>I4', #packed) .. packed .. body, 'PX', ttl)
end

local function micros()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

-- The ledger, or nil where this pod's belief of it is wrong: then nothing else may be read into what is found.
local function known(raw, id)
  local ledger = read(raw)
  if ledger and ledger[2] == id then return ledger end
end

local function alive(pod, now, ledger)
  if pod == '' then return false end
  if now < ledger[5] then return true end
  local lease = read(redis.call('HGET', base .. 'pods', pod))
  return lease ~= nil and lease[2] > now
end

-- Whether a presence is a place where a message can be left: of this ledger, on a pod that lives. A pod knows of itself.
local function placed(presence, self, now, ledger)
  if not presence or presence[2] ~= ledger[2] or presence[3] == '' then return false end
  return presence[3] == self or alive(presence[3], now, ledger)
end

-- Receivers of a frame on a pod's channel.
local function send(sharded, pod, head, body)
  local packed = cmsgpack.pack(head)
  return redis.call(sharded and 'SPUBLISH' or 'PUBLISH', base .. 'ch:' .. pod,
    struct.pack('>I4', #packed) .. packed .. struct.pack('>I4', #body) .. body)
end

-- Adds an event to a v1 user's inbox and returns its seq. Entries are capped by count, and by bytes in two halves: when the newer
-- half is full the older is dropped, so between half the bound and the bound is kept.
local function add(session, user, relay, event, caps)
  local seq = session[3] + 1
  local mark = relay and 8 or 6
  local key = base .. (relay and 'j:' or 'i:') .. user
  session[3] = seq
  redis.call('XADD', key, 'MAXLEN', caps[1], seq .. '-0', 'e', event)
  session[mark + 1] = session[mark + 1] + #event
  if session[mark + 1] > caps[2] / 2 then
    redis.call('XTRIM', key, 'MINID', (session[mark] + 1) .. '-0')
    session[mark], session[mark + 1] = seq, 0
  end
  redis.call('PEXPIRE', key, INBOX_TTL)
  return seq
end

-- Renewals, accepts, ends, places and deadlines must not fail because Redis is full (`noeviction`): it refuses scripts whose first write
-- grows memory, so theirs is this one.
local function write_gently()
  redis.call('PEXPIRE', KEYS[1], TTL)
end

-- Who has the place may die while it attaches, and gives it back to whom it knows of.
local function return_to(presence, user, pod, generation)
  if (presence[9] or '') ~= '' then return end
  write_gently()
  presence[9], presence[10] = pod, generation
  redis.call('SET', base .. 'p:' .. user, cmsgpack.pack(presence), 'PX', TTL)
end

local function keep(session, user)
  redis.call('SET', base .. 'e:' .. user, cmsgpack.pack(session), 'PX', TTL)
end

-- Entries above `from` of both inboxes: {id, {'e', event}} each, control before relayed; the pod merges them by id.
local function entries(user, from)
  local low = string.format('%.0f-0', from + 1)
  local all = redis.call('XRANGE', base .. 'i:' .. user, low, '+')
  for _, entry in ipairs(redis.call('XRANGE', base .. 'j:' .. user, low, '+')) do all[#all + 1] = entry end
  return all
end
