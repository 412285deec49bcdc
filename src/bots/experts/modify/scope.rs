//! What the format strings of rules can name: `msg`, the event, and `matches`, what the conditions found.

use std::borrow::Cow;

use crate::bots::format::{Item, Scope, Step, missing};
use crate::bots::pattern::Pattern;
use crate::bots::values::lookup;
use crate::message::{Message, Value};

/// What a regular expression found in a field.
pub(super) struct Groups<'r> {
    field: &'r str,
    pattern: &'r Pattern,
    found: Vec<Option<String>>,
}

impl<'r> Groups<'r> {
    /// Searches, and keeps the groups of the first match.
    pub(super) fn search(
        field: &'r str,
        pattern: &'r Pattern,
        text: &str,
    ) -> Result<Option<Groups<'r>>, String> {
        let found = pattern.search(text)?;
        Ok(found.map(|found| {
            let groups = (0..).map_while(|number| found.group(number)).map(|group| group.map(str::to_owned));
            Groups { field, pattern, found: groups.collect() }
        }))
    }

    fn group(&self, name: &str) -> Option<&Option<String>> {
        let number = if name.bytes().all(|b| b.is_ascii_digit()) {
            name.parse().ok()?
        } else {
            self.pattern.group_number(name)?
        };
        self.found.get(number)
    }
}

/// The event as it is by now, and what was found in it.
pub(super) struct Names<'e> {
    pub(super) event: &'e Message,
    pub(super) groups: &'e [Groups<'e>],
}

impl Scope for Names<'_> {
    fn find<'s>(&'s self, name: &str, steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        match (name, steps) {
            ("msg", [Step::Item(field), ..]) => {
                lookup(self.event, field).map(|value| (Item::Value(value), 1)).ok_or_else(|| missing(field))
            }
            ("msg", _) => Ok((Item::text(self.event.to_wire()), 0)),
            ("matches", [Step::Item(field), Step::Item(group), ..]) => {
                let found = self.groups.iter().find(|groups| groups.field == field);
                let group = found.ok_or_else(|| missing(field))?.group(group).ok_or("no such group")?;
                let value = group.as_ref().map_or(Value::Null, Value::from);
                Ok((Item::Value(Cow::Owned(value)), 2))
            }
            ("matches", _) => Err("matches needs a field and a group: {matches[source.fqdn][1]}".to_owned()),
            _ => Err(missing(name)),
        }
    }
}
