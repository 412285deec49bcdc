//! Adds where addresses are, from a database in MaxMind's format that lies in a file.

use std::net::IpAddr;

use maxminddb::{Reader, geoip2};

use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Key, Message, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The MaxMind look-up.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.maxmind_geoip.expert",
        kind: Kind::Expert,
        summary: "Adds country, latitude, longitude and city of source.ip and destination.ip.",
        params: &[
            Param::new(
                "database",
                ParamKind::Text,
                "\"maxmind_geoip/GeoLite2-City.mmdb\"",
                "The database, with the layout of GeoLite2 City. It is read when the bot starts.",
            ),
            Param::new(
                "overwrite",
                ParamKind::Bool,
                "false",
                "Whether fields that are there are replaced; what the database does not know stays.",
            ),
            Param::new(
                "use_registered",
                ParamKind::Bool,
                "false",
                "Takes the country in which the network is registered, not the one where it is.",
            ),
            Param::new(
                "license_key",
                ParamKind::Text,
                "null",
                "The key with which IntelMQ's updater fetches the database; has no effect here.",
            ),
            Param::new(
                "autoupdate_cached_database",
                ParamKind::Bool,
                "true",
                "Whether IntelMQ's updater fetches the database; has no effect here.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct MaxmindGeoip {
    reader: Reader<Vec<u8>>,
    ends: [End; 2],
    use_registered: bool,
    how: Add,
}

struct End {
    ip: Key,
    country: Key,
    latitude: Key,
    longitude: Key,
    city: Key,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let path = params.text("database")?.unwrap_or_else(|| "maxmind_geoip/GeoLite2-City.mmdb".to_owned());
    let path = site.path(&path);
    let refused = |problem: String| {
        Failure::Configuration(format!("parameter \"database\": {}: {problem}", path.display()))
    };
    let reader = Reader::open_readfile(&path).map_err(|error| refused(error.to_string()))?;
    let kind = &reader.metadata().database_type;
    if !kind.contains("City") {
        return Err(refused(format!("is a database of the kind {kind:?}; one with cities is needed")));
    }
    let end = |end: &str| {
        let key = |name: &str| site.event_key(&format!("{end}.{name}"));
        Ok::<_, Failure>(End {
            ip: key("ip")?,
            country: key("geolocation.cc")?,
            latitude: key("geolocation.latitude")?,
            longitude: key("geolocation.longitude")?,
            city: key("geolocation.city")?,
        })
    };
    Ok(Bot::Expert(Box::new(MaxmindGeoip {
        ends: [end("source")?, end("destination")?],
        use_registered: params.flag("use_registered"),
        how: Add { sanitize: true, overwrite: Some(params.flag("overwrite")) },
        reader,
    })))
}

impl MaxmindGeoip {
    fn add(&self, event: &mut Message, end: &End, address: IpAddr) -> Result<(), Failure> {
        let found = self.reader.lookup(address).and_then(|found| found.decode::<geoip2::City>());
        let found = found.map_err(|error| Failure::Other(format!("the database, at {address}: {error}")))?;
        let Some(found) = found else { return Ok(()) };
        let country = if self.use_registered { &found.registered_country } else { &found.country };
        let values = [
            (&end.country, country.iso_code.map(Value::from)),
            (&end.latitude, found.location.latitude.map(Value::Float)),
            (&end.longitude, found.location.longitude.map(Value::Float)),
            (&end.city, found.city.names.english.map(Value::from)),
        ];
        for (key, value) in values {
            if let Some(value) = value {
                event.add_key(key, value, self.how)?;
            }
        }
        Ok(())
    }
}

impl Expert for MaxmindGeoip {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        for end in &self.ends {
            let Some(text) = event.get_key(&end.ip).and_then(Value::as_str) else { continue };
            let address = text.parse().map_err(|error| Failure::Other(format!("{text:?}: {error}")))?;
            self.add(&mut event, end, address)?;
        }
        context.send(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::bots::trial::Trial;
    use crate::message::Idf;

    #[test]
    fn a_file_that_is_no_database_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.mmdb"), "nothing").unwrap();
        for name in ["a.mmdb", "missing.mmdb"] {
            let module = "intelmq.bots.experts.maxmind_geoip.expert";
            let made = Trial::within(module, &json!({"database": name}), &Idf::builtin(), folder.path());
            let Some(Failure::Configuration(text)) = made.err() else { panic!("{name}") };
            assert!(text.contains(name), "{text}");
        }
    }
}
