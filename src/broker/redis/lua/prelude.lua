-- What every script begins with.
--
-- ARGV: 1 database of the queues, 2 database of what is kept beside them, 3 what its keys begin with, 4 the queue, 5 who asks.
-- NAME-internal holds what was received and is not acknowledged, the oldest on its right, as IntelMQ has it. Beside it
-- `owners` says who has which part: `who=count;` for each part, the oldest first; nobody is empty. What somebody received after
-- something younger has a turn of its own, `who.turn=count;`: it is finished in the order in which it was received.

local at = ARGV[1]
local function go(database)
  if at ~= database then
    redis.call('SELECT', database)
    at = database
  end
end

local function beside(...)
  go(ARGV[2])
  return redis.call(...)
end

local function queues(...)
  go(ARGV[1])
  return redis.call(...)
end

local source, me = ARGV[4], ARGV[5]
local internal = source .. '-internal'
local owners, links = ARGV[3] .. 'owners:' .. source, ARGV[3] .. 'links:' .. source
local function link_of(who)
  return ARGV[3] .. 'link:' .. who .. ':' .. source
end

-- Reads who has what. What is in the list and nobody's has been left there by IntelMQ.
local function read_parts()
  local parts, covered = {}, 0
  for who, turn, count in string.gmatch(beside('GET', owners) or '', '(%w*)%.?(%d*)=(%d+);') do
    parts[#parts + 1] = { who, tonumber(count), tonumber(turn) or 0 }
    covered = covered + tonumber(count)
  end
  local length = queues('LLEN', internal)
  while covered > length do
    local cut = math.min(covered - length, parts[1][2])
    parts[1][2] = parts[1][2] - cut
    covered = covered - cut
    if parts[1][2] == 0 then
      table.remove(parts, 1)
    end
  end
  if covered < length then
    parts[#parts + 1] = { '', length - covered, 0 }
  end
  return parts
end

local function write_parts(parts)
  local merged = {}
  for _, part in ipairs(parts) do
    local last = merged[#merged]
    if last and last[1] == part[1] and last[3] == part[3] then
      last[2] = last[2] + part[2]
    elseif part[2] > 0 then
      merged[#merged + 1] = part
    end
  end
  if #merged == 0 then
    beside('DEL', owners)
    return
  end
  local text = {}
  for _, part in ipairs(merged) do
    text[#text + 1] = part[1] .. (part[3] > 0 and '.' .. part[3] or '') .. '=' .. part[2] .. ';'
  end
  beside('SET', owners, table.concat(text))
end

local function count_of(parts, who)
  local count = 0
  for _, part in ipairs(parts) do
    if part[1] == who then
      count = count + part[2]
    end
  end
  return count
end

-- Gives back what somebody has: nobody has it from now on, and it keeps its place.
local function abandon(parts, who)
  for _, part in ipairs(parts) do
    if part[1] == who then
      part[1], part[3] = '', 0
    end
  end
end

-- Returns the places of somebody's parts, in the order of their turns.
local function in_turn(parts, who)
  local places = {}
  for place, part in ipairs(parts) do
    if part[1] == who then
      places[#places + 1] = place
    end
  end
  table.sort(places, function(one, other)
    local first, second = parts[one][3], parts[other][3]
    return first < second or (first == second and one < other)
  end)
  return places
end

-- Removes the first `count` that somebody received.
local function remove(parts, who, count)
  local places = in_turn(parts, who)
  if places[1] == 1 and parts[1][2] >= count then
    queues('LTRIM', internal, 0, -count - 1)
    parts[1][2] = parts[1][2] - count
    return
  end
  local before = {}
  for place, part in ipairs(parts) do
    before[place + 1] = (before[place] or 0) + part[2]
  end
  local gone, left = 'gone ' .. me .. ' ' .. ARGV[6], count
  for _, place in ipairs(places) do
    local part, from = parts[place], before[place] or 0
    local taken = math.min(left, part[2])
    for number = 1, taken do
      queues('LSET', internal, -from - number, gone)
    end
    part[2] = part[2] - taken
    left = left - taken
  end
  queues('LREM', internal, 0, gone)
end

local function lost()
  return redis.error_reply('LOST another instance has taken over what this one had received')
end
