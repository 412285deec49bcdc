//! Python's format strings, as `str.format` reads them: `{msg[source.ip]}`, `{event[time.source]:%Y-%m-%d}`.
//!
//! They are read once; what they name is looked up in a [`Scope`]. Errors are Python's, without their types.

mod number;
mod spec;
#[cfg(test)]
mod tests;
mod time;

use std::borrow::Cow;

use jiff::civil::DateTime;

pub(crate) use time::strftime;

use crate::message::{Value, python};

/// A format string.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Field(Field),
}

/// What stands between braces.
#[derive(Debug, Clone)]
struct Field {
    name: String,
    steps: Vec<Step>,
    conversion: Option<char>,
    spec: Template,
}

/// One step from a thing to a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// `[name]`; digits are a number.
    Item(String),
    /// `.name`
    Attribute(String),
}

/// Something that can be formatted.
#[derive(Debug, Clone)]
pub(crate) enum Item<'a> {
    /// A value of a message.
    Value(Cow<'a, Value>),
    /// A moment without a time zone.
    Moment(DateTime),
}

/// Where names are looked up.
pub(crate) trait Scope {
    /// Finds a name and takes as many of the steps as belong to it; returns what was found and how many those were.
    fn find<'s>(&'s self, name: &str, steps: &[Step]) -> Result<(Item<'s>, usize), String>;

    /// Finds what is named by a number: `{0}`, or `{}` in its turn.
    fn at(&self, _number: usize) -> Option<Item<'_>> {
        None
    }
}

/// What Python says of a name that is not there.
pub(crate) fn missing(name: &str) -> String {
    python::repr(&name.into())
}

impl Template {
    /// Reads a format string; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Template, String> {
        Reader { text, at: 0, count: &mut Count::default() }.template(2)
    }

    /// Returns the text with every field replaced.
    pub(crate) fn render(&self, scope: &impl Scope) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(field) => field.render(scope, &mut out)?,
            }
        }
        Ok(out)
    }
}

impl Field {
    fn render(&self, scope: &impl Scope, out: &mut String) -> Result<(), String> {
        let (mut item, taken) = if self.name.bytes().all(|b| b.is_ascii_digit()) {
            let found = self.name.parse().ok().and_then(|number| scope.at(number));
            let out_of_range =
                || format!("Replacement index {} out of range for positional args tuple", self.name);
            (found.ok_or_else(out_of_range)?, 0)
        } else {
            scope.find(&self.name, &self.steps)?
        };
        for step in &self.steps[taken..] {
            item = item.step(step)?;
        }
        let item = match self.conversion {
            None => item,
            Some('s') => Item::text(item.str()),
            Some('r') => Item::text(item.repr()),
            Some(_) => Item::text(ascii(&item.repr())),
        };
        let spec = self.spec.render(scope)?;
        match item {
            Item::Moment(moment) if spec.is_empty() => out.push_str(&time::str(moment)),
            Item::Moment(moment) => out.push_str(&time::strftime(moment, &spec)?),
            Item::Value(value) => spec::format(&value, &spec, out)?,
        }
        Ok(())
    }
}

impl<'a> Item<'a> {
    /// Borrows a value.
    pub(crate) fn value(value: &'a Value) -> Item<'a> {
        Item::Value(Cow::Borrowed(value))
    }

    /// Owns a text.
    pub(crate) fn text(text: String) -> Item<'a> {
        Item::Value(Cow::Owned(Value::from(text)))
    }

    fn str(&self) -> String {
        match self {
            Item::Value(value) => python::str(value),
            Item::Moment(moment) => time::str(*moment),
        }
    }

    fn repr(&self) -> String {
        match self {
            Item::Value(value) => python::repr(value),
            Item::Moment(moment) => time::repr(*moment),
        }
    }

    fn step(self, step: &Step) -> Result<Item<'a>, String> {
        let (value, key) = match (self, step) {
            (Item::Value(value), Step::Item(key)) => (value, key),
            (Item::Moment(moment), Step::Attribute(name)) => return time::attribute(moment, name),
            (Item::Value(value), Step::Attribute(name)) => {
                return Err(format!("'{}' object has no attribute '{name}'", type_name(&value)));
            }
            (Item::Moment(_), Step::Item(_)) => {
                return Err("'datetime.datetime' object is not subscriptable".into());
            }
        };
        let index = key.parse::<usize>().ok().filter(|_| key.bytes().all(|b| b.is_ascii_digit()));
        let found = match (&*value, index) {
            (Value::Map(_), Some(index)) => return Err(index.to_string()),
            (Value::Map(_), None) => value.get(key).cloned().ok_or_else(|| missing(key))?,
            (Value::List(items), Some(index)) => {
                items.get(index).cloned().ok_or("list index out of range")?
            }
            (Value::Text(text), Some(index)) => {
                let c = text.chars().nth(index).ok_or("string index out of range")?;
                Value::from(c.to_string())
            }
            (Value::List(_), None) => return Err("list indices must be integers or slices, not str".into()),
            (Value::Text(_), None) => return Err("string indices must be integers, not 'str'".into()),
            _ => return Err(format!("'{}' object is not subscriptable", type_name(&value))),
        };
        Ok(Item::Value(Cow::Owned(found)))
    }
}

