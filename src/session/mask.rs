//! Hides a lab's secrets in what people and logs get to see.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Location, Source};

/// What stands for a secret.
pub(super) const STARS: &str = "********";

/// Hides some secrets.
#[derive(Default)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Hides these values, also as JSON writes them.
    pub fn of(secrets: &BTreeMap<String, String>) -> Self {
        let mut values = Vec::new();
        for secret in secrets.values().filter(|secret| !secret.is_empty()) {
            let json = serde_json::Value::from(secret.as_str()).to_string();
            values.push(json.trim_matches('"').to_owned());
            values.push(secret.clone());
        }
        values.dedup();
        Mask(values)
    }

    /// Puts stars in the place of secrets.
    #[must_use]
    pub fn text(&self, mut text: String) -> String {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), STARS);
            }
        }
        text
    }

    /// Hides secrets in a problem, also in the lines that it shows.
    #[must_use]
    pub fn problem(&self, problem: Diagnostic) -> Diagnostic {
        let texts =
            |texts: Vec<String>| texts.into_iter().map(|text| self.text(text)).collect::<Vec<String>>();
        Diagnostic {
            title: self.text(problem.title),
            at: problem.at.map(|at| self.place(at)),
            label: self.text(problem.label),
            related: problem
                .related
                .into_iter()
                .map(|(at, label)| (self.place(at), self.text(label)))
                .collect(),
            causes: texts(problem.causes),
            help: texts(problem.help),
            ..problem
        }
    }

    /// Stars of the same length keep every place where it is.
    fn place(&self, at: Location) -> Location {
        let text = at.source.text();
        if !self.0.iter().any(|secret| text.contains(secret.as_str())) {
            return at;
        }
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), &"*".repeat(secret.len()));
        let text = self.0.iter().fold(text.to_owned(), hide);
        Source::new(at.source.name(), text).at(at.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Span, Style, render};

    #[test]
    fn secrets_are_hidden_in_texts_and_in_the_lines_of_a_problem() {
        let mask = Mask::of(&BTreeMap::from([
            ("key".to_owned(), "s3cret".to_owned()),
            ("quoted".to_owned(), "a\"b".to_owned()),
            ("none".to_owned(), String::new()),
        ]));
        assert_eq!(
            mask.text("key=s3cret, {\"q\": \"a\\\"b\"}".to_owned()),
            "key=********, {\"q\": \"********\"}"
        );
        let at = Source::new("runtime.yaml", "api_key: s3cret # wrong\n").at(Span { start: 9, end: 15 });
        let problem = Diagnostic::error("x", "s3cret is wrong").at(at).cause("s3cret").label("s3cret?");
        let text = render(&[mask.problem(problem)], Style::Plain);
        assert!(!text.contains("s3cret") && text.contains("api_key: ****** # wrong"), "{text}");
        assert!(text.contains("^^^^^^"), "{text}");
    }
}
