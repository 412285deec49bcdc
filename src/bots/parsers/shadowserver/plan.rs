//! How the rows of one report become events: the mapping with its columns, fields and functions looked up once.

use std::borrow::Cow;
use std::sync::Arc;

use super::convert::{Columns, Function, plain_moment};
use crate::message::{Add, Key, Message, MessageError, Text, Value, python};
use crate::rows::Raw;

/// What is done with each row of a report.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) feed: String,
    /// What every event begins with.
    pub(super) start: Message,
    pub(super) required: Vec<Step>,
    pub(super) optional: Vec<Step>,
    /// Fields that every event gets, and those that it must not have; or why no event can have them.
    pub(super) constants: Result<Vec<(Key, Option<Value>)>, String>,
    /// The entries of `extra`, sorted, as IntelMQ stores them.
    pub(super) slots: Vec<Key>,
    /// Columns that no mapping uses, and the slots they go to.
    pub(super) unused: Vec<(usize, usize)>,
    /// Where the columns are that functions look at, in the order of [`LOOKED_AT`].
    pub(super) looked_at: [Option<usize>; LOOKED_AT.len()],
    /// Why every row fails.
    pub(super) missing: Option<String>,
    pub(super) raw: Raw,
    pub(super) raw_key: Option<Key>,
    /// How many fields an event may have.
    pub(super) room: usize,
    /// Whether something else than a slot may have put an entry into `extra`.
    pub(super) mixed: bool,
}

/// One entry of the mapping.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) cell: usize,
    pub(super) column: String,
    pub(super) convert: Convert,
    pub(super) to: To,
    /// The slot of a column that stays unused because its field is not set.
    pub(super) fallback: usize,
    /// How often the column stands in the header.
    pub(super) occurs: usize,
}

#[derive(Debug)]
pub(super) enum Convert {
    Text,
    By(Function),
    /// A moment in UTC for a field of that type.
    Moment,
    /// A function that is not there or is called wrongly: fails the row.
    Broken(String),
}

#[derive(Debug)]
pub(super) enum To {
    Field(Key),
    Slot(usize),
    Nowhere,
}

pub(super) const LOOKED_AT: [&str; 9] =
    ["application", "category", "cc_dns", "detail", "hostname", "http_host", "http_url", "ip", "url"];

/// The cells of a row, and room for the entries of `extra`.
#[derive(Debug)]
pub(crate) struct Row<'t> {
    /// The report's text, whose parts the cells are.
    text: &'t Arc<String>,
    pub(crate) cells: Vec<Cow<'t, str>>,
    work: Work,
}

impl<'t> Row<'t> {
    pub(crate) fn of(text: &'t Arc<String>) -> Row<'t> {
        Row { text, cells: Vec::new(), work: Work::default() }
    }
}

/// An event in the making.
#[derive(Debug, Default)]
struct Work {
    extra: Vec<Option<Value>>,
    /// Steps that could not use their cell after all, by number: first the required ones, then the others.
    returned: Vec<usize>,
}

/// Why a row failed, and what the log is told beside that.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) error: String,
    pub(crate) note: Option<String>,
}

impl From<MessageError> for Fault {
    fn from(error: MessageError) -> Self {
        Fault { error: error.to_string(), note: None }
    }
}

impl Plan {
    /// Makes an event of a row.
    pub(crate) fn event(&self, row: &mut Row, line: &str) -> Result<Message, Fault> {
        if let Some(missing) = &self.missing {
            return Err(Fault { error: missing.clone(), note: None });
        }
        let mut event = Message::event_with_room(self.start.idf(), self.room);
        for (key, value) in self.start.entries() {
            event.put(key, value.clone());
        }
        let Row { text, cells, work } = row;
        work.extra.clear();
        work.extra.resize(self.slots.len(), None);
        work.returned.clear();
        let cells = Cells { text, row: cells, looked_at: &self.looked_at };
        for (number, step) in self.required.iter().enumerate() {
            if !self.require(step, &cells, &mut event)? {
                work.returned.push(number);
            }
        }
        for (number, step) in (self.required.len()..).zip(&self.optional) {
            if !self.offer(step, &cells, &mut event, work)? {
                work.returned.push(number);
            }
        }
        self.fix(&mut event)?;
        match &self.raw_key {
            Some(key) if event.get_key(key).is_some() => {
                return Err(MessageError::KeyExists("raw".to_owned()).into());
            }
            Some(key) => event.put(key, Value::Text(Text::encoded(self.raw.text(line).into_bytes()))),
            None => return Err(MessageError::InvalidKey("raw".to_owned()).into()),
        }
        for &(cell, slot) in &self.unused {
            work.keep(&cells, cell, slot);
        }
        self.keep_returned(&cells, work);
        self.store_extra(&mut event, &mut work.extra)?;
        Ok(event)
    }

    /// Returns what `raw` holds of a row, before it is Base64.
    pub(crate) fn raw(&self, line: &str) -> String {
        self.raw.text(line)
    }

