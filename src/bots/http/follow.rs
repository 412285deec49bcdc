//! Answers that do not end: each is read until it breaks, or nobody wants it any more.

use std::future::Future;
use std::io::{self, Cursor, Read};

use reqwest::{Client, Response};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::settings::{Settings, unusable};
use super::{Answer, bare};
use crate::bots::{Failure, Site};
use crate::pipeline::Params;
use crate::tls::words;

/// What says that an answer is wanted: its sender is there.
pub(crate) type Wanted = watch::Receiver<()>;

/// A client for answers that do not end.
///
/// A thread that waits for the next line cannot look whether somebody still wants it; so the waiting itself ends with the wish.
#[derive(Debug, Clone)]
pub(crate) struct Follower {
    client: Client,
    tries: u32,
    login: Option<(String, String)>,
}

impl Follower {
    /// Reads the parameters of every bot that speaks HTTP.
    pub(crate) fn of(params: &Params, site: &Site) -> Result<Follower, Failure> {
        let Settings { builder, timeout, tries, login, .. } = Settings::read(params, site)?;
        // A connection ends with what is read from it.
        let client = builder.read_timeout(timeout).pool_max_idle_per_host(0).build();
        Ok(Follower { client: client.map_err(|error| unusable(&error))?, tries, login })
    }

    /// Asks for an address, with as many tries to connect as the parameters allow; any status is an answer.
    ///
    /// Once it is not wanted any more the connection is closed, and reading fails.
    pub(crate) fn get(&self, url: &str, mut wanted: Wanted) -> Result<Answer, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut left = self.tries;
        loop {
            left -= 1;
            let mut request = self.client.get(url);
            if let Some((user, password)) = &self.login {
                request = request.basic_auth(user, Some(password));
            }
            match runtime.block_on(unless_unwanted(&mut wanted, async { request.send().await })) {
                None => return Err(Failure::other(UNWANTED)),
                Some(Ok(mut response)) => {
                    let (status, address) = (response.status().as_u16(), bare(url));
                    let headers = std::mem::take(response.headers_mut());
                    let body = Body {
                        response: Some(response),
                        chunk: Cursor::default(),
                        wanted,
                        runtime: Some(runtime),
                    };
                    return Ok(Answer::new(status, &headers, body, address));
                }
                Some(Err(error)) if error.is_connect() && left > 0 => {}
                Some(Err(error)) => return Err(Failure::Other(format!("{}: {}", bare(url), words(&error)))),
            }
        }
    }
}

const UNWANTED: &str = "nobody wants the answer any more";

/// Waits for something; `None` if it is not wanted any more before it is there.
async fn unless_unwanted<T>(wanted: &mut Wanted, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        _ = wanted.changed() => None,
        done = work => Some(done),
    }
}

/// The body of an answer; the connection is closed when it is dropped.
struct Body {
    response: Option<Response>,
    /// What came and was not read yet.
    chunk: Cursor<Vec<u8>>,
    wanted: Wanted,
    runtime: Option<Runtime>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.chunk.read(buffer)?;
            let (Some(response), Some(runtime)) = (&mut self.response, &self.runtime) else {
                return Ok(length);
            };
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match runtime.block_on(unless_unwanted(&mut self.wanted, response.chunk())) {
                None => return Err(io::Error::other(UNWANTED)),
                Some(Ok(Some(chunk))) => self.chunk = Cursor::new(chunk.to_vec()),
                Some(Ok(None)) => return Ok(0),
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.response = None;
        if let Some(runtime) = self.runtime.take() {
            // A look-up of a name may still be on its way, which nobody waits for.
            runtime.shutdown_background();
        }
    }
}
