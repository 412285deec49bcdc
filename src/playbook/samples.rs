//! The feeds that playbooks share: `sample:NAME`.

use super::folder::{Folder, FolderError};
use include_dir::{Dir, include_dir};

static BUILT_IN: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/sample-data");

/// Where samples are looked for, the first place first.
#[derive(Debug, Clone)]
pub struct Samples {
    places: Vec<Folder>,
}

impl Samples {
    /// The samples that are built in, and before them those in a folder beside the playbooks, if there is one.
    pub fn new(beside: Option<Folder>) -> Self {
        let built_in = Folder::built_in("sample-data", &BUILT_IN);
        Samples { places: beside.into_iter().chain([built_in]).collect() }
    }

    /// Reads a sample by its name, without `sample:`.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        let mut missing = FolderError::Missing(name.to_owned());
        for place in &self.places {
            match place.read(name) {
                Err(error @ FolderError::Missing(_)) => missing = error,
                other => return other,
            }
        }
        Err(missing)
    }

    /// Lists the names of all samples, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.places.iter().filter_map(|place| place.files().ok()).flatten().collect();
        names.retain(|name| !name.ends_with("README.md"));
        names.sort();
        names.dedup();
        names
    }
}

/// Endings of feeds with a row a line.
const BY_LINE: [&str; 5] = ["json", "jsonl", "ndjson", "tsv", "txt"];

/// Counts the rows of a feed: records of a CSV file without its head, or lines.
///
/// `None` for what is no text, and for what is no feed: rules, and lists that a bot looks things up in.
pub fn rows_of(name: &str, bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))?;
    let ending = std::path::Path::new(name).extension()?.to_str()?.to_ascii_lowercase();
    if ending == "csv" {
        return Some(csv_records(bytes).saturating_sub(1));
    }
    let filled = |line: &&[u8]| line.iter().any(|byte| !byte.is_ascii_whitespace());
    let lines = || bytes.split(|byte| *byte == b'\n').filter(filled).count() as u64;
    BY_LINE.contains(&ending.as_str()).then(lines)
}

/// Counts records of a CSV file; quoted line breaks belong to their record, empty lines are none.
fn csv_records(bytes: &[u8]) -> u64 {
    let (mut records, mut quoted, mut filled) = (0, false, false);
    for byte in bytes {
        match byte {
            b'"' => {
                quoted = !quoted;
                filled = true;
            }
            b'\n' if !quoted => {
                records += u64::from(filled);
                filled = false;
            }
            byte => filled |= !byte.is_ascii_whitespace(),
        }
    }
    records + u64::from(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_as_a_parser_sees_them() {
        let cases: [(&str, &[u8], Option<u64>); 11] = [
            ("a.csv", b"ip,port\n192.0.2.1,23\n192.0.2.2,23\n", Some(2)),
            ("a.csv", b"ip,port\r\n192.0.2.1,\"a\nb\"\r\n\r\n", Some(1)),
            ("a.csv", b"ip,port", Some(0)),
            ("A.CSV", b"", Some(0)),
            ("a.json", b"{}\n\n{}\n", Some(2)),
            ("a.txt", b"one\ntwo", Some(2)),
            ("a.csv", b"ip\n\xff\n", None),
            ("a.zip", b"PK\0", None),
            ("contacts.sieve", b"if source.asn == 64500 {\n}\n", None),
            ("README", b"one\n", None),
            ("ipasn.dat", b"192.0.2.0/24\t64496\n", None),
        ];
        for (name, bytes, rows) in cases {
            assert_eq!(rows_of(name, bytes), rows, "{name} {bytes:?}");
        }
    }
}
