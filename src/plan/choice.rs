//! Which targets, brokers and layouts there are, and which go together.

use crate::broker::{self, BrokerKind, Url};
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

/// Every target; the first is the default.
pub const TARGETS: &[TargetFacts] = &[
    TargetFacts { name: "local", ready: true, broker: "embedded" },
    TargetFacts { name: "compose", ready: false, broker: "redis" },
    TargetFacts { name: "vagrant", ready: false, broker: "redis" },
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
#[derive(Debug, Clone)]
pub struct Choice {
    /// The target.
    pub target: &'static TargetFacts,
    /// The broker.
    pub broker: &'static BrokerKind,
    /// Where the broker runs already; `None` if the target brings it.
    pub url: Option<Url>,
}

/// Two choices are the same if they name the same.
impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        (self.target, self.broker.name, &self.url) == (other.target, other.broker.name, &other.url)
    }
}

/// Decides on a target and a broker, or says in one sentence why a wish cannot be met.
pub fn choose(wish: &Wish) -> Result<Choice, PlanError> {
    let target = match &wish.target {
        None => &TARGETS[0],
        Some(name) => target(name)?,
    };
    let (broker, url) = broker::choose(wish.broker.as_deref(), wish.broker_url.as_deref(), target.broker)
        .map_err(|error| PlanError::Impossible(error.to_string()))?;
    Ok(Choice { target, broker, url })
}

fn target(name: &str) -> Result<&'static TargetFacts, PlanError> {
    let names = TARGETS.iter().map(|target| target.name);
    let Some(found) = TARGETS.iter().find(|target| target.name == name) else {
        let near = suggest(name, names.clone()).map(|near| format!("did you mean `{near}`?"));
        let way = near.unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
        return Err(PlanError::Impossible(format!("there is no target `{name}`; {way}")));
    };
    if found.ready {
        return Ok(found);
    }
    let ready: Vec<&str> = TARGETS.iter().filter(|target| target.ready).map(|target| target.name).collect();
    Err(PlanError::Impossible(format!(
        "the target `{name}` is not in this version yet; it has {}",
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
            (None, Some("redis"), None, "local with redis"),
            (None, None, Some(redis), "local with redis"),
            (Some("local"), Some("redis"), Some("rediss://host"), "local with redis"),
            (None, Some("redi"), None, "there is no broker `redi`; did you mean `redis`?"),
            (Some("moon"), None, None, "there is no target `moon`; there are local, compose, vagrant"),
            (
                None,
                Some("embedded"),
                Some(redis),
                "--broker-url needs a broker that is a server of its own; `embedded` is part of this program",
            ),
        ] {
            assert_eq!(chosen(target, broker, url), outcome);
        }
    }
}
