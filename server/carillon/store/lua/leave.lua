-- A pod that drained gives its lease back. ARGV[1]: 1 pod
redis.call('HDEL', base .. 'pods', a[1])
return {'ok'}
