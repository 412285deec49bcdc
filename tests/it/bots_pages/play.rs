//! Plays the examples of a page: makes the bot, gives it what the example gives, and tells what came of it in blocks' words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use intelmq_lab::bots::trial::server::{Answer, Asked, Server};
use intelmq_lab::bots::trial::{Outcome, Trial};
use intelmq_lab::diagnostic::Source;
use intelmq_lab::docgen::Example;
use intelmq_lab::message::{Export, Idf, Message};
use intelmq_lab::pipeline::{Kind, Pipeline, Spec};
use intelmq_lab::service::{Entry, Manifest, Services};
use serde_json::{Map, Value as Json};
use tempfile::TempDir;

use super::kafka::Kafka;

/// How parameters name the web server of an example.
const SERVER: &str = "http://SERVER";
/// How they name its Kafka.
const KAFKA: &str = "kafka.example:9092";
/// Headers of a request that an example shows; the others say more of the client than of the bot.
const SHOWN: &[&str] = &["authorization", "content-type"];

/// Where a bot plays its examples.
#[derive(Default)]
pub(super) struct Stage {
    trial: Option<Trial>,
    folder: Option<TempDir>,
    server: Option<Server>,
    /// How much of what the server was asked was shown already.
    asked: usize,
    services: Option<Services>,
    kafka: Option<Kafka>,
    refused: Option<String>,
}

/// What came of an example, by the blocks that show it: role and name.
type Made = BTreeMap<(String, String), String>;

impl Stage {
    /// Makes a new bot for an example and those that go on with it.
    pub(super) fn open<'a>(
        &mut self,
        spec: &Spec,
        example: &'a Example,
        following: impl IntoIterator<Item = &'a Example>,
    ) {
        let examples: Vec<&Example> = [example].into_iter().chain(following).collect();
        let folder = tempfile::tempdir().unwrap();
        files(example, folder.path());
        tables(example, folder.path());
        let pages = served(example);
        let answer =
            move |asked: &Asked| Answer::new(200, pages.get(&asked.path).cloned().unwrap_or_default());
        let server = Server::start(answer).unwrap();
        let services = services(example, folder.path());
        self.kafka = Kafka::start(examples.iter().copied());
        let kafka = self.kafka.as_ref().map_or(KAFKA.to_owned(), Kafka::servers);
        let given = example.given.iter().find(|block| block.role == "parameters");
        let parameters = given.map_or_else(
            || Json::Object(Map::new()),
            |block| {
                let text = block.text.replace(SERVER, &server.url("")).replace(KAFKA, &kafka);
                parameters(&filled(&text, &services))
            },
        );
        let trial = Trial::within(spec.module, &parameters, &Idf::builtin(), folder.path());
        let paths = examples.iter().flat_map(|example| &example.made);
        let paths: Vec<&str> = paths
            .filter(|block| block.role == "out" && !block.name.is_empty())
            .map(|block| &*block.name)
            .collect();
        (self.trial, self.refused) = match trial {
            Ok(trial) => (Some(trial.with_paths(&paths)), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        self.folder = Some(folder);
        (self.server, self.asked) = (Some(server), 0);
        self.services = Some(services);
    }

    fn names(&self, folder: &Path) -> Names {
        let server = self.server.iter().map(|server| (server.url(""), SERVER.to_owned()));
        let kafka = self.kafka.iter().map(|kafka| (kafka.servers(), KAFKA.to_owned()));
        let services = self.services.iter().flat_map(Services::status);
        let services = services.map(|service| {
            (
                service.url.split("://").last().unwrap_or_default().to_owned(),
                format!("{}.example", service.id),
            )
        });
        Names { folder: folder.to_owned(), addresses: server.chain(kafka).chain(services).collect() }
    }

    /// Returns what should stand in each block that shows what came of an example.
    pub(super) fn play(&mut self, spec: &Spec, example: &Example) -> Result<Vec<String>, String> {
        let folder = self.folder.as_ref().expect("a bot was made").path().to_owned();
        files(example, &folder);
        let mut made = Made::new();
        if let Some(problem) = &self.refused {
            note(&mut made, "failure", "", problem);
        }
        let messages = messages(spec, example)?;
        let names = self.names(&folder);
        if let Some(kafka) = &self.kafka {
            kafka.fill(example);
        }
        if let Some(now) = example.given.iter().find(|block| block.role == "now") {
            let now = now.text.trim().parse().map_err(|error| format!("`now` is no moment: {error}"))?;
            self.trial = self.trial.take().map(|trial| trial.with_now(now));
        }
        if let Some(trial) = &mut self.trial {
            if spec.kind == Kind::Collector {
                told(&trial.round(), &mut made, None, &names);
                // What a stream brings comes when it comes.
                while !is_complete(example, &made) && trial.rings(Duration::from_secs(3)) {
                    told(&trial.round(), &mut made, None, &names);
                }
            }
            for message in &messages {
                told(&trial.feed(message), &mut made, Some(message), &names);
            }
        }
        let server = self.server.as_ref().expect("a server was made");
        for asked in server.asked().iter().skip(std::mem::replace(&mut self.asked, server.asked().len())) {
            note(&mut made, "request", "", &request(asked).replace(&server.url(""), SERVER));
        }
        if spec.kind == Kind::Collector {
            // What a collector asks is shown if an example likes to.
            let keep = example.made.iter().any(|block| block.role == "request");
            made.retain(|(role, _), _| keep || role != "request");
        }
        let mut texts = Vec::new();
        for block in &example.made {
            let key = (block.role.clone(), block.name.clone());
            texts.push(match block.role.as_str() {
                "wrote" => written(&folder, &block.name),
                "rows" => rows(&folder, &block.name),
                "messages" => {
                    self.kafka.as_ref().map_or_else(String::new, |kafka| kafka.messages(&block.name))
                }
                _ => made.remove(&key).unwrap_or_default(),
            });
        }
        made.retain(|(role, _), _| role != "log");
        match made.keys().next() {
            Some((role, name)) => Err(format!(
                "an example shows no {:?}, which would be\n{}",
                format!("{role} {name}").trim(),
                made[&(role.clone(), name.clone())]
            )),
            None => Ok(texts),
        }
    }
}

/// Tells whether as much was made as the example shows, or something where it shows nothing yet.
fn is_complete(example: &Example, made: &Made) -> bool {
    let elsewhere = ["request", "wrote", "rows", "messages", "log"];
    let mut shown = example.made.iter().filter(|block| !elsewhere.contains(&block.role.as_str()));
    shown.all(|block| {
        let made = made.get(&(block.role.clone(), block.name.clone()));
        made.is_some_and(|text| !text.is_empty() && text.trim_end().len() >= block.text.trim_end().len())
    })
}

/// Starts the services of an example, as playbooks have them: `kind`, `options`, and `data` among its files.
fn services(example: &Example, folder: &Path) -> Services {
    let services = example.given.iter().filter(|block| block.role == "service").map(|block| {
        let told = parameters(&block.text);
        let data = told["data"].as_array().into_iter().flatten();
        Entry {
            id: block.name.clone(),
            kind: told["kind"].as_str().unwrap_or_default().to_owned(),
            port: 0,
            data: data.filter_map(Json::as_str).map(str::to_owned).collect(),
            options: told["options"].as_object().cloned().unwrap_or_default(),
        }
    });
    let manifest = Manifest { services: services.collect() };
    let path = folder.join(intelmq_lab::service::FILE);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_string(&manifest).unwrap()).unwrap();
    Services::start(folder).unwrap()
}

