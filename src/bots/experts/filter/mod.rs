//! Lets events pass or not: by the value of a field, and by their age.

mod limit;

use self::limit::Limit;
pub(in crate::bots::experts) use self::limit::age;
use crate::bots::pattern::Pattern;
use crate::bots::values::{equal, lookup};
use crate::bots::{Bot, BotSpec, Context, Expert, Failure, Site};
use crate::message::{Message, Value, python};
use crate::pipeline::{Kind, Param, ParamKind, Params, Spec};

/// The filter.
pub(super) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.experts.filter.expert",
        kind: Kind::Expert,
        summary: "Lets events pass, drops them or sends them elsewhere, by a field's value or by their age.",
        params: &[
            Param::new(
                "filter_key",
                ParamKind::Text,
                "null",
                "The field to look at; an event without it never matches.",
            ),
            Param::new(
                "filter_value",
                ParamKind::Any,
                "null",
                "The value that matches, of the field's own type: the number 443 is not the text \"443\".",
            ),
            Param::new(
                "filter_action",
                ParamKind::Choice(&["drop", "keep"]),
                "null",
                "`drop`: events that match do not go on; `keep`: only those go on.",
            ),
            Param::new(
                "filter_regex",
                ParamKind::Any,
                "null",
                "Anything but nothing, false, 0 and \"\": filter_value is a regular expression, searched for in the \
                 value's text.",
            ),
            Param::new(
                "not_before",
                ParamKind::Any,
                "null",
                "Drops events whose time.source is earlier: a moment with its time zone \
                 (`2020-01-01T00:00:00+00:00`), or an age (`2 days`, `1 month` of 30 days, `1 year` of 365).",
            ),
            Param::new(
                "not_after",
                ParamKind::Any,
                "null",
                "Drops events whose time.source is later; written as not_before.",
            ),
        ],
        stateful: false,
        paths: &["filter_match", "filter_no_match", "action_other"],
    },
    make,
};

struct Filter {
    rule: Option<Rule>,
    not_before: Option<Limit>,
    not_after: Option<Limit>,
}

/// The part that looks at a field.
struct Rule {
    key: String,
    test: Test,
    keep: bool,
}

enum Test {
    Equal(Value),
    Regex(Box<Pattern>),
}

fn make(params: &Params, _site: &Site) -> Result<Bot, Failure> {
    let limit = |name: &str| match params.get(name).filter(|_| params.flag(name)) {
        Some(value) => Limit::parse(name, value).map(Some).map_err(Failure::Configuration),
        None => Ok(None),
    };
    let filter =
        Filter { rule: Rule::of(params)?, not_before: limit("not_before")?, not_after: limit("not_after")? };
    let has_limit = ["not_before", "not_after"].iter().any(|name| params.get(name).is_some());
    if filter.rule.is_none() && !has_limit {
        return Err(Failure::Configuration(
            "there is nothing to filter by: set filter_key, filter_value and filter_action (drop or keep), \
             or not_before or not_after"
                .to_owned(),
        ));
    }
    Ok(Bot::Expert(Box::new(filter)))
}

impl Rule {
    /// Reads the rule; `None` if a part of it is missing, which makes IntelMQ go without.
    fn of(params: &Params) -> Result<Option<Rule>, Failure> {
        let keep = match params.text("filter_action")?.as_deref() {
            Some("drop") => false,
            Some("keep") => true,
            _ => return Ok(None),
        };
        let (Some(key), Some(value)) = (params.text("filter_key")?, params.get("filter_value")) else {
            return Ok(None);
        };
        let test = match value.as_str() {
            Some(text) if params.flag("filter_regex") => {
                let refused = |error| Failure::Configuration(format!("parameter \"filter_value\": {error}"));
                Test::Regex(Box::new(Pattern::parse(text, true).map_err(refused)?))
            }
            None if params.flag("filter_regex") => {
                return Err(Failure::Configuration(format!(
                    "parameter \"filter_value\": must be a text with filter_regex, not {value}"
                )));
            }
            _ => Test::Equal(Value::from(value.clone())),
        };
        Ok(Some(Rule { key, test, keep }))
    }

    fn matches(&self, event: &Message) -> Result<bool, Failure> {
        let Some(value) = lookup(event, &self.key) else { return Ok(false) };
        match &self.test {
            Test::Equal(wanted) => Ok(equal(&value, wanted)),
            Test::Regex(pattern) => match &*value {
                Value::Text(text) => pattern.is_match(text),
                other => pattern.is_match(&python::str(other)),
            }
            .map_err(Failure::Other),
        }
    }
}

impl Filter {
    /// Tells why an event is too old or too new, if it is.
    fn out_of_time(&self, event: &Message, context: &mut Context) -> Result<Option<String>, Failure> {
        if self.not_before.is_none() && self.not_after.is_none() {
            return Ok(None);
        }
        let Some(text) = event.text("time.source") else { return Ok(None) };
        let moment: jiff::Timestamp =
            text.parse().map_err(|error| Failure::Other(format!("time.source {text:?}: {error}")))?;
        if let Some(limit) = &self.not_after
            && moment > limit.moment(context.now()).map_err(Failure::Other)?
        {
            return Ok(Some(format!("time.source {text} is after {limit}")));
        }
        if let Some(limit) = &self.not_before
            && moment < limit.moment(context.now()).map_err(Failure::Other)?
        {
            return Ok(Some(format!("time.source {text} is before {limit}")));
        }
        Ok(None)
    }
}

impl Expert for Filter {
    fn process(&mut self, event: Message, context: &mut Context) -> Result<(), Failure> {
        if let Some(reason) = self.out_of_time(&event, context)? {
            context.drop_message(reason);
            return Ok(());
        }
        let Some(rule) = &self.rule else { return context.send(event) };
        let matches = rule.matches(&event)?;
        let passes = matches == rule.keep;
        let mut elsewhere = false;
        for (path, wanted) in
            [("action_other", !passes), ("filter_match", matches), ("filter_no_match", !matches)]
        {
            if wanted && context.has_path(path) {
                elsewhere = true;
                context.send_to(path, event.clone())?;
            }
        }
        if passes {
            return context.send(event);
        }
        if !elsewhere {
            let verb = if matches { "matches" } else { "does not match" };
            context.drop_message(format!("{} {verb}", rule.key));
        }
        Ok(())
    }
}
