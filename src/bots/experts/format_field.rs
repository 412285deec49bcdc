//! Strips, replaces and splits the texts of fields, in this order.

use crate::bots::values::lookup;
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Add, Message, Value, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The format field expert.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.format_field.expert",
        kind: Kind::Expert,
        summary: "Strips characters off texts, replaces parts of a text, and splits a text into a list.",
        params: &[
            Param::new(
                "strip_columns",
                ParamKind::List,
                "null",
                "Fields whose texts lose strip_chars at both ends.",
            ),
            Param::new(
                "strip_chars",
                ParamKind::Text,
                "\" \"",
                "The characters that are stripped off, in any order; null stands for all white space.",
            ),
            Param::new(
                "replace_column",
                ParamKind::Text,
                "null",
                "The field in which old_value is replaced.",
            ),
            Param::new(
                "old_value",
                ParamKind::Text,
                "null",
                "The text that is replaced; \"\" is before every character.",
            ),
            Param::new("new_value", ParamKind::Text, "null", "What replaces it; null is nothing."),
            Param::new(
                "replace_count",
                ParamKind::Int,
                "1",
                "How many times it is replaced, from the start; a negative number is everywhere.",
            ),
            Param::new(
                "split_column",
                ParamKind::Text,
                "null",
                "The field whose text becomes a list; only fields below `extra` can hold one.",
            ),
            Param::new(
                "split_separator",
                ParamKind::Text,
                "\",\"",
                "What stands between the items; null is white space of any length.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

struct FormatField {
    strip: Vec<String>,
    chars: Option<String>,
    replace: Option<Replace>,
    split: Option<(String, Option<String>)>,
}

struct Replace {
    field: String,
    old: String,
    new: String,
    most: usize,
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let named = |name: &str| Ok::<_, Failure>(params.text(name)?.filter(|text| !text.is_empty()));
    let replace = match named("replace_column")? {
        Some(field) => Some(Replace {
            field,
            old: params.text("old_value")?.unwrap_or_default(),
            new: params.text("new_value")?.unwrap_or_default(),
            most: usize::try_from(params.int("replace_count")?.unwrap_or(1)).unwrap_or(usize::MAX),
        }),
        None => None,
    };
    let split = match named("split_column")? {
        Some(field) => Some((field, params.text("split_separator")?)),
        None => None,
    };
    if let Some((_, Some(separator))) = &split
        && separator.is_empty()
    {
        return Err(Failure::Configuration("parameter \"split_separator\": must not be empty".to_owned()));
    }
    let strip = params.list("strip_columns", true)?.unwrap_or_default();
    let chars = params.text("strip_chars")?;
    Ok(Bot::Expert(Box::new(FormatField { strip, chars, replace, split })))
}

impl FormatField {
    fn strip<'t>(&self, text: &'t str) -> &'t str {
        match &self.chars {
            Some(chars) => text.trim_matches(|c| chars.contains(c)),
            None => python::strip(text),
        }
    }
}

impl Replace {
    fn apply(&self, text: &str) -> String {
        if !self.old.is_empty() {
            return text.replacen(&self.old, &self.new, self.most);
        }
        // Python finds nothing before each character, and once more at the end.
        let mut out = String::new();
        for (at, c) in text.chars().enumerate() {
            if at < self.most {
                out.push_str(&self.new);
            }
            out.push(c);
        }
        if text.chars().count() < self.most {
            out.push_str(&self.new);
        }
        out
    }
}

/// Returns a field's text; anything but text is an error, as in IntelMQ.
fn text_of(event: &Message, field: &str) -> Result<Option<String>, Failure> {
    match lookup(event, field).as_deref() {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text.as_str().to_owned())),
        Some(other) => Err(Failure::Other(format!("{field} is {}, which is no text", python::repr(other)))),
    }
}

impl Expert for FormatField {
    fn process(&mut self, mut event: Message, context: &mut Context) -> Result<(), Failure> {
        for field in &self.strip {
            if let Some(text) = text_of(&event, field)? {
                event.change(field, self.strip(&text).to_owned())?;
            }
        }
        if let Some(replace) = &self.replace
            && let Some(text) = text_of(&event, &replace.field)?
        {
            event.change(&replace.field, replace.apply(&text))?;
        }
        if let Some((field, separator)) = &self.split
            && let Some(text) = text_of(&event, field)?
        {
            let items: Vec<Value> = match separator {
                Some(separator) => text.split(separator.as_str()).map(Value::from).collect(),
                None => {
                    text.split(python::is_space).filter(|item| !item.is_empty()).map(Value::from).collect()
                }
            };
            event.add_with(field, Value::List(items), Add::REPLACE)?;
        }
        context.send(event)
    }
}
