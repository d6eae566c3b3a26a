//! A cgroup v2 leaf of our own: it holds one command's tree, ends it with one write (`cgroup.kill`), and
//! says when it is empty (`populated 0`). No controller is enabled, so nothing is moved or limited, and it
//! works in hybrid hierarchies too.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::proc::slurp;

/// A leaf. Dropping it leaves the directory; [`Leaf::remove`] removes it.
#[derive(Debug)]
pub struct Leaf {
    path: PathBuf,
    dir: OwnedFd,
    events: OwnedFd,
    kill: OwnedFd,
    killed: Cell<bool>,
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
        Ok(Leaf { path: path.to_owned(), events, kill, killed: Cell::new(false), inode, dir })
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
        populated(self.events.as_fd())
    }

    /// What [`Leaf::kill`] writes to.
    pub fn kill_fd(&self) -> BorrowedFd<'_> {
        self.kill.as_fd()
    }

    /// Kills every process in it and below it, those that are being forked too.
    pub fn kill(&self) -> io::Result<()> {
        rustix::io::write(&self.kill, b"1")?;
        self.killed.set(true);
        Ok(())
    }

    /// Whether that has been done. It is refused in a threaded cgroup.
    pub fn is_killed(&self) -> bool {
        self.killed.get()
    }

    /// The processes in it and below it.
    pub fn processes(&self) -> Vec<i32> {
        processes(&self.path)
    }

    /// It and those below it, by their inodes: what [`super::pidfd::About::cgroup`] names.
    pub fn inodes(&self) -> Vec<u64> {
        let mut found = Vec::new();
        visit(&self.path, &mut |dir| found.extend(rustix::fs::stat(dir).map(|stat| stat.st_ino)));
        found
    }

    /// CPU time of everyone who ever was in it: (user, system). The kernel counts it in every hierarchy of
    /// version 2, without a controller, and those that nobody waited for are in it too.
    pub fn cpu(&self) -> Option<(Duration, Duration)> {
        cpu_of(&self.text("cpu.stat")?)
    }

    /// The most memory that all of it used together, with what the kernel kept for it; absent without the
    /// memory controller (and before Linux 5.19).
    pub fn memory_peak(&self) -> Option<u64> {
        self.text("memory.peak")?.trim().parse().ok()
    }

    /// How many of its processes the kernel killed for want of memory; absent without the memory
    /// controller. `oom_kill` counts kills, `oom` only occasions (containerd#6323).
    pub fn oom_kills(&self) -> Option<u64> {
        number(&self.text("memory.events")?, "oom_kill")
    }

    /// One of its files, all of which fit.
    fn text(&self, name: &str) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::empty()).ok()?;
        let mut buffer = [0; 4096];
        let count = rustix::io::pread(file, &mut buffer, 0).ok()?;
        std::str::from_utf8(&buffer[..count]).ok().map(str::to_owned)
    }

    /// Removes it and what the command made below it, from the bottom up; false when something is in use.
    pub fn remove(&self) -> bool {
        remove(&self.path)
    }
}

/// The number behind `name` in a file of `name number` lines. The name is the whole word: `oom_kill` is not
/// `oom_group_kill`.
fn number(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(' ')?;
        (found == name).then(|| value.trim().parse().ok())?
    })
}

fn cpu_of(text: &str) -> Option<(Duration, Duration)> {
    let time = |name| number(text, name).map(Duration::from_micros);
    Some((time("user_usec")?, time("system_usec")?))
}

/// `CGROUP2_SUPER_MAGIC`.
const CGROUP2_MAGIC: u32 = 0x6367_7270;

/// A leaf that another heeler made, which may be dead. It is the directory itself that is held, so what is
/// done to it cannot hit a later one of the same name.
#[derive(Debug)]
pub struct Found {
    path: PathBuf,
    dir: OwnedFd,
}

impl Found {
    /// The leaf at `path`; nothing when there is none, or when it is another than the one with `inode`.
    pub fn open(path: &Path, inode: Option<u64>) -> Option<Found> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let dir = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        let same = inode
            .is_none_or(|inode| rustix::fs::fstat(&dir).is_ok_and(|stat| stat.st_ino == inode));
        let cgroup = rustix::fs::fstatfs(&dir).is_ok_and(|fs| fs.f_type as u32 == CGROUP2_MAGIC);
        (same && cgroup).then(|| Found { path: path.to_owned(), dir })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self, name: &str, access: OFlags) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(&self.dir, name, access | OFlags::CLOEXEC, Mode::empty())?)
    }

    /// Its `cgroup.events`, to be polled for an exceptional condition.
    pub fn events(&self) -> io::Result<OwnedFd> {
        self.file("cgroup.events", OFlags::RDONLY)
    }

    /// Whether a process is alive in it or below it; unknown counts as yes.
    pub fn populated(&self) -> bool {
        self.events().map_or_else(|error| !super::proc::is_gone(&error), |fd| populated(fd.as_fd()))
    }

    /// Kills every process in it and below it.
    pub fn kill(&self) -> io::Result<()> {
        rustix::io::write(self.file("cgroup.kill", OFlags::WRONLY)?, b"1")?;
        Ok(())
    }

    /// The processes in it and below it.
    pub fn processes(&self) -> Vec<i32> {
        processes(&self.path)
    }

    /// Removes it and what is below it, if nobody is alive there.
    pub fn remove(&self) -> bool {
        remove(&self.path)
    }

    /// How long nothing has been made or removed in it.
    pub fn age(&self) -> Duration {
        let changed = rustix::fs::fstat(&self.dir).map_or(0, |stat| stat.st_mtime);
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
        Duration::from_secs(now.saturating_sub(changed).try_into().unwrap_or_default())
    }
}

