-- What a pod missed of a v1 user's inbox. ARGV[1]: 1 user  2 epoch  3 last seq
-- Returns {seq, entries}, or {-1} when the inbox is another one by now.
local session = read(redis.call('GET', base .. 'e:' .. a[1]))
if not session or session[2] ~= a[2] then return {-1} end
return {session[3], entries(a[1], a[3])}