/// Returns Python's name of a value's type.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::BigInt(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Map(_) => "dict",
    }
}

/// Escapes what is not ASCII, as Python's `ascii()` does.
fn ascii(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing into a text cannot fail.
        let _ = match c as u32 {
            0..0x80 => out.write_char(c),
            code @ 0x80..=0xff => write!(out, "\\x{code:02x}"),
            code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
            code => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

/// How the fields that are named by numbers got theirs.
#[derive(Default)]
struct Count {
    given: bool,
    counted: usize,
}

impl Count {
    /// Gives a field without a name its number.
    fn name(&mut self, name: String) -> Result<String, String> {
        if name.is_empty() {
            self.counted += 1;
        } else {
            self.given |= name.bytes().all(|b| b.is_ascii_digit());
        }
        if self.given && self.counted > 0 {
            return Err(
                "cannot switch between automatic field numbering and manual field specification".into()
            );
        }
        Ok(if name.is_empty() { (self.counted - 1).to_string() } else { name })
    }
}

/// Reads a format string from left to right.
struct Reader<'t, 'c> {
    text: &'t str,
    at: usize,
    count: &'c mut Count,
}

impl<'t> Reader<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn template(mut self, depth: u8) -> Result<Template, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.next() {
            match (c, self.rest().chars().next()) {
                ('{', Some('{')) | ('}', Some('}')) => {
                    self.at += 1;
                    text.push(c);
                }
                ('}', _) => return Err("Single '}' encountered in format string".into()),
                ('{', None) => return Err("Single '{' encountered in format string".into()),
                ('{', _) => {
                    if depth == 0 {
                        return Err("Max string recursion exceeded".into());
                    }
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(Part::Field(self.field(depth)?));
                }
                _ => text.push(c),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Template { parts })
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Reads from after the opening brace to after the closing one.
    fn field(&mut self, depth: u8) -> Result<Field, String> {
        let (inner, length) = balanced(self.rest())?;
        let (name_end, in_brackets) = name_end(inner);
        if in_brackets {
            return Err("expected '}' before end of string".into());
        }
        let (path, tail) = inner.split_at(name_end);
        let (conversion, spec) = match tail.as_bytes().first() {
            Some(b'!') => {
                let mut rest = tail[1..].chars();
                let conversion = rest.next().ok_or("unmatched '{' in format spec")?;
                let rest = rest.as_str();
                if !rest.is_empty() && !rest.starts_with(':') {
                    return Err("expected ':' after conversion specifier".into());
                }
                if !matches!(conversion, 's' | 'r' | 'a') {
                    return Err(format!("Unknown conversion specifier {conversion}"));
                }
                (Some(conversion), rest.strip_prefix(':').unwrap_or(rest))
            }
            Some(_) => (None, &tail[1..]),
            None => (None, ""),
        };
        let (name, steps) = steps(path)?;
        let name = self.count.name(name)?;
        let spec = Reader { text: spec, at: 0, count: &mut *self.count }.template(depth - 1)?;
        self.at += length;
        Ok(Field { name, steps, conversion, spec })
    }
}

/// Returns what stands before the brace that closes a field, and the length with that brace.
fn balanced(text: &str) -> Result<(&str, usize), String> {
    let mut open = 1;
    let mut brackets = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' if open == 1 => brackets = true,
            ']' => brackets = false,
            '{' if !brackets => open += 1,
            '}' if !brackets => {
                open -= 1;
                if open == 0 {
                    return Ok((&text[..at], at + 1));
                }
            }
            _ => {}
        }
    }
    Err("expected '}' before end of string".into())
}

/// Returns where a field's name ends: at `!` or `:` outside brackets; and whether a bracket is left open.
fn name_end(text: &str) -> (usize, bool) {
    let mut brackets = false;
    for (at, c) in text.char_indices() {
        match c {
            '[' => brackets = true,
            ']' => brackets = false,
            '!' | ':' if !brackets => return (at, false),
            _ => {}
        }
    }
    (text.len(), brackets)
}

/// Splits `msg[source.ip].x` into its name and its steps.
fn steps(path: &str) -> Result<(String, Vec<Step>), String> {
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, mut rest) = path.split_at(end);
    if name.contains(['{', '}']) {
        return Err("unexpected '{' in field name".into());
    }
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').ok_or("Missing ']' in format string")?;
            if key.is_empty() {
                return Err("Empty attribute in format string".into());
            }
            steps.push(Step::Item(key.to_owned()));
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('.') {
            let (key, after) = inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()));
            if key.is_empty() {
                return Err("Empty attribute in format string".into());
            }
            steps.push(Step::Attribute(key.to_owned()));
            rest = after;
        } else {
            return Err("Only '.' or '[' may follow ']' in format field specifier".into());
        }
    }
    Ok((name.to_owned(), steps))
}
