//! The image of agents and bots, made of the program that runs: so the two cannot differ.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::engine::Engine;
use super::trouble::{Trouble, WITHOUT};

/// What the image is called.
const NAME: &str = "intelmq-lab";

/// What it stands on.
pub(super) const BASE: &str = "debian:trixie-slim";

const DOCKERFILE: &str = include_str!("../../../images/intelmq-lab/Dockerfile");

/// The user and group of everything that runs in it.
pub(super) const USER: u64 = 10_001;

/// Returns the name by which a compose file knows it.
pub(super) fn name() -> String {
    format!("{NAME}:{}", env!("CARGO_PKG_VERSION"))
}

/// Returns the beginning of a digest, in hex.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.first_chunk().map_or_else(String::new, |first| format!("{:016x}", u64::from_be_bytes(*first)))
}

/// Returns the name of the image of a program, and the program.
pub(super) fn of_program(program: &Path) -> Result<(String, Vec<u8>), Trouble> {
    let unreadable = |error: io::Error| {
        Trouble::new("image-not-built", format!("{} cannot be read: {error}", program.display()))
    };
    let bytes = fs::read(program).map_err(unreadable)?;
    Ok((format!("{}-{}", name(), digest(&bytes)), bytes))
}

/// Makes the image of a program if there is none yet, and returns its name.
pub(super) fn ensure(engine: &Engine, program: &Path) -> Result<String, Trouble> {
    let (tag, bytes) = of_program(program)?;
    if engine.has_image(&tag)? {
        return Ok(tag);
    }
    if !engine.has_image(BASE)? {
        engine.pull(BASE)?;
    }
    let bytes = stripped(program).unwrap_or(bytes);
    let archive = archive(&bytes).map_err(|error| {
        Trouble::new("image-not-built", format!("the image's content cannot be put together: {error}"))
            .way(WITHOUT)
    })?;
    let version = ("org.opencontainers.image.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let labels = HashMap::from([version, ("org.intelmq-lab.program".to_owned(), tag.clone())]);
    engine.build((&tag, &[name()]), &labels, archive)?;
    Ok(tag)
}

/// Returns the program without what only a debugger reads, where there is a tool for that.
fn stripped(program: &Path) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().ok()?;
    let target = folder.path().join(NAME);
    let mut strip = Command::new("strip");
    strip
        .arg("-o")
        .arg(&target)
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !strip.status().ok()?.success() {
        return None;
    }
    fs::read(target).ok()
}

/// Packs what the image is built from.
fn archive(program: &[u8]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::with_capacity(program.len() + 4096));
    for (path, mode, content) in [("Dockerfile", 0o644, DOCKERFILE.as_bytes()), (NAME, 0o755, program)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner()
}
