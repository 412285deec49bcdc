//! Judges the events of an output.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::difference::{self, Fields, Leftover};
use super::judge::{Finding, MOST};
use super::{Event, Events, Golden, Observation, words};

/// What a masked field has on both sides.
const MASKED: &str = "(any value)";

pub(super) fn judge(expected: &Events, observation: &Observation) -> Finding {
    let output = observation.outputs.get(&expected.file.value);
    let all = output.map_or(&[][..], |output| &output.events);
    let faults = output.map_or(&[][..], |output| &output.faults);
    let seen: Vec<&Event> = all.iter().filter(|event| fits(event, &expected.filter)).collect();
    let place = format!(" in {}{}", expected.file.value, words::filter(&expected.filter));
    let mut finding = Finding {
        holds: true,
        settles: true,
        expected: String::new(),
        seen: format!("{}{place}", words::number(seen.len() as u64, "event")),
        difference: Vec::new(),
        look: look(expected, seen.len(), output.is_some()),
    };
    let mut wanted = Vec::new();
    let views: Vec<Event> = seen.iter().map(|event| view(event, expected)).collect();
    if let Some(golden) = &expected.exactly {
        let compared = exactly(expected, golden, &views);
        finding.part(compared.wrong == 0 && faults.is_empty(), false);
        wanted.push(compared.add_to(&mut finding, "not as expected"));
    }
    if let Some(golden) = &expected.contain {
        let compared = contain(expected, golden, &views);
        finding.part(compared.wrong == 0, true);
        wanted.push(compared.add_to(&mut finding, "missing"));
    }
    if let Some(count) = expected.count {
        let clean = faults.is_empty() || count.settles();
        let holds = count.holds(seen.len() as u64);
        finding.part(holds && clean, count.settles());
        wanted.push(words::count(count, "event"));
        if !holds && finding.difference.is_empty() {
            let shown = seen.iter().take(MOST).map(|event| format!("+ {}", difference::telling(event)));
            finding.difference.extend(shown);
            finding.more(seen.len());
        }
    }
    finding.expected = format!("{}{place}", wanted.join(" and "));
    if output.is_none() {
        finding.seen.push_str(" (the file is not there yet)");
    }
    finding.difference.extend(faults.iter().map(|fault| format!("{}, {fault}", expected.file.value)));
    finding
}

/// Writes the events that were seen as golden lines: only what is compared of them, sorted unless the order matters.
pub(super) fn golden(expected: &Events, observation: &Observation) -> Option<String> {
    let all = &observation.outputs.get(&expected.file.value)?.events;
    let seen = all.iter().filter(|event| fits(event, &expected.filter)).map(|event| view(event, expected));
    let mut lines: Vec<String> = seen.filter_map(|event| serde_json::to_string(&event).ok()).collect();
    if !expected.in_order {
        lines.sort();
    }
    Some(lines.into_iter().map(|line| line + "\n").collect())
}

fn look(expected: &Events, seen: usize, exists: bool) -> String {
    let wanted = expected.exactly.as_ref().map(|golden| golden.events.len());
    let least = expected.count.map(|count| count.at_least as usize);
    if !exists {
        return "`intelmq-lab status`: which bot got how far?".to_owned();
    }
    if wanted.or(least).is_some_and(|wanted| seen < wanted) {
        return "`intelmq-lab explain --dropped`: which bot kept them, and why?".to_owned();
    }
    format!("`intelmq-lab events`: what is in {}?", expected.file.value)
}

/// Tells whether an event has all of some values; `null` means that the field is missing.
pub fn fits(event: &Event, filter: &Event) -> bool {
    filter.iter().all(|(name, value)| difference::same(Some(value), event.get(name)))
}

/// Returns what is compared of an event.
fn view(event: &Event, expected: &Events) -> Event {
    let kept = event.iter().filter(|(name, _)| expected.only.is_empty() || expected.only.contains(name));
    let masked = |(name, value): (&String, &Json)| {
        let value = if expected.mask.contains(name) { Json::from(MASKED) } else { value.clone() };
        (name.clone(), value)
    };
    kept.map(masked).collect()
}

/// Says `the 5 events of expected/rows.jsonl`, `the 2 listed events, in this order,`.
fn wanted(golden: &Golden, in_order: bool) -> String {
    let number = golden.events.len() as u64;
    let order = if in_order { ", in this order," } else { "" };
    match &golden.file {
        Some(file) => format!("the {} of {}{order}", words::number(number, "event"), file.value),
        None => format!("the {}{order}", words::number(number, "listed event")),
    }
}

/// What came of comparing with golden events.
struct Compared {
    /// What was expected, in words.
    said: String,
    /// How many events are not as they should be.
    wrong: usize,
    difference: Vec<String>,
}

impl Compared {
    fn add_to(self, finding: &mut Finding, what: &str) -> String {
        if self.wrong > 0 {
            let _ = write!(finding.seen, ", {} {what}", self.wrong);
        }
        finding.difference.extend(self.difference);
        self.said
    }
}

