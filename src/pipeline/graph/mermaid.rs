//! The picture in Mermaid's language, for pages that draw it themselves.

use std::fmt::Write as _;

use super::super::spec::Kind;
use super::{Drawing, Point, What};

/// Classes for groups; only outlines are coloured, so that both schemes of a page can be read.
const CLASSES: &str = "    classDef collector stroke:#2e7d4f,stroke-width:2px
    classDef parser stroke:#2b6cb0,stroke-width:2px
    classDef expert stroke:#7b4fb5,stroke-width:2px
    classDef output stroke:#b45f06,stroke-width:2px
    classDef alarm stroke:#c62828,stroke-width:4px
    classDef disabled stroke-dasharray:5 4
";

pub(super) fn draw(drawing: &Drawing<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (index, point) in drawing.points.iter().enumerate() {
        let (open, close) = shape(point.what);
        let _ = writeln!(text, "    n{index}{open}\"{}\"{close}", label(point));
    }
    for line in &drawing.lines {
        let arrow = if line.alarm { "==>" } else { "-->" };
        let label = line.label();
        let label = if label.is_empty() { label } else { format!("|\"{}\"|", escape(&label)) };
        let _ = writeln!(text, "    n{} {arrow}{label} n{}", line.from, line.to);
    }
    text.push_str(CLASSES);
    for (index, point) in drawing.points.iter().enumerate() {
        let mut classes: Vec<&str> = match point.what {
            What::Bot(Some(_)) => vec![point.what.word()],
            _ => Vec::new(),
        };
        classes.extend((!point.enabled).then_some("disabled"));
        classes.extend(point.alarm.then_some("alarm"));
        for class in classes {
            let _ = writeln!(text, "    class n{index} {class}");
        }
    }
    text
}

fn shape(what: What) -> (&'static str, &'static str) {
    match what {
        What::Bot(Some(Kind::Collector)) => ("([", "])"),
        What::Bot(Some(Kind::Parser)) => ("[[", "]]"),
        What::Bot(Some(Kind::Expert)) => ("(", ")"),
        What::Bot(Some(Kind::Output)) => ("[(", ")]"),
        What::Bot(None) => ("[", "]"),
        What::UnreadQueue => ("{{", "}}"),
    }
}

fn label(point: &Point<'_>) -> String {
    let lines = [escape(point.name), format!("<i>{}</i>", point.word()), escape(&point.note)];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("<br/>")
}

/// Writes what has a meaning in Mermaid or HTML as entities, with Mermaid's `#` for `&`.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("#quot;"),
            '#' => out.push_str("#35;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
