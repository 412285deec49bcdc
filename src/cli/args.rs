//! The command line as a whole: common options, and the list of commands.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::exit::Exit;
use super::output::Colour;
use super::{
    bless, bot, botnet, catalog, check, completions, configure, doctor, down, dump, events, explain, export,
    graph, images, inject, learn, lint, list, logs, man, new, render, reset, seed, serve, service, show,
    status, up,
};
use crate::plan::Wish;

/// Tutorial playbooks for IntelMQ that run, and prove each step.
#[derive(Debug, Parser)]
#[command(
    name = "intelmq-lab",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Begin with: intelmq-lab learn PLAYBOOK"
)]
pub(super) struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub(super) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Common options")]
pub(super) struct Common {
    /// Where the botnet runs: local, or compose for containers; vagrant is not in this version [default: local]
    #[arg(long, global = true)]
    pub(super) target: Option<String>,
    /// Where messages wait: embedded, redis, rabbitmq, kafka, or runtime for what the runtime file says [default: embedded]
    #[arg(long, global = true)]
    pub(super) broker: Option<String>,
    /// A broker that runs already, as redis://:password@host:6379/2, amqp://host or kafka://host:9092; @FILE reads it from a file
    #[arg(long, global = true, value_name = "URL")]
    pub(super) broker_url: Option<String>,
    /// How compose spreads bots: per-bot, a container each, or single [default: per-bot where the broker is a server]
    #[arg(long, global = true)]
    pub(super) layout: Option<String>,
    /// Where containers log: syslog://HOST:PORT, fluentd://, gelf://, splunk://TOKEN@HOST:PORT [default: where the engine keeps it]
    #[arg(long, global = true, value_name = "URL")]
    pub(super) log_to: Option<String>,
    /// A folder with playbooks of your own; equal ids replace the built-in ones
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) playbooks: Option<PathBuf>,
    /// Write JSON to standard output
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub(super) color: Colour,
}

impl Common {
    /// Returns what was asked for as planning takes it.
    pub(super) fn wish(&self) -> Wish {
        Wish {
            target: self.target.clone(),
            broker: self.broker.clone(),
            broker_url: self.broker_url.clone(),
            layout: self.layout.clone(),
            log_to: self.log_to.clone(),
        }
    }
}

/// The lab that a command acts on.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct LabArg {
    /// The lab; needed only when there are several
    #[arg(long, value_name = "NAME")]
    pub(super) lab: Option<String>,
}

/// Every command; to add one: its file, its line here, its line in `dispatch`, its test in `tests/cmd/`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the playbooks
    List(list::Args),
    /// Show what a playbook teaches, step by step
    Show(show::Args),
    /// Bring a playbook up in a lab, run its steps and leave it running
    Up(up::Args),
    /// Take a lesson: read a step, do it, have it checked, go on
    Learn(learn::Args),
    /// Verify playbooks from end to end in fresh labs, and remove these
    Check(check::Args),
    /// Show the labs and their bots
    Status(status::Args),
    /// Show what the bots wrote to their logs
    Logs(logs::Args),
    /// Show the events that came out
    Events(events::Args),
    /// Tell the life of an event, or why messages did not arrive
    Explain(explain::Args),
    /// Draw the pipeline
    Graph(graph::Args),
    /// List, show, requeue or delete messages that bots gave up
    Dump(dump::Args),
    /// Start, stop, restart or reload a bot of a lab, or run one alone
    Bot(bot::Args),
    /// Put a feed where a lab's collectors look
    Seed(seed::Args),
    /// Put a message into a queue of a lab
    Inject(inject::Args),
    /// Lay a change over the botnet of a lab
    Configure(configure::Args),
    /// Bring a lab back to its beginning, or to the beginning of a step
    Reset(reset::Args),
    /// End a lab and remove everything of it
    Down(down::Args),
    /// Write the files that a target would run, without running them
    Render(render::Args),
    /// Write the botnet of a playbook as a configuration that IntelMQ runs
    Export(export::Args),
    /// Serve the REST API and the page for all labs
    Serve(serve::Args),
    /// Say what is wrong with playbooks
    Lint(lint::Args),
    /// Make a folder with a small playbook, to be made your own
    New(new::Args),
    /// Record the expected outputs of playbooks anew, and show what changed
    Bless(bless::Args),
    /// Run a botnet from its runtime file, or reload that of a lab
    Botnet(botnet::Args),
    /// Say what this machine has for labs, and what to do about what it lacks
    Doctor(doctor::Args),
    /// List the images that labs in containers use, or bring them here
    Images(images::Args),
    /// Run the simulated feeds of a lab alone
    #[command(hide = true)]
    Service(service::Args),
    /// Write completions for a shell
    Completions(completions::Args),
    /// Write the manual pages
    Man(man::Args),
}

