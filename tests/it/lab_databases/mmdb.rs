//! Writes MaxMind's database format 2.0: a binary tree over the bits of addresses, then the records, then what the file is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// When the database says that it was made: the day of the lab's feeds, so that the file is always the same.
const MADE: u64 = 1_768_435_200;
const MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// A value of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    Text(String),
    Double(f64),
    Unsigned16(u16),
    Unsigned32(u32),
    Unsigned64(u64),
    Map(BTreeMap<String, Data>),
    List(Vec<Data>),
}

impl Data {
    pub(super) fn text(text: &str) -> Data {
        Data::Text(text.to_owned())
    }

    pub(super) fn map<'n>(items: impl IntoIterator<Item = (&'n str, Data)>) -> Data {
        Data::Map(items.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Data::Text(text) => {
                head(out, 2, text.len());
                out.extend_from_slice(text.as_bytes());
            }
            Data::Double(number) => {
                head(out, 3, 8);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Data::Unsigned16(number) => integer(out, 5, u64::from(*number)),
            Data::Unsigned32(number) => integer(out, 6, u64::from(*number)),
            Data::Unsigned64(number) => integer(out, 9, *number),
            Data::Map(items) => {
                head(out, 7, items.len());
                for (name, value) in items {
                    Data::text(name).write(out);
                    value.write(out);
                }
            }
            Data::List(items) => {
                head(out, 11, items.len());
                for item in items {
                    item.write(out);
                }
            }
        }
    }
}

fn integer(out: &mut Vec<u8>, kind: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let bytes = &bytes[number.leading_zeros() as usize / 8..];
    head(out, kind, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes the kind of a value and its size.
fn head(out: &mut Vec<u8>, kind: u8, size: usize) {
    let (short, long) = match size {
        0..29 => (size as u8, None),
        _ => (29, Some(u8::try_from(size - 29).expect("no value of the table is longer than 284"))),
    };
    if kind < 8 {
        out.push(kind << 5 | short);
    } else {
        out.extend([short, kind - 7]);
    }
    out.extend(long);
}

/// What a bit of an address leads to.
#[derive(Debug, Clone, Copy, Default)]
enum Branch {
    #[default]
    Nothing,
    Node(usize),
    Record(usize),
}

/// The networks and their records.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<[Branch; 2]>,
    records: Vec<Data>,
}

impl Default for Tree {
    fn default() -> Self {
        Tree { nodes: vec![[Branch::Nothing; 2]], records: Vec::new() }
    }
}

impl Tree {
    /// Adds a network, which must not lie within another; IPv4 lies at `::/96`.
    pub(super) fn insert(&mut self, network: IpNet, record: Data) {
        let (bits, length) = match network.network() {
            IpAddr::V4(address) => (u128::from(address.to_bits()), network.prefix_len() + 96),
            IpAddr::V6(address) => (address.to_bits(), network.prefix_len()),
        };
        let number = self.records.iter().position(|known| *known == record).unwrap_or(self.records.len());
        if number == self.records.len() {
            self.records.push(record);
        }
        let mut node = 0;
        for depth in 0..length {
            let side = (bits >> (127 - depth) & 1) as usize;
            if depth + 1 == length {
                self.nodes[node][side] = Branch::Record(number);
                return;
            }
            node = match self.nodes[node][side] {
                Branch::Node(next) => next,
                Branch::Nothing => {
                    self.nodes.push([Branch::Nothing; 2]);
                    self.nodes[node][side] = Branch::Node(self.nodes.len() - 1);
                    self.nodes.len() - 1
                }
                Branch::Record(_) => panic!("{network} lies within another network"),
            };
        }
    }

    /// Writes the file.
    pub(super) fn database(&self, kind: &str, description: &str) -> Vec<u8> {
        let mut data = Vec::new();
        let mut places = Vec::new();
        for record in &self.records {
            places.push(data.len());
            record.write(&mut data);
        }
        let mut out = Vec::new();
        for branch in self.nodes.iter().flatten() {
            let number = match branch {
                Branch::Nothing => self.nodes.len(),
                Branch::Node(node) => *node,
                Branch::Record(record) => self.nodes.len() + 16 + places[*record],
            };
            let number = u32::try_from(number).expect("the table is small");
            out.extend_from_slice(&number.to_be_bytes()[1..]);
        }
        out.extend([0; 16]);
        out.extend(data);
        out.extend_from_slice(MARK);
        Data::map([
            ("binary_format_major_version", Data::Unsigned16(2)),
            ("binary_format_minor_version", Data::Unsigned16(0)),
            ("build_epoch", Data::Unsigned64(MADE)),
            ("database_type", Data::text(kind)),
            ("description", Data::map([("en", Data::text(description))])),
            ("ip_version", Data::Unsigned16(6)),
            ("languages", Data::List(vec![Data::text("en")])),
            ("node_count", Data::Unsigned32(self.nodes.len() as u32)),
            ("record_size", Data::Unsigned16(24)),
        ])
        .write(&mut out);
        out
    }
}
