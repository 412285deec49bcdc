//! The services of one lab while they run, on a thread of their own.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;

use super::network::{Serve, listen};
use super::tls::Authority;
use super::{AUTHORITY, Entry, FILE, Fault, Feed, Kind, Manifest, ServiceError, ServiceStatus, Setup};

/// Where services listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub address: IpAddr,
    /// The name that others on their network know the host by, if they are not only for this machine.
    pub host: Option<String>,
}

/// For this machine only.
impl Default for Place {
    fn default() -> Self {
        Place { address: Ipv4Addr::LOCALHOST.into(), host: None }
    }
}

/// The services of one lab while they run. They end when this is dropped.
#[derive(Default)]
pub struct Services {
    /// The lab's folder.
    folder: PathBuf,
    running: Vec<Running>,
    /// Held while what is published is written down.
    writing: Mutex<()>,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

struct Running {
    entry: Entry,
    kind: &'static Kind,
    server: Arc<dyn Serve>,
    feed: Arc<Feed>,
}

impl Services {
    /// Starts the services that a lab's folder says, if it says any; returns once all of them can be reached.
    pub fn start(folder: &Path) -> Result<Self, ServiceError> {
        Services::start_at(folder, &Place::default())
    }

    /// The same where others reach them too.
    pub fn start_at(folder: &Path, at: &Place) -> Result<Self, ServiceError> {
        Services::run(folder, manifest(folder)?, at)
    }

    /// Starts some services for a lab's folder.
    pub(super) fn run(folder: &Path, manifest: Manifest, at: &Place) -> Result<Self, ServiceError> {
        let mut running = Vec::new();
        let mut doors = Vec::new();
        let authority = if manifest.services.is_empty() { None } else { Some(authority(folder, at)?) };
        for entry in manifest.services {
            let kind = Kind::find(&entry.kind)
                .ok_or_else(|| ServiceError::UnknownKind(entry.id.clone(), entry.kind.clone()))?;
            let mut one = Running::new(folder, entry, kind)?;
            let authority = authority.clone().filter(|_| kind.has_tls(&one.entry.options));
            let (door, port) = one.door(at)?;
            one.entry.port = port;
            doors.push((door, Arc::clone(&one.server), Arc::clone(&one.feed), authority));
            running.push(one);
        }
        let end = Arc::new(Notify::new());
        let thread = if doors.is_empty() { None } else { Some(spawn(doors, Arc::clone(&end))?) };
        Ok(Services { folder: folder.to_owned(), running, writing: Mutex::new(()), end, thread })
    }

    /// Returns what is to be seen of each.
    pub fn status(&self) -> Vec<ServiceStatus> {
        self.running.iter().map(Running::status).collect()
    }

    fn find(&self, id: &str) -> Result<&Running, ServiceError> {
        self.running.iter().find(|one| one.entry.id == id).ok_or_else(|| {
            let ids: Vec<&str> = self.running.iter().map(|one| one.entry.id.as_str()).collect();
            let ids = if ids.is_empty() { "none".to_owned() } else { ids.join(", ") };
            ServiceError::Unknown(id.to_owned(), ids)
        })
    }

    /// Makes a service publish a file, which is kept in the lab's folder, so that it is there after a new start too.
    pub fn publish(&self, id: &str, name: &str, bytes: Vec<u8>) -> Result<(), ServiceError> {
        let one = self.find(id)?;
        one.check(name, &bytes)?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = format!("services/{id}/{name}");
        write(&self.folder.join(&path), &bytes)?;
        let mut manifest = manifest(&self.folder)?;
        for entry in manifest.services.iter_mut().filter(|entry| entry.id == id) {
            // The last one is the newest, and its lines come last.
            entry.data.retain(|known| *known != path);
            entry.data.push(path.clone());
        }
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| ServiceError::System(FILE.to_owned(), error.into()))?;
        write(&self.folder.join(FILE), &text)?;
        one.feed.publish(name, bytes);
        // What is asked next shall not depend on how fast this machine is.
        one.feed.wait_for_streams(DELIVERY);
        Ok(())
    }

    /// Makes something go wrong with a service.
    pub fn add_fault(&self, id: &str, fault: Fault) -> Result<(), ServiceError> {
        let one = self.find(id)?;
        let name = fault.trouble.name();
        if !one.kind.faults.contains(&name) {
            let faults = one.kind.faults.join(", ");
            let problem = format!("a {} has no fault {name}; it has {faults}", one.kind.name);
            return Err(ServiceError::NotPossible(id.to_owned(), problem));
        }
        one.feed.add_fault(fault);
        Ok(())
    }

