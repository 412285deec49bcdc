//! The container engine, over its API: the only place that talks to it.

use std::collections::HashMap;
use std::future::Future;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateImageOptionsBuilder, EventsOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder, TagImageOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::{StreamExt, TryStreamExt};

use super::trouble::{Trouble, WITHOUT};

/// The least version of its API: that of engine 25, the first that looks at a container's health more often while it starts.
const LEAST: (u64, u64) = (1, 44);

/// Where the engine is unless `DOCKER_HOST` says otherwise.
const USUAL: &str = "unix:///var/run/docker.sock";

/// The label by which everything of a project is found.
const PROJECT: &str = "com.docker.compose.project";

/// An engine that answers.
pub(super) struct Engine {
    docker: Docker,
    runtime: tokio::runtime::Runtime,
    /// Its address.
    pub(super) host: String,
    /// Its version, for people.
    pub(super) version: String,
}

/// A container of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// Its id.
    pub(super) id: String,
    /// The service that it is of, with its number if there are several.
    pub(super) service: String,
    /// What it does.
    pub(super) state: State,
    /// The same in the engine's words.
    pub(super) words: String,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It was made and not started.
    Made,
    /// It runs, and it is not known yet whether it is well.
    Starting,
    /// It runs and is well.
    Well,
    /// It runs and is not well.
    Unwell,
    /// It ended, or ends again and again.
    Ended,
}

type Result<T> = std::result::Result<T, Trouble>;

impl Engine {
    /// Finds the engine that the environment names, and makes sure that it is new enough.
    pub(super) fn find() -> Result<Self> {
        let named = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
        Engine::at(named.as_deref().unwrap_or(USUAL))
    }

