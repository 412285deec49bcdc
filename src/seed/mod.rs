//! Does what a step says, through the control service only.

mod configure;

use std::time::Duration;

use crate::check::dumped_row;
use crate::playbook::{Action, Fault, FolderError, Period, Playbook, Request, Requeue, Seed, rows_of};
use crate::runtime::control::{BotAction, Client, ControlError, Outside, Question, Requeue as Repair};
use crate::service;
use crate::service::Trouble;
use crate::template::{Variables, fill};

/// How long a URL may take to answer.
const ANSWER: Duration = Duration::from_secs(30);

/// Why an action could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The control service does not answer, or refuses.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A file of the playbook cannot be read.
    #[error(transparent)]
    File(#[from] FolderError),
    /// A text of the playbook cannot be filled in.
    #[error("{0}")]
    Template(String),
    /// Nothing that could be put back is in a dump.
    #[error("nothing to put back: {0}")]
    NothingDumped(String),
    /// The configuration cannot be merged.
    #[error("the botnet cannot be configured: {0}")]
    Configure(String),
    /// A URL gave no answer, or another one than it should.
    #[error("{method} {url} {problem}")]
    Request {
        /// The method.
        method: String,
        /// The URL.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

/// What came of an action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Done {
    /// How many rows were put in, if it was a feed.
    pub rows: Option<u64>,
    /// Whether collectors have something new to look for.
    pub feeds: bool,
}

/// Does actions in one lab.
#[derive(Debug)]
pub struct Actor<'a> {
    playbook: &'a Playbook,
    client: Client,
    variables: Variables,
}

impl<'a> Actor<'a> {
    /// Works in a lab where templates have these values; nothing is done yet.
    pub fn new(playbook: &'a Playbook, client: Client, variables: Variables) -> Self {
        Actor { playbook, client, variables }
    }

    /// Does an action and returns once it is done; what comes of it is another matter.
    pub fn act(&self, action: &Action) -> Result<Done, SeedError> {
        match action {
            Action::Seed(seed) => return self.seed(seed),
            Action::Configure(bots) => {
                let text =
                    configure::merge(&self.client.configuration()?.text, bots, &|text| self.fill(text))?;
                self.client.configure(&text)?;
            }
            Action::Start(bot) => drop(self.client.act(bot, BotAction::Start)?),
            Action::Stop(bot) => drop(self.client.act(bot, BotAction::Stop)?),
            Action::Reload(bot) => drop(self.client.act(bot, BotAction::Reload)?),
            Action::Inject(inject) => {
                let messages = vec![inject.wire(); inject.times as usize];
                self.client.inject(&inject.queue, &messages)?;
            }
            Action::Requeue(requeue) => self.requeue(requeue)?,
            Action::Request(request) => {
                self.request(request)?;
                return Ok(Done { rows: None, feeds: true });
            }
            Action::Fault(fault) => {
                self.fault(fault)?;
                // What went wrong is seen once somebody asks.
                return Ok(Done { rows: None, feeds: true });
            }
        }
        Ok(Done::default())
    }

    /// Makes every collector look for what is new, now and not after its rest.
    pub fn collect(&self) -> Result<(), SeedError> {
        Ok(self.client.run_collectors().map(drop)?)
    }

    fn seed(&self, seed: &Seed) -> Result<Done, SeedError> {
        let bytes = self.playbook.bytes(&seed.file)?;
        let rows = rows_of(&seed.file, &bytes);
        let service = seed.service.as_ref().map(|service| service.as_str());
        Ok(Done { rows, ..self.put(seed.target(), service, bytes)? })
    }

    /// Puts a feed in that is no file of the playbook, below `lab.in` or at a service.
    pub fn put(&self, name: &str, service: Option<&str>, bytes: Vec<u8>) -> Result<Done, SeedError> {
        let rows = rows_of(name, &bytes);
        match service {
            Some(service) => self.client.publish(service, name, bytes)?,
            None => self.client.put_file(&format!("in/{name}"), bytes)?,
        }
        Ok(Done { rows, feeds: true })
    }

