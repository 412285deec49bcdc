//! Judges what bots hold, gave up, said and counted.

use super::judge::{Finding, MOST, compile, found};
use super::{Count, Dump, Log, Observation, Queue, Status, words};

pub(super) fn queue(expected: &Queue, observation: &Observation) -> Finding {
    let name = &expected.name.value;
    let depth = observation.queues.get(name).copied().unwrap_or(0);
    let mut finding = Finding::new(
        format!("{} in {name}", words::count(expected.depth, "message")),
        format!("{} in {name}", words::number(depth, "message")),
        "`intelmq-lab status`: does the bot run that reads it?",
    );
    finding.part(expected.depth.holds(depth), expected.depth.settles());
    finding
}

pub(super) fn dump(expected: &Dump, observation: &Observation) -> Finding {
    let bot = &expected.bot.value;
    let matches = expected.matches.as_ref().map(|pattern| pattern.value.as_str());
    let pattern = compile(matches);
    let all = observation.dumps.get(bot).map_or(&[][..], Vec::as_slice);
    let hit = |text: &str| found(text, expected.contains.as_deref(), pattern.as_ref(), matches.is_some());
    let hits: Vec<_> = all.iter().filter(|entry| hit(&entry.error) || hit(&entry.row)).collect();
    let number = hits.len() as u64;
    let place = format!("in the dump of {bot}{}", words::text(expected.contains.as_deref(), matches));
    let count = expected.count.unwrap_or(Count::at_least(1));
    let in_words =
        |count: Count| if count == Count::exactly(0) { "nothing".to_owned() } else { count.to_string() };
    let mut finding = Finding::new(
        format!("{} {place}", in_words(count)),
        format!("{} {place}", in_words(Count::exactly(number))),
        format!("`intelmq-lab dump list {bot}`: which rows, and why?"),
    );
    finding.part(count.holds(number), count.settles());
    // Without a hit, what is there instead helps most.
    let shown = if hits.is_empty() { all.iter().collect() } else { hits };
    for entry in shown.iter().take(MOST) {
        let row = entry.row.lines().last().unwrap_or_default();
        finding.difference.push(format!(
            "+ {}: {}",
            words::shorten(last_line(&entry.error)),
            words::shorten(row)
        ));
    }
    finding.more(shown.len());
    finding
}

/// Returns what a traceback says in the end.
fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default().trim()
}

pub(super) fn log(expected: &Log, observation: &Observation) -> Finding {
    let matches = expected.matches.as_ref().map(|pattern| pattern.value.as_str());
    let pattern = compile(matches);
    let bot = expected.bot.as_ref().map(|bot| bot.value.as_str());
    let of_bot: Vec<_> =
        observation.log.iter().filter(|line| bot.is_none_or(|bot| line.bot == bot)).collect();
    let hit = |text: &str| found(text, expected.contains.as_deref(), pattern.as_ref(), matches.is_some());
    let wanted = of_bot.iter().filter(|line| expected.level.is_none_or(|level| line.level >= level));
    let hits: Vec<_> = wanted.filter(|line| hit(&line.text)).copied().collect();
    let number = hits.len() as u64;
    let line = match expected.level {
        Some(level) => format!("{} line", level.word()),
        None => "line".to_owned(),
    };
    let whose = bot.map_or_else(|| "the log".to_owned(), |bot| format!("the log of {bot}"));
    let place = format!("in {whose}{}", words::text(expected.contains.as_deref(), matches));
    let count = expected.count.unwrap_or(Count::at_least(1));
    let mut finding = Finding::new(
        format!("{} {place}", words::count(count, &line)),
        format!("{} {place}", words::number(number, &line)),
        format!("`intelmq-lab logs{}`", bot.map(|bot| format!(" {bot}")).unwrap_or_default()),
    );
    finding.part(count.holds(number), count.settles());
    let shown = if hits.is_empty() { of_bot } else { hits };
    let shown = shown[shown.len().saturating_sub(MOST)..].iter().map(|line| {
        format!("+ {} {}: {}", line.bot, line.level.word(), words::shorten(last_line(&line.text)))
    });
    finding.difference.extend(shown);
    finding
}

pub(super) fn status(expected: &Status, observation: &Observation) -> Finding {
    let id = &expected.bot.value;
    let look = "`intelmq-lab status`: where do messages wait?";
    let counts = [
        ("received", expected.received),
        ("sent", expected.sent),
        ("dropped", expected.dropped),
        ("failed", expected.failed),
    ];
    let mut wanted: Vec<String> =
        counts.iter().filter_map(|(what, count)| count.map(|count| format!("{count} {what}"))).collect();
    wanted.extend(expected.state.map(|state| state.word().to_owned()));
    let wanted = format!("{id}: {}", wanted.join(", "));
    let Some(bot) = observation.bots.get(id) else {
        let mut finding = Finding::new(wanted, format!("no bot {id}"), look);
        finding.part(false, true);
        return finding;
    };
    let mut finding = Finding::new(wanted, String::new(), look);
    let mut seen = Vec::new();
    for ((what, count), number) in counts.into_iter().zip([bot.received, bot.sent, bot.dropped, bot.failed]) {
        let Some(count) = count else { continue };
        seen.push(format!("{number} {what}"));
        finding.part(count.holds(number), count.settles());
        if !count.holds(number) {
            finding.difference.extend([format!("- {what}: {count}"), format!("+ {what}: {number}")]);
        }
    }
    if let Some(state) = expected.state {
        seen.push(bot.state.word().to_owned());
        finding.part(state == bot.state, true);
        if state != bot.state {
            finding.difference.extend([format!("- {}", state.word()), format!("+ {}", bot.state.word())]);
        }
    }
    finding.seen = format!("{id}: {}", seen.join(", "));
    finding
}
