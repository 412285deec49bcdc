//! A lab's botnet as a picture: as it is configured now, with what its bots and queues do.

use super::SessionError;
use crate::diagnostic::Source;
use crate::pipeline::{Graph, Kind, Note, Pipeline};
use crate::runtime::control::{BotState, Client};

/// Draws the botnet of a lab.
pub fn graph(client: &Client) -> Result<Graph, SessionError> {
    let configuration = client.configuration()?;
    let snapshot = client.snapshot()?;
    let pipeline = Pipeline::parse(Source::new("runtime.yaml", configuration.text));
    let mut graph = Graph::of(&pipeline.map_err(SessionError::Invalid)?);
    for bot in &snapshot.bots {
        let state = format!("{:?}", bot.state).to_lowercase();
        let done = if bot.group == Kind::Collector.group() {
            format!("{} sent", bot.sent.values().sum::<u64>())
        } else {
            format!("{} received", bot.received)
        };
        let text = match bot.failed {
            0 => format!("{state}, {done}"),
            failed => format!("{state}, {done}, {failed} failed"),
        };
        let alarm = bot.failed > 0 || bot.state == BotState::Failed;
        graph.note_bot(&bot.id, &Note { text, alarm });
    }
    for queue in snapshot.queues.iter().filter(|queue| queue.waiting > 0) {
        graph.note_queue(&queue.name, &Note::plain(format!("{} waiting", queue.waiting)));
    }
    Ok(graph)
}
