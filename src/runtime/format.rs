//! The data format of a site: `harmonization.conf` beside the runtime file.

use std::path::Path;
use std::sync::Arc;

use super::error::BotnetError;
use crate::message::Idf;

/// Reads the site's data format; `None` if it has none of its own.
pub(super) fn read(runtime: &Path) -> Result<Option<Arc<Idf>>, BotnetError> {
    let path = runtime.with_file_name("harmonization.conf");
    let name = || path.display().to_string();
    match std::fs::read_to_string(&path) {
        Ok(text) => Idf::parse(&text)
            .map(Some)
            .map_err(|error| BotnetError::Harmonization { path: name(), problem: error.to_string() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(BotnetError::File { path: name(), error }),
    }
}
