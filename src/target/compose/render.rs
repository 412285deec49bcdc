//! What a plan looks like as containers. Pure: one file for the plugin, one with what it must not show, one for the bots.

use std::path::Path;

use serde_json::json;

use super::image;
use super::trouble::Trouble;
use crate::broker::Url;
use crate::plan::{Plan, PlanFile, ServerGiven};
use crate::template::compose;

/// The file for the plugin.
pub(super) const FILE: &str = "compose.yaml";

/// What stands in the plugin's environment.
const SECRETS: &str = ".env";

/// The port of the agent's control service.
pub(super) const CONTROL: &str = "control";

/// Where bots read the address of the broker.
const URL: &str = "broker/url";

/// The agent's service.
pub(super) const AGENT: &str = "agent";

const TEMPLATE: &str = include_str!("../../../compose/compose.yaml.j2");

/// A broker that runs in a container.
pub(super) struct Server {
    /// The broker's name, which is that of its service.
    pub(super) broker: &'static str,
    /// Its image.
    pub(super) image: &'static str,
    /// How much memory a lab on it needs, in MiB.
    pub(super) memory: u64,
    template: &'static str,
    /// The names of its ports that people may want to look at.
    pub(super) ports: &'static [&'static str],
    /// How its address begins.
    scheme: &'static str,
    user: Option<&'static str>,
    /// Whether it is used with a password.
    pub(super) password: bool,
    path: &'static str,
    /// Options of its address.
    options: &'static [(&'static str, &'static str)],
}

/// How much memory a lab needs without a broker of its own, in MiB.
pub(super) const MEMORY: u64 = 512;

/// Every broker that a lab in containers can bring along.
const SERVERS: &[Server] = &[
    Server {
        broker: "redis",
        memory: 768,
        image: "redis:8",
        template: include_str!("../../../compose/redis.yaml.j2"),
        ports: &[],
        scheme: "redis",
        user: None,
        password: true,
        // IntelMQ's number of the database with the queues.
        path: "/2",
        options: &[],
    },
    Server {
        broker: "rabbitmq",
        memory: 1024,
        image: "rabbitmq:4-management",
        template: include_str!("../../../compose/rabbitmq.yaml.j2"),
        ports: &["management"],
        scheme: "amqp",
        user: Some("lab"),
        password: true,
        path: "",
        options: &[("management", "0")],
    },
    Server {
        broker: "kafka",
        memory: 1536,
        image: "apache/kafka:4.3.1",
        template: include_str!("../../../compose/kafka.yaml.j2"),
        ports: &[],
        scheme: "kafka",
        user: None,
        password: false,
        path: "",
        options: &[],
    },
];

/// Lists the servers of brokers.
pub(super) fn servers() -> impl Iterator<Item = &'static Server> {
    SERVERS.iter()
}

/// Finds the port of the agent in a compose file.
pub(super) fn control_port(file: &str) -> Option<u16> {
    let (_, rest) = file.split_once("--listen=0.0.0.0:")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Finds the server of a broker; the embedded one has none.
pub(super) fn server(broker: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|server| server.broker == broker)
}

/// Returns the name of a lab's project: two labs of one name in different places are two.
pub(super) fn project(lab: &str, folder: &Path) -> String {
    let mark = image::digest(folder.as_os_str().as_encoded_bytes());
    let name = lab.to_lowercase().replace('.', "-");
    format!("intelmq-lab-{name}-{}", mark.get(..8).unwrap_or_default())
}

/// Returns the files of a lab in containers.
pub(super) fn files(plan: &Plan) -> Result<Vec<PlanFile>, Trouble> {
    let server = server(plan.choice.broker.name);
    let mut files = plan.files.clone();
    files.push(text(FILE, compose_file(plan, server)?));
    if let Some(server) = server {
        let password = plan.server.password.as_deref().unwrap_or("BROKER-PASSWORD");
        if server.password {
            files.push(text(SECRETS, format!("BROKER_PASSWORD={password}\n")));
        }
        files.push(text(URL, format!("{}\n", url(server, password).to_secret())));
    }
    Ok(files)
}

fn text(path: &str, content: String) -> PlanFile {
    PlanFile { path: path.to_owned(), content: content.into_bytes() }
}

fn url(server: &Server, password: &str) -> Url {
    let mut url = Url::of_host(server.scheme, server.broker, None);
    url.user = server.user.map(str::to_owned);
    url.password = server.password.then(|| password.to_owned());
    server.path.clone_into(&mut url.path);
    url.options =
        server.options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    url
}

fn compose_file(plan: &Plan, server: Option<&Server>) -> Result<String, Trouble> {
    let fault =
        |error: String| Trouble::new("not-rendered", format!("the compose file cannot be written: {error}"));
    for bot in &plan.bots {
        named_well(&bot.id, server)?;
    }
    let ports = |names: &[&str]| -> serde_json::Map<String, serde_json::Value> {
        names.iter().map(|name| ((*name).to_owned(), port(&plan.server, name).into())).collect()
    };
    let part = server
        .map(|server| compose(server.template, &json!({"lab": plan.lab, "ports": ports(server.ports)})));
    let part = part.transpose().map_err(fault)?;
    let bots = plan.bots.iter();
    let bots = bots.map(|bot| json!({"id": bot.id, "group": bot.group, "next": bot.next.join(" ")}));
    let services = plan.services.services.iter();
    let values = json!({
        "lab": plan.lab,
        "playbook": plan.playbook,
        "project": project(&plan.lab, &plan.home),
        "broker": plan.choice.broker.name,
        "image": image::name(),
        "folder": plan.folder.display().to_string(),
        "port": port(&plan.server, CONTROL),
        "user": image::USER,
        "services": services.map(|service| json!({"id": service.id, "port": service.port})).collect::<Vec<_>>(),
        "bots": bots.collect::<Vec<_>>(),
        "server": part.as_deref().map(str::trim_end),
        "logging": plan.choice.log_to.as_ref().map(|log_to| json!({"driver": log_to.driver, "options": log_to.options})),
    });
    compose(TEMPLATE, &values).map_err(fault)
}

/// Returns the port of a name, as given or as in an example.
fn port(given: &ServerGiven, name: &str) -> u16 {
    let example = if name == CONTROL { 20_100 } else { 20_101 };
    given.ports.get(name).copied().unwrap_or(example)
}

/// Refuses an id that cannot be the name of a service, or is that of another one.
fn named_well(id: &str, server: Option<&Server>) -> Result<(), Trouble> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let taken = id == AGENT || server.is_some_and(|server| server.broker == id);
    if !taken && id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.chars().all(legal) {
        return Ok(());
    }
    let problem = format!(
        "the bot {id:?} cannot have a container of its own: the name is taken, or none for a container"
    );
    Err(Trouble::new("not-rendered", problem)
        .way("give the bot another id, or run all bots in one container with `--layout single`"))
}
