-- ARGV: 6 number of this operation, 7 1 if the link ends, 8 others whose links ended, separated by blanks.
local parts = read_parts()
abandon(parts, me)
beside('SET', link_of(me), ARGV[6])
if ARGV[7] == '1' then
  beside('DEL', link_of(me))
  beside('HDEL', links, me)
end
for who in string.gmatch(ARGV[8], '%w+') do
  abandon(parts, who)
  beside('DEL', link_of(who))
  beside('HDEL', links, who)
end
write_parts(parts)
return 'OK'
