//! Looking around: every recorded run, whether its heeler lives, and what is alive of it. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::identity::{Identity, Ours, Same, Scope, Sighting};
use crate::core::members::{self, Proc, View};
use crate::core::reap::{Subject, Supervisor};
use crate::core::record::{COOKIE, Record, cookie_runs};
use crate::store::lockfile::{self, Held};
use crate::store::{Store, StoreError, Which, tracker};
use crate::sys;
use crate::sys::cgroup::Found;
use crate::sys::pidfd::PidFd;

/// What was seen in one look.
#[derive(Debug)]
pub struct Scene {
    /// The runs, oldest first.
    pub subjects: Vec<Subject>,
    /// The ids of recorded runs, as far as any process or record names them.
    pub known: BTreeSet<String>,
    /// Whether the lock of a run is held although its heeler is dead: by a child that is about to find that
    /// out, between fork and exec. A moment later it is free.
    pub unsettled: bool,
}

/// The value of `HEELER_RUN` of each process that has one and lets us read it.
type Cookies = BTreeMap<i32, Vec<u8>>;

/// Where we look from.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The database; the lock files are beside it.
    pub db: PathBuf,
    /// Our scope.
    pub here: Scope,
    /// Our own numbers.
    pub ours: Ours,
    /// This run and no other, known without a file: for the keeper of a run, whose heeler is dead.
    pub only: Option<Box<Record>>,
}

impl Survey {
    /// A survey of the runs recorded at `db`.
    pub fn new(db: &Path) -> Survey {
        Survey {
            db: db.to_owned(),
            here: tracker::here(),
            ours: Ours {
                pid: sys::ids::pid(),
                group: sys::ids::group(),
                session: sys::ids::session(),
            },
            only: None,
        }
    }

    /// The runs that are wanted, oldest first. Without a store it is what the lock files tell.
    pub fn look(&self, store: Option<&Store>, which: Which<'_>) -> Result<Scene, StoreError> {
        let found = match &self.only {
            Some(record) => {
                BTreeMap::from([(record.facts.run.clone(), (Record::clone(record), Held::No))])
            }
            None => self.recorded(store, which)?,
        };
        let (mut table, cookies) = if found.values().any(|(record, _)| record.reachable(&self.here))
        {
            scan(None, &with_inode(found.values().map(|(record, _)| record)))
        } else {
            (BTreeMap::new(), BTreeMap::new())
        };
        let known = known_runs(&cookies, found.keys(), store)?;
        own(&mut table, &cookies, &known);
        let mut unsettled = false;
        let mut subjects: Vec<Subject> = found
            .into_values()
            .map(|(record, held)| self.subject(record, held, &table, &mut unsettled))
            .collect();
        subjects.sort_by(|a, b| {
            let key = |s: &Subject| (s.record.facts.started_ms, s.record.facts.run.clone());
            key(a).cmp(&key(b))
        });
        Ok(Scene { subjects, known, unsettled })
    }

    /// What is written down of the runs that are wanted, and who holds their locks.
    fn recorded(
        &self,
        store: Option<&Store>,
        which: Which<'_>,
    ) -> Result<BTreeMap<String, (Record, Held)>, StoreError> {
        // Locks before rows: a run completes its file or its row before it gives up its lock, so one that ends
        // just now is seen held with a record that is complete, never free with one that is open.
        let mut locks = lockfile::scan(&self.db).map_err(|source| StoreError::Place {
            path: crate::store::place::runs_dir(&self.db),
            source,
        })?;
        if let Some(store) = store {
            // Where the rows cannot be written now (busy, full), the files stay and tell the same.
            let _ = store.ingest(&mut locks);
        }
        let mut found: BTreeMap<String, (Record, Held)> = BTreeMap::new();
        for record in store.map_or_else(|| Ok(Vec::new()), |store| store.records(which))? {
            found.insert(record.facts.run.clone(), (record, Held::Unknown));
        }
        for lock in locks {
            if let Some((record, held)) = found.get_mut(&lock.run) {
                *held = lock.held;
                if let Some(more) = lock.record {
                    complete(record, more);
                }
                continue;
            }
            let row = store.map_or(Ok(None), |store| store.record(&lock.run))?;
            if let Some(record) = row.or(lock.record) {
                found.insert(lock.run, (record, lock.held));
            }
        }
        for (run, (record, held)) in &mut found {
            if *held != Held::Unknown || record.closed() {
                continue;
            }
            // No lock at the first look: it has begun since, or ended since, or the file is lost.
            match lockfile::look(&self.db, run) {
                Some(lock) => {
                    *held = lock.held;
                    if let Some(more) = lock.record {
                        complete(record, more);
                    }
                }
                None => {
                    if let Some(row) = store.map_or(Ok(None), |store| store.record(run))? {
                        *record = row;
                    }
                }
            }
        }
        Ok(found)
    }

    /// The members of `record` among the processes `pids` only, looked at anew. With a pidfd held on each of
    /// them this proves who they are, unless the pidfd says that they have ended.
    pub fn look_again(
        &self,
        record: &Record,
        pids: &[i32],
        known: &BTreeSet<String>,
    ) -> Vec<members::Member> {
        let mut pids: Vec<i32> = pids.to_vec();
        // A leader pins the numbers of its session and group, as a zombie too.
        pids.extend(record.leaders.iter().map(|leader| leader.seen.pid));
        let (mut table, cookies) = scan(Some(&pids), &with_inode(std::iter::once(record)));
        own(&mut table, &cookies, known);
        self.members(record, &table)
    }

    fn members(&self, record: &Record, table: &BTreeMap<i32, Proc>) -> Vec<members::Member> {
        let view = View { here: &self.here, ours: &self.ours };
        members::members(record, table, &in_cgroup(record), &view)
    }

