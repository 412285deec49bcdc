use serde::Deserialize;

use super::*;

const PLAYBOOK: &str = "\
steps:
  - id: first
    expect:
      - field:
          equals: 192.0.2.7
";

/// Makes a place by the text that stands there.
fn place(source: &Source, part: &str) -> Location {
    let start = source.text().find(part).expect("the part is in the text");
    source.at(Span { start, end: start + part.len() })
}

fn show(diagnostic: Diagnostic) -> String {
    render(&[diagnostic], Style::Plain)
}

#[test]
fn failed_check() {
    let source = Source::new("playbooks/first/playbook.yaml", PLAYBOOK);
    let diagnostic = Diagnostic::failed("wrong-value", "wrong value in output event 2")
        .at(place(&source, "192.0.2.7"))
        .cause("expected: source.ip = 192.0.2.7\nactual:   source.ip = 192.0.2.70")
        .help("the CSV has two address columns; see step 2");
    insta::assert_snapshot!(show(diagnostic), @r"
    check failed: wrong value in output event 2
     --> playbooks/first/playbook.yaml:5:19
      |
    4 |       - field:
    5 |           equals: 192.0.2.7
      |                   ^^^^^^^^^
      |
      |   expected: source.ip = 192.0.2.7
      |   actual:   source.ip = 192.0.2.70
      |
    help: the CSV has two address columns; see step 2
    ");
}

#[test]
fn several_places() {
    let source = Source::new("runtime.yaml", "one:\n  a: 1\n\n  b: 2\n  c: 3\ntwo:\n  a: 1\n");
    let other = Source::new("other.yaml", "three: 3\n");
    let diagnostic = Diagnostic::error("cycle", "messages go in a circle")
        .at(place(&source, "two"))
        .label("from here")
        .related(place(&source, "one"), "over this")
        .related(place(&source, "1"), "and this")
        .related(place(&other, "three"), "and that");
    insta::assert_snapshot!(show(diagnostic), @r"
    error[cycle]: messages go in a circle
     --> runtime.yaml:6:1
      |
    1 | one:
      | --- over this
    2 |   a: 1
      |      - and this
    ...
    5 |   c: 3
    6 | two:
      | ^^^ from here
      |
     ::: other.yaml:1:1
      |
    1 | three: 3
      | ----- and that
      |
    ");
}

#[test]
fn sorted_with_blank_lines_between() {
    let source = Source::new("b.yaml", "first\nsecond\n");
    let diagnostics = [
        Diagnostic::error("e", "later").at(place(&source, "second")),
        Diagnostic::warning("w", "same place").at(place(&source, "first")),
        Diagnostic::error("e", "earlier").at(place(&source, "first")),
        Diagnostic::error("e", "other file").at(Source::new("a.yaml", "x").at(Span::default())),
        Diagnostic::warning("n", "nowhere").help("two lines\nof help"),
    ];
    let text = render(&diagnostics, Style::Plain);
    let titles: Vec<&str> = text.split("\n\n").filter_map(|part| part.lines().next()).collect();
    assert_eq!(
        titles,
        [
            "warning[n]: nowhere",
            "error[e]: other file",
            "error[e]: earlier",
            "warning[w]: same place",
            "error[e]: later"
        ]
    );
    assert!(text.starts_with("warning[n]: nowhere\nhelp: two lines\n      of help\n\nerror"), "{text}");
    assert_eq!(summary(&diagnostics), "3 errors, 2 warnings");
    assert_eq!(summary(&[]), "no problems");
}

/// Each row: a line, the part that is marked, and what must stand in the two lines that show it.
#[test]
fn carets_stand_below_what_they_mark() {
    let long = format!("{}x: bad{}", "a".repeat(300), "b".repeat(300));
    let rows: &[(&str, &str, &str, &str)] = &[
        ("a: b", "b", "1 | a: b", "  |    ^"),
        ("\ta:\tb", "b", "1 |     a:    b", "  |           ^"),
        ("äö: ü", "ü", "1 | äö: ü", "  |     ^"),
        ("日本: x", "x", "1 | 日本: x", "  |       ^"),
        ("日本: x", "日本", "1 | 日本: x", "  | ^^^^"),
        ("e\u{301}: x", "x", "1 | e\u{301}: x", "  |    ^"),
        ("a: \u{1b}[31mb", "b", "1 | a: ␛[31mb", "  |         ^"),
        ("a: \u{202e}b", "b", "1 | a: \u{fffd}b", "  |     ^"),
        ("a: x\r\n", "x", "1 | a: x", "  |    ^"),
        ("a: x # c\nb: y", "x # c\nb: y", "1 | a: x # c", "  |    ^^^^^"),
        ("a:", "", "1 | a:", "  | ^"),
    ];
    for (text, part, line, carets) in rows {
        let source = Source::new("f", *text);
        let shown = show(Diagnostic::error("e", "t").at(place(&source, part)));
        let lines: Vec<&str> = shown.lines().skip(3).take(2).collect();
        assert_eq!(lines, [*line, *carets], "{text:?}");
    }
    let shown = show(Diagnostic::error("e", "t").at(place(&Source::new("f", long), "bad")));
    let lines: Vec<&str> = shown.lines().skip(3).take(2).collect();
    let column = lines[1].find('^').expect("carets");
    let marked: String = lines[0].chars().skip(column).take(3).collect();
    assert_eq!((marked.as_str(), lines[1].trim_start_matches([' ', '|'])), ("bad", "^^^"), "{shown}");
    assert!(lines[0].chars().count() < 120, "{shown}");
}

#[test]
fn places_outside_the_text_are_its_end() {
    let source = Source::new("f", "ab\nü");
    for (start, end) in [(99, 100), (4, 2), (4, 99), (5, 5)] {
        let shown = show(Diagnostic::error("e", "t").at(source.at(Span { start, end })));
        assert!(shown.contains("2 | ü\n"), "{start}..{end}: {shown}");
    }
    assert_eq!(Source::new("f", "\u{feff}a: 1").text(), "a: 1");
    let lines = ["a", "b c", ""].map(|line| Source::new("f", "a\n  b c \n").at_line(line.len() / 2 + 1));
    assert_eq!(lines.map(|at| at.to_string()), ["f:1:1", "f:2:3", "f:1:1"]);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let source = Source::new("f", "a: b\n");
    let diagnostic = Diagnostic::warning("w", "t").at(place(&source, "b")).label("l").cause("c").help("h");
    let colour = render(std::slice::from_ref(&diagnostic), Style::Colour);
    assert!(colour.contains("\u{1b}[1;33mwarning[w]\u{1b}[0m"), "{colour:?}");
    assert_eq!(anstream::adapter::strip_str(&colour).to_string(), show(diagnostic));
}

#[test]
fn machines_read_it() {
    let source = Source::new("f.yaml", "a: b\nü: c\n");
    let diagnostics = [
        Diagnostic::error("unknown-key", "t").at(place(&source, "c")).label("l").cause("c").help("h"),
        Diagnostic::warning("w", "t"),
    ];
    let json = serde_json::to_value(&diagnostics).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!([
            {"code": "unknown-key", "severity": "error", "title": "t", "file": "f.yaml", "line": 2, "column": 4,
             "label": "l", "causes": ["c"], "help": ["h"]},
            {"code": "w", "severity": "warning", "title": "t", "file": null, "line": null, "column": null,
             "label": "", "causes": [], "help": []},
        ])
    );
}

#[test]
fn nearest_names() {
    let names = ["rate_limit", "file", "path", "error_max_retries", "destination_queues"];
    let rows = [
        ("ratelimit", Some("rate_limit")),
        ("rate-limit", Some("rate_limit")),
        ("Rate_Limit", Some("rate_limit")),
        ("destination_queue", Some("destination_queues")),
        ("eror_max_retrys", Some("error_max_retries")),
        ("flie", Some("file")),
        ("pat", Some("path")),
        ("mode", None),
        ("zz", None),
        ("", None),
        ("file", None),
    ];
    for (word, expected) in rows {
        assert_eq!(suggest(word, names), expected, "{word}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
enum Verb {
    Seed(Located<String>),
    Wait {
        #[serde(rename = "for")]
        seconds: Located<u32>,
    },
}

#[test]
fn places_of_yaml_values() {
    let source = Source::new("f", "- Seed: &a 'hällo'\n- Wait: {for: 3}\n- Seed: *a\n- Seed: \"\"\n");
    let verbs: Vec<Verb> = yaml::read(&source).expect("valid");
    let spans = verbs.iter().map(|verb| match verb {
        Verb::Seed(text) => (text.value.clone(), text.span),
        Verb::Wait { seconds } => (seconds.to_string(), seconds.span),
    });
    let found: Vec<(String, &str)> =
        spans.map(|(value, span)| (value, &source.text()[span.start..span.end])).collect();
    let expected = [("hällo", "'hällo'"), ("3", "3"), ("hällo", "*a"), ("", "\"\"")];
    assert_eq!(found, expected.map(|(value, text)| (value.to_owned(), text)));
}

/// Each row: a document, where the complaint must point, and what it must say.
#[test]
fn complaints_about_yaml() {
    let rows = [
        ("- Sede: x", "f:1:3", "unknown word \"Sede\""),
        ("- Wait: {four: 3}", "f:1:10", "unknown key \"four\""),
        ("- Wait: {}", "f:1:9", "the key \"for\" is missing"),
        ("- Wait: {for: -1}", "f:1:15", "expected a whole number, zero or more"),
        ("- Wait: {for: 1, for: 2}", "f:1:18", "\"for\" stands twice in one mapping"),
        ("- Seed: [a]", "f:1:9", "expected a text"),
        ("a: b", "f:1:1", "expected a list"),
        ("- Seed:\n- Seed: x", "f:1:7", "expected a text, found nothing"),
        ("- Seed: 'x", "f:1:9", "the file is not valid YAML: unclosed quote"),
        ("- Seed: x\n---\n- Seed: y", "f:3:1", "a second document starts here"),
        (
            "- Wait:\n\tfor: 1",
            "f:2:2",
            "the file is not valid YAML: tabs disallowed within this context (block indentation)",
        ),
        ("- Seed: *x", "f:1:9", "the file is not valid YAML: alias references unknown anchor"),
    ];
    for (text, at, title) in rows {
        let error = yaml::read::<Vec<Verb>>(&Source::new("f", text)).expect_err(text);
        assert_eq!(error.to_string(), format!("{at}: {title}"), "{text}");
    }
}
