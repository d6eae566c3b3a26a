//! Ties a run to its record in the database: what `list`, `reap` and `inspect` will know of it.

use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::describe;
use crate::config::plan::{Plan, Strays, Track};
use crate::core::identity::Sighting;
use crate::core::outcome::{Ended, Outcome};
use crate::core::record::{self, Leader};
use crate::reaper::keeper::{Keeper, Ward};
use crate::report::model::Mode;
use crate::report::model::Report;
use crate::report::write;
use crate::runtime::attempt::{Attempt, Observer};
use crate::runtime::launch::Launched;
use crate::runtime::run::Finished;
use crate::runtime::tree::Member;
use crate::store::tracker::{self, AttemptEnd, LeaderFacts, Policy, RunEnd, RunStart, Tracker};
use crate::store::{StoreError, lockfile, place};
use crate::sys::spawn::{Announce, Announced};
use crate::sys::{cgroup::Leaf, ids, pidfd::PidFd, poll, proc};

/// Why a run could not be recorded or guarded as it has to be.
#[derive(Debug, thiserror::Error)]
pub(super) enum BeginError {
    /// `--track require`.
    #[error("{0} (--track require)")]
    Record(#[from] StoreError),
    /// `--guard`.
    #[error("cannot start a keeper: {0} (--guard)")]
    Keeper(std::io::Error),
}

/// Who knows of a run besides this process: its record (none with `--track off`, or when there is no place
/// for it) and its keeper (with `--guard`).
pub(super) struct Tracking {
    tracker: Option<Tracker>,
    keeper: Option<Keeper>,
    keeps_strays: bool,
    /// Whether its leaders lead sessions of their own.
    sessions: bool,
}

impl Tracking {
    /// Before anything is started.
    pub(super) fn begin(
        plan: &Plan,
        run: &str,
        outer: Option<&str>,
    ) -> Result<(Tracking, Vec<String>), BeginError> {
        let mask = describe::mask(plan);
        let start = RunStart {
            run: run.to_owned(),
            name: describe::name(plan, &mask),
            tags: describe::tags(plan, &mask),
            argv: describe::command(plan, &mask),
            cwd: Some(describe::cwd(plan, &mask)),
            mode: serde_json::to_value(plan.launch.mode)
                .ok()
                .and_then(|mode| mode.as_str().map(str::to_owned)),
            started_ms: unix_ms(poll::wall()),
            parent_run: outer.and_then(|outer| outer.rsplit(':').next()).map(str::to_owned),
        };
        let mut tracking = Tracking {
            tracker: None,
            // Before anything is opened that a copy of this process should not have.
            keeper: None,
            keeps_strays: plan.stop.strays == Strays::Leave,
            sessions: plan.launch.mode == Mode::Pty,
        };
        let db = match &plan.db {
            _ if plan.track == Track::Off => Err(None),
            None => Err(Some(StoreError::NoPlace)),
            Some(db) => place::check(db).map(|()| db).map_err(Some),
        };
        if plan.stop.guard {
            let ward = Ward {
                facts: tracker::facts(&start),
                ladder: plan.stop.ladder.clone(),
                db: db.as_ref().ok().map(|db| PathBuf::clone(db)),
            };
            tracking.keeper = Keeper::start(ward).map_err(BeginError::Keeper)?;
        }
        let policy = match plan.track {
            Track::Off => return Ok((tracking, Vec::new())),
            Track::Auto => Policy::Auto,
            Track::Require => Policy::Require,
        };
        let db = match db {
            Ok(db) => db,
            Err(Some(error)) if policy == Policy::Require => return Err(error.into()),
            Err(why) => {
                let why = why.into_iter().map(|why| format!("not tracked: {why}"));
                return Ok((tracking, why.collect()));
            }
        };
        let (tracker, warnings) = Tracker::begin(db, policy, &start)?;
        tracking.tracker = Some(tracker);
        Ok((tracking, warnings))
    }

    /// Nothing was started after all.
    pub(super) fn forget(self) {
        if let Some(tracker) = self.tracker {
            tracker.abandon();
        }
    }

