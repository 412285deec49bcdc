//! The collector against real folders.

use std::collections::HashMap;

use serde_json::{Value as Json, json};

use crate::bots::{AfterCommit, Bot, Context, Effects, Failure, Memory, Round, Site};
use crate::message::Idf;
use crate::pipeline::Params;

#[derive(Default)]
struct Shelf(HashMap<Vec<u8>, Vec<u8>>);

impl Memory for Shelf {
    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.get(key).cloned())
    }
}

/// A folder, a collector on it, and what it remembers.
struct Trial {
    folder: tempfile::TempDir,
    params: Json,
    bot: Option<Bot>,
    shelf: Shelf,
}

impl Trial {
    fn new(params: Json, files: &[(&str, &str)]) -> Trial {
        let trial =
            Trial { folder: tempfile::tempdir().unwrap(), params, bot: None, shelf: Shelf::default() };
        for (name, text) in files {
            trial.put(name, text);
        }
        trial
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn site(&self) -> Site {
        Site { bot: "files".into(), state: self.folder.path().to_owned(), idf: Idf::builtin() }
    }

    fn make(&self) -> Result<Bot, Failure> {
        let mut params = Params::default();
        params.set("path", self.folder.path().to_str().unwrap());
        for (name, value) in self.params.as_object().unwrap() {
            params.set(name, value.clone());
        }
        (super::SPEC.make)(&params, &self.site())
    }

    /// One portion: the effects, and whether the round is over.
    fn portion(&mut self) -> (Effects, Round) {
        let mut bot = self.bot.take().unwrap_or_else(|| self.make().unwrap());
        let site = self.site();
        let paths = ["_default".to_owned()];
        let mut context = Context::new(&site, &paths, &mut self.shelf, 500);
        let Bot::Collector(collector) = &mut bot else { panic!("a collector") };
        let round = collector.collect(&mut context).unwrap();
        let effects = context.finish();
        self.bot = Some(bot);
        (effects, round)
    }

    /// Stores what a portion asked for; returns name and text of its report.
    fn commit(&mut self, effects: &Effects, removes: bool) -> Option<(String, String)> {
        for write in &effects.state {
            match &write.value {
                Some(value) => drop(self.shelf.0.insert(write.key.clone(), value.clone())),
                None => drop(self.shelf.0.remove(&write.key)),
            }
        }
        for AfterCommit::Remove(path) in effects.after.iter().filter(|_| removes) {
            let _ = std::fs::remove_file(path);
        }
        assert!(effects.sent.len() <= 1);
        effects.sent.first().map(|(_, report)| {
            let raw = String::from_utf8(report.raw().unwrap()).unwrap();
            (report.text("extra.file_name").unwrap().to_owned(), raw)
        })
    }

    /// A whole round: the reports as `name=text`.
    fn round(&mut self) -> Vec<String> {
        let mut reports = Vec::new();
        loop {
            let (effects, round) = self.portion();
            reports.extend(self.commit(&effects, true).map(|(name, raw)| format!("{name}={raw}")));
            if round == Round::Done {
                return reports;
            }
        }
    }

    fn left(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const FILES: &[(&str, &str)] =
    &[("b.csv", "2"), ("a.csv", "1"), (".d.csv", "4"), ("c.txt", "3"), ("e.csv", ""), ("f g%ü.csv", "6")];

#[test]
fn a_round_takes_the_files_that_the_postfix_names() {
    let table = [
        (json!({}), vec![".d.csv=4", "a.csv=1", "b.csv=2", "f g%ü.csv=6"]),
        (json!({"postfix": ""}), vec![".d.csv=4", "a.csv=1", "b.csv=2", "c.txt=3", "f g%ü.csv=6"]),
        (json!({"postfix": "[a-c].csv"}), vec!["a.csv=1", "b.csv=2"]),
        (json!({"postfix": "[!a]?csv"}), vec![".d.csv=4", "b.csv=2", "f g%ü.csv=6"]),
        (json!({"postfix": "a.csv"}), vec!["a.csv=1"]),
        (json!({"postfix": "x?t"}), vec![]),
        (json!({"postfix": "?xt"}), vec!["c.txt=3"]),
    ];
    for (params, expected) in table {
        let mut trial = Trial::new(params.clone(), FILES);
        std::fs::create_dir(trial.folder.path().join("sub.csv")).unwrap();
        assert_eq!(trial.round(), expected, "{params}");
        assert_eq!(trial.round(), expected, "{params}: every round takes all files");
    }
}

#[test]
fn a_report_says_where_it_is_from() {
    let params = json!({"name": "N", "code": "c", "provider": "p", "documentation": "d", "accuracy": 50});
    let mut trial = Trial::new(params, &[("a.csv", "x")]);
    let (effects, _) = trial.portion();
    let url = format!("file://localhost{}", trial.folder.path().join("a.csv").display());
    let fields: Vec<String> =
        effects.sent[0].1.iter().skip(1).map(|(name, value)| format!("{name}={value:?}")).collect();
    let expected = [
        &*format!("feed.url=Text({url:?})"),
        "extra.file_name=Text(\"a.csv\")",
        "raw=Text(\"eA==\")",
        "feed.name=Text(\"N\")",
        "feed.code=Text(\"c\")",
        "feed.documentation=Text(\"d\")",
        "feed.provider=Text(\"p\")",
        "feed.accuracy=Float(50.0)",
    ];
    assert_eq!(fields, expected);

    let mut trial = Trial::new(json!({"accuracy": 0, "name": "", "code": "-"}), &[("a.csv", "x")]);
    assert_eq!(trial.portion().0.sent[0].1.len(), 4);
}

#[test]
fn files_are_cut_at_line_ends() {
    let lines = "h1\naaa\nbbb\nccc\n";
    let table: &[(&str, u64, bool, &[&str])] = &[
        (lines, 0, true, &[lines]),
        (lines, 1, true, &["h1\naaa\n", "h1\nbbb\n", "h1\nccc\n"]),
        (lines, 8, true, &["h1\naaa\nbbb\n", "h1\nccc\n"]),
        (lines, 6, false, &["h1\n", "aaa\n", "bbb\n", "ccc\n"]),
        (lines, 8, false, &["h1\naaa\n", "bbb\nccc\n"]),
        (lines, 100, true, &[lines]),
        ("h1\naaaaaaaaaaaa\nbbb\nccc", 6, true, &["h1\naaaaaaaaaaaa\n", "h1\nbbb\n", "h1\nccc"]),
        ("h1\naaaaaaaaaaaa\nbbb\nccc", 8, true, &["h1\naaaaaaaaaaaa\n", "h1\nbbb\nccc"]),
        ("h1\n", 6, true, &[]),
        ("h1", 6, true, &[]),
        ("h1", 6, false, &["h1"]),
        ("\n\n\n", 6, true, &["\n\n\n"]),
        ("no line's end at all", 6, false, &["no line's end at all"]),
        (
            "h\n\naaa\n\n\nbbb\nccccccc\nd\n",
            6,
            true,
            &["h\n\naaa\n\n", "h\n\nbbb\n", "h\nccccccc\n", "h\nd\n"],
        ),
        ("h\n\naaa\n\n\nbbb\nccccccc\nd\n", 8, false, &["h\n\naaa\n\n", "\nbbb\n", "ccccccc\n", "d\n"]),
        ("", 6, false, &[]),
    ];
    for (text, size, header, expected) in table {
        let params = json!({"chunk_size": size, "chunk_replicate_header": header, "delete_file": true});
        let mut trial = Trial::new(params, &[("a.csv", text)]);
        let expected: Vec<String> = expected.iter().map(|chunk| format!("a.csv={chunk}")).collect();
        assert_eq!(trial.round(), expected, "{text:?} in chunks of {size}, header {header}");
        assert!(trial.left().is_empty(), "{text:?}: what was collected is removed");
        assert!(trial.round().is_empty());
        assert!(trial.shelf.0.is_empty(), "nothing is remembered for ever: {:?}", trial.shelf.0.keys());
    }
}

#[test]
fn delete_file_removes_what_the_postfix_names() {
    let mut trial = Trial::new(json!({"delete_file": true}), FILES);
    assert_eq!(trial.round().len(), 4);
    assert_eq!(trial.left(), ["c.txt"]);
    trial.put("a.csv", "again");
    assert_eq!(trial.round(), ["a.csv=again"]);
}

/// Dies after every commit, before or after what follows the commit.
#[test]
fn a_crash_doubles_and_loses_nothing() {
    let files: &[(&str, &str)] = &[("a.csv", "h\n1\n2\n3\n"), ("b.csv", "h\n4\n"), ("c.csv", "h\n5\n6\n")];
    let all = ["h\n1\n", "h\n2\n", "h\n3\n", "h\n4\n", "h\n5\n", "h\n6\n"];
    for delete in [false, true] {
        for removes in [false, true] {
            let mut trial = Trial::new(json!({"chunk_size": 2, "delete_file": delete}), files);
            let mut seen = Vec::new();
            loop {
                let (effects, round) = trial.portion();
                seen.extend(trial.commit(&effects, removes).map(|(_, raw)| raw));
                trial.bot = None;
                if round == Round::Done {
                    break;
                }
            }
            assert_eq!(seen, all, "delete_file {delete}, removed in time {removes}");
            if delete {
                assert!(trial.round().is_empty(), "what was collected is not collected again");
                assert!(trial.left().is_empty());
            }
        }
    }
}

#[test]
fn a_changed_file_is_read_from_its_start_after_a_crash() {
    let mut trial = Trial::new(json!({"chunk_size": 2}), &[("a.csv", "h\n1\n2\n")]);
    let (effects, _) = trial.portion();
    trial.commit(&effects, true);
    trial.bot = None;
    std::fs::remove_file(trial.folder.path().join("a.csv")).unwrap();
    trial.put("a.csv", "h\n7\n8\n9\n");
    assert_eq!(trial.round(), ["a.csv=h\n7\n", "a.csv=h\n8\n", "a.csv=h\n9\n"]);
}

#[test]
fn a_locked_file_waits_for_the_next_round() {
    let mut trial = Trial::new(json!({}), FILES);
    let locked = std::fs::File::open(trial.folder.path().join("a.csv")).unwrap();
    locked.lock().unwrap();
    assert_eq!(trial.round(), [".d.csv=4", "b.csv=2", "f g%ü.csv=6"]);
    locked.unlock().unwrap();
    assert_eq!(trial.round().len(), 4);
}

#[test]
fn what_cannot_work_is_refused() {
    let table = [
        (json!({"path": "nowhere"}), "is not a folder"),
        (json!({"postfix": "", "delete_file": true}), "would remove all files"),
        (json!({"chunk_size": -1}), "must be 0 or more bytes"),
        (json!({"accuracy": "abc"}), "parameter \"accuracy\": invalid value 'abc'"),
        (json!({"postfix": "[z-a]"}), "has a set in brackets"),
    ];
    for (params, expected) in table {
        let trial = Trial::new(params, FILES);
        match trial.make() {
            Err(Failure::Configuration(text)) => assert!(text.contains(expected), "{text}"),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{expected}: accepted"),
        }
    }
}
