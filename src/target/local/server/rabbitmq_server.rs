//! RabbitMQ as a server of a lab: `rabbitmq-server` where Debian has it, or on PATH.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{FOLDER, Machine, Missing, Seat, Server, missing};
use crate::broker::Url;
use crate::broker::rabbitmq::{DEBIAN, PROGRAM, Standalone, USER};
use crate::plan::PlanFile;

/// The server `rabbitmq`.
pub(super) struct RabbitMq;

impl Server for RabbitMq {
    fn broker(&self) -> &'static str {
        "rabbitmq"
    }

    fn ports(&self) -> &'static [(&'static str, u16)] {
        &[("rabbitmq", 5672)]
    }

    fn url(&self, seat: &Seat) -> Url {
        let mut url = Url::of_host("amqp", "127.0.0.1", Some(seat.port("rabbitmq")));
        url.user = Some(USER.to_owned());
        url.password = Some(seat.password.clone());
        // The lab's botnet is the only one that reads its queues: it needs nobody else's counts.
        url.options.insert("management".to_owned(), "0".to_owned());
        url
    }

    fn files(&self, seat: &Seat) -> Vec<PlanFile> {
        let file = |(name, text): (&str, String)| PlanFile {
            path: format!("{FOLDER}/{name}"),
            content: text.into_bytes(),
        };
        alone(seat, &seat.path("")).files().map(file).into()
    }

    fn find(&self, seat: &Seat, machine: &Machine<'_>) -> Result<Command, Missing> {
        let found = machine.program_of(&[DEBIAN], PROGRAM);
        let program = found.ok_or_else(|| missing("rabbitmq", "there is no `rabbitmq-server` on PATH"))?;
        let mut server = Command::new(program);
        server.envs(alone(seat, &seat.path("")).environment());
        Ok(server)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(90)
    }
}

fn alone<'a>(seat: &'a Seat, folder: &'a Path) -> Standalone<'a> {
    Standalone { port: seat.port("rabbitmq"), folder, password: &seat.password }
}
