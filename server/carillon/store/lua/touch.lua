-- Renews the TTL of idle users' keys. ARGV[1]: 1 users...
for _, user in ipairs(a[1]) do
  redis.call('PEXPIRE', base .. 'p:' .. user, TTL)
  redis.call('PEXPIRE', base .. 'r:' .. user, TTL)
  redis.call('PEXPIRE', base .. 'e:' .. user, TTL)
end
return {'ok'}
