//! Writes the built-in Shadowserver mapping in the publisher's own form, for IntelMQ: `shadowserver-schema FILE…`.
//!
//! Each FILE is a report, or only its header, named as reports are (`2026-01-15-scan_telnet-example.csv`): its header says which
//! columns the type has. The result is for IntelMQ's state path, as `shadowserver-schema.json`.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use intelmq_lab::bots::parsers::shadowserver::{columns, publisher_form, type_in_name};

fn main() -> ExitCode {
    let mut reports: Vec<(String, Vec<String>)> = Vec::new();
    for argument in env::args_os().skip(1) {
        let path = Path::new(&argument);
        let name = path.file_name().and_then(|name| name.to_str()).and_then(type_in_name);
        let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        match (name, text) {
            (Some(name), Ok(text)) => reports.push((name.to_owned(), columns(&text))),
            (None, _) => return fail(path, "its name tells no type of report"),
            (_, Err(error)) => return fail(path, &error.to_string()),
        }
    }
    let reports = reports.iter().map(|(name, columns)| (name.as_str(), columns.iter().map(String::as_str)));
    let schema = publisher_form(reports.map(|(name, columns)| (name, columns.collect())));
    println!("{schema:#}");
    ExitCode::SUCCESS
}

fn fail(path: &Path, problem: &str) -> ExitCode {
    eprintln!("shadowserver-schema: {}: {problem}", path.display());
    ExitCode::FAILURE
}
