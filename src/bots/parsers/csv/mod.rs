//! Any report of rows and columns, by parameters: which column goes to which field, how times are written, which rows count.

mod column;
mod settings;
mod table;
#[cfg(test)]
mod tests;

use super::super::{Bot, BotSpec, Context, Failure, Parser, Progress, Site};
use super::base::{self, Common, Tally};
use crate::bots::format::{Item, Scope, Step, Template};
use crate::message::{Add, Key, Message, Value};
use crate::pipeline::ParamKind::{Any, Choice, List, Map, Text};
use crate::pipeline::{Kind, Param, Params, Spec};
use column::{Column, Reading};
use table::{Row, Table};

/// What the parser is.
pub(crate) const SPEC: BotSpec = BotSpec {
    spec: Spec {
        module: "intelmq.bots.parsers.generic.parser_csv",
        kind: Kind::Parser,
        summary: "Turns rows of any delimited text into events; parameters say which column goes to which field.",
        params: PARAMS,
        stateful: false,
        paths: &[],
    },
    make,
};

const PARAMS: &[Param] = &[
    Param::required(
        "columns",
        List,
        "The field that each column goes to. `a|b` takes the first field that accepts the cell; a column named \
         `__IGNORE__` or nothing is left out, and so are the columns behind the last one.",
    ),
    Param::new(
        "columns_required",
        Any,
        "null",
        "A list with true or false for each column: whether a row fails if its field does not accept the cell; all are \
         true without it. An empty cell never fails a row.",
    ),
    Param::new("delimiter", Text, "\",\"", "The character between cells."),
    Param::new(
        "skip_header",
        Any,
        "false",
        "How many lines at the start are no rows, true being one; they stand in each event's `raw`.",
    ),
    Param::new(
        "time_format",
        Text,
        "\"fuzzy\"",
        "How `time.source` and `time.destination` are written: `fuzzy` (nearly any form), `timestamp`, `epoch_millis`, \
         `windows_nt`, `utc_isoformat`, `from_format|FORMAT` or `from_format_midnight|FORMAT` with Python's `%Y-%m-%d` and so on.",
    ),
    Param::new(
        "default_url_protocol",
        Text,
        "\"http://\"",
        "What is put before the cell of a field whose name ends with `.url` if it holds no `://`.",
    ),
    Param::new(
        "type_translation",
        Any,
        "{}",
        "A mapping (or its JSON) from words of the report to values of `classification.type`; other words are then \
         accepted only if `type` is set.",
    ),
    Param::new(
        "data_type",
        Any,
        "{}",
        "A mapping (or its JSON) from fields to `json`: their cells hold JSON.",
    ),
    Param::new(
        "column_regex_search",
        Map,
        "{}",
        "A mapping from fields to regular expressions: of the cell only what matches is taken, and nothing where nothing does.",
    ),
    Param::new(
        "filter_text",
        Text,
        "null",
        "A text that `filter_type` is about; it is looked for in the row's cells, joined by the delimiter.",
    ),
    Param::new(
        "filter_type",
        Choice(&["whitelist", "blacklist", ""]),
        "null",
        "`whitelist` leaves out the rows without `filter_text`, `blacklist` those with it.",
    ),
    Param::new(
        "compose_fields",
        Map,
        "{}",
        "A mapping from fields to Python format strings over the row's cells, such as `http://{0}:{1}/`.",
    ),
    Param::new(
        "type",
        Text,
        "null",
        "The `classification.type` of events that have none; `default_fields` does the same.",
    ),
];

struct Csv {
    common: Common,
    columns: Vec<Column>,
    reading: Reading,
    composed: Vec<(Key, Template)>,
    rows: table::Rules,
    held: Option<Table>,
}

fn make(params: &Params, site: &Site) -> Result<Bot, Failure> {
    let common = Common::new(&settings::with_type(params), site)?;
    Ok(Bot::Parser(Box::new(Csv {
        common,
        columns: settings::columns(params, site)?,
        reading: settings::reading(params)?,
        composed: settings::composed(params, site)?,
        rows: settings::rows(params)?,
        held: None,
    })))
}

impl Parser for Csv {
    fn parse(&mut self, report: &Message, from: u64, context: &mut Context) -> Result<Progress, Failure> {
        let known = self.held.take();
        let mut table =
            if let Some(table) = known.and_then(|mut known| known.goes_on(report, from).then_some(known)) {
                table
            } else {
                let Some(text) = base::text(report, context) else { return Ok(Progress::Done) };
                Table::new(report, &text, self.common.event(report), &self.rows, Tally::at(from))?
            };
        while !context.is_full() && table.goes_further() {
            let Some(row) = table.next(&self.rows) else {
                table.tally.log(context);
                return Ok(Progress::Done);
            };
            let event = self.event(table.start.clone(), &row);
            table.tally.count(event.is_err());
            match event {
                Ok(event) => context.send(event)?,
                Err(error) => base::fail_row(context, report, &table.again(&row, &self.rows), &error),
            }
        }
        let position = table.tally.position();
        self.held = Some(table);
        Ok(Progress::More(position))
    }
}

impl Csv {
    fn event(&self, mut event: Message, row: &Row) -> Result<Message, String> {
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            column.fill(cell, &self.reading, &mut event)?;
        }
        for (key, template) in &self.composed {
            let text = template.render(&Cells(&row.cells))?;
            event.add_key(key, Value::from(text), Add::default()).map_err(|error| error.to_string())?;
        }
        event.add_with("raw", Value::from(row.raw.clone()), Add::RAW).map_err(|error| error.to_string())?;
        self.common.finish(&mut event);
        Ok(event)
    }
}

/// A row's cells, as format strings name them.
struct Cells<'r>(&'r [String]);

impl Scope for Cells<'_> {
    fn find<'s>(&'s self, name: &str, _steps: &[Step]) -> Result<(Item<'s>, usize), String> {
        Err(format!("compose_fields: {name:?} names no cell; the first is {{0}}"))
    }

    fn at(&self, number: usize) -> Option<Item<'_>> {
        self.0.get(number).map(|cell| Item::text(cell.clone()))
    }
}
