//! Which report types there are, and which field each of their columns goes to.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value as Json};

use super::builtin;

/// Report types by name, as the publisher's file or the built-in table has them.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// When the publisher made it; empty for the built-in one.
    pub(crate) date: String,
    types: Vec<ReportType>,
    by_file_name: HashMap<String, usize>,
    by_feed_name: HashMap<String, usize>,
}

/// One type of report.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReportType {
    /// What stands in the file's name.
    pub(crate) file_name: String,
    /// Becomes `feed.name`.
    pub(crate) feed_name: String,
    /// Becomes `feed.documentation`.
    pub(crate) url: Option<String>,
    /// Fields that every event gets.
    pub(crate) constants: Map<String, Json>,
    /// Columns without which a row fails.
    pub(crate) required: Vec<Mapping>,
    /// Columns that are missed with a warning.
    pub(crate) optional: Vec<Mapping>,
    /// What becomes of the other columns; without rules they go to `extra` as they are.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    /// A field; `None` drops the column.
    pub(crate) field: Option<String>,
    /// The column.
    pub(crate) column: String,
    /// The name of a conversion function.
    pub(crate) function: Option<String>,
    /// Whether the function is given the whole row.
    pub(crate) row: bool,
}

/// What the columns of all types have in common, and what some types have of their own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Rules {
    pub(crate) default: Vec<Target>,
    pub(crate) columns: HashMap<String, Vec<Target>>,
    /// By column and type.
    pub(crate) overrides: HashMap<(String, String), Vec<Target>>,
}

/// Where a rule puts a column: a field (`*` is `extra.` and the column's name) and a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) field: String,
    pub(crate) function: Option<String>,
}

static BUILTIN: LazyLock<Arc<Schema>> =
    LazyLock::new(|| Arc::new(Schema::new("", builtin::read(include_str!("schema.txt")))));

static TEST: LazyLock<Arc<Schema>> =
    LazyLock::new(|| Arc::new(Schema::new("", builtin::read(include_str!("schema-test.txt")))));

impl Schema {
    /// Returns the table of all types that comes with the program.
    pub(crate) fn builtin() -> Arc<Schema> {
        Arc::clone(&BUILTIN)
    }

    /// Returns the three types for trying out (`test_mode`).
    pub(crate) fn test() -> Arc<Schema> {
        Arc::clone(&TEST)
    }

    pub(crate) fn new(date: &str, types: Vec<ReportType>) -> Schema {
        // Where a name occurs twice, the last one counts, as in IntelMQ.
        let index = |name: fn(&ReportType) -> &String| {
            types.iter().enumerate().map(|(at, kind)| (name(kind).clone(), at)).collect()
        };
        Schema {
            date: date.to_owned(),
            by_file_name: index(|kind| &kind.file_name),
            by_feed_name: index(|kind| &kind.feed_name),
            types,
        }
    }

    /// Finds a type by what stands in the file's name.
    pub(crate) fn by_file_name(&self, name: &str) -> Option<&ReportType> {
        self.by_file_name.get(name).and_then(|&at| self.types.get(at))
    }

    /// Finds a type by its feed's name.
    pub(crate) fn by_feed_name(&self, name: &str) -> Option<&ReportType> {
        self.by_feed_name.get(name).and_then(|&at| self.types.get(at))
    }

    /// Lists the types.
    pub(crate) fn types(&self) -> &[ReportType] {
        &self.types
    }
}

impl ReportType {
    /// Returns the optional mappings for a report with these columns: those of the type, then what the rules say of the others.
    pub(crate) fn optional_for(&self, columns: &[&str]) -> Vec<Mapping> {
        let mut mappings = self.optional.clone();
        let Some(rules) = &self.rules else { return mappings };
        let mut known: HashSet<String> = self.required.iter().map(|mapping| mapping.column.clone()).collect();
        known.extend(mappings.iter().map(|mapping| mapping.column.clone()));
        let mut taken: HashSet<String> =
            self.required.iter().chain(&mappings).filter_map(|mapping| mapping.field.clone()).collect();
        for column in columns {
            if !known.insert((*column).to_owned()) {
                continue;
            }
            let found: Vec<Mapping> = self.mappings(rules, column);
            // A column of another type may claim a field that one of this type has; it goes to `extra` as it is.
            let fields = || found.iter().filter_map(|mapping| mapping.field.as_ref());
            if fields().any(|field| !field.starts_with("extra.") && taken.contains(field)) {
                continue;
            }
            taken.extend(fields().cloned());
            mappings.extend(found);
        }
        mappings
    }

    /// Returns what the rules say of a column of this type.
    pub(crate) fn mappings(&self, rules: &Rules, column: &str) -> Vec<Mapping> {
        let own = rules.overrides.get(&(column.to_owned(), self.file_name.clone()));
        let targets = own.or_else(|| rules.columns.get(column)).unwrap_or(&rules.default);
        targets.iter().map(|target| target.mapping(column)).collect()
    }
}

impl Target {
    fn mapping(&self, column: &str) -> Mapping {
        let field = if self.field == "*" { "extra." } else { &self.field };
        let function = self.function.clone();
        let row = function.as_deref().and_then(super::convert::Function::from_name);
        Mapping {
            field: Some(field.to_owned()),
            column: column.to_owned(),
            row: row.is_some_and(super::convert::Function::takes_row),
            function,
        }
    }
}
