//! The program: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    intelmq_lab::cli::run(std::env::args_os())
}
