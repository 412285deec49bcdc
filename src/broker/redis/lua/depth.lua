-- Returns how many wait and how many are in flight. What IntelMQ has received is in flight, too.
local length, nobody = queues('LLEN', internal), 0
if length > 0 then
  local known = beside('GET', owners)
  if known then
    for who, count in string.gmatch(known, '(%w*)%.?%d*=(%d+);') do
      if who == '' then
        nobody = nobody + tonumber(count)
      end
    end
  end
  nobody = math.min(nobody, length)
end
return { queues('LLEN', source) + nobody, length - nobody }
