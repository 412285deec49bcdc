//! Events as IntelMQ writes them in JSON: one a report, one a line, or a list of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::{Bot, BotSpec, Context, Failure, Parser, Progress, Site};
use super::base::{self, Common};
use crate::message::{Add, Message, MessageError, MessageType, Value, WireError, json, python};
use crate::pipeline::ParamKind::Bool;
use crate::pipeline::{Kind, Param, Params, Spec};

/// What the parser is.
pub(crate) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.parsers.json.parser",
        kind: Kind::Parser,
        summary: "Takes events from JSON as IntelMQ writes it: one a report, one a line, or a list of them.",
        params: &[
            Param::new(
                "splitlines",
                Bool,
                "false",
                "Whether each line is an event; not together with `multiple_events`.",
            ),
            Param::new(
                "multiple_events",
                Bool,
                "false",
                "Whether the report is a list of events; not together with `splitlines`.",
            ),
        ],
        stateful: false,
        paths: &[],
    },
    make,
};

/// How a report holds its events.
#[derive(Debug, Clone, Copy)]
enum Form {
    Single,
    Lines,
    List,
}

/// A report in hand, between its batches.
struct Held {
    raw: Option<Value>,
    /// A byte of the text, or the number of an entry.
    at: usize,
    events: Events,
}

enum Events {
    Text(String),
    Entries(Vec<Value>),
}

struct JsonParser {
    common: Common,
    form: Form,
    held: Option<Held>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let form = match (params.flag("splitlines"), params.flag("multiple_events")) {
        (true, true) => {
            let problem = "splitlines and multiple_events exclude each other; set one of them to false";
            return Err(Failure::Configuration(problem.to_owned()));
        }
        (true, false) => Form::Lines,
        (false, true) => Form::List,
        (false, false) => Form::Single,
    };
    Ok(Bot::Parser(Box::new(JsonParser { common: Common::new(params, site)?, form, held: None })))
}

impl Parser for JsonParser {
    fn parse(&mut self, report: &Message, from: u64, context: &mut Context) -> Result<Progress, Failure> {
        let from = usize::try_from(from).map_err(Failure::other)?;
        let known = self.held.take().filter(|held| held.at == from && held.raw.as_ref() == report.get("raw"));
        let mut held = match known {
            Some(held) => held,
            None => Held { raw: report.get("raw").cloned(), at: from, events: self.events(report)? },
        };
        while !context.is_full() {
            let Some((text, end)) = held.next(self.form) else { return Ok(Progress::Done) };
            context.send(self.event(report, &text)?)?;
            held.at = end;
        }
        let position = held.at as u64;
        self.held = Some(held);
        Ok(Progress::More(position))
    }
}

impl JsonParser {
    fn events(&self, report: &Message) -> Result<Events, Failure> {
        let text = base::whole_text(report)?;
        match self.form {
            Form::Single | Form::Lines => Ok(Events::Text(text)),
            Form::List => match json::parse(text.as_bytes()) {
                Ok(Value::List(entries)) => Ok(Events::Entries(entries)),
                // As in Python, what is empty has no entries.
                Ok(Value::Map(items)) if items.is_empty() => Ok(Events::Entries(Vec::new())),
                Ok(Value::Text(text)) if text.is_empty() => Ok(Events::Entries(Vec::new())),
                Ok(_) => Err(Failure::other("the report is JSON, but not a list of events")),
                Err(error) => Err(Failure::Other(format!("the report is not JSON: {error}"))),
            },
        }
    }

    /// Makes an event of its JSON.
    fn event(&self, report: &Message, text: &str) -> Result<Message, Failure> {
        let idf = report.idf();
        let told =
            Message::from_wire(idf, text.as_bytes(), Some(MessageType::Event)).map_err(
                |error| match error {
                    WireError::Field(error) => Failure::from(error),
                    other => Failure::other(other),
                },
            )?;
        let mut event = self.common.event(report);
        for (key, value) in told.entries() {
            if idf.field(MessageType::Event, key).is_none() {
                return Err(MessageError::InvalidKey(idf.name(key).into_owned()).into());
            }
            event.put(key, value.clone());
        }
        if !event.contains("raw") {
            event.add_with("raw", Value::from(STANDARD.encode(text)), Add::RAW)?;
        }
        if !event.contains("classification.type") {
            event.add("classification.type", "undetermined")?;
        }
        Ok(event)
    }
}

