//! Plays the cases of a folder with our bots and writes what they make of them: `oracle CASES OUT`.
//!
//! For every case of `CASES/index.json` whose module exists it writes `OUT/<path>/actual-N.jsonl`, and `actual-failed-N.jsonl`
//! where rows failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use intelmq_lab::bots::trial::oracle::{Made, Played, cases};
use intelmq_lab::message::Idf;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(from), Some(to), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: oracle CASES OUT");
        return ExitCode::from(2);
    };
    match play(&from, &to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oracle: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(from: &Path, to: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let idf = Idf::builtin();
    let mut played = 0;
    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases(from)? {
        match case.play(&idf).map_err(|error| format!("{}: {error}", case.id))? {
            Played::Skipped(why) => *skipped.entry(why).or_default() += 1,
            Played::Steps(steps) => {
                played += 1;
                write(&to.join(&case.path), &steps)?;
            }
        }
    }
    println!("{played} cases played, {} skipped", skipped.values().sum::<usize>());
    for (why, count) in skipped {
        println!("skipped {count}: {why}");
    }
    Ok(())
}

fn write(folder: &Path, steps: &[Made]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let text = |lines: &[String]| lines.iter().flat_map(|line| [line, "\n"]).collect::<String>();
    for (number, made) in (1..).zip(steps) {
        fs::write(folder.join(format!("actual-{number}.jsonl")), text(&made.events))?;
        if !made.failed.is_empty() {
            fs::write(folder.join(format!("actual-failed-{number}.jsonl")), text(&made.failed))?;
        }
    }
    Ok(())
}
