//! Which of the processes there are belong to a run, and how surely.
//!
//! Proof, in the order of its strength for a run whose heeler is gone:
//!
//! - it is the recorded leader, or a process seen earlier: number and start time agree;
//! - it is in the run's cgroup;
//! - it carries the run's cookie (survives fork, setsid and double fork; lost with `env -i` and sudo);
//! - it is in the session or group that the leader led, **and** that number still means the leader's: the
//!   kernel gives a number to no new process while a session or group has it, so the number is pinned when
//!   the leader itself is still there (a zombie does), or when another proven member is in it. With neither
//!   the number may have come round, to a lookalike: [`Same::Unknown`];
//! - its parent is a proven member.
//!
//! Every process belongs to one run: one whose cookie ends with another recorded run is that run's.

use std::collections::{BTreeMap, BTreeSet};

use super::identity::{Identity, Ours, Same, Scope, Sighting};
use super::record::{Record, cookie_runs};

/// A process that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proc {
    /// Its number and start.
    pub seen: Sighting,
    /// Its name.
    pub comm: String,
    /// Its parent.
    pub ppid: i32,
    /// Its process group.
    pub pgrp: i32,
    /// Its session.
    pub session: i32,
    /// Whether it has ended and only holds its number.
    pub dead: bool,
    /// The run that its cookie makes it a member of ([`owner`]); absent when it has none or it may not be read.
    pub owner: Option<String>,
}

/// What a member was recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is the leader of an attempt.
    Leader,
    /// It was seen as a member before.
    Sighting,
    /// It is in the run's cgroup.
    Cgroup,
    /// It carries the run's cookie.
    Cookie,
    /// It is in the leader's session.
    Session,
    /// It is in the leader's group.
    Group,
    /// Its parent is a member.
    Child,
}

impl How {
    /// The word for JSON and for people.
    pub fn word(self) -> &'static str {
        match self {
            How::Leader => "leader",
            How::Sighting => "sighting",
            How::Cgroup => "cgroup",
            How::Cookie => "cookie",
            How::Session => "session",
            How::Group => "group",
            How::Child => "child",
        }
    }
}

/// A process that is, or may be, of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who it is.
    pub identity: Identity,
    /// Its name.
    pub comm: String,
    /// What it was recognised by.
    pub how: How,
    /// Whether it is one: never [`Same::No`].
    pub same: Same,
}

/// Where we are: what the numbers of all runs are compared with.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Our scope. The table of processes is of this scope.
    pub here: &'a Scope,
    /// Our own numbers.
    pub ours: &'a Ours,
}

/// The run that a process with this cookie is a member of: the last one in it that is recorded. What comes
/// after that one is nested in it and known to nobody (started with `--track off`, or recorded elsewhere).
pub fn owner(cookie: &[u8], known: &BTreeSet<String>) -> Option<String> {
    cookie_runs(cookie).rev().find(|id| known.contains(*id)).map(str::to_owned)
}

/// The members of `record` among `table`, in the order of their numbers. `in_cgroup` are the processes of its
/// cgroup, if that is still the recorded one. Zombies are no members.
///
/// Only to be asked for a record of our own scope.
pub fn members(
    record: &Record,
    table: &BTreeMap<i32, Proc>,
    in_cgroup: &BTreeSet<i32>,
    view: &View<'_>,
) -> Vec<Member> {
    let mut found: BTreeMap<i32, (How, Same)> = BTreeMap::new();
    // Leaders whose number is proven to be theirs still, zombies included.
    let mut pinned = BTreeSet::new();
    for leader in &record.leaders {
        match table.get(&leader.seen.pid).map(|proc| leader.seen.same(proc.seen)) {
            Some(Same::Yes) => {
                pinned.insert(leader.seen.pid);
                found.insert(leader.seen.pid, (How::Leader, Same::Yes));
            }
            Some(Same::Unknown) => {
                found.insert(leader.seen.pid, (How::Leader, Same::Unknown));
            }
            Some(Same::No) | None => {}
        }
    }
    for sighting in &record.sightings {
        if let Some(proc) = table.get(&sighting.pid)
            && sighting.same(proc.seen) == Same::Yes
        {
            found.entry(sighting.pid).or_insert((How::Sighting, Same::Yes));
        }
    }
    for (&pid, proc) in table {
        if in_cgroup.contains(&pid) {
            prove(&mut found, pid, How::Cgroup);
        } else if proc.owner.as_ref() == Some(&record.facts.run) {
            prove(&mut found, pid, How::Cookie);
        }
    }
    spread(record, table, &pinned, &mut found);
    found
        .into_iter()
        .filter_map(|(pid, (how, same))| {
            let proc = table.get(&pid).filter(|proc| !proc.dead)?;
            // Our own process, group and session are never members of what we end.
            let identity = Identity::new(view.here, proc.seen, view.ours)?;
            Some(Member { identity, comm: proc.comm.clone(), how, same })
        })
        .collect()
}

