//! The command line: reads the input, calls `session`, shows the result. One file a command.

mod args;
mod bot;
mod botnet;
mod completions;
mod exit;
mod failure;
mod man;
mod output;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

pub use exit::Exit;

use args::{Cli, Command};
use failure::Failure;

/// Does what the arguments say, the program's name among them, and returns how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output is no reason to complain.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    cli.common.color.apply();
    let ended = catch_unwind(AssertUnwindSafe(|| dispatch(cli)));
    let exit = match ended {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            output::problems(&failure.diagnostics);
            failure.exit
        }
        Err(_) => {
            output::talk("this is a fault of intelmq-lab; please report it with the lines above");
            Exit::Bug
        }
    };
    exit.into()
}

fn dispatch(cli: Cli) -> Result<Exit, Failure> {
    let common = cli.common;
    match cli.command {
        Command::Bot(args) => bot::run(&args, &common),
        Command::Botnet(args) => botnet::run(&args, &common),
        Command::Completions(args) => completions::run(&args, &common),
        Command::Man(args) => man::run(&args, &common),
    }
}
