//! The picture as a self-contained SVG.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::super::spec::Kind;
use super::layout::{Flow, Layout, Pair, Way, lay_out};
use super::{Drawing, Line, Point, What};

/// Space around everything.
const MARGIN: f64 = 24.0;
/// Width of a letter of a box's name, and of a label.
const LETTER: f64 = 8.0;
const SMALL: f64 = 6.8;
/// Height of a line of a label.
const ROW: f64 = 13.0;
/// Letters of a note that are shown; the rest is cut.
const NOTE: usize = 34;
/// The page that a picture should fill well, as on a projector.
const PAGE: Pair = Pair { x: 1400.0, y: 800.0 };

const STYLE: &str = "\
.botnet{--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#818b98;--collector:#1a7f37;--parser:#0969da;--expert:#8250df;--output:#bc4c00;--alarm:#cf222e}
@media(prefers-color-scheme:dark){.botnet{--paper:#0d1117;--ink:#f0f6fc;--soft:#9198a1;--line:#7d8590;--collector:#3fb950;--parser:#58a6ff;--expert:#bc8cff;--output:#f0883e;--alarm:#ff7b72}}
.botnet .paper{fill:var(--paper)}
.botnet text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:11px;fill:var(--soft);text-anchor:middle}
.botnet .name{font-size:13px;font-weight:600;fill:var(--ink)}
.botnet .label{stroke:var(--paper);stroke-width:5px;stroke-linejoin:round;paint-order:stroke}
.botnet .shape{fill:var(--paper);stroke:var(--line);stroke-width:2px}
.botnet .collector .shape{stroke:var(--collector)}
.botnet .parser .shape{stroke:var(--parser)}
.botnet .expert .shape{stroke:var(--expert)}
.botnet .output .shape{stroke:var(--output)}
.botnet .disabled .shape{stroke-dasharray:5 4}
.botnet .alarm .shape{stroke:var(--alarm);stroke-width:4px}
.botnet .alarm .note,.botnet .alarm .label{fill:var(--alarm);font-weight:600}
.botnet .way{fill:none;stroke:var(--line);stroke-width:1.6px}
.botnet .alarm .way{stroke:var(--alarm);stroke-width:3px}
.botnet .tip{fill:var(--line)}
";

pub(super) fn draw(drawing: &Drawing<'_>) -> String {
    let sizes: Vec<Pair> = drawing.points.iter().map(size).collect();
    let groups = bundles(drawing);
    let layout = best(&sizes, &groups);
    let (width, height) = (layout.size.x + 2.0 * MARGIN, layout.size.y + 2.0 * MARGIN);
    let bots = drawing.points.iter().filter(|point| point.what != What::UnreadQueue).count();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"botnet\" role=\"img\" aria-label=\"Botnet of {bots} bots\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">"
    );
    let _ = writeln!(text, "<style>\n{STYLE}</style>");
    text.push_str(
        "<defs><marker id=\"botnet-tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
    );
    let _ = writeln!(text, "<rect class=\"paper\" width=\"{width:.0}\" height=\"{height:.0}\"/>");
    let _ = writeln!(text, "<g transform=\"translate({MARGIN} {MARGIN})\">");
    for (bundle, route) in groups.iter().zip(&layout.routes) {
        let (from, to) = bundle.ends;
        if from == to {
            let side = Pair { x: layout.centres[from].x + sizes[from].x / 2.0, y: layout.centres[from].y };
            draw_way(&mut text, drawing, bundle, (&circle(side), side));
        } else {
            let crowd = groups.iter().filter(|other| other.ends.1 == to).count();
            let fan = groups.iter().filter(|other| other.ends.0 == from).count();
            let place = label_place(route, layout.flow, fan > crowd);
            draw_way(&mut text, drawing, bundle, (&curve(route, layout.flow), place));
        }
    }
    for (point, (size, centre)) in drawing.points.iter().zip(sizes.iter().zip(&layout.centres)) {
        draw_point(&mut text, point, *size, *centre);
    }
    text.push_str("</g>\n</svg>\n");
    text
}

/// Lines between the same two points, which are drawn as one.
struct Bundle<'a> {
    ends: (usize, usize),
    lines: Vec<&'a Line<'a>>,
}

impl Bundle<'_> {
    /// Returns the lines of the label.
    fn labels(&self) -> Vec<String> {
        self.lines.iter().map(|line| line.label()).filter(|label| !label.is_empty()).collect()
    }
}