impl Held {
    /// Returns the JSON of the next event, and the position behind it.
    fn next(&self, form: Form) -> Option<(String, usize)> {
        match &self.events {
            Events::Entries(entries) => Some((json::to_text(entries.get(self.at)?, true, true), self.at + 1)),
            Events::Text(text) => {
                let rest = text.get(self.at..).filter(|rest| !rest.is_empty())?;
                let (line, after) = match form {
                    Form::Lines => python::first_line(rest),
                    Form::Single | Form::List => (rest, rest.len()),
                };
                Some((line.to_owned(), self.at + after))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::super::super::trial::Trial;
    use crate::message::{Idf, Message};

    const MODULE: &str = "intelmq.bots.parsers.json.parser";

    /// Parses a report; returns each event's address, type and raw, and whether it failed then.
    fn parse(params: &Json, raw: &str) -> (Vec<[String; 3]>, bool) {
        let idf = Idf::builtin();
        let mut report = Message::report(&idf);
        report.add("raw", raw).unwrap();
        report.add("feed.provider", "p").unwrap();
        report.add("extra.note", "x").unwrap();
        let outcome = Trial::new(MODULE, params, &idf).unwrap().feed(&report);
        assert!(outcome.failed_rows.is_empty(), "{raw:?}");
        let show = |event: &Message| {
            let read = |name| event.text(name).unwrap_or_default().to_owned();
            let raw = String::from_utf8(event.raw().unwrap()).unwrap();
            [read("source.ip"), read("classification.type"), raw]
        };
        let events = outcome.sent.iter().chain(&outcome.abandoned);
        (events.map(|(_, event)| show(event)).collect(), outcome.failure.is_some())
    }

    /// The parameters, the report, the events' addresses, types and raw texts, and whether IntelMQ 3.5.0 raised an error then.
    type Case = (&'static str, &'static str, &'static [[&'static str; 3]], bool);

    const A: &str = r#"{"source.ip": "192.0.2.1", "classification.type": "spam"}"#;
    const B: &str = r#"{"source.ip": "192.0.2.2"}"#;
    const ONE: [&str; 3] = ["192.0.2.1", "spam", A];
    const TWO: [&str; 3] = ["192.0.2.2", "undetermined", B];

    const CASES: &[Case] = &[
        ("{}", A, &[ONE], false),
        ("{}", B, &[TWO], false),
        ("{}", " {} \n", &[["", "undetermined", " {} \n"]], false),
        ("{}", r#"{"source.ip": "192.0.2.1", "__type": "Report"}"#, &[], true),
        ("{}", r#"{"source.ip": "192.0.2.1", "__type": "Nosuch"}"#, &[], true),
        ("{}", r#"{"raw": "aGVsbG8="}"#, &[["", "undetermined", "hello"]], false),
        ("{}", r#"{"source.ip": "300"}"#, &[["0.0.1.44", "undetermined", r#"{"source.ip": "300"}"#]], false),
        ("{}", r#"{"nosuch": 1}"#, &[], true),
        ("{}", r#"{"source": {"ip": "192.0.2.1"}}"#, &[], true),
        ("{}", "[{}]", &[], true),
        ("{}", "null", &[], true),
        ("{}", "", &[], true),
        ("{}", "{\"source.ip\": ", &[], true),
        ("{}", "{}\n{}", &[], true),
        ("lines", "A\nB\n\n  \nA", &[ONE, TWO], true),
        ("lines", "A\nB\nbroken\nA", &[ONE, TWO], true),
        ("lines", "A\nB\n{\"nosuch\": 1}\nA", &[ONE, TWO], true),
        ("lines", "A\r\nB\rA", &[ONE, TWO, ONE], false),
        ("lines", "A\u{2028}B\u{85}A\u{b}B\u{1e}A", &[ONE, TWO, ONE, TWO, ONE], false),
        ("lines", "[A]", &[], true),
        ("lines", "{\"source.ip\":\n\"192.0.2.1\"}", &[], true),
        ("list", "[]", &[], false),
        ("list", "{}", &[], false),
        ("list", "A", &[], true),
        ("list", "null", &[], true),
        ("list", "5", &[], true),
        ("list", "[", &[], true),
        ("list", "\"x\"", &[], true),
        ("list", "[[B]]", &[], true),
        ("list", "[B] x", &[], true),
        ("list", "[B, B, 5, B]", &[TWO, TWO], true),
        ("list", "[B, {\"source.ip\": \"192.0.2.2\", \"__type\": \"Report\"}]", &[TWO], true),
        (
            "list",
            "[A, {}]",
            &[
                ["192.0.2.1", "spam", r#"{"classification.type": "spam", "source.ip": "192.0.2.1"}"#],
                ["", "undetermined", "{}"],
            ],
            false,
        ),
    ];

    #[test]
    fn events_are_those_that_intelmq_makes() {
        for (form, raw, events, failed) in CASES {
            let params = match *form {
                "lines" => json!({"splitlines": true}),
                "list" => json!({"multiple_events": true, "splitlines": false}),
                _ => json!({}),
            };
            let raw = if *form == "{}" { (*raw).to_owned() } else { raw.replace('A', A).replace('B', B) };
            let expected = events.iter().map(|event| event.map(str::to_owned)).collect();
            assert_eq!(parse(&params, &raw), (expected, *failed), "{form} {raw:?}");
        }
    }

    #[test]
    fn what_the_report_hands_on_yields_to_the_event() {
        let idf = Idf::builtin();
        let mut report = Message::report(&idf);
        report.add("raw", format!("{B}\n{{\"feed.provider\": \"own\"}}")).unwrap();
        report.add("feed.provider", "p").unwrap();
        report.add("extra.note", "x").unwrap();
        let params = json!({
            "splitlines": true,
            "copy_collector_provided_fields": ["extra.note"],
            "default_fields": {"classification.type": "spam", "source.account": "none"},
        });
        let sent = Trial::new(MODULE, &params, &idf).unwrap().feed(&report).sent;
        let read = |name: &str| {
            sent.iter().map(|(_, event)| event.text(name).map(str::to_owned)).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read("feed.provider"), [text("p"), text("own")]);
        assert_eq!(read("extra.note"), [text("x"), text("x")]);
        assert_eq!(read("classification.type"), [text("undetermined"), text("undetermined")]);
        assert_eq!(read("source.account"), [None, None]);
    }

    #[test]
    fn a_report_of_several_batches_gives_each_event_once() {
        for (params, open, between, close) in
            [(json!({"splitlines": true}), "", "\n", ""), (json!({"multiple_events": true}), "[", ",", "]")]
        {
            let entries: Vec<String> = (0..1700).map(|n| format!("{{\"source.port\": {n}}}")).collect();
            let idf = Idf::builtin();
            let mut report = Message::report(&idf);
            report.add("raw", format!("{open}{}{close}", entries.join(between))).unwrap();
            let outcome = Trial::new(MODULE, &params, &idf).unwrap().feed(&report);
            assert_eq!(outcome.failure, None);
            let ports: Vec<i64> = outcome
                .sent
                .iter()
                .filter_map(|(_, event)| event.get("source.port").and_then(crate::message::Value::as_int))
                .collect();
            assert_eq!(ports, (0..1700).collect::<Vec<i64>>());
        }
    }

    #[test]
    fn two_forms_at_once_are_refused() {
        let both = json!({"splitlines": true, "multiple_events": true});
        let error = Trial::new(MODULE, &both, &Idf::builtin()).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("splitlines and multiple_events exclude each other; set one of them to false")
        );
    }
}
