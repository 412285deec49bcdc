//! The services of one lab while they run, on a thread of their own.

use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::Notify;

use super::network::{Serve, listen};
use super::tls::Authority;
use super::{AUTHORITY, Entry, FILE, Fault, Feed, Kind, Manifest, ServiceError, ServiceStatus, Setup};

/// The services of one lab while they run. They end when this is dropped.
#[derive(Default)]
pub struct Services {
    running: Vec<Running>,
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
        let path = folder.join(FILE);
        let fail = |error: io::Error| ServiceError::System(path.display().to_string(), error);
        let manifest = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| fail(error.into()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest::default(),
            Err(error) => return Err(fail(error)),
        };
        Services::run(folder, manifest)
    }

    /// Starts some services for a lab's folder.
    pub(super) fn run(folder: &Path, manifest: Manifest) -> Result<Self, ServiceError> {
        let mut running = Vec::new();
        let mut doors = Vec::new();
        let authority = if manifest.services.is_empty() { None } else { Some(authority(folder)?) };
        for entry in manifest.services {
            let kind = Kind::find(&entry.kind)
                .ok_or_else(|| ServiceError::UnknownKind(entry.id.clone(), entry.kind.clone()))?;
            let mut one = Running::new(folder, entry, kind)?;
            let authority = authority.clone().filter(|_| kind.has_tls(&one.entry.options));
            let (door, port) = one.door()?;
            one.entry.port = port;
            doors.push((door, Arc::clone(&one.server), Arc::clone(&one.feed), authority));
            running.push(one);
        }
        let end = Arc::new(Notify::new());
        let thread = if doors.is_empty() { None } else { Some(spawn(doors, Arc::clone(&end))?) };
        Ok(Services { running, end, thread })
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

    /// Makes a service publish a file.
    pub fn publish(&self, id: &str, name: &str, bytes: Vec<u8>) -> Result<(), ServiceError> {
        self.find(id)?.publish(name, bytes)
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
            one.publish(name, bytes)?;
        }
        Ok(one)
    }

    /// Opens the port; 0 is any that is free.
    fn door(&self) -> Result<(TcpListener, u16), ServiceError> {
        let Entry { id, port, .. } = &self.entry;
        let bound = TcpListener::bind(("127.0.0.1", *port));
        let bound = bound.and_then(|listener| {
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            Ok((listener, port))
        });
        bound.map_err(|cause| ServiceError::Port { id: id.clone(), port: *port, cause })
    }

    fn publish(&self, name: &str, bytes: Vec<u8>) -> Result<(), ServiceError> {
        let refuse = |problem: String| Err(ServiceError::NotPossible(self.entry.id.clone(), problem));
        if !self.kind.publishes {
            return refuse(format!("a {} publishes nothing", self.kind.name));
        }
        if let Err(problem) = self.server.check_file(name, &bytes) {
            return refuse(problem);
        }
        self.feed.publish(name, bytes);
        Ok(())
    }

    fn status(&self) -> ServiceStatus {
        ServiceStatus {
            id: self.entry.id.clone(),
            kind: self.kind.name.to_owned(),
            url: self.kind.url(&self.entry.options, self.entry.port),
            files: self.feed.files().into_iter().map(|file| file.name).collect(),
            faults: self.feed.faults(),
            requests: self.feed.requests(),
        }
    }
}

/// Makes a lab's authority and writes its certificate where bots find it.
fn authority(folder: &Path) -> Result<Arc<Authority>, ServiceError> {
    let authority = Authority::new()?;
    let path = folder.join(AUTHORITY);
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    written
        .and_then(|()| std::fs::write(&path, &authority.pem))
        .map_err(|error| ServiceError::System(path.display().to_string(), error))?;
    Ok(Arc::new(authority))
}

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