fn exactly(expected: &Events, golden: &Golden, seen: &[Event]) -> Compared {
    let said = format!("exactly {}", self::wanted(golden, expected.in_order));
    let wanted: Vec<Event> = golden.events.iter().map(|event| view(event, expected)).collect();
    if expected.in_order && wanted == seen {
        return Compared { said, wrong: 0, difference: Vec::new() };
    }
    let (missing, extra) = leftovers(&wanted, seen);
    if missing.is_empty() && extra.is_empty() && expected.in_order {
        let wrong = wanted.iter().zip(seen).filter(|(wanted, seen)| wanted != seen).count();
        return Compared { said, wrong, difference: disorder(&wanted, seen) };
    }
    let wrong = missing.len().max(extra.len());
    Compared { said, wrong, difference: difference::of_events(&missing, &extra, &Fields::All) }
}

/// Takes away what is equal on both sides, as often as it is.
fn leftovers<'a>(wanted: &'a [Event], seen: &'a [Event]) -> (Vec<Leftover<'a>>, Vec<Leftover<'a>>) {
    let key = |event: &Event| {
        let fields = event.iter().filter(|(_, value)| !value.is_null());
        fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
    };
    let mut open: HashMap<String, Vec<Leftover<'a>>> = HashMap::new();
    for (index, event) in seen.iter().enumerate().rev() {
        open.entry(key(event)).or_default().push(Leftover { number: index + 1, event });
    }
    let mut missing = Vec::new();
    for (index, event) in wanted.iter().enumerate() {
        if open.get_mut(&key(event)).and_then(Vec::pop).is_none() {
            missing.push(Leftover { number: index + 1, event });
        }
    }
    let mut extra: Vec<Leftover<'a>> = open.into_values().flatten().collect();
    extra.sort_by_key(|leftover| leftover.number);
    (missing, extra)
}

fn disorder(wanted: &[Event], seen: &[Event]) -> Vec<String> {
    let first = wanted.iter().zip(seen).position(|(wanted, seen)| wanted != seen).unwrap_or(0);
    vec![
        format!("all events are there, in another order; event {} is", first + 1),
        format!("- {}", wanted.get(first).map(difference::telling).unwrap_or_default()),
        format!("+ {}", seen.get(first).map(difference::telling).unwrap_or_default()),
    ]
}

fn contain(expected: &Events, golden: &Golden, seen: &[Event]) -> Compared {
    let said = format!("at least {}", self::wanted(golden, expected.in_order));
    let wanted: Vec<Event> = golden.events.iter().map(|event| view(event, expected)).collect();
    let (missing, why) = if expected.in_order {
        (out_of_order(&wanted, seen), "does not come after those before it")
    } else {
        (unmatched(&wanted, seen), "is there, but too few of it")
    };
    let wrong = missing.len();
    // What is there in itself has no nearest event to be compared with.
    let (there, missing): (Vec<usize>, Vec<usize>) =
        missing.into_iter().partition(|index| seen.iter().any(|event| fits(event, &wanted[*index])));
    let missing: Vec<Leftover<'_>> =
        missing.into_iter().map(|index| Leftover { number: index + 1, event: &wanted[index] }).collect();
    let mut lines: Vec<String> = Vec::new();
    for index in there {
        lines.push(format!("event {} {why}:", index + 1));
        lines.push(format!("- {}", difference::telling(&wanted[index])));
    }
    let all: Vec<Leftover<'_>> =
        seen.iter().enumerate().map(|(index, event)| Leftover { number: index + 1, event }).collect();
    lines.extend(difference::of_events(&missing, &all, &Fields::Expected));
    Compared { said, wrong, difference: lines }
}

/// Returns the first expected event that does not come after the ones before it.
fn out_of_order(wanted: &[Event], seen: &[Event]) -> Vec<usize> {
    let mut rest = seen.iter();
    let lost = wanted.iter().position(|wanted| !rest.any(|event| fits(event, wanted)));
    lost.into_iter().collect()
}

/// Gives each expected event one of its own among those seen, and returns the ones that find none.
///
/// An event may fit several expected ones, so one that is taken is handed over if its owner finds another (Kuhn's algorithm).
fn unmatched(wanted: &[Event], seen: &[Event]) -> Vec<usize> {
    let fits: Vec<Vec<usize>> = wanted
        .iter()
        .map(|wanted| (0..seen.len()).filter(|index| fits(&seen[*index], wanted)).collect())
        .collect();
    let mut owners: Vec<Option<usize>> = vec![None; seen.len()];
    (0..wanted.len())
        .filter(|index| !claim(*index, &fits, &mut owners, &mut vec![false; seen.len()]))
        .collect()
}

fn claim(index: usize, fits: &[Vec<usize>], owners: &mut Vec<Option<usize>>, tried: &mut Vec<bool>) -> bool {
    for candidate in &fits[index] {
        if std::mem::replace(&mut tried[*candidate], true) {
            continue;
        }
        let free = match owners[*candidate] {
            None => true,
            Some(owner) => claim(owner, fits, owners, tried),
        };
        if free {
            owners[*candidate] = Some(index);
            return true;
        }
    }
    false
}
