//! One bot instance at Redis: a connection of its own, under a name by which the server knows what it has in hand.
//!
//! Every operation that changes something has a number, which the server keeps. So after a broken connection it is known
//! whether the last one was done, and whether somebody else has taken over since.

mod intake;

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Cmd, FromRedisValue, RedisError, Value};

use super::parcel::Parcel;
use super::script::{COMMIT, REGISTER, RELEASE, Script};
use super::server::{Session, is_answer};
use super::shared::Shared;
use crate::broker::{BrokerError, Delivery, Hop, Link};

/// How many bytes one receive returns, give or take the last message.
const BATCH_BYTES: usize = 4 << 20;

/// How long one wait lasts before instances are looked for that died with messages in hand.
const LOOK: Duration = Duration::from_secs(2);

/// The longest wait; a caller may ask for more than the clock can count.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How long a wait lasts that nobody can end early.
const SHORT: Duration = Duration::from_millis(200);

/// The link of one instance.
pub(super) struct RedisLink {
    shared: Arc<Shared>,
    bot: String,
    source: Option<String>,
    token: String,
    session: Option<Session>,
    /// The number of the last operation that is known to be done.
    operation: u64,
    /// How many deliveries are not acknowledged.
    held: usize,
    unsure: Option<Unsure>,
    /// Whether the server has to take back whatever this link has in hand.
    astray: bool,
    interrupts: u64,
    /// Whether other processes are linked to the same queue.
    accompanied: bool,
    looked: Instant,
}

/// An operation whose answer never came.
#[derive(Debug, Clone, Copy)]
struct Unsure {
    number: u64,
    /// How many deliveries it finished; of a receive nobody knows what it brought.
    acknowledged: Option<usize>,
}

/// Why the server did not do something.
enum Failed {
    /// It said no: nothing was done.
    Answer(RedisError),
    /// Nobody knows.
    Broken(RedisError),
}

impl RedisLink {
    /// Connects an instance to its source.
    pub(super) fn open(shared: Arc<Shared>, bot: &str, source: Option<&str>) -> Result<Self, BrokerError> {
        let mut link = RedisLink {
            bot: bot.to_owned(),
            source: source.map(str::to_owned),
            token: shared.enter(),
            session: None,
            operation: 0,
            held: 0,
            unsure: None,
            astray: false,
            interrupts: shared.interrupts(),
            accompanied: false,
            looked: Instant::now(),
            shared,
        };
        link.connect()?;
        if link.accompanied {
            // A process that died this moment may still look alive.
            link.shared.rest(Duration::from_millis(20));
            link.register()?;
        }
        Ok(link)
    }

    /// Connects if need be; then it is known what became of the last operation.
    fn connect(&mut self) -> Result<(), BrokerError> {
        if self.session.is_some() {
            return Ok(());
        }
        self.session = Some(self.shared.server.connect(&format!("intelmq-lab:{}", self.bot))?);
        let registered = self.register();
        if registered.is_err() {
            self.session = None;
        }
        registered
    }

    /// Tells the server where this link is connected, learns what was done, and takes over from those that died.
    fn register(&mut self) -> Result<(), BrokerError> {
        if self.source.is_none() {
            self.unsure = None;
            return Ok(());
        }
        let mut call = self.call(&REGISTER, self.operation);
        call.arg(self.identity());
        let (done, linked): (Option<u64>, Vec<String>) = self.ask(&REGISTER, &call)?;
        match (done, self.unsure) {
            (Some(done), _) if done == self.operation => {}
            (Some(done), Some(unsure)) if done == unsure.number => {
                self.operation = done;
                match unsure.acknowledged {
                    Some(count) => self.held -= count.min(self.held),
                    None => self.astray = true,
                }
            }
            // The server's data is of another time.
            (Some(_), _) => self.astray = true,
            // Others have taken over, or it is linked for the first time.
            (None, _) => self.held = 0,
        }
        self.unsure = None;
        if self.astray {
            self.give_back(false, "")?;
        }
        self.looked = Instant::now();
        self.take_over(&linked)
    }

