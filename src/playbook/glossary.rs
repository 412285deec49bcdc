//! The words of the trade, explained once for all playbooks: `glossary.md` in the folder with the playbooks.

use std::collections::BTreeMap;

/// Words and what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glossary {
    terms: BTreeMap<String, String>,
}

impl Glossary {
    /// Adds the entries of a file: `- **word**: what it means`, continued on indented lines. Later ones win.
    pub(super) fn add(&mut self, text: &str) {
        let mut last: Option<String> = None;
        for line in text.lines() {
            let entry = line.strip_prefix("- **").and_then(|rest| rest.split_once("**: "));
            if let Some((word, meaning)) = entry {
                let word = word.trim().to_lowercase();
                self.terms.insert(word.clone(), meaning.trim().to_owned());
                last = Some(word);
            } else if line.starts_with([' ', '\t']) {
                if let Some(meaning) = last.as_ref().and_then(|word| self.terms.get_mut(word)) {
                    meaning.push(' ');
                    meaning.push_str(line.trim());
                }
            } else {
                last = None;
            }
        }
    }

    /// Returns what a word means, in any case, also in its plural.
    pub fn explain(&self, word: &str) -> Option<&str> {
        let word = word.trim().to_lowercase();
        let singular = || word.strip_suffix('s').and_then(|stem| self.terms.get(stem));
        let in_y = || word.strip_suffix("ies").and_then(|stem| self.terms.get(&format!("{stem}y")));
        self.terms.get(&word).or_else(singular).or_else(in_y).map(String::as_str)
    }

    /// Returns every word with its meaning, in the order of the words.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.terms.iter().map(|(word, meaning)| (word.as_str(), meaning.as_str()))
    }
}

/// Returns the words that a line of Markdown prints in bold, outside of code.
pub(super) fn bold_words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for prose in line.split('`').step_by(2) {
        let parts: Vec<&str> = prose.split("**").collect();
        // The last part stands behind the last pair, or behind a mark that has no partner.
        words.extend(parts.iter().take(parts.len() - 1).skip(1).step_by(2).map(|word| word.trim()));
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_form() {
        let mut glossary = Glossary::default();
        glossary.add("# Words\n\n- **Queue**: where messages\n  wait.\n- **taxonomy**: the kinds.\n\nOther text.\n  Not this.\n");
        for word in ["queue", "Queues", "queue "] {
            assert_eq!(glossary.explain(word), Some("where messages wait."));
        }
        assert_eq!(glossary.explain("taxonomies"), Some("the kinds."));
        assert_eq!(glossary.explain("bot"), None);
        assert_eq!(glossary.iter().count(), 2);
        glossary.add("- **queue**: another.\n");
        assert_eq!(glossary.explain("queue"), Some("another."));
    }

    #[test]
    fn bold_words_are_those_in_prose() {
        assert_eq!(bold_words("A **report** has `**rows**`, **two** of them"), ["report", "two"]);
        assert!(bold_words("none").is_empty());
    }
}
