//! Local stream sockets with a name in a private directory.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// What `sun_path` takes, less its final NUL.
const LONGEST: usize = 107;

/// How many connections wait until they are accepted.
const BACKLOG: i32 = 64;

/// Listens at `path`, non-blocking, for its owner alone. The name must not exist.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    let fd = socket(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    with_address(path, |address| Ok(rustix::net::bind(&fd, address)?))?;
    // The directory is private already; this is for whoever changes that.
    rustix::fs::chmod(path, Mode::RUSR | Mode::WUSR)?;
    rustix::net::listen(&fd, BACKLOG)?;
    Ok(fd)
}

/// Connects to `path`; the connection blocks. Where as many wait already as may, so long is waited: then the
/// error is [`io::ErrorKind::WouldBlock`].
pub fn connect(path: &Path, limit: Duration) -> io::Result<OwnedFd> {
    let fd = socket(SocketFlags::CLOEXEC)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(limit))?;
    with_address(path, |address| Ok(rustix::net::connect(&fd, address)?))?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, None)?;
    // Where descriptors 0 to 2 were closed nothing of ours may get such a number; `start` saw to that.
    Ok(fd)
}

/// Two ends of a connection that nobody else can come to: one that blocks, one that does not.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    super::fdio::set_nonblocking(theirs.as_fd(), true)?;
    Ok((ours, theirs))
}

/// Says that nothing more is sent; the other side may still send.
pub fn hang_up(connection: BorrowedFd<'_>) {
    // One that is gone already knows.
    let _ = rustix::net::shutdown(connection, rustix::net::Shutdown::Write);
}

/// Accepts a connection, non-blocking; nothing when none waits.
pub fn accept(listener: BorrowedFd<'_>) -> io::Result<Option<OwnedFd>> {
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        match rustix::net::accept_with(listener, flags) {
            Ok(fd) => return Ok(Some(fd)),
            // The other side was quicker to leave than we to accept.
            Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The user at the other end of a connection, as it was when they connected.
pub fn peer_uid(connection: BorrowedFd<'_>) -> io::Result<u32> {
    Ok(sockopt::socket_peercred(connection)?.uid.as_raw())
}

/// The process at the other end of a connection, as it was when it began to listen.
pub fn peer_pid(connection: BorrowedFd<'_>) -> io::Result<i32> {
    Ok(sockopt::socket_peercred(connection)?.pid.as_raw_nonzero().get())
}

fn socket(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?)
}

/// Gives the address of `path` to `act`: a path that is too long for one goes through a descriptor of its
/// directory, so that nobody has to change theirs.
fn with_address<T>(
    path: &Path,
    act: impl FnOnce(&SocketAddrUnix) -> io::Result<T>,
) -> io::Result<T> {
    if path.as_os_str().len() <= LONGEST {
        return act(&SocketAddrUnix::new(path)?);
    }
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(dir, flags, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(name);
    act(&SocketAddrUnix::new(&short)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sys::{fdio, ids};

    #[test]
    fn a_path_may_be_longer_than_an_address() {
        let temp = tempfile::tempdir().unwrap();
        for depth in [0, 40] {
            let dir = temp.path().join("directory/".repeat(depth));
            std::fs::create_dir_all(&dir).unwrap();
            let path = dir.join("socket");
            assert_eq!(path.as_os_str().len() > LONGEST, depth > 0);
            let listener = listen(&path).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(accept(listener.as_fd()).unwrap().is_none(), "nobody has come yet");
            let client = connect(&path, Duration::from_secs(1)).unwrap();
            let server = accept(listener.as_fd()).unwrap().unwrap();
            assert_eq!(peer_uid(server.as_fd()).unwrap(), ids::uid());
            fdio::send(client.as_fd(), b"hello").unwrap();
            let mut buffer = [0; 16];
            assert_eq!(fdio::read(server.as_fd(), &mut buffer).unwrap(), Some(5));
            assert!(listen(&path).is_err(), "the name is taken");
        }
    }
}
