//! A cgroup v2 leaf of our own: it holds one command's tree, ends it with one write (`cgroup.kill`), and
//! says when it is empty (`populated 0`). No controller is enabled, so nothing is moved or limited, and it
//! works in hybrid hierarchies too.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::proc::slurp;

/// A leaf. Dropping it leaves the directory; [`Leaf::remove`] removes it.
#[derive(Debug)]
pub struct Leaf {
    path: PathBuf,
    dir: OwnedFd,
    events: OwnedFd,
    kill: OwnedFd,
    inode: u64,
}

impl Leaf {
    /// Makes a leaf under our own cgroup; an error says which step the system refused.
    pub fn create(name: &str) -> Result<Leaf, String> {
        let own = own_cgroup().ok_or("no cgroup v2 file system is mounted")?;
        let path = own.join(name);
        let named = |what: &str, error: rustix::io::Errno| {
            format!("cannot {what} {}: {}", path.display(), io::Error::from(error))
        };
        rustix::fs::mkdir(&path, Mode::from_raw_mode(0o755)).map_err(|e| named("make", e))?;
        Leaf::open(&path).map_err(|error| {
            let _ = rustix::fs::rmdir(&path);
            named("use", error)
        })
    }

    fn open(path: &Path) -> Result<Leaf, rustix::io::Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(path, flags, Mode::empty())?;
        let inside = |name: &str, access| {
            rustix::fs::openat(&dir, name, access | OFlags::CLOEXEC, Mode::empty())
        };
        let events = inside("cgroup.events", OFlags::RDONLY)?;
        // Linux 5.14; without it a subreaper does as well.
        let kill = inside("cgroup.kill", OFlags::WRONLY)?;
        let inode = rustix::fs::fstat(&dir)?.st_ino;
        Ok(Leaf { path: path.to_owned(), events, kill, inode, dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells it from a later directory of the same name.
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// For a clone into it.
    pub(super) fn dir(&self) -> RawFd {
        self.dir.as_raw_fd()
    }

    /// To poll for a change of [`Leaf::populated`], as an exceptional condition.
    pub fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Whether a process is alive in it or below it. Zombies do not count. Reading also arms the next
    /// notice.
    pub fn populated(&self) -> bool {
        let mut buffer = [0; 128];
        match rustix::io::pread(&self.events, &mut buffer, 0) {
            Ok(count) => !buffer[..count].split(|b| *b == b'\n').any(|line| line == b"populated 0"),
            // The directory is gone, and it can only go when it is empty.
            Err(rustix::io::Errno::NODEV) => false,
            Err(_) => true,
        }
    }

    /// Kills every process in it and below it, those that are being forked too.
    pub fn kill(&self) -> io::Result<()> {
        rustix::io::write(&self.kill, b"1")?;
        Ok(())
    }

    /// The processes in it and below it.
    pub fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        visit(&self.path, &mut |dir| {
            found.extend(super::proc::cgroup_procs(dir).unwrap_or_default());
        });
        found
    }

    /// How many of its processes the kernel killed for want of memory; absent without the memory
    /// controller. `oom_kill` counts kills, `oom` only occasions (containerd#6323).
    pub fn oom_kills(&self) -> Option<u64> {
        let text = slurp(self.path.join("memory.events")).ok()?;
        let text = std::str::from_utf8(&text).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
    }

    /// Removes it and what the command made below it, from the bottom up; false when something is in use.
    pub fn remove(&self) -> bool {
        let mut below = Vec::new();
        visit(&self.path, &mut |dir| below.push(dir.to_owned()));
        let mut removed = true;
        for dir in below.iter().rev() {
            let result = rustix::fs::unlinkat(rustix::fs::CWD, dir, AtFlags::REMOVEDIR);
            removed = matches!(result, Ok(()) | Err(rustix::io::Errno::NOENT));
        }
        removed
    }
}

/// Calls `each` for `dir` and everything below it, parents first.
fn visit(dir: &Path, each: &mut dyn FnMut(&Path)) {
    each(dir);
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&entry.path(), each);
        }
    }
}

/// The directory of our own cgroup in the v2 hierarchy.
pub fn own_cgroup() -> Option<PathBuf> {
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
