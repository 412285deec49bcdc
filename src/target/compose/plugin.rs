//! The `docker compose` plugin, which makes and starts what a file says.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use super::trouble::{Trouble, WITHOUT};

/// The least version: the first that knows `start_interval` of a health check.
const LEAST: (u64, u64) = (2, 20);

/// Makes sure that the plugin is there and new enough, and returns its version.
pub(super) fn look() -> Result<String, Trouble> {
    let lacking = |problem: String| {
        Trouble::new("no-compose", problem)
            .way("install Docker's compose plugin; `scripts/docker` does so on Debian as root")
            .way(WITHOUT)
    };
    let mut command = Command::new("docker");
    command.args(["compose", "version", "--short"]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = match command.output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(lacking("there is no program `docker` on PATH".to_owned()));
        }
        Err(error) => return Err(lacking(format!("`docker` cannot be started: {error}"))),
        Ok(output) if !output.status.success() => {
            return Err(lacking("`docker` has no command `compose`".to_owned()));
        }
        Ok(output) => output,
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if numbers(&text).is_some_and(|version| version >= LEAST) {
        return Ok(text);
    }
    Err(lacking(format!("`docker compose` {text} is too old: 2.20 is the least")))
}

/// Reads the first two numbers of a version, such as `v2.26.1-4`.
fn numbers(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Makes a command of the plugin for a project, with an engine and an image.
pub(super) fn command(folder: &Path, (host, image): (&str, &str), words: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(["compose", "--progress", "plain", "--project-directory"]).arg(folder).args(words);
    command.env("DOCKER_HOST", host).env("LAB_IMAGE", image);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_whatever_stands_around_them() {
        for (text, version) in
            [("2.26.1-4", Some((2, 26))), ("v2.5.0", Some((2, 5))), ("x", None), ("", None)]
        {
            assert_eq!(numbers(text), version, "{text}");
        }
    }
}
