//! Redis as a server of a lab: `redis-server` on PATH, or its like.

use std::process::Command;

use super::{Machine, Missing, Seat, Server, missing};
use crate::broker::Url;
use crate::plan::PlanFile;

/// The server `redis`.
pub(super) struct Redis;

/// Programs that are Redis, the best first.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];
/// IntelMQ's number of the database with the queues.
const DATABASE: u8 = 2;
const CONFIGURATION: &str = "broker/redis.conf";

impl Server for Redis {
    fn broker(&self) -> &'static str {
        "redis"
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("redis", 6379)]
    }

    fn url(&self, seat: &Seat) -> Url {
        let mut url = Url::of_host("redis", "127.0.0.1", Some(seat.port("redis")));
        url.password = Some(seat.password.clone());
        url.path = format!("/{DATABASE}");
        url
    }

    /// Every command is written to the append-only file before it is answered, so that a server that is killed loses
    /// nothing. `everysec` would put writes off while the disk is slow.
    fn files(&self, seat: &Seat) -> Vec<PlanFile> {
        let Seat { password, .. } = seat;
        let (port, folder) = (seat.port("redis"), seat.path("data"));
        let content = format!(
            "bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir \"{}\"\ndaemonize no\nlogfile \"\"\n\
             appendonly yes\nappendfsync no\nsave \"\"\nmaxmemory-policy noeviction\n",
            folder.display()
        );
        vec![
            PlanFile { path: CONFIGURATION.to_owned(), content: content.into_bytes() },
            // The server makes no folder itself.
            PlanFile {
                path: "broker/data/README".to_owned(),
                content: b"Data of the lab's Redis.\n".to_vec(),
            },
        ]
    }

    fn find(&self, seat: &Seat, machine: &Machine<'_>) -> Result<Command, Missing> {
        let found = PROGRAMS.iter().find_map(|name| machine.program(name));
        let program = found.ok_or_else(|| missing("redis", "there is no `redis-server` on PATH"))?;
        let mut server = Command::new(program);
        server.arg(seat.folder.join(CONFIGURATION));
        Ok(server)
    }
}