    /// Takes the engine at an address.
    pub(super) fn at(host: &str) -> Result<Self> {
        let Some(path) = host.strip_prefix("unix://") else {
            let problem = format!(
                "DOCKER_HOST names {host}, and only an engine on a socket of this machine can be used"
            );
            return Err(Trouble::new("engine-address", problem)
                .way("unset DOCKER_HOST, or set it to unix:///PATH/OF/docker.sock"));
        };
        reachable(Path::new(path))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Trouble::new("engine-failed", error.to_string()))?;
        let docker = runtime.block_on(async { Docker::connect_with_host(host)?.negotiate_version().await });
        let docker = docker.map_err(|error| failed(&error))?;
        let mut engine = Engine { docker, runtime, host: host.to_owned(), version: String::new() };
        engine.version = engine.new_enough()?;
        Ok(engine)
    }

    /// Returns its version, if that is new enough.
    fn new_enough(&self) -> Result<String> {
        let version = self.wait(self.docker.version())?;
        let numbers = |text: &str| {
            let (major, minor) = text.split_once('.')?;
            Some((major.parse().ok()?, minor.parse::<u64>().ok()?))
        };
        let api = version.api_version.unwrap_or_default();
        let engine = version.version.unwrap_or_default();
        if numbers(&api).is_some_and(|api| api >= LEAST) {
            return Ok(engine);
        }
        let problem =
            format!("the container engine {engine} (API {api}) is too old: 25 (API 1.44) is the least");
        Err(Trouble::new("engine-too-old", problem)
            .way("install a newer one; `scripts/docker` does so on Debian as root")
            .way(WITHOUT))
    }

    /// Makes sure that the engine's machine has so much memory, in MiB.
    pub(super) fn has_memory(&self, needed: u64) -> Result<()> {
        let total = self.wait(self.docker.info())?.mem_total.and_then(|bytes| u64::try_from(bytes).ok());
        let Some(has) = total.map(|bytes| bytes >> 20).filter(|has| *has < needed) else { return Ok(()) };
        let problem =
            format!("the container engine has {has} MiB of memory, and this lab needs {needed} MiB");
        Err(Trouble::new("too-little-memory", problem)
            .way("give the engine's machine more, or choose a smaller broker: redis is the smallest")
            .way(WITHOUT))
    }

    /// Tells whether there is an image of this name.
    pub(super) fn has_image(&self, name: &str) -> Result<bool> {
        self.image_size(name).map(|size| size.is_some())
    }

    /// Returns how many bytes an image has; `None` if there is none of this name.
    pub(super) fn image_size(&self, name: &str) -> Result<Option<u64>> {
        match self.runtime.block_on(self.docker.inspect_image(name)) {
            Ok(image) => Ok(Some(image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default())),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Fetches an image from its registry.
    pub(super) fn pull(&self, name: &str) -> Result<()> {
        let options = CreateImageOptionsBuilder::default().from_image(name).build();
        let pulled = self.docker.create_image(Some(options), None, None).try_for_each(async |_| Ok(()));
        self.runtime.block_on(pulled).map_err(|error| {
            let problem = format!("there is no image {name}, and it cannot be fetched: {}", reason(&error));
            Trouble::new("image-missing", problem)
                .way(format!("let the engine reach a registry, or bring the image: `docker save {name}` elsewhere, `docker load` here"))
                .way("`images/standins/build` of the source makes images of these names from Debian packages, without a registry")
                .way(WITHOUT)
        })
    }

    /// Builds an image from a folder as a tar archive, with labels, and gives it its names.
    pub(super) fn build(
        &self,
        (name, others): (&str, &[String]),
        labels: &HashMap<String, String>,
        archive: Vec<u8>,
    ) -> Result<()> {
        let options = BuildImageOptionsBuilder::default().t(name).labels(labels).rm(true).forcerm(true);
        let build = async {
            let body = bollard::body_full(archive.into());
            let mut said = Vec::new();
            let mut stream = std::pin::pin!(self.docker.build_image(options.build(), None, Some(body)));
            while let Some(info) = stream.next().await {
                match info {
                    Ok(info) => said.extend(info.stream.filter(|line| !line.trim().is_empty())),
                    Err(error) => return Ok(Err((reason(&error), said))),
                }
            }
            for other in others {
                let (repo, tag) = other.split_once(':').unwrap_or((other, "latest"));
                let options = TagImageOptionsBuilder::default().repo(repo).tag(tag).build();
                self.docker.tag_image(name, Some(options)).await?;
            }
            Ok(Ok(()))
        };
        self.wait(build)?.map_err(|(error, said): (String, Vec<String>)| {
            let lines: Vec<String> = said.iter().map(|line| line.trim().to_owned()).collect();
            Trouble::new("image-not-built", format!("the image {name} cannot be built: {}", error.trim()))
                .wrote(&lines)
        })
    }

    /// Lists the containers of a project, in the order of their names.
    pub(super) fn containers(&self, project: &str) -> Result<Vec<Container>> {
        let filters = of_project(project);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let mut containers: Vec<Container> = self
            .wait(self.docker.list_containers(Some(options)))?
            .into_iter()
            .map(|summary| {
                let words = summary.status.unwrap_or_default();
                let label = |name: &str| summary.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
                let service = label("com.docker.compose.service").unwrap_or_default();
                let number = label("com.docker.compose.container-number").filter(|number| number != "1");
                let service = number.map_or_else(|| service.clone(), |number| format!("{service}-{number}"));
                let state = state(summary.state, &words);
                Container { id: summary.id.unwrap_or_default(), service, state, words }
            })
            .collect();
        containers.sort_by(|left, right| left.service.cmp(&right.service));
        Ok(containers)
    }

    /// Unpacks a tar archive in a folder of a container, which need not run.
    pub(super) fn upload(&self, container: &str, folder: &str, archive: Vec<u8>) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::default().path(folder).build();
        let body = bollard::body_full(archive.into());
        self.wait(self.docker.upload_to_container(container, Some(options), body))
    }

    /// Returns the last lines that a container wrote.
    pub(super) fn last_lines(&self, container: &str, most: usize) -> Result<Vec<String>> {
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&most.to_string()).build();
        let lines = self.docker.logs(container, Some(options)).try_collect::<Vec<LogOutput>>();
        let text: String = self.wait(lines)?.iter().map(ToString::to_string).collect();
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Removes every container, network and volume of a project.
    pub(super) fn remove(&self, project: &str) -> Result<()> {
        let filters = of_project(project);
        let remove = async {
            let gone = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            let listed = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
            let containers = self.docker.list_containers(Some(listed)).await?;
            let removals = containers.iter().filter_map(|container| container.id.as_deref()).map(|id| {
                let gone = gone.clone();
                async move { missing_is_gone(self.docker.remove_container(id, Some(gone)).await) }
            });
            futures_util::future::try_join_all(removals).await?;
            let listed = ListNetworksOptionsBuilder::default().filters(&filters).build();
            for network in self.docker.list_networks(Some(listed)).await? {
                let id = network.id.unwrap_or_default();
                missing_is_gone(self.docker.remove_network(&id).await)?;
            }
            let listed = ListVolumesOptionsBuilder::default().filters(&filters).build();
            for volume in self.docker.list_volumes(Some(listed)).await?.volumes.unwrap_or_default() {
                let gone = RemoveVolumeOptionsBuilder::default().force(true).build();
                missing_is_gone(self.docker.remove_volume(&volume.name, Some(gone)).await)?;
            }
            Ok(())
        };
        self.wait(remove)
    }

    /// Waits until nothing has happened to a project's containers for a time.
    pub(super) fn wait_until_quiet(&self, project: &str, time: Duration) -> Result<()> {
        let options = EventsOptionsBuilder::default().filters(&of_project(project)).build();
        self.wait(async {
            let mut events = std::pin::pin!(self.docker.events(Some(options)));
            while let Ok(Some(event)) = tokio::time::timeout(time, events.next()).await {
                event?;
            }
            Ok(())
        })
    }

    fn wait<T>(&self, work: impl Future<Output = std::result::Result<T, Error>>) -> Result<T> {
        self.runtime.block_on(work).map_err(|error| failed(&error))
    }
}

