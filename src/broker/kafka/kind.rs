//! Kafka among the brokers: its addresses, and the parameters of a bot that name it.
//!
//! `kafka://user:password@one:9092,two:9092/PREFIX?partitions=4&security.protocol=SASL_SSL`: what has a dot in its name is a
//! property of librdkafka.

use std::sync::Arc;
use std::time::Duration;

use super::{Kafka, KafkaOptions};
use crate::broker::{Broker, BrokerError, BrokerKind, Settings, Side, Url};
use crate::pipeline::ParamError;

/// The port of a server that names none.
const PORT: u16 = 9092;

/// Kafka.
pub(in crate::broker) const KIND: BrokerKind = BrokerKind {
    name: "kafka",
    parameter: "kafka",
    schemes: &["kafka"],
    usual: "kafka://127.0.0.1:9092",
    ready: true,
    of_side,
    open: |settings| Ok(Arc::new(Kafka::new(&options(settings)?)) as Arc<dyn Broker>),
};

/// Reads an address and its options.
pub(super) fn options(Settings { url, process, .. }: &Settings) -> Result<KafkaOptions, BrokerError> {
    let server = |(host, port): &(String, Option<u16>)| {
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        format!("{host}:{}", port.unwrap_or(PORT))
    };
    let servers = url.hosts.iter().map(server).collect::<Vec<_>>().join(",");
    let mut options = KafkaOptions::new(&servers, url.path.trim_matches('/'), process);
    if let Some(user) = &url.user {
        for (key, value) in [("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN")] {
            options.properties.insert(key.to_owned(), value.to_owned());
        }
        let password = url.password.clone().unwrap_or_default();
        options
            .properties
            .extend([("sasl.username".into(), user.clone()), ("sasl.password".into(), password)]);
    }
    for (name, value) in &url.options {
        let set = set(&mut options, name, value);
        set.map_err(|problem| BrokerError::Refused {
            broker: url.to_string(),
            problem: format!("{name}: {problem}"),
        })?;
    }
    Ok(options)
}

fn set(options: &mut KafkaOptions, name: &str, value: &str) -> Result<(), String> {
    fn number<T: std::str::FromStr + PartialOrd>(value: &str, least: &T) -> Result<T, String> {
        let number = value.parse().ok().filter(|number| number >= least);
        number.ok_or_else(|| format!("{value:?} is no number that can be used here"))
    }
    match name {
        "partitions" => options.partitions = number(value, &1)?,
        "replication" => options.replication = number(value, &-1)?,
        "max_message_bytes" => options.largest = number(value, &1024)?,
        "transaction_timeout" => options.transaction = Duration::from_secs(number(value, &1)?),
        name if name.contains('.') => drop(options.properties.insert(name.to_owned(), value.to_owned())),
        _ => {
            let known = "partitions, replication, max_message_bytes, transaction_timeout";
            return Err(format!("there is no such option; there are {known}, and properties of librdkafka"));
        }
    }
    Ok(())
}

/// Makes an address of hosts, user, password, and of what begins with `kafka_`: the options, or a property with `_` for `.`.
fn of_side(side: &Side<'_>) -> Result<Url, ParamError> {
    let hosts = side.text("host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let read = Url::parse(&format!("kafka://{hosts}"));
    let mut url = read.map_err(|error| side.wrong("host", error.problem))?;
    let port = side.int("port")?.map(u16::try_from).transpose();
    let port = port.map_err(|_| side.wrong("port", "must be a port, 0 to 65535".to_owned()))?;
    for (_, known) in &mut url.hosts {
        *known = known.or(port);
    }
    (url.user, url.password) = (side.text("username")?, side.text("password")?);
    for (name, value) in side.beginning("kafka_") {
        match name {
            "prefix" => url.path = format!("/{value}"),
            "partitions" | "replication" | "max_message_bytes" | "transaction_timeout" => {
                url.options.insert(name.to_owned(), value);
            }
            _ => drop(url.options.insert(name.replace('_', "."), value)),
        }
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::{Member, SyncMode};
    use crate::pipeline::Params;

    fn read(url: &str) -> Result<KafkaOptions, BrokerError> {
        let (url, folder) = (Url::parse(url).unwrap(), std::path::PathBuf::new());
        options(&Settings { url, folder, sync: SyncMode::Never, process: Member::alone("botnet") })
    }

    #[test]
    fn an_address_says_all() {
        let options = read(
            "kafka://lab:p%40ss@one,two:9093/my%20lab?partitions=4&replication=3&max_message_bytes=2000000&\
             transaction_timeout=60&security.protocol=SASL_SSL&ssl.ca.location=%2Fca.pem",
        )
        .unwrap();
        assert_eq!((&*options.servers, &*options.prefix), ("one:9092,two:9093", "my lab"));
        assert_eq!((options.partitions, options.replication, options.largest), (4, 3, 2_000_000));
        assert_eq!(
            (options.transaction, &*options.identity.to_string()),
            (Duration::from_secs(60), "botnet")
        );
        let properties: Vec<_> =
            options.properties.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            properties,
            [
                "sasl.mechanism=PLAIN",
                "sasl.password=p@ss",
                "sasl.username=lab",
                "security.protocol=SASL_SSL",
                "ssl.ca.location=/ca.pem"
            ]
        );
        assert_eq!(read("kafka://[2001:db8::1]").unwrap().servers, "[2001:db8::1]:9092");
    }

    #[test]
    fn wrong_options_are_refused() {
        for (url, problem) in [
            ("kafka://:pw@one?partitions=0", "partitions: \"0\" is no number that can be used here"),
            ("kafka://one?replication=x", "replication: \"x\" is no number that can be used here"),
            ("kafka://one?partition=1", "partition: there is no such option"),
        ] {
            let error = read(url).unwrap_err();
            assert!(matches!(error, BrokerError::Refused { .. }));
            assert!(error.to_string().contains(problem) && !error.to_string().contains("pw"), "{error}");
        }
    }

    #[test]
    fn parameters_say_the_same() {
        let mut params = Params::default();
        for (name, value) in [
            ("host", "one,two:9093"),
            ("port", "9095"),
            ("username", "lab"),
            ("password", "secret"),
            ("kafka_prefix", "mine"),
            ("kafka_partitions", "2"),
            ("kafka_security_protocol", "SASL_SSL"),
        ] {
            params.set(format!("source_pipeline_{name}"), value);
        }
        let url = of_side(&Side::source(&params)).unwrap();
        let expected = "kafka://lab:***@one:9095,two:9093/mine?partitions=2&security.protocol=SASL_SSL";
        assert_eq!(url.to_string(), expected);
    }
}
