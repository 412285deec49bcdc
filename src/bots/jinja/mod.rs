//! Jinja2 templates over one event, as IntelMQ's templated mails have them: lenient, and printed as Python prints.

mod methods;

use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value as Jinja};

use crate::message::{Message, Value, json, python};

/// Templates that were read, by name.
pub(crate) struct Templates {
    environment: Environment<'static>,
}

impl Templates {
    /// Makes a set without any template.
    pub(crate) fn new() -> Templates {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(print);
        environment.set_unknown_method_callback(methods::call);
        environment.add_function("from_json", from_json);
        environment.add_filter("tojson", to_json);
        environment.add_filter("e", escape);
        environment.add_filter("escape", escape);
        environment.add_filter("join", join);
        Templates { environment }
    }

    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn add(&mut self, name: String, text: String) -> Result<(), String> {
        self.environment.add_template_owned(name, text).map_err(|error| told(&error))
    }

    /// Fills in a template that was added.
    pub(crate) fn fill(&self, name: &str, event: &Message) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| told(&error))?;
        let event = Jinja::from_object(View::of(event));
        let scope = Jinja::from_pairs([("event", event)]);
        template.render(scope).map_err(|error| told(&error))
    }
}

fn told(error: &Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    }
}

/// An event as templates see it: a mapping in the order of its fields.
#[derive(Debug)]
struct View {
    fields: Vec<(Jinja, Jinja)>,
    /// The message itself, for fields that are made of several.
    event: Message,
}

impl View {
    fn of(event: &Message) -> View {
        let field = |(name, value): (std::borrow::Cow<'_, str>, &Value)| (Jinja::from(&*name), lift(value));
        View { fields: event.iter().map(field).collect(), event: event.clone() }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let found = self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
        found.or_else(|| self.event.dict_text(key.as_str()?).map(Jinja::from))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.fields.iter().map(|(name, _)| name.clone()).collect())
    }
}

/// Turns a value of a message into one of a template.
fn lift(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::BigInt(value) => {
            let text = value.to_string();
            text.parse::<i128>().map_or_else(|_| Jinja::from(text), Jinja::from)
        }
        Value::Float(value) => Jinja::from(*value),
        Value::Text(value) => Jinja::from(value.as_str()),
        Value::Bytes(value) => Jinja::from_bytes(value.clone()),
        Value::List(values) => values.iter().map(lift).collect(),
        Value::Map(items) => {
            Jinja::from_pairs(items.iter().map(|(name, value)| (name.as_str(), lift(value))))
        }
    }
}

/// Turns a value of a template into one of a message.
fn lower(value: &Jinja) -> Value {
    let number = || match value.to_string().parse::<i64>() {
        Ok(number) if value.is_integer() => Value::Int(number),
        _ if value.is_integer() => json::parse(value.to_string().as_bytes()).unwrap_or(Value::Null),
        _ => Value::Float(f64::try_from(value.clone()).unwrap_or(f64::NAN)),
    };
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => number(),
        ValueKind::Seq | ValueKind::Iterable => {
            Value::List(value.try_iter().into_iter().flatten().map(|item| lower(&item)).collect())
        }
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            Value::Map(
                keys.map(|key| (show(&key), value.get_item(&key).map_or(Value::Null, |v| lower(&v))))
                    .collect(),
            )
        }
        _ => Value::from(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
    }
}

/// Returns a value as Python's `str` has it; what is not there is nothing.
fn show(value: &Jinja) -> String {
    match (value.as_str(), value.downcast_object_ref::<View>()) {
        (Some(text), _) => text.to_owned(),
        (_, Some(view)) => view.event.to_wire(),
        _ if value.is_undefined() => String::new(),
        _ => python::str(&lower(value)),
    }
}

fn print(out: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Jinja) -> Result<(), Error> {
    out.write_str(&show(value)).map_err(|_| Error::new(ErrorKind::WriteFailure, "out of memory"))
}

fn from_json(text: &str) -> Result<Jinja, Error> {
    let value = json::parse(text.as_bytes());
    value.map(|value| lift(&value)).map_err(|error| {
        Error::new(ErrorKind::InvalidOperation, format!("from_json: the text is no JSON: {error}"))
    })
}

/// JSON that may stand in HTML, as Jinja2 writes it: sorted, ASCII.
fn to_json(value: &Jinja) -> String {
    let mut text = String::new();
    for c in json::to_text(&lower(value), true, true).chars() {
        match c {
            // Writing into a text cannot fail.
            '<' | '>' | '&' | '\'' => drop(write!(text, "\\u{:04x}", c as u32)),
            _ => text.push(c),
        }
    }
    text
}

fn escape(value: &Jinja) -> String {
    let mut text = String::new();
    for c in show(value).chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&#34;"),
            '\'' => text.push_str("&#39;"),
            _ => text.push(c),
        }
    }
    text
}

fn join(values: &Jinja, between: Option<String>) -> Result<String, Error> {
    let texts: Vec<String> = values.try_iter()?.map(|value| show(&value)).collect();
    Ok(texts.join(&between.unwrap_or_default()))
}
