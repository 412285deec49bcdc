//! What the links of one process share: the server, who is linked, who waits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, RedisError};

use super::script::Script;
use super::server::{Server, Session, is_answer};
use crate::broker::BrokerError;

/// How long everyone who waits is woken before it is given up.
const WAKING: Duration = Duration::from_secs(1);

/// What the links of one process share.
pub(super) struct Shared {
    pub(super) server: Server,
    /// The name of this process among those that use the server.
    pub(super) process: String,
    /// The connection for what no link does.
    control: Mutex<Option<Session>>,
    state: Mutex<State>,
    changed: Condvar,
    links: AtomicU64,
}

#[derive(Default)]
struct State {
    interrupts: u64,
    linked: BTreeSet<String>,
    /// Connections that wait, each with the interrupts that it had seen before.
    waiting: BTreeMap<i64, u64>,
}

impl Shared {
    pub(super) fn new(server: Server, process: String) -> Self {
        Shared {
            server,
            process,
            control: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
            links: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new link its name.
    pub(super) fn enter(&self) -> String {
        let token = format!("{}{:x}", self.process, self.links.fetch_add(1, Ordering::Relaxed));
        self.lock().linked.insert(token.clone());
        token
    }

    /// Notes that a link ends.
    pub(super) fn leave(&self, token: &str) {
        self.lock().linked.remove(token);
    }

    /// Tells whether a link of this process goes on.
    pub(super) fn is_linked(&self, token: &str) -> bool {
        self.lock().linked.contains(token)
    }

    /// Returns how often everyone was interrupted.
    pub(super) fn interrupts(&self) -> u64 {
        self.lock().interrupts
    }

    /// Notes that a connection begins to wait at the server; false if it has been interrupted.
    pub(super) fn begin_wait(&self, number: i64, seen: u64) -> bool {
        let mut state = self.lock();
        if state.interrupts == seen {
            state.waiting.insert(number, seen);
        }
        state.interrupts == seen
    }

    /// Notes that a connection waits no more.
    pub(super) fn end_wait(&self, number: i64) {
        self.lock().waiting.remove(&number);
        self.changed.notify_all();
    }

    /// Waits for the next interrupt.
    pub(super) fn wait_for_interrupt(&self, seen: u64, wait: Duration) {
        let deadline = Instant::now() + wait;
        let mut state = self.lock();
        while state.interrupts == seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits a moment, or until something changes.
    pub(super) fn rest(&self, wait: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner));
    }

    /// Tells those who wait for room that there may be some.
    pub(super) fn tell_of_room(&self) {
        self.changed.notify_all();
    }

    /// Wakes everyone who waits, and returns once they have noticed.
    pub(super) fn interrupt(&self) {
        let mut state = self.lock();
        state.interrupts += 1;
        self.changed.notify_all();
        let deadline = Instant::now() + WAKING;
        loop {
            let waiting = state.waiting.iter().filter(|(_, seen)| **seen < state.interrupts);
            let numbers: Vec<i64> = waiting.map(|(number, _)| *number).collect();
            if numbers.is_empty() || Instant::now() > deadline {
                return;
            }
            drop(state);
            let mut pipe = redis::pipe();
            for number in numbers {
                pipe.cmd("CLIENT").arg("UNBLOCK").arg(number).ignore();
            }
            // One that has not begun to wait at the server is not woken by it, so it is tried again.
            let woken: Result<(), _> = self.control(|connection| pipe.query(connection));
            state = self.lock();
            if woken.is_err() {
                return;
            }
            let rest = Duration::from_millis(1);
            state = self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Begins a call of a script; what it is about in particular follows.
    pub(super) fn call(&self, script: &Script, queue: &str, token: &str) -> Cmd {
        let Server { queues, beside, base, .. } = &self.server;
        let mut call = script.call();
        call.arg(*queues).arg(*beside).arg(base).arg(queue).arg(token);
        call
    }

    /// Does something that may be done twice; a connection that broke is made anew once.
    pub(super) fn control<T>(
        &self,
        work: impl Fn(&mut Connection) -> Result<T, RedisError>,
    ) -> Result<T, BrokerError> {
        let mut control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = control.is_some();
        loop {
            let mut session = match control.take() {
                Some(session) => session,
                None => self.server.connect("intelmq-lab")?,
            };
            match work(&mut session.connection) {
                Err(error) if !is_answer(&error) && again => again = false,
                Err(error) => {
                    *control = is_answer(&error).then_some(session);
                    return Err(self.server.trouble(&error));
                }
                Ok(answer) => {
                    *control = Some(session);
                    return Ok(answer);
                }
            }
        }
    }
}
