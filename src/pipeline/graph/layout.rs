//! Where things stand in a drawn graph: in ranks along the flow, each rank ordered so that few lines cross.

use super::super::order::{depths, without_cycles};

/// Space between boxes of one rank.
const BESIDE: f64 = 22.0;
/// The least space between ranks.
const GAP: f64 = 44.0;
/// Breadth of a line that passes a rank.
const LANE: f64 = 14.0;
/// How often orders and places are improved.
const ROUNDS: usize = 12;

/// Which way the flow goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Right,
    Down,
}

/// A place, or a size.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Pair {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// The places of everything. Boxes are known by their centres.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) flow: Flow,
    pub(super) size: Pair,
    pub(super) centres: Vec<Pair>,
    /// For each line what it passes, from the edge of one box to the edge of the other.
    pub(super) routes: Vec<Vec<Pair>>,
}

/// A box, or a place that a long line passes.
struct Cell {
    rank: usize,
    /// Its size along the flow and across it.
    along: f64,
    across: f64,
    /// The centre across the flow.
    place: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// A line from box to box, and the space along the flow that its label needs.
pub(super) struct Way {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: f64,
}

/// Lays out boxes of the given sizes.
pub(super) fn lay_out(sizes: &[Pair], ways: &[Way], flow: Flow) -> Layout {
    let ranks = ranks(sizes.len(), ways);
    let oriented = |size: &Pair| if flow == Flow::Right { (size.x, size.y) } else { (size.y, size.x) };
    let cell =
        |rank, (along, across)| Cell { rank, along, across, place: 0.0, before: vec![], after: vec![] };
    let mut cells: Vec<Cell> =
        sizes.iter().zip(&ranks).map(|(size, rank)| cell(*rank, oriented(size))).collect();
    let mut chains = Vec::new();
    for &Way { from, to, .. } in ways {
        let (first, last) = if ranks[from] <= ranks[to] { (from, to) } else { (to, from) };
        let mut chain = vec![first];
        for rank in ranks[first] + 1..ranks[last] {
            chain.push(cells.len());
            cells.push(cell(rank, (0.0, LANE)));
        }
        chain.push(last);
        for pair in chain.windows(2) {
            cells[pair[0]].after.push(pair[1]);
            cells[pair[1]].before.push(pair[0]);
        }
        if first != from {
            chain.reverse();
        }
        chains.push(chain);
    }
    let mut order = vec![Vec::new(); ranks.iter().max().map_or(0, |last| last + 1)];
    for (index, cell) in cells.iter().enumerate() {
        order[cell.rank].push(index);
    }
    untangle(&cells, &mut order);
    place(&mut cells, &order);
    finish(&cells, &order, &chains, (sizes.len(), flow, &gaps(&ranks, ways)))
}

/// Returns the rank of each box: below all that lead to it, and the first ones as near to the next as can be.
fn ranks(count: usize, ways: &[Way]) -> Vec<usize> {
    let mut next = vec![Vec::new(); count];
    for way in ways {
        next[way.from].push(way.to);
    }
    let next = without_cycles(&next);
    let mut ranks = depths(&next);
    for node in 0..count {
        if let (0, Some(nearest)) = (ranks[node], next[node].iter().map(|&to| ranks[to]).min()) {
            ranks[node] = nearest - 1;
        }
    }
    ranks
}

/// Returns the space behind each rank: enough for the labels that stand there, and more where many lines are.
fn gaps(ranks: &[usize], ways: &[Way]) -> Vec<f64> {
    let mut gaps = vec![GAP; ranks.iter().max().map_or(0, |last| last + 1)];
    let mut crowds = vec![0_u32; gaps.len()];
    for way in ways {
        let (low, high) = (ranks[way.from].min(ranks[way.to]), ranks[way.from].max(ranks[way.to]));
        for rank in [low, high.saturating_sub(1)] {
            gaps[rank] = gaps[rank].max(way.label + GAP);
        }
        crowds[low] += 1;
    }
    for (gap, crowd) in gaps.iter_mut().zip(crowds) {
        *gap = gap.max(f64::from(crowd) * 6.0).min(gap.max(160.0));
    }
    gaps
}

/// Orders each rank by the mean place of the neighbours, to and fro, and keeps the order with the fewest crossings.
fn untangle(cells: &[Cell], order: &mut Vec<Vec<usize>>) {
    let mut best = order.clone();
    let mut fewest = crossings(cells, order);
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        let mut place = places(cells.len(), order);
        let count = order.len();
        for step in 0..count {
            let rank = if down { step } else { count - 1 - step };
            let key = |&cell: &usize| {
                let neighbours = if down { &cells[cell].before } else { &cells[cell].after };
                mean(neighbours.iter().map(|&other| place[other])).unwrap_or(place[cell])
            };
            let mut keyed: Vec<(f64, usize)> = order[rank].iter().map(|cell| (key(cell), *cell)).collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            for (position, (_, cell)) in keyed.iter().enumerate() {
                place[*cell] = position as f64;
            }
            order[rank] = keyed.into_iter().map(|(_, cell)| cell).collect();
        }
        let now = crossings(cells, order);
        if now < fewest {
            fewest = now;
            best.clone_from(order);
        }
    }
    *order = best;
}

