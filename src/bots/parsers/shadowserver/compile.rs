//! Makes a [`Plan`] of a report's type and header.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::base::value_of;
use super::convert::Function;
use super::plan::{Convert, LOOKED_AT, Plan, Step, To};
use super::schema::{Mapping, ReportType};
use crate::message::{FieldType, Idf, Key, Message, MessageType, Value, python};
use crate::rows::Raw;

impl Plan {
    /// Looks everything up; also returns what the log shall be warned of.
    ///
    /// `end` is the report's end of line, `start` what every event begins with.
    pub(crate) fn new(
        kind: &ReportType,
        header: &[&str],
        end: &str,
        mut start: Message,
    ) -> (Plan, Vec<String>) {
        start.share();
        let idf = Arc::clone(start.idf());
        let mut maker = Maker::new(&kind.feed_name, header, &idf);
        let mut required: Vec<Step> = kind.required.iter().filter_map(|m| maker.require(m)).collect();
        let mut optional: Vec<Step> =
            kind.optional_for(header).iter().filter_map(|m| maker.offer(m)).collect();
        let mut unused = maker.unused();
        let places = maker.sort_slots();
        for step in required.iter_mut().chain(&mut optional) {
            step.fallback = places[step.fallback];
            if let To::Slot(slot) = &mut step.to {
                *slot = places[*slot];
            }
        }
        for (_, slot) in &mut unused {
            *slot = places[*slot];
        }
        let constants = constants(kind, &idf);
        let is_extra = |key: &Key| idf.name(key).starts_with("extra");
        let steps = required.iter().chain(&optional);
        let mixed = start.contains("extra")
            || steps.clone().any(|step| matches!(&step.to, To::Field(key) if is_extra(key)))
            || constants.iter().flatten().any(|(key, _)| is_extra(key));
        let fixed = constants.as_ref().map_or(0, Vec::len);
        let plan = Plan {
            feed: kind.feed_name.clone(),
            room: start.len() + required.len() + optional.len() + fixed + unused.len() + 4,
            raw_key: idf.key(MessageType::Event, "raw").ok(),
            start,
            required,
            optional,
            constants,
            slots: maker.slots.iter().filter_map(|name| idf.entry_key("extra", name)).collect(),
            unused,
            looked_at: LOOKED_AT.map(|name| maker.last.get(name).copied()),
            missing: maker.missing,
            raw: Raw::new(header, end),
            mixed,
        };
        (plan, maker.warnings)
    }
}

/// Sanitises constants as Python's `update` does; `None` is for one that removes the field.
fn constants(kind: &ReportType, idf: &Arc<Idf>) -> Result<Vec<(Key, Option<Value>)>, String> {
    let mut fixed = Vec::new();
    for (name, value) in &kind.constants {
        let mut scratch = Message::event(idf);
        scratch.update([(name.as_str(), value_of(value))]).map_err(|error| error.to_string())?;
        if scratch.is_empty() {
            let key = idf.key(MessageType::Event, name).map_err(|error| error.to_string())?;
            fixed.push((key, None));
        }
        fixed.extend(scratch.entries().map(|(key, value)| (key.clone(), Some(value.clone().shared()))));
    }
    Ok(fixed)
}

struct Maker<'a> {
    feed: &'a str,
    idf: &'a Idf,
    /// The last cell of each column; Python's rows know no other.
    last: HashMap<&'a str, usize>,
    header: &'a [&'a str],
    /// How many entries of the mapping use each column.
    uses: HashMap<String, usize>,
    slots: Vec<String>,
    missing: Option<String>,
    warnings: Vec<String>,
}

impl<'a> Maker<'a> {
    fn new(feed: &'a str, header: &'a [&'a str], idf: &'a Idf) -> Maker<'a> {
        let last = header.iter().enumerate().map(|(cell, name)| (*name, cell)).collect();
        Maker {
            feed,
            idf,
            last,
            header,
            uses: HashMap::new(),
            slots: Vec::new(),
            missing: None,
            warnings: Vec::new(),
        }
    }

