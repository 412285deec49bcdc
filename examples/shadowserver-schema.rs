//! Writes the built-in Shadowserver mapping in the publisher's own form, for IntelMQ: `shadowserver-schema FILE…`.
//!
//! Each FILE is a report, or only its header, named as reports are (`2026-01-15-scan_telnet-example.csv`): its header says which
//! columns the type has. The result is for IntelMQ's state path, as `shadowserver-schema.json`.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use intelmq_lab::bots::parsers::shadowserver::{schema_for, type_in_name};

fn main() -> ExitCode {
    let mut reports: Vec<(String, Vec<u8>)> = Vec::new();
    for argument in env::args_os().skip(1) {
        let path = Path::new(&argument);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match fs::read(path) {
            Ok(bytes) if type_in_name(name).is_some() => reports.push((name.to_owned(), bytes)),
            Ok(_) => return fail(path, "its name tells no type of report"),
            Err(error) => return fail(path, &error.to_string()),
        }
    }
    let reports = reports.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    println!("{:#}", schema_for(reports));
    ExitCode::SUCCESS
}

fn fail(path: &Path, problem: &str) -> ExitCode {
    eprintln!("shadowserver-schema: {}: {problem}", path.display());
    ExitCode::FAILURE
}
