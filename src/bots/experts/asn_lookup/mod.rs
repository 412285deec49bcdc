//! Adds the autonomous system and the network of an address, from a database that lies in a file.

mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use self::table::Database;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Key, Message, Value};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The ASN lookup.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.asn_lookup.expert",
        kind: Kind::Expert,
        summary: "Adds asn and network of source.ip and destination.ip, replacing what is there.",
        params: &[
            Param::new(
                "database",
                ParamKind::Text,
                "\"asn_lookup/ipasn.dat\"",
                "The database as pyasn writes it: a line `192.0.2.0/24<TAB>64496` for each network; `;` and `#` begin \
                 comments. It is read when the bot starts.",
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

struct AsnLookup {
    database: Database,
    ends: [End; 2],
}

struct End {
    ip: Key,
    asn: Key,
    network: Key,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let path = params.text("database")?.unwrap_or_else(|| "asn_lookup/ipasn.dat".to_owned());
    let database = Database::read(&site.path(&path)).map_err(Failure::Configuration)?;
    let end = |end: &str| {
        Ok::<_, Failure>(End {
            ip: site.event_key(&format!("{end}.ip"))?,
            asn: site.event_key(&format!("{end}.asn"))?,
            network: site.event_key(&format!("{end}.network"))?,
        })
    };
    Ok(Bot::Expert(Box::new(AsnLookup { database, ends: [end("source")?, end("destination")?] })))
}

impl Expert for AsnLookup {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        for end in &self.ends {
            let Some(text) = event.get_key(&end.ip).and_then(Value::as_str) else { continue };
            let address: IpAddr =
                text.parse().map_err(|error| Failure::Other(format!("{text:?}: {error}")))?;
            if let Some((network, asn)) = self.database.find(address) {
                event.add_key(&end.asn, asn.into(), Add::REPLACE)?;
                event.add_key(&end.network, network.to_string().into(), Add::REPLACE)?;
            }
        }
        context.send(event)
    }
}
