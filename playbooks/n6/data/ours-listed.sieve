// The hospital, and the city's works: their networks, their names.
// Of scanners many messages come: they are counted first.
// What expires is an entry of a black list: each is wanted once.
if source.ip << ['192.0.2.0/25', '198.51.100.0/24']
   && classification.type == 'scanner' {
  path 'noisy'
} elif source.ip << ['192.0.2.0/25', '198.51.100.0/24']
   && :exists extra.expires {
  path 'listed'
} elif source.ip << ['192.0.2.0/25', '198.51.100.0/24'] {
  keep
} elif :notexists source.ip && source.fqdn =~ '\.(clinic|works)\.example$' {
  keep
} else {
  path 'elsewhere'
}