fn of_project(project: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("{PROJECT}={project}")])])
}

/// What is gone already needs no removal; what somebody else removes this moment will be.
fn missing_is_gone(removed: std::result::Result<(), Error>) -> std::result::Result<(), Error> {
    match removed {
        Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        removed => removed,
    }
}

fn state(state: Option<ContainerSummaryStateEnum>, words: &str) -> State {
    use ContainerSummaryStateEnum as Of;
    match state {
        Some(Of::RUNNING) if words.contains("(unhealthy)") => State::Unwell,
        Some(Of::RUNNING) if words.contains("(healthy)") || !words.contains('(') => State::Well,
        Some(Of::RUNNING) => State::Starting,
        Some(Of::CREATED) => State::Made,
        _ => State::Ended,
    }
}

/// Says why nobody answers on the engine's socket.
fn reachable(socket: &Path) -> Result<()> {
    UnixStream::connect(socket).map(drop).map_err(|error| unreachable(socket, &error))
}

fn unreachable(socket: &Path, error: &std::io::Error) -> Trouble {
    let place = socket.display();
    match error.kind() {
        ErrorKind::PermissionDenied => Trouble::new(
            "engine-permission",
            format!("the container engine at {place} may not be used by this user"),
        )
        .way("add the user to the group of the socket (`sudo usermod -aG docker $USER`) and log in anew")
        .way(WITHOUT),
        _ => Trouble::new("no-engine", format!("no container engine answers at {place}: {error}"))
            .way("install Docker and start it; `scripts/docker` does so on Debian as root")
            .way("or say where it is with DOCKER_HOST=unix:///PATH")
            .way(WITHOUT),
    }
}

fn failed(error: &Error) -> Trouble {
    Trouble::new("engine-failed", format!("the container engine failed: {}", reason(error)))
}

/// Returns what the engine said, without the words around it.
fn reason(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
