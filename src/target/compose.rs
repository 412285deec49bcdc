//! Runs the botnet in containers on this machine: the agent with the control service and the simulated feeds, the bots, and the
//! broker.
//!
//! The `docker compose` plugin makes and starts them; what is seen of them is seen through the engine's API.

mod diagnose;
mod engine;
mod image;
mod plugin;
mod render;
mod trouble;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::diagnose::diagnose;
use self::engine::{Container, Engine, State};
pub use self::trouble::Trouble;
use super::daemon::{Daemon, file_error, remove};
use super::{Needs, Site, Target, TargetError};
use crate::plan::{Choice, INSIDE, Plan, PlanFile};
use crate::runtime::control::{Api, BotState, Client, ControlError, Snapshot};
use crate::runtime::random_token;
use crate::whole;

/// How long the plugin may take to make or start everything.
const READY: Duration = Duration::from_secs(180);
/// How long bots may take to come up once their containers are well.
const BOTS: Duration = Duration::from_secs(30);
/// How long a plugin that was left behind may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long nothing may have come of a plugin that was cut short until nothing more is expected.
const QUIET: Duration = Duration::from_millis(1500);

/// Where the plugin writes, and by which one that was left behind is found.
const PLUGIN: &str = "compose";
/// Stands in the lab's folder from before the first container is made.
const BEGUN: &str = "containers.begun";
/// Stands there while the plugin is at work, and after it was cut short.
const BUSY: &str = "containers.busy";
/// Stands there once the volume holds the lab's files.
const FILLED: &str = "containers.filled";
/// Where the agent's control service is, and its token.
const API: &str = "api.json";
/// What of the lab's folder goes into the volume.
const CONTENT: &[&str] = &["etc", "in", "out", "log", "state", "services", "broker", API];

/// Looks for everything that a lab in containers needs of this machine, and says what was found.
pub(super) fn look() -> Result<String, Trouble> {
    let engine = Engine::find()?;
    Ok(format!("engine {} and compose {} are here", engine.version, plugin::look()?))
}

/// An image that labs in containers use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// How many bytes it has; `None` if it is not here.
    pub size: Option<u64>,
}

/// Lists the images that labs use, on one broker or on any; the last one is made of the program.
pub fn images(program: &Path, broker: Option<&str>) -> Result<Vec<Image>, TargetError> {
    let engine = Engine::find()?;
    let servers = render::servers().filter(|server| broker.is_none_or(|broker| broker == server.broker));
    let others = std::iter::once(image::BASE).chain(servers.map(|server| server.image)).map(str::to_owned);
    let names = others.chain([image::of_program(program)?.0]);
    let images = names.map(|name| Ok(Image { size: engine.image_size(&name)?, name }));
    images.collect::<Result<_, Trouble>>().map_err(TargetError::from)
}

/// Brings an image here that [`images`] lists: it is made if it is the program's, and else fetched.
pub fn bring(program: &Path, name: &str) -> Result<(), TargetError> {
    let engine = Engine::find()?;
    if name == image::of_program(program)?.0 {
        image::ensure(&engine, program)?;
        return Ok(());
    }
    Ok(engine.pull(name)?)
}

/// The target `compose`.
#[derive(Debug)]
pub struct Compose;

