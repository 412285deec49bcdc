//! A report in hand: its text without what is no row, its header, and how far it is read.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::base::Tally;
use super::super::identity::Identity;
use crate::bots::Failure;
use crate::message::Message;
use crate::rows::{Rows, line_end, plain};

/// Which lines are rows, and how they are divided.
#[derive(Debug)]
pub(super) struct Rules {
    /// How many lines at the start are none.
    pub(super) header: u64,
    pub(super) delimiter: char,
    pub(super) filter: Option<Filter>,
}

/// Which rows count.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) text: String,
    /// Whether those that hold the text count, or those that do not.
    pub(super) wanted: bool,
}

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) cells: Vec<String>,
    /// What events hold as `raw`: the header and the row, written anew and with commas whatever the delimiter is.
    pub(super) raw: String,
}

/// A report in hand.
#[derive(Debug)]
pub(super) struct Table {
    /// What every event begins with.
    pub(super) start: Message,
    pub(super) tally: Tally,
    text: String,
    at: usize,
    /// The byte up to which the text is known to be that of the report in hand.
    until: usize,
    header: String,
    end: &'static str,
    identity: Identity,
}

/// What stands for a delimiter of several bytes; the text has none of its own.
const STAND_IN: u8 = 0;

impl Table {
    /// Reads a report and passes over the rows that are done.
    pub(super) fn new(
        report: &Message,
        text: &str,
        start: Message,
        rules: &Rules,
        done: Tally,
    ) -> Result<Table, Failure> {
        let (kept, removed) = clean(text);
        let end = if kept.contains(['\n', '\r']) { line_end(&kept) } else { "\r\n" };
        let (header, length) = header(&kept, rules.header, end)?;
        let lead = removed.map(|removed| removed + length).filter(|_| rules.delimiter.is_ascii());
        let identity = Identity::of(report, text, lead);
        let rows = &kept[length..];
        let text =
            if rules.delimiter.is_ascii() { rows.to_owned() } else { rows.replace(rules.delimiter, "\0") };
        let mut table = Table { start, tally: done, text, at: 0, until: usize::MAX, header, end, identity };
        for _ in 0..done.rows {
            table.next(rules);
        }
        Ok(table)
    }

    /// Tells whether this is the report, and this the place, to go on with.
    pub(super) fn goes_on(&mut self, report: &Message, from: u64) -> bool {
        if from == 0 || self.tally.position() != from {
            return false;
        }
        let until = self.identity.check(report, self.at);
        self.until = until.unwrap_or(self.until);
        until.is_some()
    }

    /// Tells whether the next row is known to be of the report in hand.
    pub(super) fn goes_further(&self) -> bool {
        self.at < self.until
    }

    /// Returns the next row that counts.
    pub(super) fn next(&mut self, rules: &Rules) -> Option<Row> {
        let delimiter = u8::try_from(rules.delimiter).ok().filter(u8::is_ascii);
        let mut rows = Rows::new(&self.text, self.at).with_delimiter(delimiter.unwrap_or(STAND_IN));
        let mut cells = Vec::new();
        let cells = loop {
            rows.next_row(&mut cells)?;
            self.at = rows.position();
            let cells: Vec<String> = match delimiter {
                Some(_) => cells.drain(..).map(Cow::into_owned).collect(),
                None => {
                    cells.drain(..).map(|cell| cell.replace('\0', &rules.delimiter.to_string())).collect()
                }
            };
            if !cells.is_empty() && rules.takes(&cells) {
                break cells;
            }
        };
        let raw = self.written(&cells, ',');
        Some(Row { cells, raw: STANDARD.encode(raw) })
    }

    /// Returns the header and a row in a form that can be parsed again.
    pub(super) fn again(&self, row: &Row, rules: &Rules) -> String {
        self.written(&row.cells, rules.delimiter)
    }

    fn written(&self, cells: &[String], delimiter: char) -> String {
        [&self.header, &plain(cells, delimiter), self.end].concat()
    }
}

impl Rules {
    fn takes(&self, cells: &[String]) -> bool {
        self.filter.as_ref().is_none_or(|filter| {
            let line = cells.join(self.delimiter.encode_utf8(&mut [0; 4]));
            line.contains(&filter.text) == filter.wanted
        })
    }
}

/// Leaves out what IntelMQ does: bytes of zero, white space at the start of lines, and what is empty or begins with `#` then.
///
/// Also returns how many bytes that was at the start of the text, unless something was left out further on.
fn clean(text: &str) -> (Cow<'_, str>, Option<usize>) {
    let blank = |line: &str| line.starts_with([' ', '\t', '\n', '#']);
    let mut rest = text;
    while let Some(line) = rest.split_inclusive('\n').next().filter(|line| blank(line)) {
        let kept = line.trim_start_matches([' ', '\t']);
        let used = if blank(kept) || kept.is_empty() { line.len() } else { line.len() - kept.len() };
        rest = &rest[used..];
    }
    if !text.contains('\0') && !rest.split_inclusive('\n').any(blank) {
        return (Cow::Borrowed(rest), Some(text.len() - rest.len()));
    }
    let text = text.replace('\0', "");
    let lines = text.split_inclusive('\n').map(|line| line.trim_start_matches([' ', '\t']));
    (Cow::Owned(lines.filter(|line| !line.is_empty() && !blank(line)).collect()), None)
}

/// Takes lines off the start; returns them with the given end of line, and their length in the text.
fn header(text: &str, lines: u64, end: &str) -> Result<(String, usize), Failure> {
    let (mut header, mut at) = (String::new(), 0);
    for number in 0..lines {
        let rest = &text[at..];
        if rest.is_empty() {
            let problem = format!("skip_header leaves out {lines} lines, but the report has only {number}");
            return Err(Failure::Other(problem));
        }
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        header.extend([line, end]);
        let after = &rest[line.len()..];
        at += line.len() + if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
    }
    Ok((header, at))
}
