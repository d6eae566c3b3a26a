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
//!
//! What an attempt leaves alive on purpose is a stranger to the next one, and so is what comes of it: that carries
//! the number of its attempt.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::tree::Member;
use crate::core::record::{ATTEMPT, COOKIE, cookie_runs};
use crate::sys::{crash, ids, poll, proc, wait};

/// How often a process that shows neither arguments nor environment is looked at again: it has just become another
/// program, which takes less long than that.
const LOOKS: u32 = 200;

/// What is known of children of ours that may not be the command's.
#[derive(Debug, Default)]
pub struct Strangers {
    /// There may be some.
    possible: Cell<bool>,
    run: String,
    /// Those that we had before we started anybody, until they are collected: their numbers are their own.
    earlier: RefCell<BTreeSet<i32>>,
    /// Members, and when they started.
    proven: RefCell<BTreeMap<i32, u64>>,
    /// The same of attempts that left some, and the last one that did.
    left: RefCell<BTreeMap<i32, u64>>,
    left_by: Cell<u32>,
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
            possible: Cell::new(possible),
            run: run.to_owned(),
            earlier: RefCell::new(BTreeSet::from_iter(earlier)),
            ..Strangers::default()
        })
    }

    /// Attempt `n` is over, and left these.
    pub fn leave(&self, n: u32, members: &[Member]) {
        self.possible.set(true);
        crash::spare_children();
        self.left_by.set(n);
        let mut left = self.left.borrow_mut();
        left.append(&mut self.proven.borrow_mut());
        left.extend(members.iter().map(|member| (member.pid, member.start_ticks)));
    }

    /// Whether there may be any; else every child is a member.
    pub fn are_possible(&self) -> bool {
        self.possible.get()
    }

    /// Whether this process was there before the command.
    pub fn has(&self, pid: i32) -> bool {
        self.possible.get() && (self.earlier.borrow().contains(&pid) || is_of(&self.left, pid))
    }

    /// Whether this child of ours comes of what an earlier attempt left.
    pub fn comes_of_left(&self, child: i32) -> bool {
        self.left_by.get() > 0
            && (groups(child).into_iter().flatten().any(|pid| is_of(&self.left, pid))
                || self.carries_cookie(child) == Some(false))
    }

    /// Whether this child of ours is proven to be a member of the tree of `leader`, other than by its cgroup.
    pub fn admits(&self, child: i32, leader: i32) -> bool {
        !self.possible.get()
            || child == leader
            || !self.has(child)
                && (self.knows(child, leader) || self.carries_cookie(child) == Some(true))
    }

    fn knows(&self, child: i32, leader: i32) -> bool {
        groups(child).is_some_and(|groups| {
            groups.contains(&leader)
                || [child].iter().chain(&groups).any(|pid| self.is_proven(*pid))
        })
    }

    fn is_proven(&self, pid: i32) -> bool {
        is_of(&self.proven, pid)
    }

    /// Whether what it carries says that it is of this attempt, or else of one that left some; nothing where that may
    /// be the number of an attempt of another run below us.
    fn carries_cookie(&self, child: i32) -> Option<bool> {
        let cookie = cookie(child)?;
        cookie_runs(&cookie).find(|run| *run == self.run)?;
        if self.left_by.get() == 0 {
            return Some(true);
        }
        cookie_runs(&cookie).next_back().filter(|run| *run == self.run)?;
        let attempt = proc::environ_var(child, ATTEMPT).ok().flatten()?;
        let attempt: u32 = std::str::from_utf8(&attempt).ok()?.parse().ok()?;
        Some(attempt > self.left_by.get())
    }

    /// This is a member: it is still known as one when nothing shows it any more.
    pub fn remember(&self, member: i32) {
        if self.possible.get()
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
        if self.possible.get()
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
        if collected && self.possible.get() {
            self.earlier.borrow_mut().remove(&child);
        }
        collected
    }
}

/// What a process of a run carries.
fn cookie(child: i32) -> Option<Vec<u8>> {
    let mut complete = false;
    for _ in 0..LOOKS {
        match proc::environ_var(child, COOKIE) {
            Ok(Some(cookie)) => return Some(cookie),
            Ok(None) if !complete => {}
            Ok(None) | Err(_) => return None,
        }
        // Right after an exec both are empty. Its arguments are there before we look once more.
        complete = proc::cmdline(child).is_ok_and(|words| !words.is_empty());
        if !complete {
            poll::let_others();
        }
    }
    None
}

/// The group and the session that this process is in.
fn groups(pid: i32) -> Option<[i32; 2]> {
    proc::stat(pid).ok().flatten().map(|stat| [stat.pgrp, stat.session])
}

/// Whether this process is one of those.
fn is_of(those: &RefCell<BTreeMap<i32, u64>>, pid: i32) -> bool {
    those.borrow().get(&pid).is_some_and(|started| has_begun(pid, *started))
}

/// Whether the process that has this number began then.
fn has_begun(pid: i32, started: u64) -> bool {
    proc::stat(pid).is_ok_and(|stat| stat.is_some_and(|stat| stat.start_ticks == started))
}
