//! A line that somebody types, and its words.

use std::io;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether somebody wants the end.
const LOOK: Duration = Duration::from_millis(100);

/// Asks for a line on a terminal, or reads the next one from where standard input comes from.
///
/// `None` at its end, and if somebody wants the end meanwhile.
pub(super) fn line(prompt: &str, interrupted: &AtomicBool) -> io::Result<Option<String>> {
    if io::stdin().is_terminal() {
        let mut talk = io::stderr();
        // Who does not see the prompt can type nevertheless.
        let _ = write!(talk, "{prompt}").and_then(|()| talk.flush());
    }
    let (read, answer) = mpsc::channel();
    // A signal does not end the reading of a line, so somebody else reads it.
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = read.send(io::stdin().read_line(&mut text).map(|length| (length > 0).then_some(text)));
    });
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(line) => return line,
            Err(RecvTimeoutError::Timeout) if !interrupted.load(Ordering::Relaxed) => {}
            Err(_) => return Ok(None),
        }
    }
}

/// Waits until somebody at a terminal has read what stands above; a script needs no time for that.
pub(super) fn pause(words: &str, interrupted: &AtomicBool) -> io::Result<()> {
    if io::stdin().is_terminal() { line(words, interrupted).map(drop) } else { Ok(()) }
}

/// Cuts a line into words as a shell does: blanks part them, quotes and `\` keep what they hold.
///
/// `None` if a quote is open at its end.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), character) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, blank) if blank.is_whitespace() => words.extend(word.take()),
            (_, character) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_as_a_shell_does() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("  seed  data/x.csv\n", &["seed", "data/x.csv"]),
            (r#"inject q '{"a": "b c"}'"#, &["inject", "q", r#"{"a": "b c"}"#]),
            (
                r#"dump requeue p 1 --replace '"abc"="23"'"#,
                &["dump", "requeue", "p", "1", "--replace", r#""abc"="23""#],
            ),
            (r#"a"b c"d \" e\ f"#, &["ab cd", "\"", "e f"]),
            ("a '' b", &["a", "", "b"]),
            (r"'\' x", &["\\", "x"]),
        ];
        for (line, expected) in cases {
            assert_eq!(words(line).unwrap(), expected, "{line:?}");
        }
        assert_eq!(words("inject q '{"), None);
        assert_eq!(words("a \""), None);
    }
}
