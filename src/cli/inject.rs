//! `inject`: a message put into a queue of a lab, as a step does it.

use std::io::Read;

use super::args::{Common, LabArg};
use super::exit::Exit;
use super::failure::Failure;
use super::lab;
use super::output;
use crate::diagnostic::Diagnostic;

/// The arguments of `inject`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: intelmq-lab inject url-expert-queue '{\"source.ip\": \"192.0.2.7\"}'")]
pub(super) struct Args {
    /// The queue
    queue: String,
    /// The message: a JSON object of fields, or - for standard input; an event unless its `__type` says Report
    message: String,
    /// How often
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    times: u32,
    #[command(flatten)]
    lab: LabArg,
}

pub(super) fn run(args: &Args, common: &Common) -> Result<Exit, Failure> {
    let text = match args.message.as_str() {
        "-" => standard_input()?,
        message => message.to_owned(),
    };
    let message = serde_json::from_str(&text).map_err(|cause| {
        let problem =
            Diagnostic::error("no-message", "the message is no JSON object").cause(cause.to_string());
        Failure::one(
            Exit::Usage,
            problem.help("write it as {\"source.ip\": \"192.0.2.7\"}, in single quotes"),
        )
    })?;
    let (lab, warnings) =
        lab::by_hand(&args.lab, common, |hand| Ok(hand.inject(&args.queue, message, args.times)?))?;
    output::problems(&warnings);
    let number = output::count(args.times as usize, "message");
    lab::done(&lab, &format!("put {number} into {}", args.queue), common)
}

/// Reads all of standard input.
pub(super) fn standard_input() -> Result<String, Failure> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(cause) => Err(output::cannot_read(std::path::Path::new("standard input"), &cause)),
    }
}
