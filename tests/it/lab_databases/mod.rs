//! The look-up databases of the lab are what their table gives; `BLESS=1` writes them.

mod mmdb;

use std::fs;
use std::path::PathBuf;

use ipnet::IpNet;

use self::mmdb::{Data, Tree};

/// One line of the table.
struct Row {
    network: IpNet,
    asn: u32,
    country: Option<String>,
    registered: Option<String>,
    place: Option<(f64, f64)>,
    city: Option<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("sample-data")
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(folder().join("lab-city.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| row(line).unwrap_or_else(|| panic!("{line:?} has not seven columns"))).collect()
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let mut word = || words.next();
    let known = |word: &str| (word != "-").then(|| word.to_owned());
    let network = word()?.parse().ok()?;
    let asn = word()?.parse().ok()?;
    let (country, registered) = (known(word()?), known(word()?));
    let place = (word()?.parse().ok(), word()?.parse().ok());
    let place = place.0.zip(place.1);
    let city = words.collect::<Vec<_>>().join(" ");
    Some(Row { network, asn, country, registered, place, city: known(&city) })
}

impl Row {
    /// Returns the record in the layout of a GeoIP2 City database.
    fn record(&self) -> Data {
        let country = |code: &String| Data::map([("iso_code", Data::text(code))]);
        let mut parts = Vec::new();
        if let Some(city) = &self.city {
            parts.push(("city", Data::map([("names", Data::map([("en", Data::text(city))]))])));
        }
        if let Some(code) = &self.country {
            parts.push(("country", country(code)));
        }
        if let Some((latitude, longitude)) = self.place {
            let place = [("latitude", Data::Double(latitude)), ("longitude", Data::Double(longitude))];
            parts.push(("location", Data::map(place)));
        }
        if let Some(code) = &self.registered {
            parts.push(("registered_country", country(code)));
        }
        Data::map(parts)
    }
}

fn city() -> Vec<u8> {
    let mut tree = Tree::default();
    for row in rows() {
        tree.insert(row.network, row.record());
    }
    tree.database("Lab-City", "Places of the documentation networks, invented for lessons")
}

fn ipasn() -> Vec<u8> {
    let rows = rows();
    let lines = rows.iter().map(|row| format!("{}\t{}\n", row.network, row.asn));
    ["; Made of lab-city.txt.\n".to_owned()].into_iter().chain(lines).collect::<String>().into_bytes()
}

#[test]
fn databases_are_what_their_table_gives() {
    for (name, wanted) in [("lab-city.mmdb", city()), ("lab-ipasn.dat", ipasn())] {
        let path = folder().join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let there = fs::read(&path).unwrap_or_default();
        assert!(there == wanted, "sample-data/{name} is not what lab-city.txt gives; write it with BLESS=1");
    }
}