    /// Returns whether the cell was used.
    fn require(&self, step: &Step, cells: &Cells, event: &mut Message) -> Result<bool, Fault> {
        let value = cells.get(step.cell).map_or(Ok(None), |text| self.convert(step, text, cells))?;
        let Some(value) = value else { return Ok(false) };
        if let To::Field(key) = &step.to {
            event.add_key(key, value, Add::default())?;
        }
        Ok(true)
    }

    /// Returns whether the cell was used; nothing is a use too.
    fn offer(&self, step: &Step, cells: &Cells, event: &mut Message, work: &mut Work) -> Result<bool, Fault> {
        let Some(text) = cells.get(step.cell) else { return Ok(true) };
        let Some(value) = self.convert(step, text, cells)? else { return Ok(true) };
        match &step.to {
            To::Nowhere => {}
            To::Slot(slot) => work.extra[*slot] = Some(value),
            To::Field(key) => match event.add_key(key, value, Add::default()) {
                Ok(_) => {}
                Err(MessageError::InvalidValue { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            },
        }
        Ok(true)
    }

    /// Keeps the cells that are unused in the end, counting as IntelMQ does: each use takes one of a column's names away, a
    /// value that an optional field refuses puts one back.
    fn keep_returned(&self, cells: &Cells, work: &mut Work) {
        let step = |number: usize| match number.checked_sub(self.required.len()) {
            None => &self.required[number],
            Some(number) => &self.optional[number],
        };
        for at in 0..work.returned.len() {
            let Step { cell, fallback, occurs, .. } = *step(work.returned[at]);
            let mut names = occurs;
            for number in 0..self.required.len() + self.optional.len() {
                if step(number).cell != cell {
                    continue;
                }
                let returned = work.returned.contains(&number);
                names = match (returned, number < self.required.len()) {
                    (true, true) => names,
                    (true, false) => names.max(1),
                    (false, _) => names.saturating_sub(1),
                };
            }
            if names > 0 {
                work.keep(cells, cell, fallback);
            }
        }
    }

    fn convert(&self, step: &Step, text: &str, cells: &Cells) -> Result<Option<Value>, Fault> {
        let (result, name) = match &step.convert {
            Convert::Text => return Ok(Some(cells.value(text))),
            Convert::Moment => match plain_moment(text) {
                Some(moment) => return Ok(Some(moment)),
                None => (Function::AddUtc.convert(text, cells), Function::AddUtc.name()),
            },
            Convert::By(function) => (function.convert(text, cells), function.name()),
            Convert::Broken(name) => {
                (Err("the mapping names a function that cannot be used so".into()), &**name)
            }
        };
        result.map_err(|problem| Fault {
            error: format!("column {:?} of feed {:?}: {problem} ({name})", step.column, self.feed),
            note: Some(format!(
                "Could not convert shadowkey: {} in feed {}, value: {} via conversion function {}.",
                repr(&step.column),
                repr(&self.feed),
                repr(text),
                repr(name)
            )),
        })
    }

    /// Gives the event its constants, which win over columns.
    fn fix(&self, event: &mut Message) -> Result<(), Fault> {
        match &self.constants {
            Err(error) => return Err(Fault { error: error.clone(), note: None }),
            Ok(constants) => {
                for (key, value) in constants {
                    match value {
                        Some(value) => event.put(key, value.clone()),
                        None => {
                            event.remove_key(key);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn store_extra(&self, event: &mut Message, extra: &mut [Option<Value>]) -> Result<(), Fault> {
        let mut mixed = self.mixed && event.contains("extra");
        for (key, value) in self.slots.iter().zip(extra) {
            let Some(value) = value.take() else { continue };
            if std::mem::take(&mut mixed) {
                return Err(MessageError::KeyExists("extra".to_owned()).into());
            }
            event.push(key, value);
        }
        Ok(())
    }
}

impl Work {
    /// Puts an unused column into `extra`, unless it is empty.
    fn keep(&mut self, cells: &Cells, cell: usize, slot: usize) {
        let text = cells.get(cell);
        if text != Some("") {
            self.extra[slot] = Some(text.map_or(Value::Null, |text| cells.value(text)));
        }
    }
}

fn repr(text: &str) -> String {
    python::repr(&Value::from(text))
}

struct Cells<'a> {
    text: &'a Arc<String>,
    row: &'a [Cow<'a, str>],
    looked_at: &'a [Option<usize>; LOOKED_AT.len()],
}

impl Cells<'_> {
    fn get(&self, cell: usize) -> Option<&str> {
        self.row.get(cell).map(AsRef::as_ref)
    }

    fn place(&self, name: &str) -> Option<usize> {
        LOOKED_AT.iter().position(|known| *known == name).and_then(|at| self.looked_at[at])
    }
}

impl Columns for Cells<'_> {
    fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.place(name).and_then(|cell| self.get(cell))
    }

    fn value(&self, text: &str) -> Value {
        Value::Text(Text::part(self.text, text))
    }
}
