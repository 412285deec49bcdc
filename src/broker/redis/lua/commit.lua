-- ARGV: 6 number of this operation, 7 how many are acknowledged, 8 how many queues get messages, 9 how many things are remembered,
-- then for each queue its name and count, then all bodies, then for each thing its key, milliseconds or 0 for ever or -1 to
-- forget it, and the value. Everything is looked at before anything is written.
local acknowledged, sent, remembered = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local parts
if source ~= '' then
  if not beside('GET', link_of(me)) then
    return lost()
  end
  if acknowledged > 0 then
    parts = read_parts()
    if count_of(parts, me) < acknowledged then
      return lost()
    end
  end
end
for number = 1, sent do
  local name = ARGV[8 + 2 * number]
  local kind = queues('TYPE', name).ok
  if kind ~= 'list' and kind ~= 'none' then
    return redis.error_reply('NOTAQUEUE the key ' .. name .. ' holds a ' .. kind)
  end
end
local body = 10 + 2 * sent
for number = 1, sent do
  local name, last = ARGV[8 + 2 * number], body + tonumber(ARGV[9 + 2 * number]) - 1
  while body <= last do
    local upto = math.min(body + 999, last)
    queues('LPUSH', name, unpack(ARGV, body, upto))
    body = upto + 1
  end
end
if acknowledged > 0 then
  remove(parts, me, acknowledged)
  write_parts(parts)
end
for _ = 1, remembered do
  local key, time, value = ARGV[3] .. 'bot:' .. ARGV[body], ARGV[body + 1], ARGV[body + 2]
  if time == '-1' then
    beside('DEL', key)
  elseif time == '0' then
    beside('SET', key, value)
  else
    beside('SET', key, value, 'PX', time)
  end
  body = body + 3
end
if source ~= '' then
  beside('SET', link_of(me), ARGV[6])
end
return 'OK'