    /// Makes nothing go wrong with a service any more.
    pub fn clear_faults(&self, id: &str) -> Result<(), ServiceError> {
        self.find(id)?.feed.clear_faults();
        Ok(())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running {
    fn new(folder: &Path, entry: Entry, kind: &'static Kind) -> Result<Self, ServiceError> {
        let setup = Setup { id: entry.id.clone(), options: entry.options.clone(), out: folder.join("out") };
        let server = (kind.make)(&setup)?;
        let one = Running { entry, kind, server, feed: Arc::new(Feed::new()) };
        for path in &one.entry.data {
            let name = path.rsplit('/').next().unwrap_or(path);
            let bytes = std::fs::read(folder.join(path))
                .map_err(|error| ServiceError::System(path.clone(), error))?;
            one.check(name, &bytes)?;
            one.feed.publish(name, bytes);
        }
        Ok(one)
    }

    /// Opens the port; 0 is any that is free.
    fn door(&self, at: &Place) -> Result<(TcpListener, u16), ServiceError> {
        let Entry { id, port, .. } = &self.entry;
        let bound = TcpListener::bind((at.address, *port));
        let bound = bound.and_then(|listener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        });
        bound.map_err(|cause| ServiceError::Port { id: id.clone(), port: *port, cause })
    }

    /// Refuses a file that the service cannot publish.
    fn check(&self, name: &str, bytes: &[u8]) -> Result<(), ServiceError> {
        let refuse = |problem: String| Err(ServiceError::NotPossible(self.entry.id.clone(), problem));
        if !self.kind.publishes {
            return refuse(format!("a {} publishes nothing", self.kind.name));
        }
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return refuse(format!("{name:?} is no name of a file"));
        }
        self.server.check_file(name, bytes).or_else(refuse)
    }

    fn status(&self) -> ServiceStatus {
        ServiceStatus {
            id: self.entry.id.clone(),
            kind: self.kind.name.to_owned(),
            url: self.kind.url(&self.entry.options, "127.0.0.1", self.entry.port),
            files: self.feed.files().into_iter().map(|file| file.name).collect(),
            faults: self.feed.faults(),
            requests: self.feed.requests(),
        }
    }
}

/// Reads what services a lab has; none if it says nothing.
fn manifest(folder: &Path) -> Result<Manifest, ServiceError> {
    let path = folder.join(FILE);
    let fail = |error: io::Error| ServiceError::System(path.display().to_string(), error);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| fail(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Manifest::default()),
        Err(error) => Err(fail(error)),
    }
}

/// Writes a file whole or not at all; only its owner may read it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), ServiceError> {
    let fail = |error: io::Error| ServiceError::System(path.display().to_string(), error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.persist(path).map_err(|error| fail(error.error)).map(drop)
}

/// Makes a lab's authority and writes its certificate where bots find it.
fn authority(folder: &Path, at: &Place) -> Result<Arc<Authority>, ServiceError> {
    let authority = Authority::new(at.host.as_deref())?;
    write(&folder.join(AUTHORITY), authority.pem.as_bytes())?;
    Ok(Arc::new(authority))
}

/// How long streams that are open may take to send what was published.
const DELIVERY: Duration = Duration::from_secs(1);

type Door = (TcpListener, Arc<dyn Serve>, Arc<Feed>, Option<Arc<Authority>>);

/// Serves all doors on one thread until the end is called for; then every connection is closed.
fn spawn(doors: Vec<Door>, end: Arc<Notify>) -> Result<JoinHandle<()>, ServiceError> {
    let fail = |error: io::Error| ServiceError::System("services".to_owned(), error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fail)?;
    let open = |(listener, server, feed, authority): Door| {
        let _inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(fail)?;
        Ok(listen(listener, server, feed, authority))
    };
    let doors: Vec<_> = doors.into_iter().map(open).collect::<Result<_, ServiceError>>()?;
    let work = move || {
        for door in doors {
            runtime.spawn(door);
        }
        runtime.block_on(end.notified());
    };
    std::thread::Builder::new().name("services".to_owned()).spawn(work).map_err(fail)
}