fn bundles<'a>(drawing: &'a Drawing<'a>) -> Vec<Bundle<'a>> {
    let mut bundles: Vec<Bundle<'a>> = Vec::new();
    for line in &drawing.lines {
        let ends = (line.from, line.to);
        match bundles.iter_mut().find(|bundle| bundle.ends == ends) {
            Some(bundle) => bundle.lines.push(line),
            None => bundles.push(Bundle { ends, lines: vec![line] }),
        }
    }
    bundles
}

/// Lays out in the direction in which the picture can be shown larger.
fn best(sizes: &[Pair], bundles: &[Bundle<'_>]) -> Layout {
    let ways = |flow: Flow| -> Vec<Way> {
        let space = |labels: &[String]| match flow {
            Flow::Right => labels.iter().map(|label| label.width()).max().unwrap_or(0) as f64 * SMALL,
            Flow::Down => labels.len() as f64 * ROW,
        };
        let way = |bundle: &Bundle<'_>| Way {
            from: bundle.ends.0,
            to: bundle.ends.1,
            label: space(&bundle.labels()),
        };
        bundles.iter().map(way).collect()
    };
    let right = lay_out(sizes, &ways(Flow::Right), Flow::Right);
    let down = lay_out(sizes, &ways(Flow::Down), Flow::Down);
    let scale =
        |layout: &Layout| (PAGE.x / layout.size.x.max(1.0)).min(PAGE.y / layout.size.y.max(1.0)).min(1.0);
    if scale(&down) > 1.15 * scale(&right) { down } else { right }
}

fn size(point: &Point<'_>) -> Pair {
    let small = point.word().width().max(cut(&point.note).width()) as f64 * SMALL;
    let text = (point.name.width() as f64 * LETTER).max(small);
    Pair { x: (text + 40.0).max(120.0), y: if point.note.is_empty() { 46.0 } else { 62.0 } }
}

fn cut(note: &str) -> String {
    match note.char_indices().nth(NOTE) {
        Some((end, _)) => format!("{}…", &note[..end]),
        None => note.to_owned(),
    }
}

fn draw_way(text: &mut String, drawing: &Drawing<'_>, bundle: &Bundle<'_>, shape: (&str, Pair)) {
    let (Some(first), Some(from), Some(to)) =
        (bundle.lines.first(), drawing.points.get(bundle.ends.0), drawing.points.get(bundle.ends.1))
    else {
        return;
    };
    let (path, place) = shape;
    let alarm = if bundle.lines.iter().any(|line| line.alarm) { " class=\"alarm\"" } else { "" };
    let _ = writeln!(
        text,
        "<g{alarm} data-from=\"{}\" data-path=\"{}\" data-queue=\"{}\">",
        escape(from.name),
        escape(first.path),
        escape(first.queue)
    );
    let title: Vec<String> =
        bundle.lines.iter().map(|line| format!("{} over {}", line.path, line.queue)).collect();
    let title = format!("{} to {}: {}", from.name, to.name, title.join(", "));
    let _ = writeln!(text, "<title>{}</title>", escape(&title));
    let _ = writeln!(text, "<path class=\"way\" marker-end=\"url(#botnet-tip)\" d=\"{path}\"/>");
    let labels = bundle.labels();
    let top = place.y + 4.0 - labels.len().saturating_sub(1) as f64 * ROW / 2.0;
    for (row, label) in labels.iter().enumerate() {
        let (x, y, label) = (place.x, top + row as f64 * ROW, escape(label));
        let _ = writeln!(text, "<text class=\"label\" x=\"{x:.0}\" y=\"{y:.0}\">{label}</text>");
    }
    text.push_str("</g>\n");
}

/// Returns a path from the right side of a box back to it.
fn circle(side: Pair) -> String {
    format!("M{:.0} {:.0}c30 -22 30 38 0 16", side.x, side.y - 8.0)
}

/// Returns a path that leaves and enters everything along the flow.
fn curve(route: &[Pair], flow: Flow) -> String {
    let mut path = String::new();
    let Some(start) = route.first() else { return path };
    let _ = write!(path, "M{:.0} {:.0}", start.x, start.y);
    for pair in route.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (one, two) = bends(from, to, flow);
        let _ = write!(path, "C{:.0} {:.0} {:.0} {:.0} {:.0} {:.0}", one.x, one.y, two.x, two.y, to.x, to.y);
    }
    path
}