    /// Gives back what those have that are linked no more; `linked` are names and where they are connected, in turn.
    fn take_over(&mut self, linked: &[String]) -> Result<(), BrokerError> {
        let run = self.session.as_ref().map(|session| session.run.clone()).unwrap_or_default();
        let pairs = linked.chunks_exact(2).map(|pair| (&*pair[0], Place::read(&pair[1])));
        let others: Vec<(&str, Place)> = pairs.filter(|(token, _)| *token != self.token).collect();
        let foreign = |place: &Place| place.process != self.shared.process;
        // A connection of another run of the server is gone in any case.
        let ask = others.iter().filter(|(_, place)| foreign(place) && place.run == run);
        let ask: Vec<&str> = ask.map(|(_, place)| place.number).collect();
        let shared = Arc::clone(&self.shared);
        let alive = if ask.is_empty() { Vec::new() } else { self.alive(&ask)? };
        let lives = |token: &str, place: &Place| {
            if place.process == shared.process {
                // The connection of one of ours may be broken this moment; it goes on with another.
                return shared.is_linked(token);
            }
            place.run == run && alive.iter().any(|number| number == place.number)
        };
        let (living, dead): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|(token, place)| lives(token, place));
        self.accompanied = living.iter().any(|(_, place)| place.process != shared.process);
        let dead: Vec<&str> = dead.into_iter().map(|(token, _)| token).collect();
        if dead.is_empty() { Ok(()) } else { self.give_back(false, &dead.join(" ")) }
    }

    /// Returns which of these connections exist.
    fn alive(&mut self, numbers: &[&str]) -> Result<Vec<String>, BrokerError> {
        let mut list = redis::cmd("CLIENT");
        list.arg("LIST").arg("ID").arg(numbers);
        let text: String = match self.with(|session| list.query(&mut session.connection)) {
            Ok(text) => text,
            // Who may not ask takes them for alive: then a dead one's messages wait until somebody may.
            Err(Failed::Answer(_)) => return Ok(numbers.iter().map(ToString::to_string).collect()),
            Err(failed) => return Err(self.error(&failed)),
        };
        let number = |line: &str| Some(line.strip_prefix("id=")?.split(' ').next()?.to_owned());
        Ok(text.lines().filter_map(number).collect())
    }

    /// Gives back what this link has in hand, or what others have that ended.
    fn give_back(&mut self, ends: bool, others: &str) -> Result<(), BrokerError> {
        let number = if others.is_empty() { self.operation + 1 } else { self.operation };
        let mut call = self.call(&RELEASE, number);
        call.arg(u8::from(ends)).arg(others);
        let _: Value = self.ask(&RELEASE, &call)?;
        if others.is_empty() {
            (self.operation, self.held, self.astray) = (number, 0, false);
        }
        Ok(())
    }

    /// Says where this link is connected.
    fn identity(&self) -> String {
        let (run, number) = self.session.as_ref().map_or(("", 0), |session| (&session.run, session.number));
        format!("{run}:{number}:{}", self.shared.process)
    }

    /// Begins a call of a script.
    fn call(&self, script: &Script, number: u64) -> Cmd {
        let mut call = self.shared.call(script, self.source.as_deref().unwrap_or_default(), &self.token);
        call.arg(number);
        call
    }

    /// Does something with the connection; one that broke is not used again.
    fn with<T>(&mut self, work: impl FnOnce(&mut Session) -> Result<T, RedisError>) -> Result<T, Failed> {
        let gone = || RedisError::from(std::io::Error::from(std::io::ErrorKind::NotConnected));
        let session = self.session.as_mut().ok_or_else(|| Failed::Broken(gone()))?;
        work(session).map_err(|error| {
            if is_answer(&error) {
                return Failed::Answer(error);
            }
            self.session = None;
            Failed::Broken(error)
        })
    }

    fn ask<T: FromRedisValue>(&mut self, script: &Script, call: &Cmd) -> Result<T, BrokerError> {
        let answer = self.with(|session| script.run(call, &mut session.connection));
        let answer = answer.map_err(|failed| self.error(&failed))?;
        redis::from_redis_value(answer).map_err(|error| self.shared.server.unavailable(error.to_string()))
    }

    fn error(&mut self, failed: &Failed) -> BrokerError {
        let (Failed::Answer(error) | Failed::Broken(error)) = failed;
        if error.code() == Some("LOST") {
            // It is linked anew, with nothing in hand.
            (self.held, self.astray, self.session) = (0, true, None);
        }
        self.shared.server.trouble(error)
    }

    /// Does an operation that changes something; `None` is an answer that never came, to what was done all the same.
    ///
    /// A connection that broke in the middle is made anew, and the operation done again if it was not done.
    fn change(
        &mut self,
        script: &Script,
        acknowledged: Option<usize>,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<(u64, Option<Value>), BrokerError> {
        let mut again = self.source.is_some();
        loop {
            self.connect()?;
            let (number, held) = (self.operation + 1, self.held);
            let mut call = self.call(script, number);
            arguments(&mut call);
            self.unsure = Some(Unsure { number, acknowledged });
            let failed = match self.with(|session| script.run(&call, &mut session.connection)) {
                Ok(answer) => {
                    self.unsure = None;
                    return Ok((number, Some(answer)));
                }
                Err(failed) => failed,
            };
            if matches!(failed, Failed::Answer(_)) {
                self.unsure = None;
                return Err(self.error(&failed));
            }
            if !again || self.connect().is_err() {
                return Err(self.error(&failed));
            }
            if self.operation == number && acknowledged.is_some() {
                return Ok((number, None));
            }
            if self.held != held {
                return Err(self.error(&failed));
            }
            again = false;
        }
    }
}

