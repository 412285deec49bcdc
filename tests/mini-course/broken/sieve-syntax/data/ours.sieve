# What is ours goes on.
if source.ip << '192.0.2.0/24' {
  keep
} otherwise {
  drop
}
