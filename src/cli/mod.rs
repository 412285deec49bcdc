//! The command line: reads the input, calls `session`, shows the result. One file a command.

mod args;
mod bless;
mod bot;
mod botnet;
mod catalog;
mod check;
mod completions;
mod configure;
mod doctor;
mod down;
mod dump;
mod events;
mod exit;
mod explain;
mod export;
mod failure;
mod folder;
mod graph;
mod images;
mod inject;
mod interrupt;
mod lab;
mod learn;
mod lint;
mod list;
mod logs;
mod man;
mod new;
mod output;
mod prompt;
mod queues;
mod render;
mod reports;
mod reset;
mod seed;
mod serve;
mod service;
mod show;
mod status;
mod step;
mod table;
mod up;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

pub use exit::Exit;

use args::{Cli, Command};
use failure::Failure;

/// Does what the arguments say, the program's name among them, and returns how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let ended = catch_unwind(AssertUnwindSafe(|| parse_and_dispatch(arguments)));
    let exit = ended.unwrap_or_else(|_| {
        output::talk("this is a fault of intelmq-lab; please report it with the lines above");
        Exit::Bug
    });
    exit.into()
}

fn parse_and_dispatch(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match args::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output is no reason to complain.
            let _ = error.print();
            if let Some(text) = catalog::missing(&error) {
                output::talk(&text);
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    cli.common.color.apply();
    dispatch(cli).unwrap_or_else(|failure| {
        output::problems(&failure.diagnostics);
        failure.exit
    })
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let common = cli.common;
    match cli.command {
        Command::List(args) => list::run(&args, &common),
        Command::Show(args) => show::run(&args, &common),
        Command::Up(args) => up::run(&args, &common),
        Command::Learn(args) => learn::run(&args, &common),
        Command::Check(args) => check::run(&args, &common),
        Command::Status(args) => status::run(&args, &common),
        Command::Logs(args) => logs::run(&args, &common),
        Command::Events(args) => events::run(&args, &common),
        Command::Explain(args) => explain::run(&args, &common),
        Command::Graph(args) => graph::run(&args, &common),
        Command::Bot(args) => bot::run(&args, &common),
        Command::Seed(args) => seed::run(&args, &common),
        Command::Serve(args) => serve::run(&args, &common),
        Command::Inject(args) => inject::run(&args, &common),
        Command::Configure(args) => configure::run(&args, &common),
        Command::Dump(args) => dump::run(&args, &common),
        Command::Reset(args) => reset::run(&args, &common),
        Command::Down(args) => down::run(&args, &common),
        Command::Render(args) => render::run(&args, &common),
        Command::Export(args) => export::run(&args, &common),
        Command::Lint(args) => lint::run(&args, &common),
        Command::New(args) => new::run(&args, &common),
        Command::Bless(args) => bless::run(&args, &common),
        Command::Botnet(args) => botnet::run(&args, &common),
        Command::Doctor(args) => doctor::run(&args, &common),
        Command::Images(args) => images::run(&args, &common),
        Command::Service(args) => service::run(&args, &common),
        Command::Completions(args) => completions::run(&args, &common),
        Command::Man(args) => man::run(&args, &common),
    }
}
