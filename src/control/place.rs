//! Where a detached run keeps its socket, its log and what is left after it; and which run a word means,
//! without opening the database.
//!
//! ```text
//! <db>-runs/<run>.sock     while it runs, beside its lock file
//! <db>-logs/<run>.log      the output, and <run>.log.1 what came before
//! <db>-logs/<run>.rest     after the end: what no `expect` has consumed
//! ```
//!
//! They are beside the database rather than in a place of the login session, because a client in another
//! session (a cron job, `sudo -u`) has to find the same.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::lockfile::{self, Found, Held};
use crate::store::{id, place};

const SOCKET: &str = ".sock";

/// The socket of a run.
pub fn socket(db: &Path, run: &str) -> PathBuf {
    place::runs_dir(db).join(format!("{run}{SOCKET}"))
}

/// The directory of the logs.
pub fn logs_dir(db: &Path) -> PathBuf {
    place::suffixed(db, "-logs")
}

/// The log of a run.
pub fn log(db: &Path, run: &str) -> PathBuf {
    logs_dir(db).join(format!("{run}.log"))
}

/// What is left of a run's output for who asks after its end.
pub fn rest(db: &Path, run: &str) -> PathBuf {
    logs_dir(db).join(format!("{run}.rest"))
}

/// Makes the directories, private.
pub fn prepare(db: &Path) -> io::Result<()> {
    place::private_dir(&place::runs_dir(db))?;
    place::private_dir(&logs_dir(db))
}

/// Why a word means no detached run that lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// None fits; one that has ended may.
    None,
    /// Several fit: their ids.
    Several(Vec<String>),
}

/// The detached run that `word` means, among those that live: an id, else a name, else the beginning of
/// exactly one id.
pub fn living(db: &Path, word: &str) -> Result<String, Unresolved> {
    // The usual case costs one system call: who connects finds out whether it lives.
    if id::is_run_id(word) && socket(db, word).exists() {
        return Ok(word.to_owned());
    }
    let runs = sockets(db);
    let named = among(db, &runs, word);
    let begun = || runs.iter().filter(|run| run.starts_with(word) && lives(db, run).is_some());
    let found = if named.is_empty() { begun().cloned().collect() } else { named };
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Unresolved::None),
        _ => Err(Unresolved::Several(found)),
    }
}

/// The detached runs that live and have this name.
pub fn named(db: &Path, name: &str) -> Vec<String> {
    among(db, &sockets(db), name)
}

fn among(db: &Path, runs: &[String], name: &str) -> Vec<String> {
    let called = |run: &&String| {
        let record = lives(db, run).and_then(|found| found.record);
        record.is_some_and(|record| record.facts.name.as_deref() == Some(name))
    };
    runs.iter().filter(called).cloned().collect()
}

fn lives(db: &Path, run: &str) -> Option<Found> {
    lockfile::look(db, run).filter(|found| found.held != Held::No)
}

/// The runs that have a socket, in the order of their ids.
fn sockets(db: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(place::runs_dir(db)).into_iter().flatten().flatten();
    let mut runs: Vec<String> = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(SOCKET)?.to_owned()))
        .filter(|run| id::is_run_id(run))
        .collect();
    runs.sort();
    runs
}

/// How long what a run has written is kept after its end: as long as its record.
const KEPT: Duration = Duration::from_hours(14 * 24);

/// Removes what runs have written that ended long ago. A file that somebody still writes to is young.
pub fn remove_old(db: &Path) {
    for entry in std::fs::read_dir(logs_dir(db)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let run = name.to_str().and_then(|name| name.split('.').next()).unwrap_or_default();
        let written = entry.metadata().and_then(|meta| meta.modified()).ok();
        // A clock that was set back makes it young for longer.
        let old = written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > KEPT);
        if old && id::is_run_id(run) && !socket(db, run).exists() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Removes the sockets of runs whose heeler was killed.
pub fn remove_stale(db: &Path) {
    for run in sockets(db) {
        // A socket is made while the lock is held, and removed before it is given up.
        if lockfile::look(db, &run).is_none_or(|found| found.held == Held::No) {
            let _ = std::fs::remove_file(socket(db, &run));
        }
    }
}
