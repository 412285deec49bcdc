//! Networks and their autonomous systems: the longest prefix that holds an address.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::IpNet;

/// The networks of both kinds of addresses.
#[derive(Debug, Default)]
pub(super) struct Database {
    v4: Table<Ipv4Addr>,
    v6: Table<Ipv6Addr>,
}

/// Networks in the order of their first addresses, the wider before the narrower.
#[derive(Debug)]
struct Table<A> {
    networks: Vec<Network<A>>,
}

#[derive(Debug)]
struct Network<A> {
    first: A,
    last: A,
    asn: u32,
    /// The place of the narrowest network that holds this one; its own if there is none.
    within: u32,
}

impl<A> Default for Table<A> {
    fn default() -> Self {
        Table { networks: Vec::new() }
    }
}

impl Database {
    /// Reads a file as pyasn writes it.
    pub(super) fn read(path: &Path) -> Result<Database, String> {
        let file = File::open(path).map_err(|error| {
            format!(
                "the database {} cannot be read: {error}; make one with pyasn's tools, or write one line for each \
                 network: its address and prefix, a tab, the number of the autonomous system",
                path.display()
            )
        })?;
        let mut database = Database::default();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let at = |problem: String| format!("{}:{}: {problem}", path.display(), number + 1);
            let line = line.map_err(|error| at(error.to_string()))?;
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            match entry(&line).map_err(at)? {
                (IpNet::V4(net), asn) => database.v4.push(net.network(), net.broadcast(), asn),
                (IpNet::V6(net), asn) => database.v6.push(net.network(), net.broadcast(), asn),
            }
        }
        database.v4.nest();
        database.v6.nest();
        Ok(database)
    }

    /// Returns the narrowest network that holds an address, and its autonomous system.
    pub(super) fn find(&self, address: IpAddr) -> Option<(IpNet, u32)> {
        match address {
            IpAddr::V4(address) => {
                let found = self.v4.find(address)?;
                let length = 32 - (u32::from(found.last) ^ u32::from(found.first)).count_ones();
                Some((IpNet::new(found.first.into(), length as u8).ok()?, found.asn))
            }
            IpAddr::V6(address) => {
                let found = self.v6.find(address)?;
                let length = 128 - (u128::from(found.last) ^ u128::from(found.first)).count_ones();
                Some((IpNet::new(found.first.into(), length as u8).ok()?, found.asn))
            }
        }
    }
}

/// Reads `192.0.2.0/24<TAB>64496`; what follows the number's digits is left out, as pyasn does.
fn entry(line: &str) -> Result<(IpNet, u32), String> {
    let (network, rest) = line.split_once('\t').ok_or_else(|| {
        format!("{line:?} is no network, tab, and number; write `192.0.2.0/24`, a tab, `64496`")
    })?;
    let net: IpNet =
        network.parse().map_err(|_| format!("{network:?} is no network, such as 192.0.2.0/24"))?;
    let digits = rest.trim_start();
    let digits = &digits[..digits.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len())];
    match digits.parse() {
        Ok(asn) if asn > 0 => Ok((net.trunc(), asn)),
        _ => Err(format!("{rest:?} is no number of an autonomous system, 1 to {}", u32::MAX)),
    }
}

impl<A: Ord + Copy> Table<A> {
    fn push(&mut self, first: A, last: A, asn: u32) {
        self.networks.push(Network { first, last, asn, within: 0 });
    }

    /// Sorts the networks and finds for each the one around it. Of the same network twice the later counts.
    fn nest(&mut self) {
        self.networks.reverse();
        self.networks.sort_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
        self.networks.dedup_by(|a, b| a.first == b.first && a.last == b.last);
        self.networks.shrink_to_fit();
        let mut around: Vec<usize> = Vec::new();
        for at in 0..self.networks.len() {
            while around.pop_if(|outer| self.networks[*outer].last < self.networks[at].first).is_some() {}
            self.networks[at].within = around.last().copied().unwrap_or(at) as u32;
            around.push(at);
        }
    }

    fn find(&self, address: A) -> Option<&Network<A>> {
        let mut at = self.networks.partition_point(|network| network.first <= address).checked_sub(1)?;
        loop {
            let network = &self.networks[at];
            if address <= network.last {
                return Some(network);
            }
            let within = network.within as usize;
            if within == at {
                return None;
            }
            at = within;
        }
    }
}
