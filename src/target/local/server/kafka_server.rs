//! Apache Kafka as a server of a lab: a release's folder, named by `KAFKA_HOME` or in the user's cache, and Java.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{Machine, Missing, Seat, Server, missing};
use crate::broker::Url;
use crate::broker::kafka::{JAVA_OPTIONS, META, META_FILE, SERVER_CLASS, Standalone, USER};
use crate::plan::PlanFile;

/// The server `kafka`.
pub(super) struct Kafka;

const PROPERTIES: &str = "broker/server.properties";
/// The classes of the server, prepared for a quick start; it lies in the folder of the release.
const ARCHIVE: &str = "kafka.jsa";

impl Server for Kafka {
    fn broker(&self) -> &'static str {
        "kafka"
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("kafka", 9092), ("kafka-controller", 9093)]
    }

    fn url(&self, seat: &Seat) -> Url {
        let mut url = Url::of_host("kafka", "127.0.0.1", Some(seat.port("kafka")));
        url.user = Some(USER.to_owned());
        url.password = Some(seat.password.clone());
        url
    }

    fn files(&self, seat: &Seat) -> Vec<PlanFile> {
        let standalone = Standalone {
            port: seat.port("kafka"),
            controller: seat.port("kafka-controller"),
            data: &seat.path("data"),
            password: &seat.password,
        };
        vec![
            PlanFile { path: PROPERTIES.to_owned(), content: standalone.properties().into_bytes() },
            PlanFile { path: format!("broker/data/{META_FILE}"), content: META.into() },
        ]
    }

    fn find(&self, seat: &Seat, machine: &Machine<'_>) -> Result<Command, Missing> {
        let home = home(machine).ok_or_else(|| {
            let problem = "there is no Kafka: KAFKA_HOME names no folder with its jars in `libs/`";
            missing("kafka", problem)
        })?;
        let java =
            java(machine).ok_or_else(|| missing("kafka", "there is no `java` on PATH or in JAVA_HOME"))?;
        let mut server = Command::new(&java);
        server.args(JAVA_OPTIONS);
        let archive = home.join(ARCHIVE);
        if archive.exists() {
            server.arg(format!("-XX:SharedArchiveFile={}", archive.display()));
        }
        server.arg("-cp").arg(home.join("libs/*")).arg(SERVER_CLASS).arg(seat.folder.join(PROPERTIES));
        Ok(server)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(90)
    }

    /// An orderly end takes half a second, for data that goes with the lab.
    fn farewell(&self) -> Duration {
        Duration::ZERO
    }
}

fn has_jars(home: &Path) -> bool {
    home.join("libs").is_dir()
}

/// Finds the folder of a release; of several in the cache it takes the newest.
fn home(machine: &Machine<'_>) -> Option<PathBuf> {
    if let Some(home) = (machine.variable)("KAFKA_HOME").filter(|home| !home.is_empty()) {
        return Some(PathBuf::from(home)).filter(|home| has_jars(home));
    }
    let cache = (machine.variable)("XDG_CACHE_HOME").filter(|cache| !cache.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from((machine.variable)("HOME")?).join(".cache")))?;
    let versions = std::fs::read_dir(cache.join("intelmq-lab/kafka")).ok()?;
    versions.flatten().map(|version| version.path()).filter(|home| has_jars(home)).max()
}

fn java(machine: &Machine<'_>) -> Option<PathBuf> {
    let home = (machine.variable)("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    home.filter(|java| java.exists()).or_else(|| machine.program("java"))
}
