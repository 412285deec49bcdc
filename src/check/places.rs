//! Judges files, answers and tables.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::judge::{Finding, MOST, compile, found};
use super::{File, Http, Observation, Row, Table, difference, words};

pub(super) fn file(expected: &File, observation: &Observation) -> Finding {
    let path = &expected.path.value;
    let matches = expected.matches.as_ref().map(|pattern| pattern.value.as_str());
    let text = observation.files.get(path);
    let look = format!("{path} in the lab's out folder; `intelmq-lab status` shows where that is");
    if !expected.exists {
        let seen = if text.is_some() { format!("{path} is there") } else { format!("no file {path}") };
        let mut finding = Finding::new(format!("no file {path}"), seen, look);
        finding.part(text.is_none(), false);
        return finding;
    }
    let has = words::text(expected.contains.as_deref(), matches);
    let mut wanted = vec![format!("{path}{has}")];
    wanted.extend(expected.lines.map(|lines| words::count(lines, "line")));
    wanted.extend(expected.equals.as_ref().map(|golden| format!("equal to {}", golden.value)));
    let wanted = wanted.join(" and ");
    let Some(text) = text else {
        let mut finding = Finding::new(wanted, format!("no file {path}"), look);
        finding.part(false, true);
        return finding;
    };
    let number = text.lines().count() as u64;
    let mut finding = Finding::new(wanted, format!("{} in {path}", words::number(number, "line")), look);
    let pattern = compile(matches);
    let found = found(text, expected.contains.as_deref(), pattern.as_ref(), matches.is_some());
    finding.part(found, true);
    if !found {
        let _ = write!(finding.seen, ", nothing{has}");
    }
    if let Some(lines) = expected.lines {
        finding.part(lines.holds(number), lines.settles());
    }
    let difference = match &expected.equals {
        Some(golden) => difference::of_texts(&expected.golden, text, &golden.value),
        None => text.lines().take(MOST).map(|line| format!("+ {}", words::shorten(line))).collect(),
    };
    if expected.equals.is_some() {
        finding.part(difference.is_empty(), false);
    }
    finding.difference = difference;
    finding
}

pub(super) fn http(expected: &Http, observation: &Observation) -> Finding {
    let url = &expected.url.value;
    let matches = expected.matches.as_ref().map(|pattern| pattern.value.as_str());
    let asked = format!("{} {url}", expected.method);
    let wanted = format!(
        "{asked} answers {}{}{}",
        expected.status,
        words::text(expected.contains.as_deref(), matches),
        if expected.json.is_some() { " with the JSON that is listed" } else { "" },
    );
    let answer = match observation.answers.get(&(url.clone(), expected.method.clone())) {
        Some(Ok(answer)) => answer,
        Some(Err(problem)) => return unseen(wanted, format!("{asked} gives no answer: {problem}"), url),
        None => return unseen(wanted, format!("{asked} was not asked"), url),
    };
    let mut finding = Finding::new(wanted, format!("{asked} answers {}", answer.status), url.clone());
    if answer.status != expected.status {
        let lines = [format!("- status: {}", expected.status), format!("+ status: {}", answer.status)];
        finding.difference.extend(lines);
    }
    finding.part(answer.status == expected.status, true);
    let pattern = compile(matches);
    finding
        .part(found(&answer.body, expected.contains.as_deref(), pattern.as_ref(), matches.is_some()), true);
    if let Some(json) = &expected.json {
        let difference = match serde_json::from_str(&answer.body) {
            Ok(seen) => difference::of_json(json, &seen, ""),
            Err(_) => vec![format!("the answer is no JSON: {}", words::shorten(answer.body.trim()))],
        };
        finding.part(difference.is_empty(), true);
        finding.difference.extend(difference);
    } else {
        finding
            .difference
            .extend(answer.body.lines().take(MOST).map(|line| format!("+ {}", words::shorten(line))));
    }
    finding
}

fn unseen(expected: String, seen: String, look: &str) -> Finding {
    let mut finding = Finding::new(expected, seen, look);
    finding.part(false, true);
    finding
}

pub(super) fn table(expected: &Table, observation: &Observation) -> Finding {
    let (bot, query) = (&expected.bot.value, &expected.query.value);
    let look = format!("`intelmq-lab logs {bot}`: did it insert what came?");
    let mut wanted = Vec::new();
    wanted.extend(
        expected
            .rows
            .as_ref()
            .map(|rows| format!("exactly the {} listed", words::number(rows.len() as u64, "row"))),
    );
    wanted.extend(expected.count.map(|count| words::count(count, "row")));
    let place = format!("in the database of {bot} for {query}");
    let wanted = format!("{} {place}", wanted.join(" and "));
    let rows = match observation.tables.get(&(bot.clone(), query.clone())) {
        Some(Ok(rows)) => rows,
        Some(Err(problem)) => return unseen(wanted, format!("nothing {place}: {problem}"), &look),
        None => return unseen(wanted, format!("{query} was not asked"), &look),
    };
    let number = rows.len() as u64;
    let mut finding = Finding::new(wanted, format!("{} {place}", words::number(number, "row")), look);
    if let Some(count) = expected.count {
        finding.part(count.holds(number), count.settles());
    }
    if let Some(golden) = &expected.rows {
        let difference = difference::of_lines(&lines(golden), &lines(rows), "rows");
        finding.part(difference.is_empty(), false);
        finding.difference = difference;
    }
    finding
}

/// Writes each row as a line of JSON. Databases give numbers as numbers or as texts, so that both are texts here.
fn lines(rows: &[Row]) -> String {
    let cell = |cell: &Json| match cell {
        Json::Null | Json::String(_) => cell.clone(),
        other => other.to_string().into(),
    };
    rows.iter().map(|row| Json::Array(row.iter().map(cell).collect()).to_string() + "\n").collect()
}
