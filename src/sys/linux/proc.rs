//! What `/proc` tells about processes. Verbs only: who belongs to whom is decided elsewhere.
//!
//! A process can vanish between any two reads, and its number can be given to another. A single read is of
//! one process (the kernel resolves the directory once); two reads are not, unless a pidfd that has not
//! exited was held around them ([`super::pidfd`]).

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};

/// The fields of `/proc/PID/stat` that tell who a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Process id.
    pub pid: i32,
    /// Name, at most 15 bytes; bytes that are not UTF-8 become U+FFFD.
    pub comm: String,
    /// State letter, `R`, `S`, `D`, `T`, `Z` and so on.
    pub state: u8,
    /// Parent.
    pub ppid: i32,
    /// Process group.
    pub pgrp: i32,
    /// Session.
    pub session: i32,
    /// Threads; a dead process that nobody collected has at most the one.
    pub threads: u32,
    /// When it started: raw clock ticks since boot. Never converted, so never rounded.
    pub start_ticks: u64,
}

impl Stat {
    /// Whether it has ended: a zombie holds its number, but nothing can be done to it. (A process whose first
    /// thread has ended while others run also shows `Z`; it lives.)
    pub fn dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }

    /// Reads the content of a stat file. The name may hold blanks, brackets and newlines, so the fields are
    /// counted from the last `)`, which only the kernel can have written.
    pub fn parse(text: &[u8]) -> Option<Stat> {
        let open = text.iter().position(|&b| b == b'(')?;
        let close = text.iter().rposition(|&b| b == b')')?;
        let pid = std::str::from_utf8(&text[..open]).ok()?.trim().parse().ok()?;
        let comm = String::from_utf8_lossy(text.get(open + 1..close)?).into_owned();
        let mut fields = std::str::from_utf8(&text[close + 1..]).ok()?.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        let parent = fields.next()?.parse().ok()?;
        let pgrp = fields.next()?.parse().ok()?;
        let session = fields.next()?.parse().ok()?;
        // Fields 20 and 22 of the file; `session` was field 6.
        let threads = fields.nth(13)?.parse().ok()?;
        let start_ticks = fields.nth(1)?.parse().ok()?;
        Some(Stat { pid, comm, state, ppid: parent, pgrp, session, threads, start_ticks })
    }
}

/// Whether there is a `/proc` that shows us.
pub fn is_there() -> bool {
    matches!(stat(super::ids::pid()), Ok(Some(_)))
}

/// Who `pid` is; nothing when there is no such process.
pub fn stat(pid: i32) -> io::Result<Option<Stat>> {
    // The kernel writes the line at once; with every number at its longest it has half of this.
    let mut text = [0; 2048];
    let path = format!("/proc/{pid}/stat");
    let read = open(Path::new(&path)).and_then(|file| Ok(rustix::io::read(file, &mut text)?));
    let Some(filled) = present(read)? else { return Ok(None) };
    match Stat::parse(&text[..filled]) {
        Some(stat) => Ok(Some(stat)),
        // An empty read is a process that went away between open and read.
        None if filled == 0 => Ok(None),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, path)),
    }
}

/// One variable of the environment that `pid` was started with; nothing when it has none, or is gone.
///
/// The kernel shows the memory where the environment was at exec: a program that changes its own
/// environment later still shows the old value, one that overwrites the area (`setproctitle`) does not.
/// A process of another user, or one that changed its user, is a `PermissionDenied`.
pub fn environ_var(pid: i32, name: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(text) = present(slurp(format!("/proc/{pid}/environ")))? else { return Ok(None) };
    let found = text.split(|&b| b == 0).find_map(|entry| {
        entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
    });
    Ok(found.map(<[u8]>::to_vec))
}

