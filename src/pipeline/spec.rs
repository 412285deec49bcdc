//! What a kind of bot is: its module path, parameters and documentation. Bots fill it in; validation and docs read it.

/// The four groups of bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Paths that it sends to by name, beside `_default` and `_on_error`.
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
}

impl Param {
    /// Makes an optional parameter.
    pub const fn new(name: &'static str, kind: ParamKind, default: &'static str, doc: &'static str) -> Self {
        Param { name, kind, default, required: false, doc }
    }

    /// Makes a parameter without which the bot cannot start.
    pub const fn required(name: &'static str, kind: ParamKind, doc: &'static str) -> Self {
        Param { name, kind, default: "null", required: true, doc }
    }
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