/// Returns the two points that draw a curve from one place to another along the flow.
fn bends(from: Pair, to: Pair, flow: Flow) -> (Pair, Pair) {
    match flow {
        Flow::Right => {
            let middle = f64::midpoint(from.x, to.x);
            (Pair { x: middle, y: from.y }, Pair { x: middle, y: to.y })
        }
        Flow::Down => {
            let middle = f64::midpoint(from.y, to.y);
            (Pair { x: from.x, y: middle }, Pair { x: to.x, y: middle })
        }
    }
}

/// Returns where a label stands: in the middle of the flow to the right; downwards, where labels lie side by side, near the
/// end at which there are fewer of them.
fn label_place(route: &[Pair], flow: Flow, at_end: bool) -> Pair {
    let (from, to, part): (Pair, Pair, f64) = match (route, flow, at_end) {
        ([from, to, ..], Flow::Right, _) => (*from, *to, 0.5),
        ([.., from, to], Flow::Down, true) => (*from, *to, 0.7),
        ([from, to, ..], Flow::Down, false) => (*from, *to, 0.3),
        _ => return Pair::default(),
    };
    let (one, two) = bends(from, to, flow);
    let rest = 1.0 - part;
    let mix = |places: [f64; 4]| {
        let [a, b, c, d] = places;
        a * rest.powi(3) + 3.0 * b * rest * rest * part + 3.0 * c * rest * part * part + d * part.powi(3)
    };
    Pair { x: mix([from.x, one.x, two.x, to.x]), y: mix([from.y, one.y, two.y, to.y]) }
}

fn draw_point(text: &mut String, point: &Point<'_>, size: Pair, centre: Pair) {
    let mut classes = vec![if point.what == What::UnreadQueue { "queue" } else { point.what.word() }];
    classes.extend((!point.enabled).then_some("disabled"));
    classes.extend(point.alarm.then_some("alarm"));
    let data = if point.what == What::UnreadQueue { "data-queue" } else { "data-bot" };
    let (class, name) = (classes.join(" "), escape(point.name));
    let (x, y) = (centre.x - size.x / 2.0, centre.y - size.y / 2.0);
    let _ = writeln!(text, "<g class=\"{class}\" {data}=\"{name}\" transform=\"translate({x:.0} {y:.0})\">");
    let _ = writeln!(text, "{}", shape(point.what, size));
    let middle = size.x / 2.0;
    let _ = writeln!(text, "<text class=\"name\" x=\"{middle:.0}\" y=\"20\">{name}</text>");
    let _ = writeln!(text, "<text x=\"{middle:.0}\" y=\"36\">{}</text>", point.word());
    let note = escape(&cut(&point.note));
    let _ = writeln!(text, "<text class=\"note\" x=\"{middle:.0}\" y=\"52\">{note}</text>\n</g>");
}

/// Draws a shape by which a group is known without colour.
fn shape(what: What, size: Pair) -> String {
    let Pair { x: w, y: h } = size;
    let rect = |radius: f64| {
        format!("<rect class=\"shape\" width=\"{w:.0}\" height=\"{h:.0}\" rx=\"{radius:.0}\"/>")
    };
    match what {
        What::Bot(Some(Kind::Collector)) => rect(h / 2.0),
        What::Bot(Some(Kind::Parser)) => {
            let inner = w - 8.0;
            rect(0.0) + &format!("<path class=\"shape\" d=\"M8 0V{h:.0}M{inner:.0} 0V{h:.0}\"/>")
        }
        What::Bot(Some(Kind::Expert)) => rect(10.0),
        What::Bot(Some(Kind::Output)) => {
            let (neck, half) = (w - 14.0, h / 2.0);
            format!("<path class=\"shape\" d=\"M0 0H{neck:.0}L{w:.0} {half:.0}L{neck:.0} {h:.0}H0z\"/>")
        }
        What::Bot(None) => rect(0.0),
        What::UnreadQueue => {
            let (neck, half) = (w - 14.0, h / 2.0);
            format!(
                "<path class=\"shape\" d=\"M14 0H{neck:.0}L{w:.0} {half:.0}L{neck:.0} {h:.0}H14L0 {half:.0}z\"/>"
            )
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
