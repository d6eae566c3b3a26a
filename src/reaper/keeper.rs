//! `--guard`: a process beside heeler that ends the tree when heeler is killed.
//!
//! It is a copy of heeler, made before anything is started, child of whoever takes orphans above us. It is
//! not in the tree: not a descendant, in a session of its own, with nothing of ours open but one end of a
//! pipe. Through that pipe it is told the leader of each attempt before the leader's first instruction, and
//! at last that all is well. Until then it sleeps in one read; it costs two forks and no wake-up.
//!
//! When the pipe ends without the last word, heeler is dead, however that came. Then the keeper does what
//! `heeler reap` would, for this run alone, with the record from the pipe: the cgroup where there is one (a
//! proof), else leader, session, group, cookie and children (a scan; who left all of these has got away).
//!
//! What it must not do: print, hold a descriptor of the caller, take the run's lock (the run would seem
//! supervised), or outlive a heeler that ended normally.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use super::carry_out;
use super::survey::Survey;
use crate::core::ladder::Ladder;
use crate::core::reap::Selection;
use crate::core::record::{Leader, Record, RunFacts};
use crate::core::supervisor::{KILL, TERM};
use crate::store::{Store, lockfile};
use crate::sys::apart::{self, Side};
use crate::sys::{self, fdio, pidfd::PidFd};

/// Its name in a list of processes (15 bytes).
const NAME: &CStr = c"heeler-keeper";

/// The last line.
const DONE: &[u8] = b"done\n";

/// How long we wait for it to end after the last word; it only has to return from a read.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// How long its queries wait for other processes.
const BUSY: Duration = Duration::from_secs(5);

/// What it has to know.
#[derive(Clone, Debug)]
pub struct Ward {
    /// The run.
    pub facts: RunFacts,
    /// How the tree is ended.
    pub ladder: Ladder,
    /// Where the run is recorded, if it is.
    pub db: Option<PathBuf>,
}

/// Our side of it. Dropping it says that all is well, except in a panic.
#[derive(Debug)]
pub struct Keeper {
    pipe: OwnedFd,
    process: PidFd,
}

impl Keeper {
    /// Starts it; nothing for PID 1, with whom the kernel ends everyone.
    pub fn start(ward: Ward) -> io::Result<Option<Keeper>> {
        if sys::ids::pid() == 1 {
            return Ok(None);
        }
        let (read, pipe) = fdio::pipe()?;
        let fd = read.as_raw_fd();
        match apart::fork_apart(read.as_fd(), NAME)? {
            Side::Here(process) => Ok(Some(Keeper { pipe, process })),
            Side::Apart => {
                // The copies of what our caller owns are not ours to drop.
                std::mem::forget((read, pipe));
                // A fault of its own must not make it a second heeler.
                let keep = || keep(apart::kept(fd), ward);
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(keep));
                apart::leave()
            }
        }
    }

    /// Where the leader of the next attempt tells it who is to be ended: the line of the lock file. There is
    /// room for many; when the keeper is gone nobody reads it, which [`Keeper::gone`] says.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// Whether it has ended before its time.
    pub fn gone(&self) -> bool {
        self.process.exited().unwrap_or(false)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if fdio::write(self.pipe.as_fd(), DONE).is_ok() {
            // So that nothing of ours is left when we are.
            let _ = sys::pidfd::wait_any(&[&self.process], Some(LAST_WAIT));
        }
    }
}

/// The keeper's whole life.
fn keep(pipe: OwnedFd, ward: Ward) {
    let mut leaders: Vec<Leader> = Vec::new();
    let mut lines = BufReader::new(File::from(pipe));
    let mut line = Vec::new();
    loop {
        line.clear();
        match lines.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) if line == DONE => return,
            Ok(_) => leaders.extend(lockfile::parse_leader(&line)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if leaders.is_empty() {
        // Nothing was ever started: a child that was being born would have held the pipe open until it had
        // said who it is.
        return;
    }
    let Ward { facts, ladder, db } = ward;
    let gentle = || ladder.rungs().iter().take_while(|rung| rung.signal != KILL);
    let grace = gentle().map(|rung| rung.grace).fold(Duration::ZERO, Duration::saturating_add);
    // The kernel has sent the first signal to the last leader already, unless that changed its user.
    let told = leaders
        .last()
        .filter(|_| ladder.rungs()[0].signal == TERM)
        .filter(|leader| sys::proc::same_user(leader.seen.pid))
        .map(|leader| leader.seen);
    let selection = Selection {
        runs: Some(vec![facts.run.clone()]),
        uid: sys::ids::uid(),
        ..Selection::default()
    };
    let mut survey =
        Survey::new(db.as_deref().unwrap_or(std::path::Path::new("/nowhere/heeler.db")));
    let store = db.and_then(|db| Store::open_existing(&db, BUSY).ok().flatten());
    survey.only = Some(Box::new(Record { facts, leaders, sightings: Vec::new(), end: None }));
    // Nobody to tell what is left: `list` shows it.
    let _ = carry_out(&survey, store, &selection, Some(grace), told, &mut |_| {});
}
