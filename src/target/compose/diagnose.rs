//! Says why a stack did not come up: which container is to blame, or what the plugin said.

use super::engine::{Container, State};
use super::trouble::Trouble;

/// What the engine says of a port that somebody else has.
const TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];

/// Finds the cause in the containers as they are, and in what the plugin said; `lines` returns what a container wrote last.
pub(super) fn diagnose(
    lab: &str,
    containers: &[Container],
    said: &[String],
    lines: &dyn Fn(&str) -> Vec<String>,
) -> Trouble {
    let taken = |line: &&String| TAKEN.iter().any(|words| line.contains(words));
    if let Some(line) = said.iter().rev().find(taken) {
        let problem = format!("a port of lab `{lab}` was taken meanwhile: {}", line.trim());
        return Trouble::new("port-taken", problem).way("`intelmq-lab reset` begins anew with other ports");
    }
    let mut worst = [State::Ended, State::Unwell, State::Starting].into_iter();
    let of_state = |state| containers.iter().find(|container| container.state == state);
    let Some(bad) = worst.find_map(of_state) else {
        let trouble = Trouble::new("compose-failed", format!("`docker compose` failed for lab `{lab}`"));
        return trouble.wrote(&said[said.len().saturating_sub(8)..]);
    };
    let (code, what) = match bad.state {
        State::Ended => ("container-ended", "ended"),
        State::Unwell => ("container-unhealthy", "is not well"),
        _ => ("container-not-ready", "was not ready in time"),
    };
    let Container { service, words, id, .. } = bad;
    let problem = format!("the container of `{service}` in lab `{lab}` {what} ({words})");
    Trouble::new(code, problem).wrote(&lines(id)).way(format!(
        "`intelmq-lab logs --process --lab {lab}` shows more, `intelmq-lab down --lab {lab}` removes all of it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_container_is_to_blame_unless_a_port_is() {
        let one = |service: &str, state| Container {
            id: service.to_owned(),
            service: service.to_owned(),
            state,
            words: "so it is".to_owned(),
        };
        let healthy = one("agent", State::Well);
        let port = "Error response from daemon: Bind for 127.0.0.1:20000 failed: port is already allocated";
        for (containers, said, expected) in [
            (
                vec![healthy.clone(), one("a", State::Starting), one("b", State::Ended)],
                "x",
                "container-ended: the container of `b` in lab `l` ended (so it is); it wrote:\n  last of b",
            ),
            (
                vec![one("a", State::Starting), one("b", State::Unwell)],
                "x",
                "container-unhealthy: the container of `b` in lab `l` is not well (so it is); it wrote:\n  last of b",
            ),
            (
                vec![one("a", State::Starting)],
                "x",
                "container-not-ready: the container of `a` in lab `l` was not ready in time (so it is); it wrote:\n  last of a",
            ),
            (
                vec![one("a", State::Made)],
                "no such thing",
                "compose-failed: `docker compose` failed for lab `l`; it wrote:\n  no such thing",
            ),
            (
                vec![one("a", State::Ended)],
                port,
                &format!("port-taken: a port of lab `l` was taken meanwhile: {port}"),
            ),
        ] {
            let trouble = diagnose("l", &containers, &[said.to_owned()], &|id| vec![format!("last of {id}")]);
            assert_eq!(format!("{}: {}", trouble.code, trouble.problem), expected);
        }
    }
}
