//! What this machine allows, found by trying it: for `doctor`. Each verb leaves things as they were.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::proc::slurp;

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
    let own = own_cgroup().ok_or("no cgroup v2 file system is mounted")?;
    let leaf = own.join(format!("heeler-doctor-{}", super::ids::pid()));
    let named = |what: &str, path: &Path, error: &io::Error| {
        format!("cannot {what} {}: {error}", path.display())
    };
    std::fs::create_dir(&leaf).map_err(|error| named("make", &leaf, &error))?;
    // Whether a process may be moved is a question of its own (the common ancestor has to be writable), and
    // only moving answers it; but opening for writing tells the usual refusals.
    let procs = leaf.join("cgroup.procs");
    let opened = rustix::fs::open(&procs, rustix::fs::OFlags::WRONLY, rustix::fs::Mode::empty())
        .map(drop)
        .map_err(|errno| named("open", &procs, &errno.into()));
    let kill = leaf.join("cgroup.kill").exists();
    std::fs::remove_dir(&leaf).map_err(|error| named("remove", &leaf, &error))?;
    opened?;
    if kill { Ok(own) } else { Err("the kernel has no cgroup.kill (Linux 5.14)".into()) }
}

/// The directory of our own cgroup in the v2 hierarchy.
fn own_cgroup() -> Option<PathBuf> {
    let own = String::from_utf8(slurp("/proc/self/cgroup").ok()?).ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mounts = String::from_utf8(slurp("/proc/self/mountinfo").ok()?).ok()?;
    let (root, mount) = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(3);
        (right.split(' ').next() == Some("cgroup2")).then_some((fields.next()?, fields.next()?))
    })?;
    // In a container the mount may show a part of the hierarchy only.
    let inside = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    Some(Path::new(mount).join(inside.trim_start_matches('/')))
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

/// The kernel's release.
pub fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
