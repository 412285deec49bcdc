//! Reads YAML that people wrote, so that every complaint points at a line. The only file that names the YAML reader.
//!
//! The rules are those of YAML 1.2, as IntelMQ reads it: `yes` is a text, a key twice in one mapping is an error.

use serde::de::DeserializeOwned;
use serde_saphyr::Options;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};

use super::{Diagnostic, Source, Span, suggest};

/// Reads one YAML document; what does not fit the type is an error that points at its place.
pub fn read<T: DeserializeOwned>(source: &Source) -> Result<T, Diagnostic> {
    read_with(source, options())
}

/// Reads one YAML document for a type that reports faults itself: a key that stands twice arrives twice, and a text that
/// is left out is empty.
pub fn read_lenient<T: DeserializeOwned>(source: &Source) -> Result<T, Diagnostic> {
    let mut options = options();
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.null_as_string = true;
    read_with(source, options)
}

fn options() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    }
}

fn read_with<T: DeserializeOwned>(source: &Source, options: Options) -> Result<T, Diagnostic> {
    serde_saphyr::from_str_with_options(source.text(), options).map_err(|error| explain(source, &error))
}

/// Returns the bytes of a location, if it is known.
pub(super) fn span(location: &serde_saphyr::Location) -> Option<Span> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    (location.line() > 0).then_some(Span { start, end: start + length })
}

fn explain(source: &Source, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error as E;
    let error = error.without_snippet();
    let diagnostic = match error {
        E::SerdeUnknownField { field, expected, .. } => unknown("unknown-key", "key", field, expected),
        E::SerdeUnknownVariant { variant, expected, .. } => {
            unknown("unknown-word", "word", variant, expected)
        }
        E::SerdeMissingField { field, .. } => {
            Diagnostic::error("missing-key", format!("the key {field:?} is missing"))
                .help(format!("add `{field}:` here"))
        }
        E::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this key");
            Diagnostic::error("duplicate-key", format!("{key:?} stands twice in one mapping"))
                .help("keep one of them, or rename one")
        }
        E::SerdeInvalidType { unexpected, expected, .. }
        | E::SerdeInvalidValue { unexpected, expected, .. } => {
            Diagnostic::error("wrong-type", format!("expected {expected}, found {unexpected}"))
        }
        E::InvalidScalar { ty, .. } => Diagnostic::error("wrong-type", format!("expected {}", plain(ty))),
        E::Unexpected { expected, .. } => {
            Diagnostic::error("wrong-type", format!("expected {}", plain(expected)))
        }
        E::NullIntoString { .. } => Diagnostic::error("wrong-type", "expected a text, found nothing"),
        E::InvalidBooleanStrict { .. } => Diagnostic::error("wrong-type", "expected true or false"),
        E::MultipleDocuments { .. } => Diagnostic::error("yaml-syntax", "a second document starts here")
            .help("keep one document: remove the line `---` before it"),
        other => {
            let text = other.render();
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            let text = text.rsplit_once(" at byte ").map_or(text, |(text, _)| text);
            let diagnostic = Diagnostic::error("yaml-syntax", format!("the file is not valid YAML: {text}"));
            if text.starts_with("tabs") { diagnostic.help("indent with spaces") } else { diagnostic }
        }
    };
    let at = match error.location() {
        Some(location) => span(&location).map_or_else(
            || source.at_character(whole(location.line()), whole(location.column())),
            |span| source.at(span),
        ),
        None => source.at(Span::default()),
    };
    diagnostic.at(at)
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Returns the reader's name of a type in plain words.
fn plain(word: &str) -> &str {
    match word {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number, zero or more",
        "f32" | "f64" | "floating point" => "a number",
        "bool" | "boolean" => "true or false",
        "sequence start" => "a list",
        "mapping start" => "a mapping",
        "string scalar" | "scalar" => "a text",
        other => other,
    }
}

fn unknown(code: &'static str, what: &str, found: &str, expected: &[&'static str]) -> Diagnostic {
    let diagnostic = Diagnostic::error(code, format!("unknown {what} {found:?}"));
    match suggest(found, expected.iter().copied()) {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
    .help(format!("possible here: {}", expected.join(", ")))
}