/// The arguments of `pid`; empty for a kernel thread, a zombie, or when it is gone.
pub fn cmdline(pid: i32) -> io::Result<Vec<Vec<u8>>> {
    let Some(mut text) = present(slurp(format!("/proc/{pid}/cmdline")))? else {
        return Ok(Vec::new());
    };
    if text.last() == Some(&0) {
        text.pop();
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    Ok(text.split(|&b| b == 0).map(<[u8]>::to_vec).collect())
}

/// Every process id that is visible. Not a snapshot: a directory read misses what forks and exits meanwhile.
pub fn pids() -> io::Result<Vec<i32>> {
    numbers(Path::new("/proc"))
}

/// The children of `pid`, from the kernel's own list where it keeps one (`CONFIG_PROC_CHILDREN`), else by
/// looking at everyone's parent.
pub fn children(pid: i32) -> io::Result<Vec<i32>> {
    let Some(tasks) = present(tasks(pid))? else { return Ok(Vec::new()) };
    children_of(pid, &tasks)
}

/// Our children. We have one thread.
pub fn own_children() -> io::Result<Vec<i32>> {
    let us = super::ids::pid();
    children_of(us, &[us])
}

/// The children of a process that has just been looked at: with one thread, as most have, there is no need to
/// ask for its threads.
pub fn children_after(stat: &Stat) -> io::Result<Vec<i32>> {
    if stat.threads == 1 { children_of(stat.pid, &[stat.pid]) } else { children(stat.pid) }
}

fn children_of(pid: i32, tasks: &[i32]) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for task in tasks {
        match slurp(format!("/proc/{pid}/task/{task}/children")) {
            Ok(text) => found.extend(
                String::from_utf8_lossy(&text)
                    .split_ascii_whitespace()
                    .filter_map(|word| word.parse::<i32>().ok()),
            ),
            // Either this thread has just ended, or the kernel has no such file at all.
            Err(error) if is_gone(&error) => {
                if !Path::new("/proc/thread-self/children").exists() {
                    return children_by_parent(pid);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Tells the last number that was given to a process or a thread of our namespace. As long as it stays the same
/// nobody has forked.
#[derive(Debug)]
pub struct LastPid(OwnedFd);

impl LastPid {
    /// Absent where the kernel does not tell (`CONFIG_CHECKPOINT_RESTORE`).
    pub fn open() -> Option<LastPid> {
        open(Path::new("/proc/sys/kernel/ns_last_pid")).ok().map(LastPid)
    }

    /// A single call, for that is asked for every member.
    pub fn get(&self) -> Option<i32> {
        let mut text = [0; 16];
        let count = rustix::io::pread(&self.0, &mut text, 0).ok()?;
        std::str::from_utf8(&text[..count]).ok()?.trim().parse().ok()
    }
}

/// The threads of `pid`. The links of the directory are two and one for each thread, so a process with one
/// thread costs one system call.
fn tasks(pid: i32) -> io::Result<Vec<i32>> {
    use std::os::unix::fs::MetadataExt;
    let dir = format!("/proc/{pid}/task");
    if std::fs::metadata(&dir)?.nlink() == 3 { Ok(vec![pid]) } else { numbers(Path::new(&dir)) }
}

fn children_by_parent(pid: i32) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for candidate in pids()? {
        if let Ok(Some(stat)) = stat(candidate)
            && stat.ppid == pid
        {
            found.push(candidate);
        }
    }
    Ok(found)
}

/// The effective user of `pid`, as the owner of its directory; nothing when it is gone. (The directory of a
/// process that may not be dumped belongs to root, which only makes us more careful.)
pub fn uid(pid: i32) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;
    Ok(present(std::fs::metadata(format!("/proc/{pid}")))?.map(|meta| meta.uid()))
}

/// Whether `pid` has our users and groups, all of them: then nothing that it executed changed them.
pub fn same_user(pid: i32) -> bool {
    let of = |pid: &str| {
        let text = slurp(format!("/proc/{pid}/status")).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        Some((line("Uid:")?, line("Gid:")?))
    };
    let theirs = of(&pid.to_string());
    theirs.is_some() && theirs == of("self")
}

/// Whether `pid` ignores `signal`.
pub fn ignores(pid: i32, signal: i32) -> bool {
    let Ok(text) = slurp(format!("/proc/{pid}/status")) else { return false };
    let text = String::from_utf8_lossy(&text).into_owned();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The processes of a cgroup v2 directory.
pub fn cgroup_procs(dir: &Path) -> io::Result<Vec<i32>> {
    let Some(text) = present(slurp(dir.join("cgroup.procs")))? else { return Ok(Vec::new()) };
    Ok(String::from_utf8_lossy(&text).lines().filter_map(|line| line.parse().ok()).collect())
}

/// How long ago the machine booted, time in suspend included: the clock that start ticks count on.
pub fn uptime() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec as u32)
}

/// How many start ticks are a second.
pub fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second()
}

/// How long a process that started at `start_ticks` has been there.
pub fn age(start_ticks: u64) -> Duration {
    let hz = ticks_per_second().max(1);
    let start = Duration::from_secs(start_ticks / hz)
        + Duration::from_millis((start_ticks % hz) * 1000 / hz);
    uptime().saturating_sub(start)
}

/// Whether an error says that the process is no longer there: the directory is gone (`ENOENT`), or it went
/// between open and read (`ESRCH`).
pub fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn numbers(dir: &Path) -> io::Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        if let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push(number);
        }
    }
    Ok(found)
}