/// Fills in where services are, as templates of playbooks name it.
fn filled(text: &str, services: &Services) -> String {
    services.status().iter().fold(text.to_owned(), |text, service| {
        let name = |what: &str| format!("{{{{ service.{}.{what} }}}}", service.id);
        let address = service.url.split("://").last().unwrap_or_default();
        let (host, port) = address.split_once(':').unwrap_or_default();
        text.replace(&name("url"), &service.url).replace(&name("host"), host).replace(&name("port"), port)
    })
}

/// Writes the files that an example gives; those that are not texts are copied from the project.
fn files(example: &Example, folder: &Path) {
    for block in example.given.iter().filter(|block| block.role == "file") {
        let (name, content) = match block.name.split_once(" from ") {
            Some((name, from)) => (name, fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(from)).unwrap()),
            None => (block.name.as_str(), block.text.clone().into_bytes()),
        };
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// Returns what the web server of an example serves, by path.
fn served(example: &Example) -> BTreeMap<String, Vec<u8>> {
    let served = example.given.iter().filter(|block| block.role == "served");
    served.map(|block| (block.name.clone(), block.text.clone().into_bytes())).collect()
}

/// Shows what the web server was asked.
fn request(asked: &Asked) -> String {
    let mut lines = vec![format!("{} {}", asked.method, asked.path)];
    let shown = asked.headers.iter().filter(|(name, _)| SHOWN.contains(&&**name));
    lines.extend(shown.map(|(name, value)| format!("{name}: {value}")));
    if !asked.body.is_empty() {
        lines.extend([String::new(), asked.body.clone()]);
    }
    lines.join("\n")
}

/// Makes the table that an example says, if it says one.
fn tables(example: &Example, folder: &Path) {
    for block in example.given.iter().filter(|block| block.role == "table") {
        rusqlite::Connection::open(folder.join(&block.name)).unwrap().execute_batch(&block.text).unwrap();
    }
}

/// Returns the rows of a table, `FILE TABLE`, as objects without what is null.
fn rows(folder: &Path, name: &str) -> String {
    let (file, table) = name.split_once(' ').expect("FILE TABLE");
    let connection = rusqlite::Connection::open(folder.join(file)).unwrap();
    let mut query = connection.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
    let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
    let row = |row: &rusqlite::Row<'_>| {
        let mut told = Map::new();
        for (index, column) in columns.iter().enumerate() {
            match row.get(index)? {
                rusqlite::types::Value::Null => {}
                rusqlite::types::Value::Integer(number) => drop(told.insert(column.clone(), number.into())),
                rusqlite::types::Value::Real(number) => drop(told.insert(column.clone(), number.into())),
                rusqlite::types::Value::Text(text) => drop(told.insert(column.clone(), text.into())),
                rusqlite::types::Value::Blob(_) => drop(told.insert(column.clone(), "bytes".into())),
            }
        }
        Ok(serde_json::to_string_pretty(&told).unwrap() + "\n")
    };
    query.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Reads parameters as `runtime.yaml` has them.
fn parameters(text: &str) -> Json {
    let indented: String = text.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    let text = format!("bot:\n  module: a.b\n  parameters:\n{indented}");
    let pipeline =
        Pipeline::parse(Source::new("parameters", text)).unwrap_or_else(|problems| panic!("{}", problems[0]));
    pipeline.to_json()["bot"]["parameters"].clone()
}

/// Makes the messages that an example gives; `raw` stands there as text.
fn messages(spec: &Spec, example: &Example) -> Result<Vec<Message>, String> {
    let kind = if spec.kind == Kind::Parser { "Report" } else { "Event" };
    let raw = example.given.iter().find(|block| block.role == "raw");
    let mut messages = Vec::new();
    for block in example.given.iter().filter(|block| block.role == "in") {
        for json in serde_json::Deserializer::from_str(&block.text).into_iter::<Map<String, Json>>() {
            let mut json = json.map_err(|error| format!("a message is no JSON: {error}"))?;
            if let Some(raw) = raw {
                json.insert("raw".to_owned(), raw.text.as_str().into());
            }
            if let Some(raw) = json.get_mut("raw") {
                *raw = STANDARD.encode(raw.as_str().unwrap_or_default()).into();
            }
            json.entry("__type").or_insert_with(|| kind.into());
            let text = Json::Object(json).to_string();
            messages.push(
                Message::from_wire(&Idf::builtin(), text.as_bytes(), None)
                    .map_err(|error| error.to_string())?,
            );
        }
    }
    Ok(messages)
}

/// Where a bot happens to work, which is nobody's business.
struct Names {
    folder: PathBuf,
    /// Addresses, and what is shown instead.
    addresses: Vec<(String, String)>,
}

impl Names {
    fn hidden(&self, text: &str) -> String {
        let text = text.replace(&*self.folder.to_string_lossy(), "/STATE");
        self.addresses.iter().fold(text, |text, (address, shown)| text.replace(address, shown))
    }
}

/// Adds what came of a message.
fn told(outcome: &Outcome, made: &mut Made, given: Option<&Message>, names: &Names) {
    for (path, message) in &outcome.sent {
        let name = if path == "_default" { "" } else { path };
        note(made, "out", name, &names.hidden(&pretty(message, given)));
    }
    for (row, error) in &outcome.failed_rows {
        let raw = String::from_utf8_lossy(&row.raw().unwrap_or_default()).into_owned();
        note(made, "failed", "", &format!("{error}\n{raw}"));
    }
    for reason in &outcome.dropped {
        note(made, "dropped", "", reason);
    }
    for (level, line) in &outcome.log {
        note(made, "log", "", &names.hidden(&format!("{} {line}", format!("{level:?}").to_uppercase())));
    }
    for (path, bytes) in &outcome.appends {
        let mut all = fs::read(path).unwrap_or_default();
        all.extend_from_slice(bytes);
        let path = names.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, all).unwrap();
    }
    if let Some(failure) = &outcome.failure {
        note(made, "failure", "", &failure.to_string());
    }
}

