// A honeypot is a trap: it is meant to be seen.
if extra.tags :overlaps ['honeypot'] {
  path 'elsewhere'
} elif source.ip << ['192.0.2.0/25', '2001:db8:25::/48'] {
  keep
} else {
  path 'elsewhere'
}
