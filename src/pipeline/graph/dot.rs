//! The picture in Graphviz's language.

use std::fmt::Write as _;

use super::super::spec::Kind;
use super::{Drawing, Point, What};

pub(super) fn draw(drawing: &Drawing<'_>) -> String {
    let mut text = String::from(
        "digraph botnet {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", penwidth=1.5];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    for point in &drawing.points {
        let mut style = vec![];
        style.extend(matches!(point.what, What::Bot(Some(Kind::Expert))).then_some("rounded"));
        style.extend((!point.enabled).then_some("dashed"));
        let style =
            if style.is_empty() { String::new() } else { format!(", style={}", quote(&style.join(","))) };
        let alarm = if point.alarm { ", color=\"#c62828\", penwidth=3" } else { "" };
        let (shape, label) = (shape(point.what), quote(&label(point)));
        let _ = writeln!(text, "  {} [label={label}, shape={shape}{style}{alarm}];", name(point));
    }
    for line in &drawing.lines {
        let (Some(from), Some(to)) = (drawing.points.get(line.from), drawing.points.get(line.to)) else {
            continue;
        };
        let label = line.label();
        let alarm = if line.alarm { ", color=\"#c62828\", penwidth=3" } else { "" };
        let _ = writeln!(text, "  {} -> {} [label={}{alarm}];", name(from), name(to), quote(&label));
    }
    text.push_str("}\n");
    text
}

/// A bot and a queue may have one name, so queues are marked.
fn name(point: &Point<'_>) -> String {
    match point.what {
        What::Bot(_) => quote(point.name),
        What::UnreadQueue => quote(&format!("queue: {}", point.name)),
    }
}

fn shape(what: What) -> &'static str {
    match what {
        What::Bot(Some(Kind::Collector)) => "ellipse",
        What::Bot(Some(Kind::Parser)) => "component",
        What::Bot(Some(Kind::Expert) | None) => "box",
        What::Bot(Some(Kind::Output)) => "cylinder",
        What::UnreadQueue => "hexagon",
    }
}

fn label(point: &Point<'_>) -> String {
    let lines = [point.name, &point.word(), &point.note];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn quote(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\r', "").replace('\n', "\\n");
    format!("\"{text}\"")
}
