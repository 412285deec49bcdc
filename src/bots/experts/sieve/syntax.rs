//! What a sieve file says: statements, conditions, actions.

use ipnet::IpNet;

use super::moment::Moment;
use crate::bots::pattern::Pattern;
use crate::message::Value;

/// One step of a file.
#[derive(Debug)]
pub(super) enum Statement {
    /// Something to do.
    Action(Action),
    /// `if`, `elif`, `else`: the first arm that holds runs.
    Branch(Vec<(Condition, Vec<Statement>)>, Vec<Statement>),
}

/// When an arm runs.
#[derive(Debug)]
pub(super) enum Condition {
    /// One of them holds.
    Any(Vec<Condition>),
    /// All of them hold.
    All(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A look at one field.
    Match(Name, Test),
}

/// A field, or a variable with its `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// A field of the event.
    Field(String),
    /// What an earlier `$name = field` kept.
    Variable(String),
}

/// What is asked of a field's value.
#[derive(Debug)]
pub(super) enum Test {
    /// `==` or `!=` (true) with a text.
    Equal(String, bool),
    /// `:contains`.
    Contains(String),
    /// `=~` or `!~` (true).
    Regex(Box<Pattern>, bool),
    /// `:in` with texts.
    In(Vec<String>),
    /// `:containsany`.
    ContainsAny(Vec<String>),
    /// `:regexin`.
    RegexIn(Vec<Pattern>),
    /// A comparison with a number.
    Number(Compare, f64),
    /// `:in` with numbers.
    NumberIn(Vec<f64>),
    /// `<<`: in one of these.
    Within(Vec<IpNet>),
    /// `:before` or `:after` (true).
    Time(Moment, bool),
    /// `:exists` or `:notexists` (false).
    Exists(bool),
    /// `:equals` and the set operators; a variable (`None`) is equal to nothing, as in IntelMQ.
    List(ListOp, Vec<Option<Value>>),
    /// `==` or `!=` (true) with `true` or `false`.
    Flag(bool, bool),
}

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    NotEqual,
    AtMost,
    AtLeast,
    Below,
    Above,
}

/// How lists are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListOp {
    Equals,
    SetEquals,
    Overlaps,
    SubsetOf,
    SupersetOf,
}

/// A value that is written down, or a variable's.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// A number, a text, `true` or `false`.
    Value(Value),
    /// `$name`.
    Variable(String),
}

/// What happens to the event.
#[derive(Debug)]
pub(super) enum Action {
    /// Ends; the event goes no further.
    Drop,
    /// Ends; the event goes on as it is.
    Keep,
    /// Says where the event goes.
    Path(Vec<String>),
    /// `add`, `add!` or `update` with `=`.
    Set(When, String, Operand),
    /// `add`, `add!` or `update` with `+=` or `-=` (true), and seconds.
    Shift(When, String, i64, bool),
    /// `remove`.
    Remove(Name),
    /// `append`, or `append!` (true).
    Append(String, Operand, bool),
    /// `$name = field`.
    Assign(String, String),
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// `add`: it must not.
    Missing,
    /// `add!`: it may or may not.
    Always,
    /// `update`: it must.
    Present,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Field(name) => f.write_str(name),
            Name::Variable(name) => write!(f, "${name}"),
        }
    }
}
