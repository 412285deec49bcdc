//! Names of files with fields of the event in them, as `format_filename` has them: Python's format strings.

use std::path::{Component, Path, PathBuf};

use crate::bots::Site;
use crate::bots::format::{Item, Scope, Step, Template, missing};
use crate::message::Message;

/// The name of a file, and the folder that no event leads out of.
#[derive(Debug)]
pub(super) struct FileName {
    template: Template,
    base: PathBuf,
    state: PathBuf,
}

impl FileName {
    /// Reads a name: `{event[FIELD]}` is a field, `{event[time.source]:%Y-%m-%d}` a moment as strftime writes it.
    pub(super) fn parse(text: &str, site: &Site) -> Result<FileName, String> {
        let template = Template::parse(text)?;
        let literal = text.find(['{', '}']).map_or(text, |end| &text[..end]);
        let folder = literal.rfind('/').map_or("", |end| &literal[..=end]);
        Ok(FileName { template, base: site.path(folder), state: site.state.clone() })
    }

    /// Fills in an event's fields. A missing field is an error, and so is a value that would lead out of the folder that
    /// stands before the first field: values come from outside.
    pub(super) fn fill(&self, event: &Message) -> Result<PathBuf, String> {
        let name =
            self.template.render(&Event(event)).map_err(|error| format!("the file's name: {error}"))?;
        let path = self.state.join(&name);
        let inside = |below: &Path| below.components().all(|part| matches!(part, Component::Normal(_)));
        let stays = path.strip_prefix(&self.base).is_ok_and(|below| inside(below) && below != Path::new(""));
        if !stays || name.ends_with('/') || name.contains('\0') {
            return Err(format!("the file's name {name:?} leads out of {}", self.base.display()));
        }
        Ok(path)
    }
}

/// An event under the name `event`, with its times as moments.
struct Event<'e>(&'e Message);

impl Scope for Event<'_> {
    fn find<'s>(&'s self, name: &str, steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        let field = match (name, steps.first()) {
            ("event", Some(Step::Item(field))) => field,
            ("event", _) => return Err("a field is missing: write {event[source.asn]}".to_owned()),
            _ => return Err(missing(name)),
        };
        let value = self.0.get(field).ok_or_else(|| missing(field))?;
        let moment = match &**field {
            "time.source" | "time.observation" => value.as_str().and_then(|text| text.get(..text.len() - 6)),
            _ => None,
        };
        let moment = moment.and_then(|text| text.parse().ok());
        Ok((moment.map_or_else(|| Item::value(value), Item::Moment), 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Idf, Value};

    fn filled(name: &str) -> Result<String, String> {
        let site = Site { bot: "file".into(), state: "/state".into(), idf: Idf::builtin() };
        let mut event = Message::event(&site.idf);
        let fields = [
            ("source.asn", Value::from(64500)),
            ("source.network", Value::from("192.0.2.0/24")),
            ("time.source", Value::from("2026-01-15T03:10:12.5+00:00")),
            ("source.allocated", Value::from("2026-01-15T03:10:12+00:00")),
            ("extra.path", Value::from("../../etc")),
            ("extra.root", Value::from("/etc/x")),
            ("extra.dots", Value::from("..")),
            ("extra.zero", Value::from("a\0b")),
        ];
        for (name, value) in fields {
            event.add(name, value).unwrap();
        }
        FileName::parse(name, &site)?.fill(&event).map(|path| path.display().to_string())
    }

    #[test]
    fn fields_are_filled_in() {
        let cases = [
            ("events.jsonl", "/state/events.jsonl"),
            ("/var/a/AS{event[source.asn]}.jsonl", "/var/a/AS64500.jsonl"),
            ("../{event[source.asn]}", "/state/../64500"),
            ("out/{event[source.network]}.txt", "/state/out/192.0.2.0/24.txt"),
            ("{event[time.source]:%Y-%m-%d}.txt", "/state/2026-01-15.txt"),
            ("{event[time.source]}", "/state/2026-01-15 03:10:12.500000"),
            ("{event[time.source].year}/{event[source.asn]:07d}", "/state/2026/0064500"),
            ("{event[source.allocated]}", "/state/2026-01-15T03:10:12+00:00"),
            ("{{}}{event[source.asn]}", "/state/{}64500"),
            ("{event[extra.dots]}.txt", "/state/...txt"),
        ];
        for (name, expected) in cases {
            assert_eq!(filled(name).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_says_why() {
        let cases = [
            ("{event[source.ip]}", "the file's name: 'source.ip'"),
            ("{event", "expected '}'"),
            ("x}", "Single '}'"),
            ("{}", "Replacement index 0"),
            ("{event}", "write {event[source.asn]}"),
            ("{event[source.asn]:%Y}", "Invalid format specifier"),
            ("out/{event[extra.path]}/x", "leads out of /state/out/"),
            ("out/{event[extra.dots]}/x", "leads out of /state/out/"),
            ("{event[extra.root]}", "leads out of /state"),
            ("a/{event[extra.zero]}", "leads out of /state/a"),
            ("a/{event[source.asn]}/", "leads out of /state/a"),
        ];
        for (name, expected) in cases {
            let problem = filled(name).unwrap_err();
            assert!(problem.contains(expected), "{name}: {problem}");
        }
    }
}
