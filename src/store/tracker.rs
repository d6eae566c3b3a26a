//! A run's own record of itself: what the runtime calls.
//!
//! ```text
//! begin      before the spawn    lock file made, locked, filled      (--track require: the row too)
//! announce   before each spawn   what the leader is to write into the lock file before its exec
//! spawned    after each spawn    nothing, where the lock file has it
//! lasting    after 100 ms        the row (after 200, 400 and so on where others were writing just then), and room
//!                                for the end in the lock file
//! finished   at the end          the lock file is completed and stays: the row is owed
//!                                (with --track require, or members left: the row is completed, too)
//! ```
//!
//! Opening the database costs more than all the rest of a short run's start and end, and completing the row of
//! a long one as much as ending its tree. So a run leaves what the database is to know in its lock file, and
//! whoever is at the database next takes it in ([`super::ingest`]): everyone who asks, and now and then a run
//! that ends. Where that cannot be relied on (no database yet, or one that is damaged, foreign, newer or
//! read-only, as its first bytes tell, or that could not be written during the run; no lock file; members left)
//! the row is written at once: right after the spawn, and at the end. An end that the database cannot take then,
//! for want of room or because others write it for too long, is left in the lock file all the same.
//!
//! While the child runs nothing waits for others who write the database: limits, its output and whoever asks for
//! its end would wait as well. What could not be written then is in the lock file and written or owed at the end,
//! when there is time. The connection is opened after the first spawn and used by this thread alone.

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::db::{Store, StoreError};
use super::lockfile::{Finish, LockFile};
use super::write::{self, AttemptEndRow};
use crate::core::identity::{Scope, Sighting};
use crate::core::outcome::Outcome;
use crate::core::record::{End, Leader, Leaf, RunFacts};
use crate::sys;

/// How long the end may wait for other processes: longer than a hundred that end in the same moment need.
const BUSY_END: Duration = Duration::from_secs(5);

/// A longer report goes into the database at once.
const OWED: usize = 256 << 10;
/// How many runs one that ends takes in: it does some of the others' work, not all that there may be.
const AT_ONCE: usize = 256;

/// What a failure to record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A warning.
    Auto,
    /// A failure to start: `--track require`.
    Require,
}

/// What the runtime knows before the first spawn. Masked already: no secret may be in it.
#[derive(Clone, Debug, Default)]
pub struct RunStart {
    /// From [`super::id::new_run_id`].
    pub run: String,
    /// `--name`.
    pub name: Option<String>,
    /// `--tag`.
    pub tags: std::collections::BTreeMap<String, String>,
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// Its working directory.
    pub cwd: Option<String>,
    /// `pty`, `pipe` or `inherit`.
    pub mode: Option<String>,
    /// Wall clock, milliseconds since 1970.
    pub started_ms: i64,
    /// The run around this one: the last element of our own cookie.
    pub parent_run: Option<String>,
}

/// The leader of an attempt that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderFacts {
    /// 1 for the first.
    pub attempt: u32,
    /// Its process id.
    pub pid: i32,
    /// From `/proc/PID/stat`; absent when it could not be read.
    pub start_ticks: Option<u64>,
    /// From its pidfd.
    pub pidfs_ino: Option<u64>,
    /// Its process group.
    pub pgid: i32,
    /// Its session.
    pub sid: i32,
    /// Wall clock, milliseconds since 1970.
    pub started_ms: i64,
    /// Path and inode of the cgroup leaf that holds the tree.
    pub cgroup: Option<(String, u64)>,
}

