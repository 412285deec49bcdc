//! The settings of a RabbitMQ of one server, for a lab or a test: one process, on loopback, behind a password.

use std::ffi::OsString;
use std::path::Path;

/// The name of its program.
pub const PROGRAM: &str = "rabbitmq-server";
/// Where Debian has the program itself; what stands in PATH there becomes another user first.
pub const DEBIAN: &str = "/usr/lib/rabbitmq/bin";
/// The user that may use the server.
pub const USER: &str = "lab";

const CONFIGURATION: &str = "rabbitmq.config";
const PLUGINS: &str = "plugins";
/// It has no neighbours.
const NODE: &str = "lab@localhost";

/// A server of its own.
#[derive(Debug, Clone, Copy)]
pub struct Standalone<'a> {
    /// The port for clients.
    pub port: u16,
    /// The folder of its files and data.
    pub folder: &'a Path,
    /// What lets [`USER`] in; it holds neither quotation marks nor backslashes.
    pub password: &'a str,
}

impl Standalone<'_> {
    /// Returns the files that have to lie in its folder.
    pub fn files(&self) -> [(&'static str, String); 2] {
        let Standalone { port, password, .. } = self;
        let configuration = format!(
            "[{{rabbit, [{{tcp_listeners, [{{\"127.0.0.1\", {port}}}]}},\n  \
             {{default_user, <<\"{USER}\">>}}, {{default_pass, <<\"{password}\">>}}]}}].\n"
        );
        [(CONFIGURATION, configuration), (PLUGINS, "[].\n".to_owned())]
    }

    /// Returns the variables that make its program listen to nobody but clients, and keep everything in its folder.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let path = |name: &str| self.folder.join(name).into_os_string();
        let alone = format!("-sname {NODE} -dist_listen false -start_epmd false -erl_epmd_port 1");
        vec![
            ("HOME", self.folder.into()),
            ("RABBITMQ_NODENAME", NODE.into()),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOGS", "-".into()),
            ("RABBITMQ_CONFIG_FILE", path(CONFIGURATION)),
            ("RABBITMQ_CONF_ENV_FILE", path("none")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path(PLUGINS)),
            // Neither a name service nor other nodes.
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", alone.into()),
            // The script becomes the server instead of waiting for it.
            ("RUNNING_UNDER_SYSTEMD", "true".into()),
        ]
    }
}
