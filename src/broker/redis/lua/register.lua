-- ARGV: 6 number of the last operation that is known to be done, 7 where this link is connected.
-- Returns the number of the last operation that was done, or nothing if others took over, and who else is linked.
local done = beside('GET', link_of(me))
if not done then
  beside('SET', link_of(me), ARGV[6])
end
beside('HSET', links, me, ARGV[7])
return { done, beside('HGETALL', links) }
