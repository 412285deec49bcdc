//! What the server does in one piece: scripts, sent once and then called by their name.

use std::sync::LazyLock;

use redis::{Cmd, Connection, ErrorKind, RedisError, ServerErrorKind, Value};

/// One script with what all of them begin with.
pub(super) struct Script {
    text: String,
    name: String,
}

impl Script {
    fn new(body: &str) -> Self {
        let text = format!("{}\n{body}", include_str!("lua/prelude.lua"));
        let name = redis::Script::new(&text).get_hash().to_owned();
        Script { text, name }
    }

    /// Begins a call; its arguments follow.
    pub(super) fn call(&self) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(&self.name).arg(0);
        call
    }

    /// Makes a call; a server that does not know the script learns it first.
    pub(super) fn run(&self, call: &Cmd, connection: &mut Connection) -> Result<Value, RedisError> {
        match call.query(connection) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let () = redis::cmd("SCRIPT").arg("LOAD").arg(&self.text).query(connection)?;
                call.query(connection)
            }
            answer => answer,
        }
    }
}

macro_rules! scripts {
    ($($name:ident $file:literal $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
        )*
    };
}

scripts! {
    RECEIVE "lua/receive.lua" "Takes messages for a link.";
    COMMIT "lua/commit.lua" "Stores a hop.";
    RELEASE "lua/release.lua" "Gives back what links have.";
    REGISTER "lua/register.lua" "Says where a link is connected, and asks who else is.";
    DEPTH "lua/depth.lua" "Counts what waits and what is in flight.";
    CLEAR "lua/clear.lua" "Removes what waits.";
}
