// The hospital, and the city's works: their networks, their names.
if source.ip << ['192.0.2.0/25', '198.51.100.0/24'] {
  keep
} elif :notexists source.ip && source.fqdn =~ '\.(clinic|works)\.example$' {
  keep
} else {
  path 'elsewhere'
}