/// The directories below our own cgroup whose names begin with `prefix`.
pub fn below_own(prefix: &str) -> Vec<PathBuf> {
    let own = own_cgroup().and_then(|own| std::fs::read_dir(own).ok());
    own.into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)))
        .map(|entry| entry.path())
        .collect()
}

fn populated(events: BorrowedFd<'_>) -> bool {
    let mut buffer = [0; 128];
    match rustix::io::pread(events, &mut buffer, 0) {
        Ok(count) => !buffer[..count].split(|b| *b == b'\n').any(|line| line == b"populated 0"),
        // The directory is gone, and it can only go when it is empty.
        Err(rustix::io::Errno::NODEV) => false,
        Err(_) => true,
    }
}

fn processes(path: &Path) -> Vec<i32> {
    let mut found = Vec::new();
    visit(path, &mut |dir| found.extend(super::proc::cgroup_procs(dir).unwrap_or_default()));
    found
}

fn remove(path: &Path) -> bool {
    // Mostly there is nothing below it.
    if let Ok(()) | Err(rustix::io::Errno::NOENT) = rustix::fs::rmdir(path) {
        return true;
    }
    let mut below = Vec::new();
    visit(path, &mut |dir| below.push(dir.to_owned()));
    let mut removed = true;
    for dir in below.iter().rev() {
        let result = rustix::fs::unlinkat(rustix::fs::CWD, dir, AtFlags::REMOVEDIR);
        removed = matches!(result, Ok(()) | Err(rustix::io::Errno::NOENT));
    }
    removed
}

/// Calls `each` for `dir` and everything below it, parents first.
fn visit(dir: &Path, each: &mut dyn FnMut(&Path)) {
    each(dir);
    // A directory has two links, and one for each that is in it: mostly there is none to look for.
    if rustix::fs::stat(dir).is_ok_and(|stat| stat.st_nlink == 2) {
        return;
    }
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
    if let Some(mount) = whole_hierarchy() {
        return Some(Path::new(mount).join(path.trim_start_matches('/')));
    }
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

/// Where the whole hierarchy is mounted, if it is in one of the usual places. Making up the list of all mounts
/// takes the kernel as long as twenty other answers.
fn whole_hierarchy() -> Option<&'static str> {
    /// `PROC_CGROUP_INIT_INO`: in the first namespace paths begin at the root of the hierarchy ...
    const FIRST_NAMESPACE: u64 = 0xEFFF_FFFB;
    /// ... which has the first inode.
    const ROOT: u64 = 1;
    if rustix::fs::stat("/proc/self/ns/cgroup").ok()?.st_ino != FIRST_NAMESPACE {
        return None;
    }
    // systemd's: version 2 alone, and beside version 1.
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].into_iter().find(|place| {
        rustix::fs::statfs(*place).is_ok_and(|fs| fs.f_type as u32 == CGROUP2_MAGIC)
            && rustix::fs::stat(*place).is_ok_and(|stat| stat.st_ino == ROOT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let events = "low 0\nhigh 0\nmax 5\noom 2\noom_kill 3\noom_group_kill 1\n";
        assert_eq!(number(events, "oom_kill"), Some(3), "kills, not occasions");
        assert_eq!(number(events, "oom_kil"), None);
        assert_eq!(number("", "oom_kill"), None);
        let stat = "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnice_usec 0\n";
        let micros = Duration::from_micros;
        assert_eq!(cpu_of(stat), Some((micros(10), micros(20))));
        assert_eq!(cpu_of("usage_usec 30\n"), None);
    }

    /// Files with the kernel's names and content: few machines let a test have a memory controller.
    #[test]
    fn a_leaf_with_a_memory_controller_counts_kills() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = rustix::fs::open(
                dir.path().join(name),
                OFlags::CREATE | OFlags::WRONLY,
                Mode::from_raw_mode(0o600),
            );
            rustix::io::write(file.unwrap(), text.as_bytes()).unwrap();
        };
        write("cgroup.events", "populated 0\nfrozen 0\n");
        write("cgroup.kill", "");
        let leaf = Leaf::open(dir.path()).unwrap();
        assert_eq!((leaf.oom_kills(), leaf.memory_peak()), (None, None), "no controller");
        write("memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 2\noom_group_kill 0\n");
        write("memory.peak", "25165824\n");
        assert_eq!((leaf.oom_kills(), leaf.memory_peak()), (Some(2), Some(25_165_824)));
        assert!(!leaf.populated());
    }

    #[test]
    fn an_ordinary_directory_is_no_leaf() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Found::open(dir.path(), None).is_none());
        assert!(Found::open(&dir.path().join("none"), None).is_none());
    }

    #[test]
    fn a_found_leaf_is_told_by_its_inode() {
        let Ok(leaf) = Leaf::create(&format!("heeler-test-{}", super::super::ids::pid())) else {
            return; // No cgroup v2 that we may write.
        };
        assert!(Found::open(leaf.path(), Some(leaf.inode() + 1)).is_none());
        let found = Found::open(leaf.path(), Some(leaf.inode())).expect("it is there");
        assert!(!found.populated());
        assert!(found.processes().is_empty());
        found.kill().expect("it may be killed");
        assert!(found.remove());
        assert!(!found.populated(), "gone is empty");
        assert!(Found::open(leaf.path(), None).is_none());
    }
}