/// Where a link is connected.
struct Place<'a> {
    run: &'a str,
    number: &'a str,
    process: &'a str,
}

impl<'a> Place<'a> {
    /// Reads what [`RedisLink::identity`] wrote.
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(':').map(Some).chain(std::iter::repeat(None));
        let mut next = || parts.next().flatten().unwrap_or_default();
        Place { run: next(), number: next(), process: next() }
    }
}

fn deliveries(answer: Value) -> Vec<Delivery> {
    let Value::Array(parts) = answer else { return Vec::new() };
    let mut found = Vec::new();
    for (part, redelivered) in parts.into_iter().zip([true, false]) {
        let Value::Array(bodies) = part else { continue };
        found.extend(bodies.into_iter().filter_map(|body| match body {
            Value::BulkString(body) => Some(Delivery { body, redelivered }),
            _ => None,
        }));
    }
    found
}

impl Link for RedisLink {
    fn receive(&mut self, max: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        let deadline = Instant::now() + wait.min(LONGEST);
        loop {
            let seen = self.shared.interrupts();
            let interrupted = mem::replace(&mut self.interrupts, seen) != seen;
            if max == 0 {
                return Ok(Vec::new());
            }
            if self.source.is_some() {
                let deliveries = self.take(max)?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if interrupted || left.is_zero() {
                return Ok(Vec::new());
            }
            self.wait(left)?;
        }
    }

    fn commit(&mut self, hop: Hop) -> Result<(), BrokerError> {
        if hop.acknowledge > self.held {
            let problem =
                format!("a hop acknowledges {} messages, and {} were received", hop.acknowledge, self.held);
            return Err(self.shared.server.refused(problem));
        }
        if hop.outgoing.is_empty() && hop.state.is_empty() && hop.acknowledge == 0 {
            return Ok(());
        }
        let parcel = Parcel::new(&hop);
        let arguments = |call: &mut Cmd| parcel.write(&hop, call);
        let (number, answer) = self.change(&COMMIT, Some(hop.acknowledge), arguments)?;
        if answer.is_some() {
            self.operation = number;
            self.held -= hop.acknowledge;
        }
        if hop.acknowledge > 0 {
            self.shared.tell_of_room();
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), BrokerError> {
        if self.source.is_none() || (self.held == 0 && self.unsure.is_none() && !self.astray) {
            return Ok(());
        }
        self.astray = true;
        // Being linked anew gives back what is astray.
        let fresh = self.session.is_none();
        self.connect()?;
        if fresh { Ok(()) } else { self.give_back(false, "") }
    }

    fn recall(&mut self, bot: &str, key: &[u8]) -> Result<Option<Vec<u8>>, BrokerError> {
        Ok(self.recall_many(bot, &[key.to_vec()])?.pop().flatten())
    }

    fn recall_many(&mut self, bot: &str, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BrokerError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        pipe.cmd("SELECT").arg(self.shared.server.beside).ignore().cmd("MGET");
        for key in keys {
            pipe.arg(self.shared.server.key(bot, key));
        }
        pipe.cmd("SELECT").arg(self.shared.server.queues).ignore();
        let mut again = true;
        loop {
            self.connect()?;
            let found: Result<(Vec<Option<Vec<u8>>>,), Failed> =
                self.with(|session| pipe.query(&mut session.connection));
            match found {
                Ok((found,)) => return Ok(found),
                Err(Failed::Broken(_)) if again => again = false,
                Err(failed) => return Err(self.error(&failed)),
            }
        }
    }
}

impl Drop for RedisLink {
    fn drop(&mut self) {
        // Whoever is linked next takes back what cannot be given back now.
        self.shared.leave(&self.token);
        if self.source.is_some() && self.connect().is_ok() {
            let _ = self.give_back(true, "");
        }
    }
}