impl From<&LeaderFacts> for Leader {
    fn from(leader: &LeaderFacts) -> Leader {
        Leader {
            attempt: leader.attempt,
            seen: Sighting {
                pid: leader.pid,
                start_ticks: leader.start_ticks,
                pidfs_ino: leader.pidfs_ino,
            },
            pgid: leader.pgid,
            sid: leader.sid,
            started_ms: leader.started_ms,
            cgroup: leader.cgroup.clone().map(|(path, ino)| Leaf { path, ino }),
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptEnd {
    /// 1 for the first.
    pub attempt: u32,
    /// Wall clock, milliseconds since 1970.
    pub ended_ms: i64,
    /// How and why.
    pub outcome: Outcome,
    /// The leader's exit code.
    pub exit_code: Option<i32>,
    /// The signal that ended the leader.
    pub signal: Option<i32>,
}

/// How the run ended.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// How and why.
    pub outcome: Outcome,
    /// heeler's exit code.
    pub exit_code: i32,
    /// Wall clock, milliseconds since 1970.
    pub ended_ms: i64,
    /// Whether members are alive that a later `reap` is to end (`--strays leave`, or unkillable ones). Not
    /// for `--strays release`.
    pub left_members: bool,
    /// Who they are, as far as they are known; `reap` also finds them by group and cookie.
    pub left: Vec<Sighting>,
    /// The report as JSON, masked.
    pub report_json: String,
}

/// The record of one run, while it runs.
#[derive(Debug)]
pub struct Tracker {
    db: PathBuf,
    facts: RunFacts,
    lock: Option<LockFile>,
    store: Option<Store>,
    attempts: Vec<(Leader, Option<AttemptEndRow>)>,
    /// Whether the leader of the attempt writes itself into the lock file.
    announced: bool,
    /// Whether the row can wait until someone takes it in.
    can_wait: bool,
    /// How many of `attempts` are in the database in their final form.
    written: usize,
    has_row: bool,
    warned: bool,
}

impl Tracker {
    /// Makes the lock file; with [`Policy::Require`] the row too, and only then can this fail. The strings
    /// are warnings for the report.
    pub fn begin(
        db: &Path,
        policy: Policy,
        start: &RunStart,
    ) -> Result<(Tracker, Vec<String>), StoreError> {
        let mut tracker = Tracker {
            db: db.to_owned(),
            facts: facts(start),
            lock: None,
            store: None,
            attempts: Vec::new(),
            announced: false,
            can_wait: policy == Policy::Auto && super::db::looks_fine(db),
            written: 0,
            has_row: false,
            warned: false,
        };
        let mut warnings = Vec::new();
        match LockFile::create(db, &tracker.facts) {
            Ok(lock) => tracker.lock = Some(lock),
            Err(source) => {
                let error = StoreError::Place { path: super::place::runs_dir(db), source };
                if policy == Policy::Require {
                    return Err(error);
                }
                warnings.extend(tracker.warn(&error));
            }
        }
        if policy == Policy::Require
            && let Err(error) = tracker.flush(BUSY_END, None)
        {
            tracker.drop_lock();
            return Err(error);
        }
        Ok((tracker, warnings))
    }

    /// Where the leader of the next attempt writes its line, when there is a lock file.
    pub fn announce(&mut self) -> Option<BorrowedFd<'_>> {
        self.announced = self.lock.is_some();
        self.lock.as_ref().map(LockFile::fd)
    }

    /// Notes the leader of an attempt. To be called right after the spawn.
    pub fn spawned(&mut self, leader: &LeaderFacts) -> Option<String> {
        let leader = Leader::from(leader);
        // A full disk shows here first; the row's own failure says so too.
        let lock = self.lock.as_mut().filter(|_| !self.announced);
        let noted = lock.map_or(Ok(()), |lock| lock.leader(&leader));
        self.attempts.push((leader, None));
        self.can_wait &= self.lock.is_some();
        if (!self.can_wait || self.store.is_some())
            && let Some(warning) = self.row()
        {
            return Some(warning);
        }
        let source = noted.err()?;
        let path = super::place::runs_dir(&self.db);
        self.warn(&StoreError::Place { path, source })
    }

    /// To be called when the run has lasted for [`SHORT`](crate::core::record::SHORT). Says whether there is a row now,
    /// or will never be; else it is to be called again when the run has lasted for twice as long.
    pub fn lasting(&mut self, warnings: &mut Vec<String>) -> bool {
        self.lock.as_ref().map(LockFile::reserve);
        if !self.has_row && !self.warned {
            warnings.extend(self.row());
        }
        self.has_row || self.warned
    }

    fn row(&mut self) -> Option<String> {
        match self.flush(Duration::ZERO, None) {
            // Somebody writes just now, and nothing of the child's waits for them: there is another chance.
            Ok(()) | Err(StoreError::Busy { .. }) => None,
            Err(error) => self.warn(&error),
        }
    }

    /// Notes how an attempt ended; it reaches the disk with the next spawn or the end.
    pub fn attempt_ended(&mut self, end: &AttemptEnd) {
        if let Some((_, slot)) =
            self.attempts.iter_mut().find(|(leader, _)| leader.attempt == end.attempt)
        {
            *slot = Some(AttemptEndRow {
                ended_ms: end.ended_ms,
                outcome: word(end.outcome),
                exit_code: end.exit_code,
                signal: end.signal,
            });
        }
    }

    /// Completes the record. Not called (a crash): the lock is free and the record open, which is the truth.
    pub fn finished(mut self, end: &RunEnd) -> Option<String> {
        if self.owe(end) {
            let warning = if self.takes_in() { self.take_in() } else { None };
            // Nothing is under way in it, and the kernel closes it quicker when we exit.
            std::mem::forget(self.store.take());
            return warning;
        }
        let written = self.flush(BUSY_END, Some(end));
        if end.left_members {
            // The lock goes with this process; the file stays, for `list` and `reap`.
            if let Some(lock) = self.lock.as_mut() {
                let _ = lock
                    .end(&end_of(end), &end.left, None)
                    .or_else(|_| lock.short_end(&end_of(end), None));
            }
            return written.err().and_then(|error| self.warn(&error));
        }
        match written {
            Err(
                error
                @ (StoreError::Full { .. } | StoreError::Busy { .. } | StoreError::Sql { .. }),
            ) => self.keep(end, &error),
            written => {
                self.drop_lock();
                written.err().and_then(|error| self.warn(&error))
            }
        }
    }

    /// Leaves in the lock file what the database is owed; false when that is not to be, or fails.
    fn owe(&mut self, end: &RunEnd) -> bool {
        if !self.can_wait || self.warned || end.left_members || end.report_json.len() > OWED {
            return false;
        }
        let finish = self.finish(end);
        let Some(lock) = self.lock.as_mut().filter(|lock| lock.is_there()) else { return false };
        lock.end(&end_of(end), &[], Some(finish)).is_ok()
    }

    /// Leaves in the lock file what the database, for `why`, does not take now, or as much of that as there is room for.
    fn keep(&mut self, end: &RunEnd, why: &StoreError) -> Option<String> {
        let (finish, end) = (self.finish(end), end_of(end));
        let whole = finish.report.is_some();
        if let Some(lock) = self.lock.as_mut().filter(|lock| lock.is_there()) {
            if whole && lock.end(&end, &[], Some(finish.clone())).is_ok() {
                return None;
            }
            if lock.short_end(&end, Some(finish)).is_ok() {
                return Some(format!("tracked without its report: {why}"));
            }
        }
        self.warn(why)
    }

    fn finish(&self, end: &RunEnd) -> Finish {
        let report = Some(&end.report_json).filter(|report| report.len() <= OWED);
        Finish { attempts: self.attempts.clone(), report: report.cloned() }
    }

    /// One run in 32, by its random id, takes in what it and the others before it owe.
    fn takes_in(&self) -> bool {
        self.facts.run.ends_with('0')
    }

    fn take_in(&mut self) -> Option<String> {
        // Someone else who is at the database just now may be doing the same.
        let store = match self.store.take() {
            Some(store) => {
                store.set_busy(Duration::ZERO);
                Ok(store)
            }
            None => Store::open(&self.db, Duration::ZERO),
        };
        match store.and_then(|store| store.take_in(&self.facts.run, AT_ONCE)) {
            Ok(()) | Err(StoreError::Busy { .. }) => None,
            Err(error) => self.warn(&error),
        }
    }

    /// Nothing was started after all: takes back what [`Tracker::begin`] left.
    pub fn abandon(mut self) {
        if let Some(store) = self.store.as_mut() {
            // With `--track require` there is a row. Kept by a failure, it is listed as gone until a reap.
            let _ = store.forget(&self.facts.run);
        }
        self.drop_lock();
    }

    fn drop_lock(&mut self) {
        if let Some(lock) = self.lock.take() {
            // Someone removed it already: nothing is missing.
            let _ = lock.remove();
        }
    }

    /// One warning a run: the same disk is full each time.
    fn warn(&mut self, error: &StoreError) -> Option<String> {
        (!std::mem::replace(&mut self.warned, true)).then(|| format!("not tracked: {error}"))
    }

    /// Writes what is not written yet.
    fn flush(&mut self, busy: Duration, end: Option<&RunEnd>) -> Result<(), StoreError> {
        if self.store.is_none() {
            self.store = Some(Store::open(&self.db, busy)?);
        }
        let Some(store) = &self.store else { return Ok(()) };
        store.set_busy(busy);
        let (facts, attempts) = (&self.facts, &self.attempts[self.written..]);
        store.write(|tx| {
            write::insert_run(tx, facts)?;
            for (leader, end) in attempts {
                write::insert_attempt(tx, &facts.run, leader, end.as_ref())?;
            }
            if let Some(end) = end {
                write::insert_sightings(tx, &facts.run, &end.left, end.ended_ms)?;
                write::end_run(tx, &facts.run, &end_of(end), Some(&end.report_json))?;
                write::forget_old(tx, end.ended_ms)?;
            }
            Ok(())
        })?;
        self.has_row = true;
        if end.is_some() {
            store.tidy_log();
        }
        self.written += attempts.iter().take_while(|(_, end)| end.is_some()).count();
        Ok(())
    }
}

fn end_of(end: &RunEnd) -> End {
    End {
        ended_ms: end.ended_ms,
        outcome: Some(word(end.outcome)),
        exit_code: Some(end.exit_code),
        left: end.left_members,
    }
}

/// The report's word for an outcome.
fn word(outcome: Outcome) -> String {
    match serde_json::to_value(outcome) {
        Ok(serde_json::Value::String(word)) => word,
        // An enum without fields serialises as its name.
        _ => String::new(),
    }
}

/// Where we are; empty where the system does not say, which compares as elsewhere and is never signalled.
pub fn here() -> Scope {
    Scope {
        host: sys::ids::host_id(),
        boot: sys::ids::boot_id().unwrap_or_default(),
        pidns: sys::ids::pid_namespace().unwrap_or_default(),
    }
}

/// The facts of a run whose heeler we are.
pub fn facts(start: &RunStart) -> RunFacts {
    let pid = sys::ids::pid();
    RunFacts {
        run: start.run.clone(),
        parent: start.parent_run.clone(),
        name: start.name.clone(),
        tags: start.tags.clone(),
        scope: here(),
        uid: sys::ids::uid(),
        supervisor: Sighting {
            pid,
            start_ticks: sys::proc::stat(pid).ok().flatten().map(|stat| stat.start_ticks),
            pidfs_ino: sys::pidfd::PidFd::open(pid).ok().flatten().and_then(|fd| fd.inode()),
        },
        command: start.argv.clone(),
        cwd: start.cwd.clone(),
        mode: start.mode.clone(),
        started_ms: start.started_ms,
    }
}
