//! Comma-separated rows as Python's `csv` module reads and writes them (`"` quotes, doubled inside; nothing is an error), with the
//! physical line that a row ends on.

use std::borrow::Cow;

use crate::message::python;

/// Reads rows of a text from a position on.
#[derive(Debug, Clone)]
pub(crate) struct Rows<'t> {
    text: &'t str,
    at: usize,
    delimiter: u8,
}

impl<'t> Rows<'t> {
    /// Starts at a byte of the text where a row begins.
    pub(crate) fn new(text: &'t str, at: usize) -> Rows<'t> {
        Rows { text, at, delimiter: b',' }
    }

    /// Takes another character than the comma, which is ASCII.
    pub(crate) fn with_delimiter(self, delimiter: u8) -> Rows<'t> {
        Rows { delimiter, ..self }
    }

    /// Returns the byte where the next row begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads a row into `cells`; returns its last physical line without the end of line, or `None` after the last row.
    ///
    /// An empty line is a row without cells.
    pub(crate) fn next_row(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Option<&'t str> {
        cells.clear();
        let (text, bytes, start) = (self.text, self.text.as_bytes(), self.at);
        if start >= bytes.len() {
            return None;
        }
        let mut at = start;
        if !is_end(bytes[at]) {
            loop {
                let (cell, after) = cell(text, at, self.delimiter);
                cells.push(cell);
                at = after;
                if bytes.get(at) != Some(&self.delimiter) {
                    break;
                }
                at += 1;
            }
        }
        self.at = after_end(bytes, at);
        let row = &text[start..at];
        // What a quoted cell holds may span lines; Python has only the last of them at hand.
        Some(last_line(row))
    }
}

fn last_line(row: &str) -> &str {
    let bytes = row.as_bytes();
    // Most rows have one line, and to look for one byte is quick.
    if !bytes.contains(&b'\n') && !bytes.contains(&b'\r') {
        return row;
    }
    bytes.iter().rposition(|byte| is_end(*byte)).map_or(row, |end| &row[end + 1..])
}

/// Reads one cell; returns it and where it ends: at a delimiter, an end of line or the end of the text.
fn cell(text: &str, start: usize, delimiter: u8) -> (Cow<'_, str>, usize) {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        let end = bare_end(bytes, start, delimiter);
        return (Cow::Borrowed(&text[start..end]), end);
    }
    let close = quote(bytes, start + 1);
    match bytes.get(close + 1) {
        Some(b'"') => {}
        Some(&byte) if byte != delimiter && !is_end(byte) => {}
        _ => return (Cow::Borrowed(&text[start + 1..close]), (close + 1).min(bytes.len())),
    }
    let mut cell = text[start + 1..close].to_owned();
    let mut at = close + 1;
    while bytes.get(at) == Some(&b'"') {
        let close = quote(bytes, at + 1);
        cell.push_str(&text[at..close]);
        at = close + 1;
    }
    if at >= bytes.len() {
        return (Cow::Owned(cell), bytes.len());
    }
    let end = bare_end(bytes, at, delimiter);
    cell.push_str(&text[at..end]);
    (Cow::Owned(cell), end)
}

/// Finds the next quote, or the end of the text.
fn quote(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |byte| byte == b'"')
}

fn bare_end(bytes: &[u8], from: usize, delimiter: u8) -> usize {
    find(bytes, from, |byte| byte == delimiter || is_end(byte))
}

fn find(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|&byte| is(byte)).map_or(bytes.len(), |found| from + found)
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn after_end(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => at + 2,
        (Some(_), _) => at + 1,
        (None, _) => at,
    }
}

/// Returns the end of line that Python's writer uses for a text: its own if there is one kind, else `\r\n`.
pub(crate) fn line_end(text: &str) -> &'static str {
    let bytes = text.as_bytes();
    let crlf = text.contains("\r\n");
    let lone_cr =
        || bytes.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n') || bytes.ends_with(b"\r");
    let lone_lf =
        || bytes.windows(2).any(|pair| pair[0] != b'\r' && pair[1] == b'\n') || bytes.starts_with(b"\n");
    if !text.contains('\r') {
        return "\n";
    }
    match (crlf, lone_cr(), lone_lf()) {
        (false, true, false) => "\r",
        _ => "\r\n",
    }
}

/// Writes a row with every cell in quotes, without an end of line.
pub(crate) fn quoted<S: AsRef<str>>(cells: &[S]) -> String {
    cells.iter().map(|cell| quoted_cell(cell.as_ref())).collect::<Vec<_>>().join(",")
}

