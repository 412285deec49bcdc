use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::Source;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pipelines")
}

fn graph(text: &str) -> Graph {
    Graph::of(&Pipeline::parse(Source::new("runtime.yaml", text)).expect("a pipeline"))
}

fn file(name: &str) -> Graph {
    graph(&std::fs::read_to_string(folder().join(name)).expect("a text"))
}

/// A small botnet with all that a picture can show.
fn noted() -> Graph {
    let mut graph = file("graph/small.yaml");
    graph.note_bot("collector", &Note::plain("running, 16 sent"));
    graph.note_bot("parser", &Note::alarm("stopped: disk full"));
    graph.note_queue("parser-queue", &Note::alarm("16 waiting"));
    graph.note_queue("archive", &Note::plain("3 waiting"));
    graph
}

#[test]
fn every_form_is_as_recorded() {
    let (small, large) = (noted(), file("valid.yaml"));
    let forms = [
        ("small.txt", small.text()),
        ("small.mmd", small.mermaid()),
        ("small.dot", small.dot()),
        ("small.svg", small.svg()),
        ("valid.txt", large.text()),
        ("valid.svg", large.svg()),
        ("cycle.txt", file("cycle.yaml").text()),
        ("cycle.svg", file("cycle.yaml").svg()),
        ("queues.txt", file("queues.yaml").text()),
    ];
    for (name, text) in forms {
        insta::with_settings!({
            snapshot_path => folder().join("graph"), prepend_module_to_snapshot => false, omit_expression => true
        }, { insta::assert_snapshot!(name, text) });
    }
}

#[test]
fn text_stays_within_80_columns() {
    let mut graph = noted();
    graph.note_bot("filter", &Note::plain("a very long note ".repeat(20)));
    graph.note_queue("archive", &Note::plain("a very long note ".repeat(20)));
    let text = graph.text();
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert_eq!(longest, Some(80), "{text}");
}

#[test]
fn every_bot_and_way_is_drawn_once() {
    let graph = file("valid.yaml");
    let svg = graph.svg();
    for bot in &graph.bots {
        assert_eq!(svg.matches(&format!("data-bot=\"{}\"", bot.id)).count(), 1, "{}", bot.id);
    }
    assert_eq!(graph.mermaid().matches(" -->").count(), graph.edges.len());
    assert_eq!(graph.dot().matches(" -> ").count(), graph.edges.len());
    assert_eq!(graph.text().lines().filter(|line| line.contains(['▶', '▼'])).count(), graph.edges.len());
}

#[test]
fn boxes_do_not_overlap_and_ways_go_from_box_to_box() {
    for name in ["valid.yaml", "cycle.yaml", "queues.yaml", "graph/small.yaml"] {
        let graph = file(name);
        let drawing = Drawing::of(&graph);
        let ways = drawing.lines.iter().map(|line| layout::Way { from: line.from, to: line.to, label: 50.0 });
        let ways: Vec<layout::Way> = ways.collect();
        let sizes = vec![layout::Pair { x: 150.0, y: 40.0 }; drawing.points.len()];
        for flow in [layout::Flow::Right, layout::Flow::Down] {
            let layout = layout::lay_out(&sizes, &ways, flow);
            for (index, one) in layout.centres.iter().enumerate() {
                assert!(
                    one.x >= 75.0 && one.x <= layout.size.x - 75.0 + 0.1,
                    "{name}: {one:?} in {:?}",
                    layout.size
                );
                assert!(
                    one.y >= 20.0 && one.y <= layout.size.y - 20.0 + 0.1,
                    "{name}: {one:?} in {:?}",
                    layout.size
                );
                for other in &layout.centres[..index] {
                    let apart = (one.x - other.x).abs() >= 150.0 || (one.y - other.y).abs() >= 40.0;
                    assert!(apart, "{name}: {one:?} and {other:?}");
                }
            }
            for (layout::Way { from, to, .. }, route) in ways.iter().zip(&layout.routes) {
                if from == to {
                    continue;
                }
                let near = |place: &layout::Pair, centre: &layout::Pair| {
                    (place.x - centre.x).abs() <= 75.1 && (place.y - centre.y).abs() <= 20.1
                };
                let ends = route.first().zip(route.last()).expect("a route");
                assert!(near(ends.0, &layout.centres[*from]) && near(ends.1, &layout.centres[*to]), "{name}");
            }
        }
    }
}

#[test]
fn odd_names_break_no_form() {
    let graph = graph(
        "\"a\\\"<&>#\\n]\": {module: x, parameters: {destination_queues: {\"p\\\"|<\": [\"q\\\"</svg>\"]}}}\n",
    );
    let (svg, dot, mermaid) = (graph.svg(), graph.dot(), graph.mermaid());
    assert_eq!(
        (svg.matches("</svg>").count(), svg.matches("a&quot;&lt;&amp;&gt;# ]").count()),
        (1, 4),
        "{svg}"
    );
    assert!(dot.contains("\"a\\\"<&>#\\n]\" -> \"queue: q\\\"</svg>\" [label=\"p\\\"|<\"]"), "{dot}");
    assert!(mermaid.contains("n0[\"a#quot;#lt;#amp;#gt;#35; ]<br/>"), "{mermaid}");
    assert!(mermaid.contains("n0 -->|\"p#quot;|#lt;\"| n1"), "{mermaid}");
}

#[test]
fn a_graph_can_be_rebuilt_from_what_was_stored() {
    let graph = noted();
    let text = serde_json::to_string(&graph).expect("JSON");
    assert_eq!(serde_json::from_str::<Graph>(&text).expect("a graph"), graph);
    assert_eq!(Graph::default().text(), "");
    assert!(Graph::default().svg().ends_with("</svg>\n"));
}
