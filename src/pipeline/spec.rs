//! What a kind of bot is: its module path, parameters and documentation. Bots fill it in; validation and docs read it.

/// The four groups of bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Kind {
    /// Fetches data and makes reports.
    Collector,
    /// Turns a report into events.
    Parser,
    /// Changes, routes or drops events.
    Expert,
    /// Hands events to the world.
    Output,
}

impl Kind {
    /// Returns IntelMQ's word for the group, as `group:` in `runtime.yaml` has it.
    pub fn group(self) -> &'static str {
        match self {
            Kind::Collector => "Collector",
            Kind::Parser => "Parser",
            Kind::Expert => "Expert",
            Kind::Output => "Output",
        }
    }

    /// Reads IntelMQ's word for the group.
    pub fn of_group(group: &str) -> Option<Self> {
        [Kind::Collector, Kind::Parser, Kind::Expert, Kind::Output]
            .into_iter()
            .find(|kind| kind.group() == group)
    }

    /// Tells the kind of a module by the third part of its path, such as `collectors`; IntelMQ's own paths all have it.
    pub fn of_module(module: &str) -> Option<Self> {
        match module.strip_prefix("intelmq.bots.")?.split('.').next()? {
            "collectors" => Some(Kind::Collector),
            "parsers" => Some(Kind::Parser),
            "experts" => Some(Kind::Expert),
            "outputs" => Some(Kind::Output),
            _ => None,
        }
    }
}

/// What a bot of one module is.
#[derive(Debug)]
pub struct Spec {
    /// IntelMQ's module path, such as `intelmq.bots.experts.taxonomy.expert`.
    pub module: &'static str,
    /// Its group.
    pub kind: Kind,
    /// One sentence for lists and documentation.
    pub summary: &'static str,
    /// Its own parameters; the generic ones are [`super::GENERIC`].
    pub params: &'static [Param],
    /// Whether it remembers something between messages, so that only one instance may run.
    pub stateful: bool,
    /// Paths that it sends to by name, beside `_default` and `_on_error`; `*` if its configuration makes names up.
    pub paths: &'static [&'static str],
}

/// One parameter of a bot.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    /// The name in `runtime.yaml`.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParamKind,
    /// The default as JSON text; `null` where there is none.
    pub default: &'static str,
    /// Whether the bot cannot start without it.
    pub required: bool,
    /// One sentence: what it does, units, values.
    pub doc: &'static str,
    /// Whether IntelMQ has no such parameter; see [`Param::ours`].
    pub ours: bool,
}

impl Param {
    /// Makes an optional parameter.
    pub const fn new(name: &'static str, kind: ParamKind, default: &'static str, doc: &'static str) -> Self {
        Param { name, kind, default, required: false, doc, ours: false }
    }

    /// Makes a parameter without which the bot cannot start.
    pub const fn required(name: &'static str, kind: ParamKind, doc: &'static str) -> Self {
        Param { name, kind, default: "null", required: true, doc, ours: false }
    }

    /// Says that IntelMQ has no such parameter: `export` leaves it out. Its documentation says so too, with the word "Ours" or "Not in IntelMQ".
    #[must_use]
    pub const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// Returns the default; a default that is no JSON counts as none, and the registry's tests refuse it.
    pub fn default_json(&self) -> serde_json::Value {
        serde_json::from_str(self.default).unwrap_or_default()
    }
}

/// Joins a bot's own parameters and those that it shares with others; `ALL` is the number of both together.
pub const fn joined<const ALL: usize>(own: &[Param], shared: &[Param]) -> [Param; ALL] {
    assert!(own.len() + shared.len() == ALL, "ALL is the number of both together");
    let mut all = [shared[0]; ALL];
    let mut index = 0;
    while index < ALL {
        all[index] = if index < own.len() { own[index] } else { shared[index - own.len()] };
        index += 1;
    }
    all
}

/// What values a parameter takes. `null` is always taken and means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Text; numbers are taken as their text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// A list of texts, or one text separated by commas.
    List,
    /// A mapping.
    Map,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// Anything; the bot itself checks it.
    Any,
}
