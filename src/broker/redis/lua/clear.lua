-- ARGV: 6 a number that makes the mark of this removal its own.
local parts = read_parts()
local nobody = beside('EXISTS', owners) == 1 and count_of(parts, '') or 0
local waiting = queues('LLEN', source)
queues('DEL', source)
if nobody > 0 then
  remove(parts, '', nobody)
  write_parts(parts)
end
return waiting + nobody