impl Target for Compose {
    fn name(&self) -> &'static str {
        "compose"
    }

    fn render(&self, plan: &Plan) -> Result<Vec<PlanFile>, TargetError> {
        Ok(render::files(plan)?)
    }

    fn needs(&self, choice: &Choice) -> Result<Needs, TargetError> {
        let engine = Engine::find()?;
        plugin::look()?;
        let server = render::server(choice.broker.name);
        engine.has_memory(server.map_or(render::MEMORY, |server| server.memory))?;
        let ports = server.iter().flat_map(|server| server.ports).chain(&[render::CONTROL]);
        Ok(Needs {
            ports: ports.map(|port| (*port).to_owned()).collect(),
            password: server.is_some_and(|server| server.password),
        })
    }

    fn up(&self, site: &Site) -> Result<Client, TargetError> {
        let stack = Stack::of(site)?;
        if !stack.runs()? {
            stack.start()?;
        }
        let client = self.client(site)?;
        stack.wait_for_bots(&client)?;
        Ok(client)
    }

    fn down(&self, site: &Site) -> Result<(), TargetError> {
        // One that was left behind would go on making what is removed here.
        Daemon::new(site, PLUGIN).end_all(PATIENCE)?;
        if site.folder.join(BEGUN).exists() {
            let (engine, project) = (Engine::find()?, render::project(&site.lab, &site.folder));
            engine.remove(&project)?;
            if site.folder.join(BUSY).exists() {
                // What the engine was asked for last it may still be making.
                engine.wait_until_quiet(&project, QUIET)?;
                engine.remove(&project)?;
            }
        }
        for name in [BEGUN, FILLED, BUSY] {
            remove(&site.folder.join(name))?;
        }
        Ok(())
    }

    fn runs(&self, site: &Site) -> Result<bool, TargetError> {
        Stack::of(site)?.runs()
    }

    fn client(&self, site: &Site) -> Result<Client, TargetError> {
        let path = site.folder.join(API);
        let bytes = fs::read(&path).map_err(|cause| file_error(&path, cause))?;
        let api: Api = serde_json::from_slice(&bytes).map_err(|error| file_error(&path, error.into()))?;
        Ok(Client::at(&api)?)
    }

    fn logs(&self, site: &Site, most: usize) -> Result<Vec<String>, TargetError> {
        let stack = Stack::of(site)?;
        let mut lines = Vec::new();
        for container in stack.containers()? {
            let written = stack.engine.last_lines(&container.id, most)?;
            lines.extend(written.into_iter().map(|line| format!("{}: {line}", container.service)));
        }
        Ok(lines)
    }
}

/// The containers of one lab.
struct Stack<'a> {
    site: &'a Site,
    engine: Engine,
    project: String,
}

impl<'a> Stack<'a> {
    fn of(site: &'a Site) -> Result<Self, TargetError> {
        let project = render::project(&site.lab, &site.folder);
        Ok(Stack { site, engine: Engine::find()?, project })
    }

    fn containers(&self) -> Result<Vec<Container>, TargetError> {
        Ok(self.engine.containers(&self.project)?)
    }

    /// Tells whether the lab was brought up, and everything still runs.
    fn runs(&self) -> Result<bool, TargetError> {
        if !self.site.folder.join(FILLED).exists() {
            return Ok(false);
        }
        let runs = |container: &Container| !matches!(container.state, State::Made | State::Ended);
        let containers = self.containers()?;
        Ok(!containers.is_empty() && containers.iter().all(runs))
    }

    /// Makes what is missing, fills the volume, and starts everything; returns once all of it is well.
    fn start(&self) -> Result<(), TargetError> {
        let image = image::ensure(&self.engine, &self.site.program)?;
        if let Some(server) = self.server()?
            && !self.engine.has_image(server)?
        {
            self.engine.pull(server)?;
        }
        self.note(BEGUN, b"")?;
        let filled = self.site.folder.join(FILLED).exists();
        if !filled {
            self.introduce()?;
            self.plugin(&image, &["create", "--remove-orphans"], &|containers| !containers.is_empty())?;
            self.fill()?;
            self.note(FILLED, b"")?;
        }
        let well = |containers: &[Container]| containers.iter().all(|one| one.state == State::Well);
        self.plugin(&image, &["up", "--detach", "--wait", "--wait-timeout", "150"], &well)
    }

