//! A connection to a server of PostgreSQL. Everything that is asked has a deadline, however silent the server is.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, Error, Socket};

use crate::tls::words;

/// How much longer the server's word is waited for than it may work.
const WAY: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 2 });

/// A connection that waits in the thread of its caller.
pub(super) struct Client {
    inner: tokio_postgres::Client,
    /// How long the server may work on a statement.
    limit: Duration,
    /// Ends the connection with it.
    runtime: Runtime,
}

/// Why something was not done.
pub(super) enum Trouble {
    /// The server refused it, or the connection broke.
    Said(Error),
    /// Nothing came in this time.
    Silence(Duration),
    /// It could not be tried.
    System(io::Error),
}

impl Client {
    /// Connects, logs in and all, within a time.
    pub(super) fn connect<T>(
        config: &Config,
        tls: T,
        patience: Duration,
        limit: Duration,
    ) -> Result<Client, Trouble>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Trouble::System)?;
        let inner = runtime.block_on(within(patience, async {
            let (client, connection) = config.connect(tls).await?;
            // How it ended is told to whoever asks for something on it.
            tokio::spawn(async move { drop(connection.await) });
            Ok(client)
        }))?;
        Ok(Client { inner, limit, runtime })
    }

    /// Begins a transaction in which the server ends what takes too long.
    pub(super) fn begin(&self, mode: &str) -> Result<(), Trouble> {
        let limit = self.limit.as_millis();
        let statements = format!("BEGIN {mode}; SET LOCAL statement_timeout = {limit}");
        self.wait(self.inner.batch_execute(&statements))
    }

    /// Does a statement without values.
    pub(super) fn run(&self, statement: &str) -> Result<(), Trouble> {
        self.wait(self.inner.batch_execute(statement))
    }

    /// Waits for what was asked with [`Client::inner`].
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
        self.runtime.block_on(within(self.limit + WAY, work))
    }

    /// Returns what asks; only [`Client::wait`] gets an answer.
    pub(super) fn inner(&self) -> &tokio_postgres::Client {
        &self.inner
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(Trouble::Said),
        Err(_) => Err(Trouble::Silence(limit)),
    }
}

impl Trouble {
    /// Tells whether the connection is lost, and what was asked may be good.
    pub(super) fn is_cut(&self) -> bool {
        let Trouble::Said(error) = self else { return true };
        match error.code() {
            // Connection exceptions, and a server that ends or has ended the session.
            Some(code) => code.code().starts_with("08") || code.code().starts_with("57P"),
            None => {
                error.is_closed()
                    || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<io::Error>)
            }
        }
    }

    /// Says it as the server says it.
    pub(super) fn told(&self) -> String {
        let error = match self {
            Trouble::Said(error) => error,
            Trouble::Silence(limit) => {
                return format!("the server did not answer within {} seconds", limit.as_secs());
            }
            Trouble::System(error) => return error.to_string(),
        };
        let Some(said) = error.as_db_error() else { return words(error) };
        let more = [said.detail(), said.hint()].into_iter().flatten();
        more.fold(said.message().to_owned(), |text, more| format!("{text}; {more}"))
    }
}
