// Who is told about which network.
if source.asn == 64500 {
  add source.abuse_contact = 'security@clinic.example'
} elif source.asn == 64501 {
  add source.abuse_contact = 'noc@uni.example'
} elif source.asn == 64502 {
  add source.abuse_contact = 'it@works.example'
} else {
  path 'nobody'
}