/// Returns the command line as clap sees it, with a real playbook's name in the examples.
pub(super) fn command() -> clap::Command {
    let command = with_example(Cli::command(), &catalog::example());
    let codes = Exit::ALL.iter().map(|(exit, meaning)| format!("  {:>3}  {meaning}\n", exit.code()));
    let begin = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    command.after_long_help(format!("{begin}\n\nExit codes:\n{}", codes.collect::<String>()))
}

/// Puts a playbook's name in the place of the word `PLAYBOOK` in examples: no name stands in the source.
fn with_example(command: clap::Command, playbook: &str) -> clap::Command {
    let example = command.get_after_help().map(|text| text.to_string().replace("PLAYBOOK", playbook));
    let command = match example {
        Some(example) => command.after_help(example),
        None => command,
    };
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, |inner| with_example(inner, playbook)))
}

/// Reads the arguments; the error says how to end, and shows itself.
pub(super) fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::error::ErrorKind;

    use super::super::prompt;
    use super::*;

    /// Lists the Markdown files of a folder and those below it.
    fn texts(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let texts = entries.flat_map(|path| if path.is_dir() { texts(&path) } else { vec![path] });
        texts.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
    }

    /// Lists the commands that a text names: lines of code, and what stands between backticks.
    fn commands(text: &str) -> Vec<String> {
        let mut commands = Vec::new();
        for (index, part) in text.split("```").enumerate() {
            let mut add = |code: &str, start: &str| {
                let code = code.split_whitespace().collect::<Vec<_>>().join(" ");
                let code = code.split(" # ").next().unwrap_or_default();
                let at = code.find("intelmq-lab ").filter(|at| start.contains(&code[..*at]));
                commands.extend(at.map(|at| code[at..].to_owned()));
            };
            if index % 2 == 1 {
                part.lines().for_each(|line| add(line, "$ - target/release/"));
            } else {
                part.split('`').skip(1).step_by(2).for_each(|code| add(code, ""));
            }
        }
        commands
    }

    /// What a command is lacking that is only named, such as `intelmq-lab configure`.
    const NAMED_ONLY: &[ErrorKind] = &[
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelp,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
    ];

    #[test]
    fn every_command_that_a_text_names_is_one() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut files = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
        files.extend(
            ["docs", "playbooks", "tests/mini-course/playbooks"]
                .iter()
                .flat_map(|folder| texts(&root.join(folder))),
        );
        let mut wrong = Vec::new();
        let mut found = 0;
        for file in files {
            for command in commands(&std::fs::read_to_string(&file).unwrap()) {
                found += 1;
                let words = prompt::words(&command).unwrap_or_default();
                match parse(words.into_iter().map(Into::into)) {
                    Err(error) if !NAMED_ONLY.contains(&error.kind()) => {
                        wrong.push(format!("{}: `{command}`: {}", file.display(), error.kind()));
                    }
                    _ => {}
                }
            }
        }
        assert!(found > 60, "only {found} commands were found");
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn commands_are_found_in_texts() {
        let text = "Say `intelmq-lab seed\n   x` or `dump`.\n```sh\n$ intelmq-lab up x  # all\ncargo run\n  - target/release/intelmq-lab lint\n```\n";
        assert_eq!(commands(text), ["intelmq-lab seed x", "intelmq-lab up x", "intelmq-lab lint"]);
    }
}
