//! The botnet as a picture: bots, ways between them, and what is to be noted beside them. Drawn as text, Mermaid, DOT and SVG.

mod dot;
mod layout;
mod mermaid;
mod svg;
mod text;

use serde::{Deserialize, Serialize};

use super::spec::Kind;
use super::wiring::Edge;
use super::{BotConfig, Pipeline};

/// What a picture of a botnet shows. Made of a pipeline; notes are added by who knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// The bots in the order of the file.
    pub bots: Vec<GraphBot>,
    /// The ways between them.
    pub edges: Vec<GraphEdge>,
}

/// A bot in a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphBot {
    /// The bot's id.
    pub id: String,
    /// Its group, if it is known.
    pub kind: Option<Kind>,
    /// Whether it starts with the botnet.
    pub enabled: bool,
    /// What is noted beside it, such as `running, 15 sent`.
    #[serde(default)]
    pub note: Note,
}

/// A way between bots in a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphEdge {
    /// The way.
    pub edge: Edge,
    /// What is noted beside it, such as `3 waiting`.
    #[serde(default)]
    pub note: Note,
}

/// A few words beside a bot or a way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// The words; may be empty.
    pub text: String,
    /// Whether it calls for attention.
    pub alarm: bool,
}

impl Note {
    /// Makes a note of what is as it should be.
    pub fn plain(text: impl Into<String>) -> Self {
        Note { text: text.into(), alarm: false }
    }

    /// Makes a note that calls for attention.
    pub fn alarm(text: impl Into<String>) -> Self {
        Note { text: text.into(), alarm: true }
    }

    /// Returns the words, with a `!` before those that call for attention, so that they are seen without colour.
    fn words(&self) -> String {
        if self.alarm { format!("! {}", self.text).trim_end().to_owned() } else { self.text.clone() }
    }
}

impl Graph {
    /// Draws a pipeline without notes.
    pub fn of(pipeline: &Pipeline) -> Self {
        let bot = |bot: &BotConfig| GraphBot {
            id: bot.id().to_owned(),
            kind: bot.kind(),
            enabled: bot.enabled(),
            note: Note::default(),
        };
        let edge = |edge: Edge| GraphEdge { edge, note: Note::default() };
        Graph {
            bots: pipeline.bots().iter().map(bot).collect(),
            edges: pipeline.edges().into_iter().map(edge).collect(),
        }
    }

    /// Notes something beside a bot.
    pub fn note_bot(&mut self, id: &str, note: &Note) {
        for bot in self.bots.iter_mut().filter(|bot| bot.id == id) {
            bot.note = note.clone();
        }
    }

    /// Notes something beside every way over a queue.
    pub fn note_queue(&mut self, queue: &str, note: &Note) {
        for way in self.edges.iter_mut().filter(|way| way.edge.queue == queue) {
            way.note = note.clone();
        }
    }

    /// Draws text of at most 80 columns, unless ids are longer than that.
    pub fn text(&self) -> String {
        text::draw(self)
    }

    /// Draws a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        mermaid::draw(&Drawing::of(self))
    }

    /// Draws a graph in Graphviz's language.
    pub fn dot(&self) -> String {
        dot::draw(&Drawing::of(self))
    }

    /// Draws a self-contained SVG that follows the reader's light or dark scheme.
    ///
    /// Its elements carry `data-bot`, `data-path` and `data-queue`, so that a page can bring notes up to date.
    pub fn svg(&self) -> String {
        svg::draw(&Drawing::of(self))
    }
}

/// What stands in a picture: bots, and queues that nobody reads, as numbered points with lines between them.
struct Drawing<'a> {
    points: Vec<Point<'a>>,
    lines: Vec<Line<'a>>,
}

struct Point<'a> {
    /// A bot's id, or the name of a queue that nobody reads.
    name: &'a str,
    what: What,
    enabled: bool,
    note: String,
    alarm: bool,
}

impl Point<'_> {
    /// Returns the word for what it is, and whether it is disabled.
    fn word(&self) -> String {
        let word = self.what.word();
        if self.enabled { word.to_owned() } else { format!("{word}, disabled") }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Bot(Option<Kind>),
    UnreadQueue,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            What::Bot(Some(Kind::Collector)) => "collector",
            What::Bot(Some(Kind::Parser)) => "parser",
            What::Bot(Some(Kind::Expert)) => "expert",
            What::Bot(Some(Kind::Output)) => "output",
            What::Bot(None) => "bot",
            What::UnreadQueue => "queue nobody reads",
        }
    }
}

struct Line<'a> {
    from: usize,
    to: usize,
    path: &'a str,
    queue: &'a str,
    note: String,
    alarm: bool,
}

impl Line<'_> {
    /// Returns the path, unless it is the usual one, and the note.
    fn label(&self) -> String {
        let path = if self.path == "_default" { "" } else { self.path };
        [path, &self.note].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

impl<'a> Drawing<'a> {
    fn of(graph: &'a Graph) -> Self {
        let bots = graph.bots.iter().map(|bot| Point {
            name: &bot.id,
            what: What::Bot(bot.kind),
            enabled: bot.enabled,
            note: bot.note.words(),
            alarm: bot.note.alarm,
        });
        let mut points: Vec<Point<'a>> = bots.collect();
        let mut lines = Vec::new();
        for way in &graph.edges {
            let edge = &way.edge;
            let Some(from) = graph.bots.iter().position(|bot| bot.id == edge.from) else { continue };
            let to = match &edge.to {
                Some(to) => graph.bots.iter().position(|bot| bot.id == *to),
                None => points
                    .iter()
                    .position(|point| point.what == What::UnreadQueue && point.name == edge.queue),
            };
            let to = to.unwrap_or_else(|| {
                points.push(Point {
                    name: edge.to.as_deref().unwrap_or(&edge.queue),
                    what: if edge.to.is_some() { What::Bot(None) } else { What::UnreadQueue },
                    enabled: true,
                    note: String::new(),
                    alarm: edge.to.is_none(),
                });
                points.len() - 1
            });
            lines.push(Line {
                from,
                to,
                path: &edge.path,
                queue: &edge.queue,
                note: way.note.words(),
                alarm: way.note.alarm,
            });
        }
        Drawing { points, lines }
    }
}

#[cfg(test)]
mod tests;