fn quoted_cell(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

/// Writes a row with quotes only around cells that need them, as Python's writer does, without an end of line.
pub(crate) fn plain<S: AsRef<str>>(cells: &[S], delimiter: char) -> String {
    let cell = |cell: &S| match cell.as_ref() {
        "" if cells.len() == 1 => "\"\"".to_owned(),
        cell if cell.contains([delimiter, '"', '\n', '\r']) => quoted_cell(cell),
        cell => cell.to_owned(),
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(delimiter.encode_utf8(&mut [0; 4]))
}

/// What an event's `raw` holds of a row: the header written anew, and the row's last physical line.
#[derive(Debug)]
pub(crate) struct Raw {
    head: String,
}

impl Raw {
    pub(crate) fn new(header: &[&str], end: &str) -> Raw {
        Raw { head: quoted(header) + end }
    }

    /// Returns it as text, without white space around, as IntelMQ stores it.
    pub(crate) fn text(&self, line: &str) -> String {
        let text = [&self.head, line].concat();
        let stripped = python::strip(&text);
        if stripped.len() == text.len() { text } else { stripped.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Vec<String>, &str)> {
        let mut rows = Rows::new(text, 0);
        let mut cells = Vec::new();
        let mut found = Vec::new();
        while let Some(line) = rows.next_row(&mut cells) {
            found.push((cells.iter().map(|cell| cell.clone().into_owned()).collect(), line));
        }
        found
    }

    /// The cells of a row, and its last line.
    type Told = (&'static [&'static str], &'static str);

    /// What Python 3.11 reads, with the unix dialect.
    const CASES: &[(&str, &[Told])] = &[
        ("a,b\nc,d\n", &[(&["a", "b"], "a,b"), (&["c", "d"], "c,d")]),
        ("a\r\nb\rc\n\nd", &[(&["a"], "a"), (&["b"], "b"), (&["c"], "c"), (&[], ""), (&["d"], "d")]),
        ("\"a\",\"\",b,\n", &[(&["a", "", "b", ""], "\"a\",\"\",b,")]),
        ("\"a\"\"b\"", &[(&["a\"b"], "\"a\"\"b\"")]),
        ("\"\"\"a\"\"\",x", &[(&["\"a\"", "x"], "\"\"\"a\"\"\",x")]),
        ("\"a\nb\",c\nd", &[(&["a\nb", "c"], "b\",c"), (&["d"], "d")]),
        ("\"a\r\nb\rc\",d", &[(&["a\r\nb\rc", "d"], "c\",d")]),
        ("\"a\"x\"y\",b", &[(&["ax\"y\"", "b"], "\"a\"x\"y\",b")]),
        ("a\"b\",c", &[(&["a\"b\"", "c"], "a\"b\",c")]),
        (" \"a\",b", &[(&[" \"a\"", "b"], " \"a\",b")]),
        ("\"open,\nend", &[(&["open,\nend"], "end")]),
        ("\"a\"\"", &[(&["a\""], "\"a\"\"")]),
        ("\"", &[(&[""], "\"")]),
        ("   \nx", &[(&["   "], "   "), (&["x"], "x")]),
        ("", &[]),
    ];

    #[test]
    fn rows_are_what_python_reads() {
        for (text, expected) in CASES {
            let expected: Vec<(Vec<String>, &str)> = expected
                .iter()
                .map(|(cells, line)| (cells.iter().map(|cell| (*cell).to_owned()).collect(), *line))
                .collect();
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_end_of_line_is_the_one_that_there_is() {
        let cases = [
            ("a\nb", "\n"),
            ("a\r\nb", "\r\n"),
            ("a\rb", "\r"),
            ("a\r\nb\nc", "\r\n"),
            ("a\nb\rc", "\r\n"),
            ("a\rb\r\nc", "\r\n"),
            ("a\r", "\r"),
            ("a", "\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(line_end(text), expected, "{text:?}");
        }
    }

    #[test]
    fn raw_is_the_header_and_the_line() {
        assert_eq!(Raw::new(&["a", "b"], "\n").text(" 1,2  "), "\"a\",\"b\"\n 1,2");
        assert_eq!(Raw::new(&["a\"", "ü"], "\r\n").text("x\t"), "\"a\"\"\",\"ü\"\r\nx");
        assert_eq!(
            (Raw::new(&["a"], "\n").text("  "), Raw::new(&[], "\n").text(" x")),
            ("\"a\"".into(), "x".into())
        );
    }

    #[test]
    fn a_written_row_reads_back() {
        let cells = ["a", "", "b\"c", "d,e", "f\ng"];
        assert_eq!(read(&quoted(&cells))[0].0, cells);
        assert_eq!(quoted::<&str>(&[]), "");
        assert_eq!(read(&plain(&cells, ','))[0].0, cells);
        assert_eq!(plain(&["a", "", " b;", "c\"d"], ';'), "a;;\" b;\";\"c\"\"d\"");
        assert_eq!((plain(&[""], ','), plain::<&str>(&[], ',')), ("\"\"".to_owned(), String::new()));
    }
}
