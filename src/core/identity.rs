//! Which process is meant, and whether two sightings are of the same one.
//!
//! A number is not a process: it is given again after the process is collected (tables wrap within a minute
//! on a busy machine), after a reboot, and it means another process in another PID namespace or on another
//! host that shares the home directory. So a process is host, boot, namespace, number, start time and, on
//! new kernels, an inode that is never given twice; and "the same?" has three answers.
//! *Unknown is never signalled.*

use std::num::NonZeroI32;

use serde::{Deserialize, Serialize};

/// Which numbers are never to be signalled because they are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Our process.
    pub pid: i32,
    /// Our process group, which is also the number of its leader.
    pub group: i32,
    /// Our session, which is also the number of its leader: usually the user's shell.
    pub session: i32,
}

/// A process id that may be signalled: never 0, negative (both mean groups to kill(2)), 1, or one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// `raw` as a process that may be signalled, or nothing when it is not one.
    pub fn new(raw: i32, ours: &Ours) -> Option<Pid> {
        if raw <= 1 || raw == ours.pid || raw == ours.group || raw == ours.session {
            return None;
        }
        NonZeroI32::new(raw).map(Pid)
    }

    /// The number.
    pub fn get(self) -> i32 {
        self.0.get()
    }
}

/// Where a number means something: one PID namespace of one boot of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The machine id, or the host name.
    pub host: String,
    /// The kernel's random id of this boot.
    pub boot: String,
    /// The inode of the PID namespace.
    pub pidns: u64,
}

/// How a recorded scope relates to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The same: numbers can be compared.
    Here,
    /// The same machine, started anew since: nothing of then is alive.
    Rebooted,
    /// Another machine, as with a home directory on a network.
    OtherHost,
    /// A PID namespace that is not ours, as with a state directory shared with a container.
    OtherNamespace,
}

impl Scope {
    /// How `recorded` relates to this scope, ours.
    pub fn reach(&self, recorded: &Scope) -> Reach {
        if self.boot.is_empty() || self.pidns == 0 {
            // We do not know where we are ourselves: nothing can be compared.
            Reach::OtherNamespace
        } else if self.host != recorded.host {
            Reach::OtherHost
        } else if self.boot != recorded.boot {
            Reach::Rebooted
        } else if self.pidns != recorded.pidns {
            Reach::OtherNamespace
        } else {
            Reach::Here
        }
    }
}

/// What is written down of a process: enough to recognise it, nothing checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sighting {
    /// Its number.
    pub pid: i32,
    /// Raw clock ticks since boot; absent when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ticks: Option<u64>,
    /// The inode of its pidfd, where the kernel has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pidfs_ino: Option<u64>,
}

/// One process, anywhere and at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where the number means something.
    pub scope: Scope,
    /// The number.
    pub pid: Pid,
    /// Raw clock ticks since boot; absent when it could not be read.
    pub start_ticks: Option<u64>,
    /// The inode of its pidfd, where the kernel has one.
    pub pidfs_ino: Option<u64>,
}

/// Whether two sightings are of the same process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Same {
    /// Proven.
    Yes,
    /// Disproven.
    No,
    /// Neither: never signalled.
    Unknown,
}

impl Identity {
    /// The process `seen` in `scope`, or nothing when its number may not be signalled.
    pub fn new(scope: &Scope, seen: Sighting, ours: &Ours) -> Option<Identity> {
        Some(Identity {
            scope: scope.clone(),
            pid: Pid::new(seen.pid, ours)?,
            start_ticks: seen.start_ticks,
            pidfs_ino: seen.pidfs_ino,
        })
    }

    /// Its number, start time and inode.
    pub fn sighting(&self) -> Sighting {
        Sighting { pid: self.pid.get(), start_ticks: self.start_ticks, pidfs_ino: self.pidfs_ino }
    }

    /// Whether `other` is this process.
    pub fn same(&self, other: &Identity) -> Same {
        match self.scope.reach(&other.scope) {
            Reach::Here => self.sighting().same(other.sighting()),
            Reach::Rebooted => Same::No,
            // Another namespace may show the very same process under another number.
            Reach::OtherHost | Reach::OtherNamespace => Same::Unknown,
        }
    }
}

