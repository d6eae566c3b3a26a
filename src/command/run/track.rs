//! Ties a run to its record in the database: what `list`, `reap` and `inspect` will know of it.

use std::time::{SystemTime, UNIX_EPOCH};

use super::describe;
use crate::config::plan::{Plan, Strays, Track};
use crate::core::identity::Sighting;
use crate::core::outcome::{Ended, Outcome};
use crate::report::model::Report;
use crate::report::write;
use crate::runtime::attempt::{Attempt, Observer};
use crate::runtime::run::Finished;
use crate::store::StoreError;
use crate::store::tracker::{AttemptEnd, LeaderFacts, Policy, RunEnd, RunStart, Tracker};
use crate::sys::{cgroup::Leaf, pidfd::PidFd, poll, proc};

/// The record of a run; nothing with `--track off`, or when there is no place for it.
pub(super) struct Tracking {
    tracker: Option<Tracker>,
    keeps_strays: bool,
}

impl Tracking {
    /// Before anything is started.
    pub(super) fn begin(
        plan: &Plan,
        run: &str,
        outer: Option<&str>,
    ) -> Result<(Tracking, Vec<String>), StoreError> {
        let keeps_strays = plan.stop.strays == Strays::Leave;
        let off = Tracking { tracker: None, keeps_strays };
        let policy = match plan.track {
            Track::Off => return Ok((off, Vec::new())),
            Track::Auto => Policy::Auto,
            Track::Require => Policy::Require,
        };
        let Some(db) = &plan.db else {
            if policy == Policy::Require {
                return Err(StoreError::NoPlace);
            }
            return Ok((off, vec![format!("not tracked: {}", StoreError::NoPlace)]));
        };
        let start = RunStart {
            run: run.to_owned(),
            name: plan.name.clone(),
            tags: plan.tags.clone(),
            argv: describe::command(plan, &describe::mask(plan)),
            cwd: Some(plan.launch.cwd.display().to_string()),
            mode: serde_json::to_value(plan.launch.mode)
                .ok()
                .and_then(|mode| mode.as_str().map(str::to_owned)),
            started_ms: unix_ms(poll::wall()),
            parent_run: outer.and_then(|outer| outer.rsplit(':').next()).map(str::to_owned),
        };
        let (tracker, warnings) = Tracker::begin(db, policy, &start)?;
        Ok((Tracking { tracker: Some(tracker), keeps_strays }, warnings))
    }

    /// Nothing was started after all.
    pub(super) fn forget(self) {
        if let Some(tracker) = self.tracker {
            tracker.abandon();
        }
    }

    /// Completes the record. Gives a warning for the report.
    pub(super) fn finish(self, finished: &Finished, report: &Report) -> Option<String> {
        let last = finished.attempts.last();
        let unkillable = last.is_some_and(|last| !last.unkillable.is_empty());
        let left_members =
            unkillable || self.keeps_strays && last.is_some_and(|last| last.strays_left);
        let left = last
            .filter(|_| left_members)
            .map(|last| {
                let unkillable = last.unkillable.iter().map(|(member, _)| member);
                last.strays
                    .iter()
                    .chain(unkillable)
                    .map(|member| Sighting {
                        pid: member.pid,
                        start_ticks: Some(member.start_ticks),
                        pidfs_ino: inode(member.pid),
                    })
                    .collect()
            })
            .unwrap_or_default();
        self.tracker?.finished(&RunEnd {
            outcome: finished.outcome,
            exit_code: report.exit_code,
            ended_ms: unix_ms(finished.started_at + finished.duration),
            left_members,
            left,
            report_json: write::json(report),
        })
    }
}

impl Observer for Tracking {
    fn spawned(&mut self, n: u32, pid: i32, leaf: Option<&Leaf>) -> Option<String> {
        let tracker = self.tracker.as_mut()?;
        let stat = proc::stat(pid).ok().flatten();
        tracker.spawned(&LeaderFacts {
            attempt: n,
            pid,
            start_ticks: stat.as_ref().map(|stat| stat.start_ticks),
            pidfs_ino: inode(pid),
            pgid: stat.as_ref().map_or(pid, |stat| stat.pgrp),
            sid: stat.as_ref().map_or(pid, |stat| stat.session),
            started_ms: unix_ms(poll::wall()),
            cgroup: leaf.map(|leaf| (leaf.path().display().to_string(), leaf.inode())),
        })
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

fn inode(pid: i32) -> Option<u64> {
    PidFd::open(pid).ok().flatten().and_then(|fd| fd.inode())
}

fn unix_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
