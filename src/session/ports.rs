//! Free ports on loopback.

use std::io::{self, Read};
use std::net::TcpListener;
use std::ops::Range;

/// Where ports are taken from: below those that systems give to connections that go out.
const RANGE: Range<u16> = 20_000..32_000;

/// Tells whether nobody listens on a port.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Finds a port that is free and not among those that are taken already.
pub(super) fn free(taken: impl Fn(u16) -> bool) -> io::Result<u16> {
    let mut bytes = [0; 2];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let size = RANGE.end - RANGE.start;
    // Labs that are made at the same moment begin to look at different places.
    let start = u16::from_ne_bytes(bytes) % size;
    let mut ports = (0..size).map(|step| RANGE.start + (start + step) % size);
    ports.find(|port| !taken(*port) && is_free(*port)).ok_or_else(|| io::Error::other("no port is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_not_given() {
        let first = free(|_| false).unwrap();
        let held = TcpListener::bind(("127.0.0.1", first)).unwrap();
        assert!(!is_free(first));
        assert!(RANGE.contains(&free(|port| port == first).unwrap()));
        drop(held);
        assert!(is_free(first));
    }
}