    fn subject(
        &self,
        record: Record,
        held: Held,
        table: &BTreeMap<i32, Proc>,
        unsettled: &mut bool,
    ) -> Subject {
        if !record.reachable(&self.here) {
            return Subject::unseen(record, &self.here);
        }
        let recorded = record.facts.supervisor;
        let same = match table.get(&recorded.pid).filter(|proc| !proc.dead) {
            Some(proc) => recorded.same(proc.seen),
            None => Same::No,
        };
        *unsettled |= (held, same) == (Held::Yes, Same::No);
        let supervisor = match (held, same) {
            (Held::Yes, _) | (Held::Unknown, Same::Yes) => Supervisor::Lives,
            (Held::No, _) | (Held::Unknown, Same::No) => Supervisor::Gone,
            (Held::Unknown, Same::Unknown) => Supervisor::Unknown,
        };
        let supervisor_process =
            (same == Same::Yes).then(|| Identity::new(&self.here, recorded, &self.ours)).flatten();
        let members = self.members(&record, table);
        let leaves = leaves(&record);
        let own = sys::cgroup::own_cgroup().filter(|_| !leaves.is_empty());
        let around_us =
            own.is_some_and(|own| leaves.iter().any(|leaf| own.starts_with(leaf.path())));
        let populated = leaves.iter().any(Found::populated);
        Subject { record, supervisor, supervisor_process, members, populated, around_us }
    }
}

/// What the lock file knows and the row does not: a row can be late.
fn complete(record: &mut Record, lock: Record) {
    for leader in lock.leaders {
        if !record.leaders.iter().any(|known| known.attempt == leader.attempt) {
            record.leaders.push(leader);
        }
    }
    for sighting in lock.sightings {
        if !record.sightings.contains(&sighting) {
            record.sightings.push(sighting);
        }
    }
    if record.end.is_none() {
        record.end = lock.end;
    }
}

fn known_runs<'a>(
    cookies: &Cookies,
    found: impl Iterator<Item = &'a String>,
    store: Option<&Store>,
) -> Result<BTreeSet<String>, StoreError> {
    let mut named: BTreeSet<String> = BTreeSet::new();
    for cookie in cookies.values() {
        named.extend(cookie_runs(cookie).map(str::to_owned));
    }
    let mut known = match store {
        Some(store) => store.known(&named)?,
        None => BTreeSet::new(),
    };
    known.extend(found.cloned());
    Ok(known)
}

/// The processes of the record's cgroups.
fn in_cgroup(record: &Record) -> BTreeSet<i32> {
    leaves(record).iter().flat_map(Found::processes).collect()
}

/// The cgroups that were made for the run, as far as they are still there and the recorded ones.
pub fn leaves(record: &Record) -> Vec<Found> {
    let recorded = record.leaders.iter().filter_map(|leader| leader.cgroup.as_ref());
    recorded.filter_map(|leaf| Found::open(Path::new(&leaf.path), Some(leaf.ino))).collect()
}

/// The numbers that are recorded with an inode: only for those is it worth opening a handle to compare it.
fn with_inode<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeSet<i32> {
    records
        .filter(|record| !record.closed())
        .flat_map(|record| record.leaders.iter().map(|l| l.seen).chain(record.sightings.clone()))
        .filter(|seen| seen.pidfs_ino.is_some())
        .map(|seen| seen.pid)
        .collect()
}

/// The processes there are, or those of `pids`; those of `inodes` with theirs. One that cannot be read is not
/// there for us.
fn scan(pids: Option<&[i32]>, inodes: &BTreeSet<i32>) -> (BTreeMap<i32, Proc>, Cookies) {
    let pids = match pids {
        Some(pids) => pids.to_vec(),
        None => sys::proc::pids().unwrap_or_default(),
    };
    let (mut table, mut cookies) = (BTreeMap::new(), BTreeMap::new());
    for pid in pids {
        let Ok(Some(stat)) = sys::proc::stat(pid) else { continue };
        let pidfs_ino = inodes
            .contains(&pid)
            .then(|| PidFd::open(pid).ok().flatten().and_then(|fd| fd.inode()))
            .flatten();
        let seen = Sighting { pid, start_ticks: Some(stat.start_ticks), pidfs_ino };
        if !stat.dead()
            && let Ok(Some(cookie)) = sys::proc::environ_var(pid, COOKIE)
        {
            cookies.insert(pid, cookie);
        }
        table.insert(
            pid,
            Proc {
                seen,
                dead: stat.dead(),
                comm: stat.comm,
                ppid: stat.ppid,
                pgrp: stat.pgrp,
                session: stat.session,
                owner: None,
            },
        );
    }
    (table, cookies)
}

/// Says of each process which recorded run its cookie makes it a member of.
fn own(table: &mut BTreeMap<i32, Proc>, cookies: &Cookies, known: &BTreeSet<String>) {
    for (pid, cookie) in cookies {
        if let Some(proc) = table.get_mut(pid) {
            proc.owner = members::owner(cookie, known);
        }
    }
}

/// Opens a handle on `identity` and proves that it is on that process: start time and inode are read while
/// the handle is held, and the process had not ended after that. Nothing when it is gone, or another.
pub fn pin(identity: &Identity) -> std::io::Result<Option<PidFd>> {
    let pid = identity.pid.get();
    let Some(fd) = PidFd::open(pid)? else { return Ok(None) };
    let Some(stat) = sys::proc::stat(pid)? else { return Ok(None) };
    let seen = Sighting { pid, start_ticks: Some(stat.start_ticks), pidfs_ino: fd.inode() };
    let proven = identity.sighting().same(seen) == Same::Yes && !stat.dead() && !fd.exited()?;
    Ok(proven.then_some(fd))
}
