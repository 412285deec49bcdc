// A honeypot is a trap: it is meant to be seen.
if extra.tags :overlaps ['honeypot'] {
  path 'elsewhere'
} elif source.ip << ['192.0.2.0/25', '2001:db8:25::/48'] {
  // What somebody has tried out is urgent.
  if extra.verified_vulns :contains 'CVE-' {
    path ['_default', 'urgent']
  }
  // And what asks nobody for a password.
  if extra.mongodb.authentication == false {
    path ['_default', 'urgent']
  }
} else {
  path 'elsewhere'
}
