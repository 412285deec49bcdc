if source.country == 'AT' || extra.tag == 'telnet' {
  keep
}
