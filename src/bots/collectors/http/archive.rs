//! Files out of archives: zip, tar, tar.gz and gz, told apart by their first bytes.

use std::io::{Cursor, Read};

use flate2::read::MultiGzDecoder;
use serde_json::Value as Json;

use crate::bots::Failure;
use crate::pipeline::Params;

/// The most bytes that one file may have when it is unpacked.
const MOST: u64 = 4 << 30;

/// Which files are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Only zip archives are unpacked, wholly.
    Zip,
    /// All files of all kinds of archives.
    All,
    /// These.
    Named(Vec<String>),
}

/// A file: its name, if it has one, and its bytes.
pub(super) type Member = (Option<String>, Vec<u8>);

impl Wanted {
    /// Reads the parameter `extract_files`.
    pub(super) fn of(params: &Params) -> Result<Wanted, Failure> {
        match params.get("extract_files") {
            Some(Json::Bool(true)) => Ok(Wanted::All),
            Some(Json::Array(_) | Json::String(_)) if params.flag("extract_files") => {
                Ok(Wanted::Named(params.list("extract_files", false)?.unwrap_or_default()))
            }
            _ if !params.flag("extract_files") => Ok(Wanted::Zip),
            other => Err(Failure::Configuration(format!(
                "parameter \"extract_files\": must be true, false or names of files, not {}",
                other.unwrap_or(&Json::Null)
            ))),
        }
    }

    fn takes(&self, name: &str) -> bool {
        match self {
            Wanted::Zip | Wanted::All => true,
            Wanted::Named(names) => names.iter().any(|wanted| wanted == name),
        }
    }
}

/// Takes the files out of what was fetched; what is no archive is one file without a name.
pub(super) fn unpack(bytes: Vec<u8>, wanted: &Wanted) -> Result<Vec<Member>, Failure> {
    let refused = || Failure::Other("Failed to uncompress the given file.".to_owned());
    if let Ok(archive) = zip::ZipArchive::new(Cursor::new(&bytes)) {
        return from_zip(archive, wanted).map_err(|error| told(&refused(), &error));
    }
    if *wanted == Wanted::Zip {
        return Ok(vec![(None, bytes)]);
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return from_tar(&bytes, wanted).map_err(|error| told(&refused(), &error));
    }
    let mut plain = Vec::new();
    let length = MultiGzDecoder::new(&*bytes).take(MOST).read_to_end(&mut plain);
    match length {
        Err(error) => Err(told(&refused(), &error)),
        Ok(length) if length as u64 == MOST => Err(told(&refused(), &"it has too many bytes")),
        Ok(_) if is_tar(&plain) => from_tar(&plain, wanted).map_err(|error| told(&refused(), &error)),
        Ok(_) => Ok(vec![(None, plain)]),
    }
}

fn told(refused: &Failure, why: &dyn std::fmt::Display) -> Failure {
    Failure::Other(format!("{refused} ({why})"))
}

fn from_zip(mut archive: zip::ZipArchive<Cursor<&Vec<u8>>>, wanted: &Wanted) -> std::io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        if file.is_file() && wanted.takes(&name) {
            members.push((Some(name), whole(&mut file)?));
        }
    }
    Ok(members)
}

fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

fn from_tar(bytes: &[u8], wanted: &Wanted) -> std::io::Result<Vec<Member>> {
    let mut members = Vec::new();
    for entry in tar::Archive::new(bytes).entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && wanted.takes(&name) {
            members.push((Some(name), whole(&mut entry)?));
        }
    }
    Ok(members)
}

fn whole(file: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if file.take(MOST).read_to_end(&mut bytes)? as u64 == MOST {
        return Err(std::io::Error::other("a file has too many bytes"));
    }
    Ok(bytes)
}
