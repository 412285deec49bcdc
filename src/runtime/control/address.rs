//! Reaches UNIX sockets whose path is longer than the system takes.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

/// Bytes that the address of a UNIX socket takes, without the zero at its end.
const LIMIT: usize = 107;

/// The path of a UNIX socket that can be bound and connected to, however long the real one is.
///
/// A long path goes through an open folder, `/proc/self/fd/N/NAME`; it works as long as this value lives, and only in this process.
#[derive(Debug)]
pub struct SocketAddress {
    path: PathBuf,
    /// Keeps the folder open.
    _folder: Option<OwnedFd>,
}

impl SocketAddress {
    /// Makes the address of a socket; the folder it stands in must exist if the path is long.
    pub fn new(socket: &Path) -> std::io::Result<Self> {
        if socket.as_os_str().len() <= LIMIT {
            return Ok(SocketAddress { path: socket.to_owned(), _folder: None });
        }
        let (Some(parent), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(std::io::Error::other("the path of the socket has no file name"));
        };
        let folder = open(parent, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
        Ok(SocketAddress { path, _folder: Some(folder) })
    }

    /// Returns the path to bind or to connect to.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    fn reaches(name_length: usize) {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("x".repeat(name_length));
        std::fs::create_dir(&deep).unwrap();
        let socket = deep.join("control.sock");
        let server = SocketAddress::new(&socket).unwrap();
        let listener = UnixListener::bind(server.path()).unwrap();
        assert!(socket.exists(), "the socket stands at its real path");
        let client = SocketAddress::new(&socket).unwrap();
        UnixStream::connect(client.path()).unwrap();
        listener.accept().unwrap();
    }

    #[test]
    fn reaches_a_socket_at_a_short_path() {
        reaches(3);
    }

    #[test]
    fn reaches_a_socket_at_a_path_longer_than_the_system_takes() {
        reaches(200);
    }

    #[test]
    fn says_when_the_folder_is_missing() {
        let socket = Path::new("/nowhere").join("x".repeat(200)).join("control.sock");
        assert_eq!(SocketAddress::new(&socket).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
