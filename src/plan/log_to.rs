//! A central logger to which the log driver of every container sends: `syslog://host:514` and the like.

/// How containers log, if not where the engine keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTo {
    /// The driver's name.
    pub driver: &'static str,
    /// What it is told.
    pub options: Vec<(&'static str, String)>,
    /// The address as it was given.
    pub url: String,
}

/// The labels that drivers with fields of their own send along.
const LABELS: &str = "org.intelmq-lab.lab,org.intelmq-lab.role,org.intelmq-lab.bot";

/// What stands for the container in a line.
const NAME: &str = "{{.Name}}";

impl LogTo {
    /// Reads an address, or says in one sentence what is wrong with it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let kinds = "syslog://, fluentd://, gelf:// or splunk://TOKEN@";
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| format!("--log-to takes {kinds} with HOST:PORT, and not {url:?}"))?;
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        let place = place.trim_end_matches('/');
        let port = place.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-:[]".contains(c);
        if port.is_none_or(|(host, _)| host.is_empty()) || !place.chars().all(legal) {
            return Err(format!("--log-to {scheme}:// needs HOST:PORT, and {place:?} is none"));
        }
        let (driver, options) = match (scheme, user) {
            ("syslog", None) => {
                let address = ("syslog-address", format!("udp://{place}"));
                (
                    "syslog",
                    vec![address, ("syslog-format", "rfc5424micro".to_owned()), ("tag", NAME.to_owned())],
                )
            }
            // A logger that is away must not keep containers from starting.
            ("fluentd", None) => {
                let address = ("fluentd-address", place.to_owned());
                ("fluentd", vec![address, ("fluentd-async", "true".to_owned()), ("tag", NAME.to_owned())])
            }
            ("gelf", None) => {
                ("gelf", vec![("gelf-address", format!("udp://{place}")), ("tag", NAME.to_owned())])
            }
            ("splunk", Some(token)) if token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
                let address =
                    [("splunk-url", format!("https://{place}")), ("splunk-token", token.to_owned())];
                let rest = [("splunk-format", "json".to_owned()), ("tag", NAME.to_owned())];
                ("splunk", address.into_iter().chain(rest).collect())
            }
            ("splunk", _) => {
                return Err("--log-to splunk:// needs a token: splunk://TOKEN@HOST:PORT".to_owned());
            }
            ("syslog" | "fluentd" | "gelf", Some(_)) => {
                return Err(format!("--log-to {scheme}:// takes HOST:PORT alone, without {:?}", "@"));
            }
            _ => return Err(format!("--log-to knows no {scheme}://; it takes {kinds}HOST:PORT")),
        };
        let mut log_to = LogTo { driver, options, url: url.to_owned() };
        if driver != "syslog" {
            log_to.options.push(("labels", LABELS.to_owned()));
        }
        Ok(log_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_driver_with_options_or_refused_in_one_sentence() {
        for (url, expected) in [
            ("syslog://192.0.2.1:514", "syslog syslog-address=udp://192.0.2.1:514"),
            ("fluentd://log.example:24224/", "fluentd fluentd-address=log.example:24224"),
            ("gelf://[2001:db8::1]:12201", "gelf gelf-address=udp://[2001:db8::1]:12201"),
            ("splunk://ab-12@log.example:8088", "splunk splunk-url=https://log.example:8088"),
            ("splunk://log.example:8088", "--log-to splunk:// needs a token: splunk://TOKEN@HOST:PORT"),
            ("syslog://log.example", "--log-to syslog:// needs HOST:PORT, and \"log.example\" is none"),
            ("gelf://a b:1", "--log-to gelf:// needs HOST:PORT, and \"a b:1\" is none"),
            (
                "smoke://hill:1",
                "--log-to knows no smoke://; it takes syslog://, fluentd://, gelf:// or splunk://TOKEN@HOST:PORT",
            ),
        ] {
            let seen = match LogTo::parse(url) {
                Ok(log_to) => {
                    let (name, value) = &log_to.options[0];
                    format!("{} {name}={value}", log_to.driver)
                }
                Err(problem) => problem,
            };
            assert_eq!(seen, expected);
        }
    }
}