impl Sighting {
    /// Whether `other`, seen in the same scope, is this process.
    ///
    /// Whatever both know must agree; a single disagreement disproves. One agreement proves: the inode is
    /// never given twice, and a number cannot come round within one tick (10 ms) of its owner's start.
    pub fn same(self, other: Sighting) -> Same {
        if self.pid != other.pid {
            return Same::No;
        }
        let agree = |a: Option<u64>, b: Option<u64>| Some(a? == b?);
        let start = agree(self.start_ticks, other.start_ticks);
        let inode = agree(self.pidfs_ino, other.pidfs_ino);
        match (start, inode) {
            (Some(false), _) | (_, Some(false)) => Same::No,
            (Some(true), _) | (_, Some(true)) => Same::Yes,
            (None, None) => Same::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Ours = Ours { pid: 500, group: 400, session: 300 };

    fn scope() -> Scope {
        Scope { host: "h".into(), boot: "b".into(), pidns: 1 }
    }

    fn identity(scope: &Scope, pid: i32, start: Option<u64>, inode: Option<u64>) -> Identity {
        let seen = Sighting { pid, start_ticks: start, pidfs_ino: inode };
        Identity::new(scope, seen, &OURS).expect("a number that may be signalled")
    }

    #[test]
    fn what_is_not_one_foreign_process_cannot_be_named() {
        for raw in [i32::MIN, -500, -1, 0, 1, 300, 400, 500] {
            assert_eq!(Pid::new(raw, &OURS), None, "{raw}");
        }
        for raw in [2, 299, 301, 499, i32::MAX] {
            assert_eq!(Pid::new(raw, &OURS).map(Pid::get), Some(raw));
        }
    }

    #[test]
    fn sameness_cell_by_cell() {
        use Same::{No, Unknown, Yes};
        // Start and inode of the record, of the sighting, the answer.
        let table = [
            ((Some(7), Some(9)), (Some(7), Some(9)), Yes),
            ((Some(7), Some(9)), (Some(7), Some(8)), No),
            ((Some(7), Some(9)), (Some(6), Some(9)), No),
            ((Some(7), Some(9)), (Some(6), Some(8)), No),
            ((Some(7), None), (Some(7), Some(9)), Yes),
            ((Some(7), None), (Some(6), Some(9)), No),
            ((Some(7), None), (Some(7), None), Yes),
            ((Some(7), None), (Some(8), None), No),
            ((None, Some(9)), (Some(7), Some(9)), Yes),
            ((None, Some(9)), (Some(7), Some(8)), No),
            ((None, None), (Some(7), Some(9)), Unknown),
            ((Some(7), None), (None, Some(9)), Unknown),
            ((None, Some(9)), (Some(7), None), Unknown),
            ((None, None), (None, None), Unknown),
        ];
        for ((start, inode), (seen_start, seen_inode), expected) in table {
            let recorded = identity(&scope(), 42, start, inode);
            let seen = identity(&scope(), 42, seen_start, seen_inode);
            assert_eq!(recorded.same(&seen), expected, "{recorded:?} {seen:?}");
            assert_eq!(seen.same(&recorded), expected, "symmetric");
            let other = identity(&scope(), 43, seen_start, seen_inode);
            assert_eq!(recorded.same(&other), No, "another number");
        }
    }

    #[test]
    fn elsewhere_is_unknown_and_another_boot_is_another_process() {
        let here = identity(&scope(), 42, Some(7), Some(9));
        let with = |change: fn(&mut Scope)| {
            let mut other = here.clone();
            change(&mut other.scope);
            here.same(&other)
        };
        assert_eq!(with(|s| s.boot = "later".into()), Same::No);
        assert_eq!(with(|s| s.host = "other".into()), Same::Unknown);
        assert_eq!(with(|s| s.pidns = 2), Same::Unknown);
        assert_eq!(
            with(|s| {
                s.host = "other".into();
                s.boot = "later".into();
            }),
            Same::Unknown,
            "another host has another boot id, and that says nothing"
        );
        let nowhere = Scope { host: "h".into(), boot: String::new(), pidns: 1 };
        let lost = identity(&nowhere, 42, Some(7), Some(9));
        assert_eq!(
            lost.same(&lost),
            Same::Unknown,
            "who does not know where he is compares nothing"
        );
    }
}
