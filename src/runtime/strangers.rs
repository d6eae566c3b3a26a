//! Children of ours that are not the command's.
//!
//! A process keeps its children when it becomes another program. A shell that becomes heeler (`exec`, or just
//! the last command of `bash -c`) leaves us what it started: the `cat` of `heeler run … > >(cat)` is our child.
//! And we are a subreaper: what such a child leaves behind comes to us as well; as PID 1 we get whoever loses its
//! parent in the whole namespace. None of them is a member of the tree, so none is signalled, counted or waited
//! for. They are only collected when they have ended, for nobody else will.
//!
//! Mostly there are none, as one system call before the first command says. Then every child is a member,
//! and having none is proof. Else one is a member that is
//!
//! - the leader,
//! - in a group or session that the leader or another proven member leads, whose number cannot be another's before
//!   that was collected,
//! - in the tree's cgroup (which is asked elsewhere, of a handle),
//! - carrying the cookie of this run in its environment,
//! - proven to be a member before: while its parent, which was one, lived.
//!
//! About any other nothing is known, and it may be the command's: a daemon that has cleared its environment and
//! left everything, where no cgroup held it. It is left alone, and the report does not say that the tree is empty.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::core::record::{COOKIE, cookie_runs};
use crate::sys::{crash, ids, poll, proc, wait};

/// How often a process that shows neither arguments nor environment is looked at again: it has just become another
/// program, which takes less long than that.
const LOOKS: u32 = 200;

/// What is known of children of ours that may not be the command's.
#[derive(Debug, Default)]
pub struct Strangers {
    /// There may be some.
    possible: bool,
    run: String,
    /// Those that we had before we started anybody, until they are collected: their numbers are their own.
    earlier: RefCell<BTreeSet<i32>>,
    /// Members, and when they started.
    proven: RefCell<BTreeMap<i32, u64>>,
}

impl Strangers {
    /// To be asked before anybody is started for `run`, and before orphans come to us.
    pub fn look(run: &str) -> io::Result<Strangers> {
        let some = wait::has_children()?;
        // Without `/proc` they have no names, and the tree is only looked for in the leader's group.
        let earlier = if some { proc::own_children().unwrap_or_default() } else { Vec::new() };
        let possible = some || ids::pid() == 1;
        if possible {
            crash::spare_children();
        }
        Ok(Strangers {
            possible,
            run: run.to_owned(),
            earlier: RefCell::new(BTreeSet::from_iter(earlier)),
            proven: RefCell::default(),
        })
    }

    /// Whether there may be any; else every child is a member.
    pub fn are_possible(&self) -> bool {
        self.possible
    }

    /// Whether this child was there before the command.
    pub fn has(&self, child: i32) -> bool {
        self.possible && self.earlier.borrow().contains(&child)
    }

    /// Whether this child of ours is proven to be a member of the tree of `leader`, other than by its cgroup.
    pub fn admits(&self, child: i32, leader: i32) -> bool {
        !self.possible
            || child == leader
            || !self.has(child) && (self.knows(child, leader) || self.carries_cookie(child))
    }

    fn knows(&self, child: i32, leader: i32) -> bool {
        let Ok(Some(stat)) = proc::stat(child) else { return false };
        [stat.pgrp, stat.session].contains(&leader)
            || [child, stat.pgrp, stat.session].into_iter().any(|pid| self.is_proven(pid))
    }

    fn is_proven(&self, pid: i32) -> bool {
        self.proven.borrow().get(&pid).is_some_and(|started| has_begun(pid, *started))
    }

    fn carries_cookie(&self, child: i32) -> bool {
        let mut complete = false;
        for _ in 0..LOOKS {
            match proc::environ_var(child, COOKIE) {
                Ok(Some(cookie)) => return cookie_runs(&cookie).any(|run| run == self.run),
                Ok(None) if !complete => {}
                Ok(None) | Err(_) => return false,
            }
            // Right after an exec both are empty. Its arguments are there before we look once more.
            complete = proc::cmdline(child).is_ok_and(|words| !words.is_empty());
            if !complete {
                poll::let_others();
            }
        }
        false
    }

    /// This is a member: it is still known as one when nothing shows it any more.
    pub fn remember(&self, member: i32) {
        if self.possible
            && let Ok(Some(stat)) = proc::stat(member)
        {
            self.proven.borrow_mut().insert(member, stat.start_ticks);
        }
    }

    /// Forgets members that are gone.
    pub fn forget_gone(&self) {
        self.proven.borrow_mut().retain(|pid, started| has_begun(*pid, *started));
    }

    /// Collects this child if it has ended. Who has its number next is another.
    pub fn collect(&self, child: i32) -> bool {
        // What was in a group or session of its is ours by now, and known by that for the last time.
        if self.possible
            && self.is_proven(child)
            && proc::stat(child).is_ok_and(|stat| stat.is_some_and(|stat| stat.dead()))
        {
            for other in proc::own_children().unwrap_or_default() {
                if other != child && !self.has(other) && self.knows(other, child) {
                    self.remember(other);
                }
            }
        }
        let collected = matches!(wait::reap(child), Ok(Some(_)));
        if collected && self.possible {
            self.earlier.borrow_mut().remove(&child);
        }
        collected
    }
}

/// Whether the process that has this number began then.
fn has_begun(pid: i32, started: u64) -> bool {
    proc::stat(pid).is_ok_and(|stat| stat.is_some_and(|stat| stat.start_ticks == started))
}
