//! The picture as text: a line for each bot in the order of the flow, and below it where it sends.

use std::fmt::Write as _;

use super::super::order::{forward, order};
use super::super::wiring::Edge;
use super::{Graph, GraphBot, GraphEdge, What};

const WIDTH: usize = 80;
/// Columns of the words for groups.
const GROUP: usize = 9;

pub(super) fn draw(graph: &Graph) -> String {
    let ids: Vec<&str> = graph.bots.iter().map(|bot| bot.id.as_str()).collect();
    let edges: Vec<Edge> = graph.edges.iter().map(|way| way.edge.clone()).collect();
    let order = order(&forward(&ids, &edges));
    let mut text = String::new();
    for (place, &index) in order.iter().enumerate() {
        let Some(bot) = graph.bots.get(index) else { continue };
        let next = order.get(place + 1).and_then(|&next| ids.get(next)).copied();
        draw_bot(&mut text, graph, bot, next);
    }
    text
}

fn draw_bot(text: &mut String, graph: &Graph, bot: &GraphBot, next: Option<&str>) {
    let ways: Vec<&GraphEdge> = graph.edges.iter().filter(|way| way.edge.from == bot.id).collect();
    let word = What::Bot(bot.kind).word();
    let notes = [if bot.enabled { "" } else { "disabled" }.to_owned(), bot.note.words()];
    put(text, &format!("{word:<GROUP$}  {}", bot.id), &notes.map(|note| ("", note)));
    for (index, way) in ways.iter().enumerate() {
        let edge = &way.edge;
        let path = ("on ", if edge.path == "_default" { String::new() } else { edge.path.clone() });
        let note = ("", way.note.words());
        let straight = ways.len() == 1 && edge.to.is_some() && edge.to.as_deref() == next;
        if straight {
            put(text, &format!("{:GROUP$}  ▼", ""), &[path, note]);
            continue;
        }
        let branch = if index + 1 < ways.len() { "├" } else { "└" };
        let (target, queue) = match &edge.to {
            Some(to) if edge.queue == format!("{to}-queue") => (to.clone(), String::new()),
            Some(to) => (to.clone(), edge.queue.clone()),
            None => (format!("nobody reads {:?}", edge.queue), String::new()),
        };
        put(text, &format!("{:GROUP$}  {branch}─▶ {target}", ""), &[path, ("over ", queue), note]);
    }
}

/// Writes a line with what belongs to it, each thing with the word before it; what does not fit goes to lines of its own.
fn put(text: &mut String, head: &str, parts: &[(&str, String)]) {
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, part)| !part.is_empty())
        .map(|(word, part)| format!("{word}{part}"))
        .collect();
    let tail = parts.join(", ");
    let width = |text: &str| text.chars().count();
    if tail.is_empty() {
        let _ = writeln!(text, "{head}");
    } else if width(head) + 2 + width(&tail) <= WIDTH {
        let _ = writeln!(text, "{head}  {tail}");
    } else {
        let indent = GROUP + 6;
        let shown: String = tail.chars().take(WIDTH - indent).collect();
        let _ = writeln!(text, "{head}");
        let cut = width(&tail) > WIDTH - indent;
        let shown = if cut { shown.chars().take(WIDTH - indent - 1).chain(['…']).collect() } else { shown };
        let _ = writeln!(text, "{:indent$}{shown}", "");
    }
}
