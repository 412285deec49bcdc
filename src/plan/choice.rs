//! Which targets, brokers and layouts there are, and which go together.

use crate::diagnostic::suggest;

use super::PlanError;

/// A target as planning sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// The name on the command line.
    pub name: &'static str,
    /// Whether this version has it.
    pub ready: bool,
    /// The broker that is used unless another one is asked for.
    pub broker: &'static str,
}

/// A broker as planning sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct BrokerFacts {
    /// The name on the command line.
    pub name: &'static str,
    /// Whether this version has it.
    pub ready: bool,
    /// Whether bots in several processes can use it.
    pub networked: bool,
}

/// Every target; the first is the default.
pub const TARGETS: &[TargetFacts] = &[
    TargetFacts { name: "local", ready: true, broker: "embedded" },
    TargetFacts { name: "compose", ready: false, broker: "redis" },
    TargetFacts { name: "vagrant", ready: false, broker: "redis" },
];

/// Every broker.
pub const BROKERS: &[BrokerFacts] = &[
    BrokerFacts { name: "embedded", ready: true, networked: false },
    BrokerFacts { name: "redis", ready: false, networked: true },
    BrokerFacts { name: "rabbitmq", ready: false, networked: true },
    BrokerFacts { name: "kafka", ready: false, networked: true },
];

/// What the user asked for; `None` is the default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// The target's name.
    pub target: Option<String>,
    /// The broker's name.
    pub broker: Option<String>,
    /// Where a broker runs already.
    pub broker_url: Option<String>,
}

/// A target and a broker that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The target.
    pub target: &'static TargetFacts,
    /// The broker.
    pub broker: &'static BrokerFacts,
}

/// Decides on a target and a broker, or says in one sentence why a wish cannot be met.
pub fn choose(wish: &Wish) -> Result<Choice, PlanError> {
    let target = match &wish.target {
        None => &TARGETS[0],
        Some(name) => named("target", name, TARGETS, |target| (target.name, target.ready))?,
    };
    let broker = wish.broker.as_deref().unwrap_or(target.broker);
    let broker = named("broker", broker, BROKERS, |broker| (broker.name, broker.ready))?;
    if wish.broker_url.is_some() && !broker.networked {
        return Err(PlanError::Impossible(format!(
            "--broker-url needs a broker that is a server of its own; `{}` is part of this program",
            broker.name
        )));
    }
    Ok(Choice { target, broker })
}

fn named<T>(
    what: &'static str,
    name: &str,
    all: &'static [T],
    facts: fn(&T) -> (&'static str, bool),
) -> Result<&'static T, PlanError> {
    let Some(found) = all.iter().find(|one| facts(one).0 == name) else {
        let names: Vec<&str> = all.iter().map(|one| facts(one).0).collect();
        let near = suggest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let way = near.unwrap_or_else(|| format!("there are {}", names.join(", ")));
        return Err(PlanError::Impossible(format!("there is no {what} `{name}`; {way}")));
    };
    if facts(found).1 {
        return Ok(found);
    }
    let ready: Vec<&str> = all.iter().map(facts).filter(|(_, ready)| *ready).map(|(name, _)| name).collect();
    Err(PlanError::Impossible(format!(
        "the {what} `{name}` is not in this version yet; it has {}",
        ready.join(", ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(target: Option<&str>, broker: Option<&str>, url: Option<&str>) -> String {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let wish = Wish { target: own(target), broker: own(broker), broker_url: own(url) };
        match choose(&wish) {
            Ok(choice) => format!("{} with {}", choice.target.name, choice.broker.name),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wishes_are_met_or_refused_in_one_sentence() {
        let redis = "redis://127.0.0.1";
        for (target, broker, url, outcome) in [
            (None, None, None, "local with embedded"),
            (Some("local"), Some("embedded"), None, "local with embedded"),
            (Some("compose"), None, None, "the target `compose` is not in this version yet; it has local"),
            (None, Some("redis"), None, "the broker `redis` is not in this version yet; it has embedded"),
            (None, Some("redi"), None, "there is no broker `redi`; did you mean `redis`?"),
            (Some("moon"), None, None, "there is no target `moon`; there are local, compose, vagrant"),
            (
                None,
                None,
                Some(redis),
                "--broker-url needs a broker that is a server of its own; `embedded` is part of this program",
            ),
        ] {
            assert_eq!(chosen(target, broker, url), outcome);
        }
    }
}
