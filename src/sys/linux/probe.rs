//! What this machine allows, found by trying it: for `doctor`. Each verb leaves things as they were.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::cgroup::Leaf;

/// Opens a PTY pair and closes it. Returns the name of its end.
pub fn pty() -> io::Result<String> {
    let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    rustix::fs::open(
        name.as_c_str(),
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    Ok(name.to_string_lossy().into_owned())
}

/// Whether the kernel has child subreapers (Linux 3.4), asked without becoming one.
pub fn subreaper() -> io::Result<()> {
    rustix::process::child_subreaper()?;
    Ok(())
}

/// Makes a cgroup v2 leaf under our own and removes it. Returns where; an error says which step failed.
pub fn cgroup_leaf() -> Result<PathBuf, String> {
    let leaf = Leaf::create(&format!("heeler-doctor-{}", super::ids::pid()))?;
    let own = leaf.path().parent().unwrap_or(leaf.path()).to_owned();
    if leaf.remove() { Ok(own) } else { Err(format!("cannot remove {}", leaf.path().display())) }
}

/// A limit of ours: soft and hard; absent is unlimited.
pub type Limit = (Option<u64>, Option<u64>);

/// How many descriptors we may have open.
pub fn descriptors() -> Limit {
    let limit = getrlimit(Resource::Nofile);
    (limit.current, limit.maximum)
}

/// How many processes our user may have.
pub fn processes() -> Limit {
    let limit = getrlimit(Resource::Nproc);
    (limit.current, limit.maximum)
}

/// Connects to a socket and closes the connection.
pub fn socket(path: &Path) -> io::Result<()> {
    UnixStream::connect(path).map(drop)
}

/// Which of stdin, stdout and stderr are a terminal.
pub fn terminals() -> [bool; 3] {
    use std::io::IsTerminal;
    [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()]
}

/// The name of this machine.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The kernel's release.
pub fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
