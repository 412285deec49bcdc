//! Fills the `{{ }}` of a botnet's template, and nothing else: each line of the template is the same line of the rendered file.
//!
//! Pure: a template sees the values it is given, no file and no environment.

mod origin;
mod scan;
mod variables;

use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Output, UndefinedBehavior, Value};
use serde_json::Value as Json;

pub use origin::to_template;
pub use scan::{Context, Placeholder, placeholders};
pub use variables::{Endpoint, LOOPBACK, Variables};

use crate::diagnostic::{Diagnostic, Location, Source, Span, suggest};

/// Renders a YAML template; values are written so that the YAML stays as it was meant.
///
/// Returns all problems at once: unknown names (the nearest one suggested), anything but `{{ NAME }}`, values that cannot stand
/// where they are.
pub fn render(template: &Source, variables: &Variables) -> Result<String, Vec<Diagnostic>> {
    let places = check(template, variables)?;
    let problems: Vec<Diagnostic> =
        places.iter().filter_map(|place| unsafe_value(template, place, variables)).collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    let contexts: Vec<Context> = places.iter().map(|place| place.context).collect();
    expand(template, variables, contexts).map_err(|problem| vec![problem])
}

/// Fills a text that is not YAML: a URL, a hint, a value of `configure`. Values are written as they are.
pub fn fill(text: &str, variables: &Variables) -> Result<String, Vec<Diagnostic>> {
    let source = Source::new("text", text);
    let places = check(&source, variables)?;
    let contexts = vec![Context::Comment; places.len()];
    expand(&source, variables, contexts).map_err(|problem| vec![problem])
}

/// Fills every text within a JSON value; see [`fill`].
pub fn fill_json(value: &Json, variables: &Variables) -> Result<Json, Vec<Diagnostic>> {
    Ok(match value {
        Json::String(text) => Json::String(fill(text, variables)?),
        Json::Array(list) => {
            list.iter().map(|value| fill_json(value, variables)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Json::Object(map) => {
            let filled = map.iter().map(|(name, value)| Ok((name.clone(), fill_json(value, variables)?)));
            Json::Object(filled.collect::<Result<_, Vec<Diagnostic>>>()?)
        }
        other => other.clone(),
    })
}

/// Fills a template of the program's own, which may have loops and conditions; values are written as they are.
///
/// The error says in one sentence what the template lacks.
pub fn compose(template: &str, values: &Json) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().map_err(|error| error.to_string())?);
    environment.render_str(template, Serde(values)).map_err(|error| error.to_string())
}

/// Finds every placeholder and checks its name without filling anything in.
pub fn check(template: &Source, variables: &Variables) -> Result<Vec<Placeholder>, Vec<Diagnostic>> {
    let (places, mut problems) = placeholders(template);
    for place in &places {
        if let Some(name) = &place.name
            && variables.get(name).is_none()
        {
            problems.push(unknown_name(template.at(place.inner), name, variables));
        }
    }
    if problems.is_empty() { Ok(places) } else { Err(problems) }
}

fn unknown_name(at: Location, name: &str, variables: &Variables) -> Diagnostic {
    let names = variables.names();
    let near = suggest(name, names.iter().map(String::as_str));
    let label = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
    Diagnostic::error("template-name", format!("the template names {name:?}, which does not exist"))
        .at(at)
        .label(label)
        .help(format!("possible here: {}", names.join(", ")))
}

/// Says why a value cannot stand at a place.
fn unsafe_value(template: &Source, place: &Placeholder, variables: &Variables) -> Option<Diagnostic> {
    let name = place.name.as_deref()?;
    let value = variables.get(name)?;
    let problem =
        |title: String| Some(Diagnostic::error("template-value", title).at(template.at(place.span)));
    if let Some(character) = value.chars().find(|character| breaks(*character)) {
        return problem(format!("the value of {name:?} holds the character {character:?}"))
            .map(|problem| problem.help("use a lab folder or value without line breaks and the like"));
    }
    if place.context == Context::Plain && !is_plain(&value) {
        // A secret's value is nobody's business, also in a complaint.
        let shown = if name.starts_with("secret.") { String::new() } else { format!(": {value:?}") };
        return problem(format!("the value of {name:?} is not safe without quotes{shown}"))
            .map(|problem| problem.help("put the text around it in double quotes"));
    }
    None
}

/// Tells whether a character ends a line for some reader of YAML, or may not stand in it at all.
fn breaks(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Tells whether a value keeps its meaning wherever YAML allows a scalar without quotes.
fn is_plain(value: &str) -> bool {
    let first = value.chars().next().is_some_and(|first| first.is_alphanumeric() || first == '/');
    let safe = |character: char| character.is_alphanumeric() || "/._-~@+=:".contains(character);
    first && value.chars().all(safe) && !value.ends_with(':')
}

fn expand(template: &Source, variables: &Variables, contexts: Vec<Context>) -> Result<String, Diagnostic> {
    let mut environment = Environment::empty();
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Only straight-line placeholders come this far, so the next value always belongs to the next placeholder.
    let next = AtomicUsize::new(0);
    environment.set_formatter(move |out, _, value| {
        let context = contexts.get(next.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(Context::Plain);
        write_value(out, context, value)
    });
    environment.render_named_str(template.name(), template.text(), variables.to_value()).map_err(|error| {
        let at = error.range().map_or_else(
            || template.at_line(error.line().unwrap_or(1)),
            |range| template.at(Span { start: range.start, end: range.end }),
        );
        let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Diagnostic::error("template-syntax", format!("the template cannot be filled in: {detail}")).at(at)
    })
}

fn write_value(out: &mut Output<'_>, context: Context, value: &Value) -> Result<(), minijinja::Error> {
    let text = value.to_string();
    let text = match context {
        Context::Plain | Context::Comment => text,
        Context::DoubleQuoted => text.replace('\\', "\\\\").replace('"', "\\\""),
        Context::SingleQuoted => text.replace('\'', "''"),
    };
    out.write_str(&text)
        .map_err(|_| minijinja::Error::new(minijinja::ErrorKind::WriteFailure, "out of memory"))
}

#[cfg(test)]
mod tests;