    /// Completes the record and sends the keeper away. Gives warnings for the report.
    pub(super) fn finish(self, finished: &Finished, report: &Report) -> Vec<String> {
        let leaves = |attempt: &&Attempt| {
            !attempt.unkillable.is_empty() || self.keeps_strays && attempt.strays_left
        };
        let attempts = || finished.attempts.iter().filter(leaves);
        let members = attempts().flat_map(|attempt| {
            attempt.strays.iter().chain(attempt.unkillable.iter().map(|(member, _)| member))
        });
        let left = members.filter_map(sighting);
        let (left, left_members) = (left.collect(), attempts().next().is_some());
        let guarded = self.keeper.as_ref().is_none_or(|keeper| !keeper.gone());
        let unguarded = (!guarded).then(|| "the keeper was killed (--guard)".to_owned());
        // The record is complete before the keeper goes: killed in between, we are still guarded.
        let record = |tracker: Tracker| {
            tracker.finished(&RunEnd {
                outcome: finished.outcome,
                exit_code: report.exit_code,
                ended_ms: unix_ms(finished.started_at + finished.duration),
                left_members,
                left,
                report_json: write::json(report),
            })
        };
        let warning = self.tracker.and_then(record);
        drop(self.keeper);
        [warning, unguarded].into_iter().flatten().collect()
    }
}

impl Observer for Tracking {
    fn announce(&mut self, n: u32, leaf: Option<&Leaf>, ours: bool) -> Option<Announce> {
        // Its own, filled in by itself; nothing else is negative.
        let unknown = -1;
        let leader = Leader {
            attempt: n,
            seen: Sighting { pid: unknown, start_ticks: None, pidfs_ino: None },
            pgid: if ours { ids::group() } else { unknown },
            sid: if self.sessions { unknown } else { ids::session() },
            started_ms: unix_ms(poll::wall()),
            cgroup: leaf.map(|leaf| record::Leaf {
                path: leaf.path().display().to_string(),
                ino: leaf.inode(),
            }),
        };
        let keeper = self.keeper.as_ref().map(Keeper::fd);
        let lock = self.tracker.as_mut().and_then(Tracker::announce);
        let to: Vec<_> = [keeper, lock].into_iter().flatten().map(|fd| fd.as_raw_fd()).collect();
        if to.is_empty() {
            return None;
        }
        // A leader always serialises: it is numbers and a path that is text already.
        let pieces = lockfile::leader_pieces(&leader).ok()?;
        Some(Announce { to, pieces })
    }

    fn spawned(&mut self, n: u32, launched: &Launched) -> Option<String> {
        let tracker = self.tracker.as_mut()?;
        let (pid, leaf) = (launched.tree.leader(), launched.tree.leaf());
        let Announced { start_ticks, inode } = launched.announced.unwrap_or_else(|| Announced {
            start_ticks: proc::stat(pid).ok().flatten().map(|stat| stat.start_ticks),
            inode: inode(pid),
        });
        tracker.spawned(&LeaderFacts {
            attempt: n,
            pid,
            start_ticks,
            pidfs_ino: inode,
            pgid: if launched.shared.is_some() { ids::group() } else { pid },
            sid: if self.sessions { pid } else { ids::session() },
            started_ms: unix_ms(poll::wall()),
            cgroup: leaf.map(|leaf| (leaf.path().display().to_string(), leaf.inode())),
        })
    }

    fn lasting(&mut self) -> Option<String> {
        self.tracker.as_mut().and_then(Tracker::lasting)
    }

    fn ended(&mut self, attempt: &Attempt, outcome: Outcome) {
        let Some(tracker) = self.tracker.as_mut() else { return };
        let (exit_code, signal) = match attempt.ended {
            Some(Ended::Exited(code)) => (Some(code), None),
            Some(Ended::Signaled { signal, .. }) => (None, Some(signal)),
            None => (None, None),
        };
        let ended_ms = unix_ms(poll::wall());
        tracker.attempt_ended(&AttemptEnd {
            attempt: attempt.n,
            ended_ms,
            outcome,
            exit_code,
            signal,
        });
    }
}

/// This member, if it is still there: that of an earlier attempt was left long ago.
fn sighting(member: &Member) -> Option<Sighting> {
    let (pid, start_ticks) = (member.pid, member.start_ticks);
    let pidfs_ino = inode(pid);
    let stat = proc::stat(pid).ok().flatten().filter(|stat| stat.start_ticks == start_ticks)?;
    Some(Sighting { pid, start_ticks: Some(stat.start_ticks), pidfs_ino })
}

fn inode(pid: i32) -> Option<u64> {
    PidFd::open(pid).ok().flatten().and_then(|fd| fd.inode())
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