    fn fault(&self, fault: &Fault) -> Result<(), SeedError> {
        match trouble_of(fault) {
            Some(trouble) => {
                let fault_there = service::Fault { trouble, times: fault.times, path: fault.path.clone() };
                self.client.add_fault(&fault.service, &fault_there)?;
            }
            None => self.client.clear_faults(&fault.service)?,
        }
        Ok(())
    }

    fn requeue(&self, requeue: &Requeue) -> Result<(), SeedError> {
        let entries = self.client.dump(&requeue.bot)?;
        let wanted = entries.iter().filter(|entry| match &requeue.contains {
            Some(text) => entry.traceback.contains(text) || dumped_row(&entry.message).contains(text),
            None => true,
        });
        let ids: Vec<String> = wanted.map(|entry| entry.id.clone()).collect();
        if ids.is_empty() {
            let bot = &requeue.bot.value;
            return Err(SeedError::NothingDumped(match &requeue.contains {
                Some(text) if !entries.is_empty() => {
                    format!("no entry in the dump of {bot} contains {text:?}")
                }
                _ => format!("the dump of {bot} is empty"),
            }));
        }
        let what = Repair {
            ids,
            queue: requeue.queue.as_ref().map(|queue| queue.value.clone()),
            replace: requeue
                .replace
                .iter()
                .map(|replace| (replace.text.clone(), replace.with.clone()))
                .collect(),
        };
        self.client.requeue(&requeue.bot, &what)?;
        Ok(())
    }

    fn request(&self, request: &Request) -> Result<(), SeedError> {
        let url = self.fill_outside(&request.url)?;
        let mut headers = Vec::new();
        for (name, value) in &request.headers {
            headers.push((name.clone(), self.fill_outside(value)?));
        }
        let body = match (&request.body, &request.json) {
            (Some(body), _) => Some(self.fill_outside(body)?.into_bytes()),
            (None, Some(json)) => {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
                let mut json = json.clone();
                configure::each_text(&mut json, &|text| self.fill_outside(text))?;
                Some(json.to_string().into_bytes())
            }
            (None, None) => None,
        };
        let fail = |problem: String| SeedError::Request {
            method: request.method.clone(),
            url: request.url.value.clone(),
            problem,
        };
        let question = Question { method: request.method.clone(), url, headers, body };
        let reply = Outside::new(ANSWER)
            .and_then(|outside| outside.ask(&question))
            .map_err(|problem| fail(format!("gives no answer: {problem}")))?;
        let wanted =
            request.status.map_or((200..300).contains(&reply.status), |status| status == reply.status);
        let wish = request.status.map_or_else(|| "2xx".to_owned(), |status| status.to_string());
        if wanted { Ok(()) } else { Err(fail(format!("answers {}, not {wish}", reply.status))) }
    }

    /// Fills a text of a request, which goes out from here and not from a bot.
    fn fill_outside(&self, text: &str) -> Result<String, SeedError> {
        filled(text, &self.variables.from_outside())
    }

    fn fill(&self, text: &str) -> Result<String, SeedError> {
        filled(text, &self.variables)
    }
}

fn filled(text: &str, variables: &Variables) -> Result<String, SeedError> {
    fill(text, variables).map_err(|problems| {
        let titles: Vec<&str> = problems.iter().map(|problem| problem.title.as_str()).collect();
        SeedError::Template(titles.join("; "))
    })
}

/// Says what shall go wrong; nothing if all shall be well again.
fn trouble_of(fault: &Fault) -> Option<Trouble> {
    let milliseconds = |period: Period| period.0.as_millis() as u64;
    let wait = fault.retry_after.map(|period| period.0.as_secs());
    [
        fault.status.map(|status| Trouble::Status(status, wait)),
        fault.wrong_key.then_some(Trouble::WrongKey),
        fault.slow.map(|slow| Trouble::Slow(milliseconds(slow))),
        fault.cut_bytes.map(Trouble::CutBytes),
        fault.cut_lines.map(Trouble::CutLines),
        fault.half_file.then_some(Trouble::HalfFile),
        fault.expired_certificate.then_some(Trouble::ExpiredCertificate),
        fault.no_answer.then_some(Trouble::NoAnswer),
    ]
    .into_iter()
    .flatten()
    .next()
}
