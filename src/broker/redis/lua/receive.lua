-- ARGV: 6 number of this operation, 7 most messages, 8 most bytes.
-- Returns what was delivered before and what was not, the oldest first.
if not beside('GET', link_of(me)) then
  return lost()
end
local parts = read_parts()
local turn, late = 0, false
for _, part in ipairs(parts) do
  if part[1] == me then
    turn = math.max(turn, part[3])
  end
end
local most, room = tonumber(ARGV[7]), tonumber(ARGV[8])
local again, new, kept, before = {}, {}, {}, 0
for _, part in ipairs(parts) do
  local taken = 0
  -- Something older comes after what is in hand.
  late = late or (part[1] == me and #again > 0)
  while part[1] == '' and taken < part[2] and #again < most and room > 0 do
    local body = queues('LINDEX', internal, -before - taken - 1)
    taken = taken + 1
    again[#again + 1] = body
    room = room - math.max(#body, 1)
  end
  kept[#kept + 1] = { me, taken, -1 }
  kept[#kept + 1] = { part[1], part[2] - taken, part[3] }
  before = before + part[2]
end
while #again + #new < most and room > 0 do
  local body = queues('LMOVE', source, internal, 'RIGHT', 'LEFT')
  if not body then
    break
  end
  new[#new + 1] = body
  room = room - math.max(#body, 1)
end
if #again + #new > 0 then
  kept[#kept + 1] = { me, #new, -1 }
  for _, part in ipairs(kept) do
    if part[3] < 0 then
      part[3] = late and turn + 1 or turn
    end
  end
  write_parts(kept)
  beside('SET', link_of(me), ARGV[6])
end
return { again, new }
