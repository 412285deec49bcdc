//! Orders of a graph: without cycles, by depth, chain by chain. Nodes are numbers; a node's list names those it leads to.

use std::collections::HashMap;

use super::wiring::Edge;

/// Returns for each bot, by its place among the ids, the bots it leads to, without the edges that close a cycle.
pub(super) fn forward(ids: &[&str], edges: &[Edge]) -> Vec<Vec<usize>> {
    let index: HashMap<&str, usize> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
    for edge in edges {
        let from = index.get(edge.from.as_str());
        let to = edge.to.as_deref().and_then(|to| index.get(to));
        if let (Some(&from), Some(&to)) = (from, to) {
            next[from].push(to);
        }
    }
    without_cycles(&next)
}

/// Takes out the edges that lead back to where one came from.
pub(super) fn without_cycles(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        OnTheWay,
        Done,
    }
    let mut seen = vec![Seen::No; next.len()];
    let mut kept: Vec<Vec<usize>> = vec![Vec::new(); next.len()];
    for start in 0..next.len() {
        if seen[start] != Seen::No {
            continue;
        }
        seen[start] = Seen::OnTheWay;
        // A node and how many of its edges were followed; no recursion, as a chain of bots may be long.
        let mut stack = vec![(start, 0)];
        while let Some((node, followed)) = stack.pop() {
            let Some(&to) = next[node].get(followed) else {
                seen[node] = Seen::Done;
                continue;
            };
            stack.push((node, followed + 1));
            if seen[to] != Seen::OnTheWay {
                kept[node].push(to);
            }
            if seen[to] == Seen::No {
                seen[to] = Seen::OnTheWay;
                stack.push((to, 0));
            }
        }
    }
    kept
}

/// Returns the length of the longest way to each node of a graph without cycles.
pub(super) fn depths(next: &[Vec<usize>]) -> Vec<usize> {
    let mut depths = vec![0; next.len()];
    for node in order(next) {
        for &to in &next[node] {
            depths[to] = depths[to].max(depths[node] + 1);
        }
    }
    depths
}

/// Returns the nodes of a graph without cycles so that each comes before those it leads to, chains together, else as they come.
pub(super) fn order(next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    let mut finished = Vec::with_capacity(next.len());
    // Backwards, as the node that is finished first comes last.
    for start in (0..next.len()).rev() {
        let mut stack = vec![(start, next[start].len())];
        if std::mem::replace(&mut seen[start], true) {
            continue;
        }
        while let Some((node, left)) = stack.pop() {
            let Some(left) = left.checked_sub(1) else {
                finished.push(node);
                continue;
            };
            stack.push((node, left));
            let to = next[node][left];
            if !std::mem::replace(&mut seen[to], true) {
                stack.push((to, next[to].len()));
            }
        }
    }
    finished.reverse();
    finished
}
