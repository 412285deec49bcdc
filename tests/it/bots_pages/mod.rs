//! The pages of bots in `docs/bots`: what they say of parameters is the specification's, and their examples come true.
//!
//! `BLESS=1 cargo test --test it bots_pages` writes down what the program says and does now.

#[cfg_attr(not(feature = "kafka"), path = "no_kafka.rs")]
mod kafka;
mod play;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use intelmq_lab::bots;
use intelmq_lab::docgen;
use intelmq_lab::pipeline::Spec;

use play::Stage;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/bots")
}

/// The pages of all bots; one that is missing cannot be read.
fn pages() -> BTreeMap<String, &'static Spec> {
    bots::all().map(|bot| (docgen::page_of(&bot.spec).path(), &bot.spec)).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path)).unwrap_or_else(|error| panic!("docs/bots/{path}: {error}"))
}

/// Holds a page to what it should be, or writes that down.
fn hold(path: &str, wanted: &str) -> Result<(), String> {
    if read(path) == wanted {
        return Ok(());
    }
    if std::env::var_os("BLESS").is_some() {
        fs::write(folder().join(path), wanted).unwrap();
        return Ok(());
    }
    let difference = differing(&read(path), wanted);
    Err(format!("docs/bots/{path} is out of date:\n{difference}"))
}

/// Returns the lines that differ, those of the page with `-`, those that should be there with `+`.
fn differing(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_at_start = old.iter().zip(&new).take_while(|(left, right)| left == right).count();
    let rest = |lines: &[&str]| lines.len() - same_at_start;
    let same_at_end =
        old.iter().rev().zip(new.iter().rev()).take_while(|(left, right)| left == right).count();
    let same_at_end = same_at_end.min(rest(&old)).min(rest(&new));
    let part = |mark: &str, lines: &[&str]| {
        let lines = &lines[same_at_start..lines.len() - same_at_end];
        lines.iter().flat_map(|line| [mark, line, "\n"]).collect::<String>()
    };
    format!("@@ line {} @@\n{}{}", same_at_start + 1, part("-", &old), part("+", &new))
}

#[track_caller]
fn all_hold(results: impl IntoIterator<Item = Result<(), String>>) {
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    let how = "`BLESS=1 cargo test --test it bots_pages` writes down what is true now";
    assert!(wrong.is_empty(), "{}\n{how}\n", wrong.join("\n"));
}

/// One test, as both parts may write the same page down.
#[test]
fn pages_are_true() {
    specifications();
    examples();
}

fn specifications() {
    all_hold(pages().into_iter().map(|(path, spec)| {
        let wanted = docgen::splice(&read(&path), &docgen::generated(spec));
        hold(&path, &wanted.ok_or_else(|| format!("docs/bots/{path} has no place for what is generated"))?)
    }));
    let index = docgen::splice(&read("README.md"), &docgen::index(pages().into_values()));
    all_hold([hold("README.md", &index.expect("the index has a place for what is generated"))]);
}

#[test]
fn every_bot_has_its_page_and_every_page_its_bot_and_its_sections() {
    let known: Vec<String> = bots::all().map(|bot| docgen::page_of(&bot.spec).path()).collect();
    let missing = known.iter().filter(|path| !folder().join(path).exists());
    let mut wrong: Vec<String> =
        missing.map(|path| format!("docs/bots/{path} is missing: each bot has a page")).collect();
    for group in fs::read_dir(folder()).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(group.path()).unwrap().flatten() {
            let name = file.file_name().into_string().unwrap();
            let path = format!("{}/{name}", group.file_name().into_string().unwrap());
            if !known.contains(&path) {
                wrong.push(format!("docs/bots/{path} belongs to no bot"));
                continue;
            }
            let page = read(&path);
            let guarantee = if path.starts_with("outputs/") { "## Guarantee" } else { "# " };
            for section in ["## When", "## What differs from IntelMQ", "## Example", guarantee] {
                if !page.contains(&format!("\n{section}")) && !page.starts_with(section) {
                    wrong.push(format!("docs/bots/{path} has no section {section:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn examples() {
    // Without its client a bot for Kafka does nothing but say so.
    let plays = |spec: &Spec| cfg!(feature = "kafka") || !spec.module.contains(".kafka.");
    all_hold(pages().into_iter().filter(|(_, spec)| plays(spec)).map(|(path, spec)| {
        let page = read(&path);
        let examples = docgen::examples(&page);
        if examples.is_empty() {
            return Err(format!("docs/bots/{path} has no example"));
        }
        let mut stage = Stage::default();
        let mut made = Vec::new();
        for (number, example) in examples.iter().enumerate() {
            if example.fresh {
                let following = examples[number..].iter().skip(1).take_while(|example| !example.fresh);
                stage.open(spec, &examples[number], following);
            }
            let texts =
                stage.play(spec, example).map_err(|problem| format!("docs/bots/{path}: {problem}"))?;
            made.extend(example.made.iter().zip(texts));
        }
        hold(&path, &docgen::replaced(&page, made))
    }));
}

/// What comes of an example must be looked at in full, or the test would hold for nothing.
#[test]
fn an_example_that_leaves_something_out_is_refused() {
    let spec = &bots::find("intelmq.bots.experts.taxonomy.expert").unwrap().spec;
    let page = "```json in\n{\"classification.type\": \"phishing\"}\n```\n```text log\n```\n";
    let example = docgen::examples(page).remove(0);
    let mut stage = Stage::default();
    stage.open(spec, &example, []);
    let problem = stage.play(spec, &example).unwrap_err();
    assert!(problem.contains("out"), "{problem}");
}