fn note(made: &mut Made, role: &str, name: &str, text: &str) {
    let all = made.entry((role.to_owned(), name.to_owned())).or_default();
    *all += text.trim_end();
    all.push('\n');
}

/// Shows a message: sorted, `raw` as text, without the moment at which it was observed unless that was given.
fn pretty(message: &Message, given: Option<&Message>) -> String {
    let text = message.to_json(&Export::default());
    let mut json: Map<String, Json> = serde_json::from_str(&text).unwrap();
    if given.is_none_or(|given| !given.contains("time.observation")) {
        json.shift_remove("time.observation");
    }
    if let Some(raw) = message.raw() {
        json.insert("raw".to_owned(), String::from_utf8_lossy(&raw).into_owned().into());
    }
    serde_json::to_string_pretty(&json).unwrap()
}

/// Returns what is in a file below a folder; of `*` in all files whose paths begin and end so.
fn written(folder: &Path, name: &str) -> String {
    let Some((start, end)) = name.split_once('*') else {
        return fs::read_to_string(folder.join(name)).unwrap_or_default();
    };
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            let below = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if below.starts_with(start) && below.ends_with(end) {
                let mut text = fs::read_to_string(path).unwrap_or_default();
                if !text.is_empty() && !text.ends_with('\n') {
                    // Else the next one would begin on its last line.
                    text.push('\n');
                }
                found.push(text);
            }
        }
    }
    found.sort();
    found.concat()
}