    fn require(&mut self, mapping: &Mapping) -> Option<Step> {
        let Some(&cell) = self.last.get(&*mapping.column) else {
            let missing = self.lacks("Required column", &mapping.column);
            self.missing.get_or_insert(missing);
            return None;
        };
        let to = match mapping.field.as_deref().map(|field| (field, self.idf.key(MessageType::Event, field)))
        {
            Some((_, Ok(key))) => To::Field(key),
            Some((field, Err(_))) => {
                self.warn(format!("Key not found in IDF {}.", repr(field)));
                To::Nowhere
            }
            None => To::Nowhere,
        };
        let fallback = self.slot(&mapping.column);
        Some(self.step(mapping, cell, to, fallback, true))
    }

    fn offer(&mut self, mapping: &Mapping) -> Option<Step> {
        let Some(&cell) = self.last.get(&*mapping.column) else {
            let missing = self.lacks("Optional key", &mapping.column);
            self.warn(missing);
            return None;
        };
        let (to, fallback) = self.target(mapping);
        Some(self.step(mapping, cell, to, fallback, false))
    }

    /// Returns where an optional column goes, and the slot it has if the field refuses it.
    fn target(&mut self, mapping: &Mapping) -> (To, usize) {
        let Some(field) = mapping.field.as_deref() else { return (To::Nowhere, self.slot(&mapping.column)) };
        let slot = match (field.strip_prefix("extra."), self.idf.key(MessageType::Event, field)) {
            (Some(""), _) => self.slot(&mapping.column),
            (Some(name), _) => self.slot(name),
            (None, Ok(key)) => return (To::Field(key), self.slot(&mapping.column)),
            (None, Err(_)) => self.slot(field),
        };
        (To::Slot(slot), slot)
    }

    fn step(&mut self, mapping: &Mapping, cell: usize, to: To, fallback: usize, required: bool) -> Step {
        *self.uses.entry(mapping.column.clone()).or_default() += 1;
        let convert = self.convert(mapping, &to, required);
        Step {
            cell,
            column: mapping.column.clone(),
            convert,
            to,
            fallback,
            occurs: self.occurs(&mapping.column),
        }
    }

    fn convert(&self, mapping: &Mapping, to: &To, required: bool) -> Convert {
        let Some(name) = mapping.function.as_deref() else { return Convert::Text };
        let is_moment = |key| {
            self.idf.field(MessageType::Event, key).is_some_and(|field| field.kind == FieldType::DateTime)
        };
        match (Function::from_name(name), to) {
            (None, _) if !required => Convert::Text,
            (Some(function), _) if function.takes_row() != mapping.row => Convert::Broken(name.to_owned()),
            (Some(Function::AddUtc), To::Field(key)) if is_moment(key) => Convert::Moment,
            (Some(function), _) => Convert::By(function),
            (None, _) => Convert::Broken(name.to_owned()),
        }
    }

    /// Lists the columns that no mapping uses.
    fn unused(&mut self) -> Vec<(usize, usize)> {
        let mut unused = Vec::new();
        for (cell, name) in self.header.iter().enumerate() {
            let uses = self.uses.get(*name).copied().unwrap_or_default();
            if self.last.get(name) == Some(&cell) && self.occurs(name) > uses {
                unused.push((cell, self.slot(name)));
            }
        }
        unused
    }

    fn occurs(&self, column: &str) -> usize {
        self.header.iter().filter(|name| **name == column).count()
    }

    fn slot(&mut self, name: &str) -> usize {
        self.slots.iter().position(|known| known == name).unwrap_or_else(|| {
            self.slots.push(name.to_owned());
            self.slots.len() - 1
        })
    }

    /// Sorts the slots by name; returns where each of them went.
    fn sort_slots(&mut self) -> Vec<usize> {
        let before = self.slots.clone();
        self.slots.sort_unstable();
        before.iter().map(|name| self.slots.binary_search(name).unwrap_or_default()).collect()
    }

    fn lacks(&self, what: &str, column: &str) -> String {
        format!(
            "{what} {} not found in feed {}. Possible change in data format or misconfiguration.",
            repr(column),
            repr(self.feed)
        )
    }

    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

fn repr(text: &str) -> String {
    python::repr(&Value::from(text))
}
