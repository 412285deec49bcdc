//! Which targets, brokers and layouts there are, and which go together.

use crate::broker::{self, BrokerKind, Url};
use crate::diagnostic::suggest;

use super::{LogTo, PlanError};

/// A target as planning sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// The name on the command line.
    pub name: &'static str,
    /// Whether this version has it.
    pub ready: bool,
    /// The broker that is used unless another one is asked for.
    pub broker: &'static str,
    /// Where bots find the lab, if not where the program does.
    pub inside: Option<Inside>,
}

/// Where bots find the lab on a target that gives them a system of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// The lab's folder.
    pub folder: &'static str,
    /// The name of the host with the lab's services.
    pub host: &'static str,
}

/// How bots are spread over containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// All in one process.
    #[default]
    Single,
    /// Each in a container of its own.
    PerBot,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Layout; 2] = [Layout::PerBot, Layout::Single];

    /// Returns its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Single => "single",
            Layout::PerBot => "per-bot",
        }
    }
}

/// In a container the lab's folder is a volume, and its services are in the container of its agent.
pub const INSIDE: Inside = Inside { folder: "/var/lib/intelmq-lab", host: "agent" };

/// Every target; the first is the default.
pub const TARGETS: &[TargetFacts] = &[
    TargetFacts { name: "local", ready: true, broker: "embedded", inside: None },
    TargetFacts { name: "compose", ready: true, broker: "redis", inside: Some(INSIDE) },
    TargetFacts { name: "vagrant", ready: false, broker: "redis", inside: None },
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
    /// The layout's name.
    pub layout: Option<String>,
    /// Where containers log, as an address.
    pub log_to: Option<String>,
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
    /// How bots are spread.
    pub layout: Layout,
    /// Where containers log, if not where the engine keeps it.
    pub log_to: Option<LogTo>,
}

/// Two choices are the same if they name the same.
impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        (self.target, self.broker.name, &self.url, self.layout, &self.log_to)
            == (other.target, other.broker.name, &other.url, other.layout, &other.log_to)
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
    if url.is_some() && target.inside.is_some() {
        let title = format!("--broker-url is for the target local; {} brings its broker along", target.name);
        return Err(PlanError::Impossible(title));
    }
    let layout = layout(wish.layout.as_deref(), target, broker)?;
    let log_to = wish.log_to.as_deref().map(LogTo::parse).transpose().map_err(PlanError::Impossible)?;
    if log_to.is_some() && target.inside.is_none() {
        let title =
            format!("--log-to is for the target compose; logs of {} stand in the lab's folder", target.name);
        return Err(PlanError::Impossible(title));
    }
    Ok(Choice { target, broker, url, layout, log_to })
}

/// Decides on a layout: a container each, where there are containers and a broker that they all reach.
fn layout(name: Option<&str>, target: &TargetFacts, broker: &BrokerKind) -> Result<Layout, PlanError> {
    let impossible = |title: String| Err(PlanError::Impossible(title));
    let can_spread = target.inside.is_some() && broker.is_networked();
    let Some(name) = name else {
        return Ok(if can_spread { Layout::PerBot } else { Layout::Single });
    };
    let Some(layout) = Layout::ALL.into_iter().find(|layout| layout.name() == name) else {
        return impossible(format!("there is no layout `{name}`; there are per-bot and single"));
    };
    if target.inside.is_none() {
        return impossible(format!("--layout is for the target compose; {} runs one process", target.name));
    }
    if layout == Layout::PerBot && !can_spread {
        return impossible(format!(
            "--layout per-bot needs a broker that is a server of its own; `{}` is part of one process",
            broker.name
        ));
    }
    Ok(layout)
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
        said(target, broker, url, None)
    }

    fn said(target: Option<&str>, broker: Option<&str>, url: Option<&str>, layout: Option<&str>) -> String {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let wish = Wish {
            target: own(target),
            broker: own(broker),
            broker_url: own(url),
            layout: own(layout),
            log_to: None,
        };
        match choose(&wish) {
            Ok(Choice { target, broker, layout: Layout::PerBot, .. }) => {
                format!("{} with {}, each bot for itself", target.name, broker.name)
            }
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
            (Some("compose"), None, None, "compose with redis, each bot for itself"),
            (Some("compose"), Some("embedded"), None, "compose with embedded"),
            (
                Some("compose"),
                None,
                Some(redis),
                "--broker-url is for the target local; compose brings its broker along",
            ),
            (
                Some("vagrant"),
                None,
                None,
                "the target `vagrant` is not in this version yet; it has local, compose",
            ),
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

    #[test]
    fn a_layout_goes_with_containers_and_a_broker_that_all_reach() {
        for (target, broker, layout, outcome) in [
            ("compose", "redis", "single", "compose with redis"),
            ("compose", "kafka", "per-bot", "compose with kafka, each bot for itself"),
            ("compose", "redis", "twos", "there is no layout `twos`; there are per-bot and single"),
            ("local", "redis", "single", "--layout is for the target compose; local runs one process"),
            (
                "compose",
                "embedded",
                "per-bot",
                "--layout per-bot needs a broker that is a server of its own; `embedded` is part of one process",
            ),
        ] {
            assert_eq!(said(Some(target), Some(broker), None, Some(layout)), outcome);
        }
    }
}
