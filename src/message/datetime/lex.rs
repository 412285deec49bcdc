//! Cuts a text into words, numbers and single characters, as dateutil does.

use super::super::number::decimal;
use super::super::python::is_space;

/// Cuts a text into tokens; digits of other scripts become ASCII digits, white space becomes a blank.
///
/// A dot inside a token is a decimal point if digits stand around one, and a separator otherwise; so is a comma after at
/// least two digits.
pub(crate) fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().filter(|c| *c != '\0').map(|c| decimal(c).unwrap_or(c)).collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        at += 1;
        if is_space(first) {
            tokens.push(" ".to_owned());
        } else if first.is_alphabetic() || is_digit(first) {
            let mut run =
                Run { text: first.to_string(), words: first.is_alphabetic(), dotted: false, letters: false };
            while chars.get(at).is_some_and(|&c| run.take(c)) {
                at += 1;
            }
            run.cut(&mut tokens);
        } else {
            tokens.push(first.to_string());
        }
    }
    tokens
}

/// Decimal digits, and those that Python calls digits too, such as `²`.
fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
        || matches!(c, '²' | '³' | '¹' | '\u{2070}' | '\u{2074}'..='\u{2079}' | '\u{2080}'..='\u{2089}')
}

/// A run of letters or digits that may hold dots.
struct Run {
    text: String,
    /// Whether it is letters that may follow now, rather than digits.
    words: bool,
    dotted: bool,
    letters: bool,
}

impl Run {
    /// Takes the next character if it belongs to the run.
    fn take(&mut self, c: char) -> bool {
        self.letters |= self.words;
        let after_dot = self.text.ends_with('.');
        let same = if self.words { c.is_alphabetic() } else { is_digit(c) };
        let dot = c == '.' || (c == ',' && !self.words && !self.dotted && self.text.chars().count() >= 2);
        let turns = self.dotted && after_dot && if self.words { is_digit(c) } else { c.is_alphabetic() };
        if !(same || dot || turns) {
            return false;
        }
        self.dotted |= dot;
        self.words ^= turns;
        self.text.push(c);
        true
    }

    /// Adds the tokens of the run.
    fn cut(mut self, tokens: &mut Vec<String>) {
        let dots = self.text.matches('.').count();
        if self.dotted && (self.letters || dots > 1 || self.text.ends_with(['.', ','])) {
            let mut rest = self.text.as_str();
            while let Some(separator) = rest.find(['.', ',']) {
                tokens.extend(
                    [&rest[..separator], &rest[separator..=separator]]
                        .into_iter()
                        .filter(|t| !t.is_empty())
                        .map(str::to_owned),
                );
                rest = &rest[separator + 1..];
            }
            if !rest.is_empty() {
                tokens.push(rest.to_owned());
            }
            return;
        }
        if self.dotted && !self.words && dots == 0 {
            self.text = self.text.replace(',', ".");
        }
        tokens.push(self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_decimal_points_only_among_digits() {
        let table: &[(&str, &[&str])] = &[
            ("Sep.20.2009", &["Sep", ".", "20", ".", "2009"]),
            ("4:30:21.447", &["4", ":", "30", ":", "21.447"]),
            ("00,123 1,5", &["00.123", " ", "1", ",", "5"]),
            ("12,345.6", &["12,345.6"]),
            ("12,", &["12", ","]),
            ("10a.m.", &["10", "a", ".", "m", "."]),
            ("12.a", &["12.a"]),
            ("٣²\t\u{0}-", &["3²", " ", "-"]),
        ];
        for (text, expected) in table {
            assert_eq!(tokens(text), *expected, "{text:?}");
        }
    }
}