fn places(count: usize, order: &[Vec<usize>]) -> Vec<f64> {
    let mut places = vec![0.0; count];
    for (position, &cell) in order.iter().flat_map(|rank| rank.iter().enumerate()) {
        places[cell] = position as f64;
    }
    places
}

fn crossings(cells: &[Cell], order: &[Vec<usize>]) -> usize {
    let place = places(cells.len(), order);
    let mut count = 0;
    for rank in order {
        let ends: Vec<(f64, f64)> = rank
            .iter()
            .flat_map(|&cell| cells[cell].after.iter().map(move |&to| (cell, to)))
            .map(|(from, to)| (place[from], place[to]))
            .collect();
        for (index, one) in ends.iter().enumerate() {
            count += ends[..index].iter().filter(|other| (one.0 - other.0) * (one.1 - other.1) < 0.0).count();
        }
    }
    count
}

/// Moves cells across the flow towards their neighbours, without changing the order or letting them touch.
fn place(cells: &mut [Cell], order: &[Vec<usize>]) {
    for rank in order {
        let centre: f64 = rank.iter().map(|&cell| cells[cell].across + BESIDE).sum::<f64>() / 2.0;
        let mut at = -centre;
        for &cell in rank {
            let breadth = cells[cell].across + BESIDE;
            cells[cell].place = at + breadth / 2.0;
            at += breadth;
        }
    }
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        let count = order.len();
        for step in 0..count {
            let rank = &order[if down { step } else { count - 1 - step }];
            let wanted = rank.iter().map(|&cell| {
                let cell = &cells[cell];
                // The last rounds look both ways, so that nothing is straight on one side only.
                let both = cell.before.iter().chain(&cell.after);
                let one = if down { cell.before.iter() } else { cell.after.iter() };
                let near: Vec<usize> =
                    if round + 4 > ROUNDS { both.copied().collect() } else { one.copied().collect() };
                mean(near.iter().map(|&other| cells[other].place)).unwrap_or(cell.place)
            });
            let wanted: Vec<f64> = wanted.collect();
            let breadths: Vec<f64> = rank.iter().map(|&cell| cells[cell].across + BESIDE).collect();
            for (&cell, place) in rank.iter().zip(apart(&wanted, &breadths)) {
                cells[cell].place = place;
            }
        }
    }
}

/// Returns the places nearest to those wanted (by least squares) that keep the order and the distance.
fn apart(wanted: &[f64], breadths: &[f64]) -> Vec<f64> {
    // Without the breadths the places must only not fall: groups that would are put together at their mean.
    let mut offsets = Vec::new();
    let mut offset = 0.0;
    for (index, breadth) in breadths.iter().enumerate() {
        let before = index.checked_sub(1).map_or(0.0, |before| breadths[before] / 2.0 + breadth / 2.0);
        offset += before;
        offsets.push(offset);
    }
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        let mut group = (wanted - offset, 1);
        while let Some(&(sum, count)) = groups.last() {
            if sum / count as f64 <= group.0 / group.1 as f64 {
                break;
            }
            group = (group.0 + sum, group.1 + count);
            groups.pop();
        }
        groups.push(group);
    }
    let means = groups.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    means.zip(&offsets).map(|(mean, offset)| mean + offset).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// Turns places across the flow and ranks along it into places in the picture.
fn finish(cells: &[Cell], order: &[Vec<usize>], chains: &[Vec<usize>], how: (usize, Flow, &[f64])) -> Layout {
    let (boxes, flow, gaps) = how;
    let low = cells.iter().map(|cell| cell.place - cell.across / 2.0).fold(f64::INFINITY, f64::min);
    let high = cells.iter().map(|cell| cell.place + cell.across / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let mut middles = Vec::new();
    let mut end = 0.0;
    for (rank, gap) in order.iter().zip(gaps) {
        let thick = rank.iter().map(|&cell| cells[cell].along).fold(0.0, f64::max);
        middles.push((end + thick / 2.0, thick));
        end += thick + gap;
    }
    let pair = |along: f64, across: f64| match flow {
        Flow::Right => Pair { x: along, y: across },
        Flow::Down => Pair { x: across, y: along },
    };
    let across = |cell: &Cell| cell.place - low;
    let route = |chain: &Vec<usize>| {
        let mut route = Vec::new();
        let forward =
            chain.first().zip(chain.last()).is_some_and(|(&from, &to)| cells[from].rank <= cells[to].rank);
        let sign = if forward { 1.0 } else { -1.0 };
        for (place, &index) in chain.iter().enumerate() {
            let cell = &cells[index];
            let (middle, thick) = middles[cell.rank];
            let half = sign * if index < boxes { cell.along } else { thick } / 2.0;
            if place > 0 {
                route.push(pair(middle - half, across(cell)));
            }
            if place + 1 < chain.len() {
                route.push(pair(middle + half, across(cell)));
            }
        }
        route
    };
    Layout {
        flow,
        size: pair((end - gaps.last().unwrap_or(&0.0)).max(0.0), (high - low).max(0.0)),
        centres: cells[..boxes].iter().map(|cell| pair(middles[cell.rank].0, across(cell))).collect(),
        routes: chains.iter().map(route).collect(),
    }
}