/// Not with the standard library: musl asks the kernel a second time to close it on exec.
fn open(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Reads a file of the kernel's whole. Their size is not known beforehand, and most are small.
pub(super) fn slurp(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = open(path.as_ref())?;
    let mut text = vec![0; 1024];
    let mut filled = 0;
    loop {
        match rustix::io::read(&file, &mut text[filled..]) {
            Ok(0) => {
                text.truncate(filled);
                return Ok(text);
            }
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if filled == text.len() {
            text.resize(filled * 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_blanks_and_newlines_does_not_shift_the_fields() {
        for name in ["sh", "a b", "(sd-pam)", ") R 1 1 1 (", "x\ny"] {
            let line = format!(
                "4711 ({name}) S 17 18 19 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 987654321 1 2 3\n"
            );
            let stat = Stat::parse(line.as_bytes()).expect("a stat line");
            assert_eq!(
                (stat.pid, stat.comm.as_str(), stat.state, stat.ppid, stat.pgrp, stat.session),
                (4711, name, b'S', 17, 18, 19)
            );
            assert_eq!((stat.threads, stat.start_ticks), (3, 987_654_321));
        }
    }

    #[test]
    fn a_torn_line_is_no_process() {
        for line in ["", "12", "12 (x", "12 (x) ", "12 (x) S 1 2 3", ") ("] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line:?}");
        }
    }

    #[test]
    fn we_see_ourselves_and_our_parent_sees_us() {
        let me = std::process::id() as i32;
        let stat = stat(me).unwrap().expect("we are there");
        assert_eq!(stat.pid, me);
        assert!(!stat.dead());
        assert!(pids().unwrap().contains(&me));
        assert!(children(stat.ppid).unwrap_or_else(|_| vec![me]).contains(&me));
        assert!(children_by_parent(stat.ppid).unwrap().contains(&me));
        assert!(!cmdline(me).unwrap().is_empty());
        assert_eq!(uid(me).unwrap(), Some(rustix::process::geteuid().as_raw()));
        assert!(age(stat.start_ticks) < uptime());
    }

    #[test]
    fn nobody_is_there_under_a_number_that_cannot_be() {
        assert_eq!(stat(i32::MAX).unwrap(), None);
        assert_eq!(environ_var(i32::MAX, "PATH").unwrap(), None);
        assert_eq!(uid(i32::MAX).unwrap(), None);
        assert_eq!(children(i32::MAX).unwrap(), Vec::<i32>::new());
    }
}