fn prove(found: &mut BTreeMap<i32, (How, Same)>, pid: i32, how: How) {
    let entry = found.entry(pid).or_insert((how, Same::Yes));
    if entry.1 != Same::Yes {
        *entry = (how, Same::Yes);
    }
}

/// One of the numbers that `/proc/PID/stat` tells.
type Field = fn(&Proc) -> i32;

/// From proven members to their sessions, groups and children, until nothing new is found.
fn spread(
    record: &Record,
    table: &BTreeMap<i32, Proc>,
    pinned: &BTreeSet<i32>,
    found: &mut BTreeMap<i32, (How, Same)>,
) {
    let of_another =
        |proc: &Proc| proc.owner.as_ref().is_some_and(|owner| *owner != record.facts.run);
    let proven = |found: &BTreeMap<i32, (How, Same)>, pid: i32| {
        matches!(found.get(&pid), Some((_, Same::Yes)))
    };
    loop {
        let mut changed = false;
        for leader in &record.leaders {
            let number = leader.seen.pid;
            // A number that another process has now was given anew: whatever session or group has it, it is
            // not the leader's.
            if table.get(&number).is_some_and(|proc| leader.seen.same(proc.seen) == Same::No) {
                continue;
            }
            let kinds: [(bool, How, Field); 2] = [
                (leader.sid == number, How::Session, |proc| proc.session),
                (leader.pgid == number, How::Group, |proc| proc.pgrp),
            ];
            // Where the leader leads no group (inherit mode) its group is the shell's, or our own.
            for (_, how, field) in kinds.into_iter().filter(|(leads, ..)| *leads) {
                // Nobody in it can be older than its leader.
                let younger = |proc: &Proc| {
                    leader
                        .seen
                        .start_ticks
                        .is_none_or(|start| proc.seen.start_ticks.is_some_and(|own| own >= start))
                };
                let inside: Vec<i32> = table
                    .iter()
                    .filter(|(_, proc)| field(proc) == number && younger(proc))
                    .map(|(&pid, _)| pid)
                    .collect();
                let certain =
                    pinned.contains(&number) || inside.iter().any(|&pid| proven(found, pid));
                for pid in inside {
                    if table.get(&pid).is_none_or(of_another) {
                        continue;
                    }
                    if !certain {
                        found.entry(pid).or_insert((how, Same::Unknown));
                    } else if !proven(found, pid) {
                        prove(found, pid, how);
                        changed = true;
                    }
                }
            }
        }
        // Nobody yet, so nobody's children; the rule for most records of a long list.
        if found.is_empty() {
            return;
        }
        for (&pid, proc) in table {
            if proven(found, proc.ppid)
                && !proven(found, pid)
                && table.get(&proc.ppid).is_some_and(|parent| !parent.dead)
                && !of_another(proc)
            {
                prove(found, pid, How::Child);
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::record::{Leader, RunFacts};

    const OURS: Ours = Ours { pid: 900, group: 901, session: 902 };

    fn scope() -> Scope {
        Scope { host: "h".into(), boot: "b".into(), pidns: 1 }
    }

    fn seen(pid: i32, start: u64) -> Sighting {
        Sighting { pid, start_ticks: Some(start), pidfs_ino: None }
    }

    /// A run whose leader was 100, started at tick 50, leading its own session and group.
    fn record() -> Record {
        Record {
            facts: RunFacts {
                run: "run".into(),
                parent: None,
                name: None,
                tags: BTreeMap::new(),
                scope: scope(),
                uid: 0,
                supervisor: seen(90, 40),
                command: vec!["x".into()],
                cwd: None,
                mode: None,
                started_ms: 0,
            },
            leaders: vec![Leader {
                attempt: 1,
                seen: seen(100, 50),
                pgid: 100,
                sid: 100,
                started_ms: 0,
                cgroup: None,
            }],
            sightings: Vec::new(),
            end: None,
        }
    }

    /// A process of its own group and session, child of init, without a cookie.
    fn proc(pid: i32, start: u64) -> Proc {
        Proc {
            seen: seen(pid, start),
            comm: "p".into(),
            ppid: 1,
            pgrp: pid,
            session: pid,
            dead: false,
            owner: None,
        }
    }

    fn found(record: &Record, procs: &[Proc]) -> Vec<(i32, How, Same)> {
        found_with(record, procs, &[], &["run"])
    }

    /// In these tests `owner` holds the whole cookie, and `known` makes it the owner.
    fn found_with(
        record: &Record,
        procs: &[Proc],
        cgroup: &[i32],
        known: &[&str],
    ) -> Vec<(i32, How, Same)> {
        let known = known.iter().map(|id| (*id).to_owned()).collect();
        let table = procs
            .iter()
            .map(|proc| {
                let cookie = proc.owner.as_ref().map_or(&b""[..], |cookie| cookie.as_bytes());
                (proc.seen.pid, Proc { owner: owner(cookie, &known), ..proc.clone() })
            })
            .collect();
        let view = View { here: &scope(), ours: &OURS };
        members(record, &table, &cgroup.iter().copied().collect(), &view)
            .into_iter()
            .map(|member| (member.identity.pid.get(), member.how, member.same))
            .collect()
    }

    #[test]
    fn the_leader_by_number_and_start() {
        assert_eq!(found(&record(), &[proc(100, 50)]), [(100, How::Leader, Same::Yes)]);
        assert_eq!(found(&record(), &[proc(100, 51)]), [], "the number was given again");
        assert_eq!(found(&record(), &[proc(101, 50)]), [], "another number");
    }

    #[test]
    fn an_unknown_start_proves_nothing() {
        let mut record = record();
        record.leaders[0].seen.start_ticks = None;
        assert_eq!(found(&record, &[proc(100, 50)]), [(100, How::Leader, Same::Unknown)]);
    }

    #[test]
    fn a_zombie_is_no_member_but_it_pins_its_session() {
        let leader = Proc { dead: true, ..proc(100, 50) };
        let stray = Proc { session: 100, ..proc(101, 55) };
        assert_eq!(found(&record(), &[leader, stray]), [(101, How::Session, Same::Yes)]);
    }

    #[test]
    fn a_session_without_its_leader_may_be_a_lookalike() {
        let stray = Proc { session: 100, pgrp: 100, ..proc(101, 55) };
        assert_eq!(
            found(&record(), std::slice::from_ref(&stray)),
            [(101, How::Session, Same::Unknown)]
        );
        // The number belongs to someone else now: so does its session.
        assert_eq!(found(&record(), &[proc(100, 54), stray.clone()]), []);
        // Another member in it proves that the number was never given up.
        let carrier = Proc { owner: Some("run".into()), session: 100, ..proc(102, 60) };
        assert_eq!(
            found(&record(), &[stray, carrier]),
            [(101, How::Session, Same::Yes), (102, How::Cookie, Same::Yes)]
        );
    }

    #[test]
    fn nobody_in_the_session_is_older_than_its_leader() {
        let older = Proc { session: 100, ..proc(101, 49) };
        assert_eq!(found(&record(), &[proc(100, 50), older]), [(100, How::Leader, Same::Yes)]);
    }

    #[test]
    fn a_leader_without_a_group_of_its_own_brings_nobody() {
        let mut record = record();
        record.leaders[0].pgid = 77;
        record.leaders[0].sid = 70;
        let neighbour = Proc { pgrp: 77, session: 70, ..proc(101, 55) };
        let leader = Proc { pgrp: 77, session: 70, ..proc(100, 50) };
        assert_eq!(found(&record, &[leader, neighbour]), [(100, How::Leader, Same::Yes)]);
    }

    #[test]
    fn a_cookie_is_matched_by_element_and_its_last_known_run_owns_the_process() {
        let with = |cookie: &str| Proc { owner: Some(cookie.into()), ..proc(101, 55) };
        let own = [(101, How::Cookie, Same::Yes)];
        assert_eq!(found(&record(), &[with("run")]), own);
        assert_eq!(found(&record(), &[with("outer:run")]), own);
        assert_eq!(found(&record(), &[with("runner")]), []);
        assert_eq!(found(&record(), &[with("")]), []);
        assert_eq!(found(&record(), &[with("run:inner")]), own, "nobody has a record of inner");
        assert_eq!(found_with(&record(), &[with("run:inner")], &[], &["run", "inner"]), []);
    }

    #[test]
    fn a_child_of_a_member_is_one_unless_it_is_of_another_run() {
        let leader = proc(100, 50);
        let child = Proc { ppid: 100, ..proc(101, 55) };
        let grandchild = Proc { ppid: 101, ..proc(99, 60) };
        let nested = Proc { ppid: 101, owner: Some("run:inner".into()), ..proc(103, 61) };
        assert_eq!(
            found_with(&record(), &[leader, child, grandchild, nested], &[], &["run", "inner"]),
            [
                (99, How::Child, Same::Yes),
                (100, How::Leader, Same::Yes),
                (101, How::Child, Same::Yes)
            ]
        );
    }

    #[test]
    fn sightings_and_the_cgroup_count() {
        let mut record = record();
        record.sightings = vec![seen(101, 55), seen(102, 56)];
        assert_eq!(
            found_with(&record, &[proc(101, 55), proc(102, 57), proc(103, 58)], &[103], &["run"]),
            [(101, How::Sighting, Same::Yes), (103, How::Cgroup, Same::Yes)]
        );
    }

    #[test]
    fn we_are_never_a_member() {
        let procs = [900, 901, 902].map(|pid| Proc {
            owner: Some("run".into()),
            session: 100,
            ..proc(pid, 60)
        });
        assert_eq!(found(&record(), &procs), []);
    }
}
