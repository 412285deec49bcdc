//! Against what Python's `re` finds.

use serde_json::Value as Json;

use super::Pattern;

/// Patterns that Python refuses and the engine takes.
const TAKEN: &[&str] = &["{2}b", "(?P<1a>a)", "(?P<x>a)(?P<x>b)"];

/// Patterns that Python takes and that are refused here.
const REFUSED: &[&str] = &[r"\N{BULLET}"];

#[test]
fn everything_is_found_that_python_finds() {
    let rows = include_str!("../../../tests/bots/pattern.jsonl");
    let mut wrong = Vec::new();
    let mut searches = 0;
    for row in rows.lines() {
        let row: Json = serde_json::from_str(row).unwrap();
        let text = row["pattern"].as_str().unwrap();
        let pattern = Pattern::parse(text, row["ignore_case"] == false);
        let (pattern, found) = match (pattern, row["found"].as_object()) {
            (Ok(pattern), Some(found)) => (pattern, found),
            (Err(_), None) => continue,
            (Ok(_), None) if TAKEN.contains(&text) => continue,
            (Ok(_), None) => {
                wrong.push(format!("{text}: accepted, Python: {}", row["error"]));
                continue;
            }
            (Err(_), Some(_)) if REFUSED.contains(&text) => continue,
            (Err(error), Some(_)) => {
                wrong.push(error);
                continue;
            }
        };
        for (subject, theirs) in found {
            searches += 1;
            let ours = pattern.search(subject).unwrap();
            let groups = |found: &super::Found| -> Vec<Json> {
                (0..).map_while(|number| found.group(number)).map(Json::from).collect()
            };
            let ours = ours.map_or(Json::Null, |found| groups(&found).into());
            if ours != *theirs || pattern.is_match(subject).unwrap() == theirs.is_null() {
                wrong.push(format!("{text} in {subject:?}: {ours} where Python has {theirs}"));
            }
        }
        for (name, number) in row["names"].as_object().into_iter().flatten() {
            assert_eq!(
                pattern.group_number(name).map(|number| number as u64),
                number.as_u64(),
                "{text}: {name}"
            );
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(searches > 3000, "only {searches} searches");
}

#[test]
fn an_endless_search_is_given_up() {
    let pattern = Pattern::parse(r"^(?:(a+)\1?)+$", true).unwrap();
    let error = pattern.search(&("a".repeat(60) + "b")).unwrap_err();
    assert!(error.contains("make it simpler"), "{error}");
}