    /// Returns the image of the broker that the compose file has, if it has one.
    fn server(&self) -> Result<Option<&'static str>, TargetError> {
        let path = self.site.folder.join(render::FILE);
        let text = fs::read_to_string(&path).map_err(|cause| file_error(&path, cause))?;
        let mut images = render::servers().map(|server| server.image);
        Ok(images.find(|image| text.contains(&format!("image: {image}\n"))))
    }

    /// Decides on the agent's token, unless there is one, and writes down where the agent will be.
    fn introduce(&self) -> Result<(), TargetError> {
        let path = self.site.folder.join(API);
        let before = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Api>(&bytes).ok());
        let token = match before {
            Some(api) => api.token,
            None => random_token().map_err(|cause| file_error(Path::new("/dev/urandom"), cause))?,
        };
        let file = self.site.folder.join(render::FILE);
        let text = fs::read_to_string(&file).map_err(|cause| file_error(&file, cause))?;
        let port = render::control_port(&text).ok_or_else(|| {
            file_error(
                &file,
                std::io::Error::other(
                    "the agent publishes no port; `intelmq-lab reset` writes the file anew",
                ),
            )
        })?;
        let api = Api { url: format!("http://127.0.0.1:{port}"), token };
        let text = serde_json::to_vec(&api).map_err(|error| file_error(&path, error.into()))?;
        self.note(API, &text)
    }

    /// Puts the lab's files into its volume, through the agent's container, which does not run yet.
    fn fill(&self) -> Result<(), TargetError> {
        let agent = self.containers()?.into_iter().find(|container| container.service == render::AGENT);
        let agent =
            agent.ok_or_else(|| Trouble::new("container-missing", "the agent's container was not made"))?;
        let archive = archive(&self.site.folder).map_err(|cause| file_error(&self.site.folder, cause))?;
        Ok(self.engine.upload(&agent.id, INSIDE.folder, archive)?)
    }

    /// Runs the plugin until it ends, and makes sure that it has reached what it should.
    fn plugin(
        &self,
        image: &str,
        words: &[&str],
        reached: &dyn Fn(&[Container]) -> bool,
    ) -> Result<(), TargetError> {
        let daemon = Daemon::new(self.site, PLUGIN);
        let command = plugin::command(&self.site.folder, (&self.engine.host, image), words);
        self.note(BUSY, b"")?;
        let process = daemon.start(command)?;
        let ended = daemon.wait(&process, READY, || false);
        let said = daemon.logs(40)?;
        daemon.end_all(PATIENCE)?;
        match ended {
            Err(TargetError::Died { .. }) | Ok(()) => remove(&self.site.folder.join(BUSY))?,
            Err(error) => return Err(error),
        }
        let containers = self.containers()?;
        if reached(&containers) {
            return Ok(());
        }
        let lines = |container: &str| self.engine.last_lines(container, 12).unwrap_or_default();
        Err(diagnose(&self.site.lab, &containers, &said, &lines).into())
    }

    /// Waits until no bot is on its way up.
    fn wait_for_bots(&self, client: &Client) -> Result<(), TargetError> {
        let deadline = Instant::now() + BOTS;
        let up = |snapshot: &Snapshot| snapshot.bots.iter().all(|bot| bot.state != BotState::Starting);
        let mut after = 0;
        loop {
            match client.snapshot_after(after, Duration::from_millis(100)) {
                Ok(snapshot) if up(&snapshot) => return Ok(()),
                Ok(snapshot) => after = snapshot.activity,
                Err(error @ ControlError::Unreachable { .. }) if Instant::now() > deadline => {
                    return Err(error.into());
                }
                Err(_) if Instant::now() <= deadline => {}
                Err(error) => return Err(error.into()),
            }
            if self.site.interrupted() {
                return Err(TargetError::Interrupted);
            }
            if Instant::now() > deadline {
                return Ok(());
            }
        }
    }

    fn note(&self, name: &str, content: &[u8]) -> Result<(), TargetError> {
        let path = self.site.folder.join(name);
        whole::replace(&path, content, 0o600).map_err(|cause| file_error(&path, cause))
    }
}

/// Packs the lab's files as the user of the containers owns them.
fn archive(folder: &Path) -> std::io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut left: Vec<std::path::PathBuf> = CONTENT.iter().map(std::path::PathBuf::from).collect();
    while let Some(path) = left.pop() {
        let here = folder.join(&path);
        // What this program itself writes there is its own affair.
        if path == Path::new("log/compose.log") {
            continue;
        }
        let Ok(metadata) = fs::symlink_metadata(&here) else { continue };
        let mut header = tar::Header::new_gnu();
        header.set_uid(image::USER);
        header.set_gid(image::USER);
        header.set_mtime(0);
        if metadata.is_dir() {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_mode(0o700);
            header.set_size(0);
            archive.append_data(&mut header, &path, std::io::empty())?;
            let entries = fs::read_dir(&here)?.collect::<Result<Vec<_>, _>>()?;
            left.extend(entries.iter().map(|entry| path.join(entry.file_name())));
        } else if metadata.is_file() {
            let content = fs::read(&here)?;
            header.set_mode(0o600);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, &path, content.as_slice())?;
        }
    }
    archive.into_inner()
}
