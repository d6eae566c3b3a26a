//! The tree of a run: its leader and everyone who descends from it.
//!
//! heeler is a child subreaper: whoever loses its parent becomes our child, so "no child left" (ECHILD) is
//! the kernel's proof that the tree is empty; where we had children before the command, that none is left but
//! [`Strangers`]. Where the system lets us make one, a cgroup leaf holds the
//! tree too: then one write kills it, forks under way included, and `populated 0` is a second proof. The
//! leader stays an unreaped zombie until then, so that its process id and group cannot be reused. heeler
//! itself is never a member.
//!
//! Every signal goes through a pidfd, and that is proven to be a member's after it was opened ([`Proof`]).
//!
//! Where `/proc` cannot be read members have no names and no numbers. Then signals go to the leader's group,
//! through its pidfd, and the proof is still that no child is left; who has left the group gets away, and it
//! is said that nothing is proven.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use super::fault;
use super::proof::{Kin, Proof};
use super::sending::{Look, Rung, Sending};
use super::strangers::Strangers;
use crate::core::outcome::Ended;
use crate::core::supervisor::KILL;
use crate::sys::cgroup::Leaf;
use crate::sys::crash;
use crate::sys::pidfd::PidFd;
use crate::sys::proc;
use crate::sys::signals::CONT;
use crate::sys::wait::{self, Status};

/// In how many rounds a signal is sent at once: a tree of a thousand gets it before anything else is done.
const ROUNDS: usize = 5;

/// How many times everybody may have ended before the look at them.
const LOOKS: usize = 5;

/// A living member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Process id.
    pub pid: i32,
    /// Name, as the kernel has it.
    pub comm: String,
    /// Raw start ticks; with the pid it says who this is.
    pub start_ticks: u64,
}

impl Member {
    /// The process that has this number now, if it lives.
    pub(super) fn living(pid: i32) -> Option<Member> {
        let stat = proc::stat(pid).ok()?.filter(|stat| !stat.dead())?;
        Some(Member { pid, comm: stat.comm, start_ticks: stat.start_ticks })
    }

    /// Whether the other is the same process, whatever it executes by now.
    pub fn is(&self, other: &Member) -> bool {
        (self.pid, self.start_ticks) == (other.pid, other.start_ticks)
    }

    /// Reads its name again, as long as it is there: right after a fork it is still its parent's.
    pub fn read_name(&mut self) {
        if let Ok(Some(stat)) = proc::stat(self.pid)
            && stat.start_ticks == self.start_ticks
        {
            self.comm = stat.comm;
        }
    }
}

/// A run's processes.
#[derive(Debug)]
pub struct Tree {
    leader: i32,
    pidfd: PidFd,
    leaf: Option<Leaf>,
    ended: Option<Ended>,
    /// There is no `/proc` to look at.
    blind: bool,
    /// A child of ours that is not the command's: it and what descends from it are no members.
    apart: Option<i32>,
    /// Children of ours that were not started by us: neither are they.
    strangers: Rc<Strangers>,
    collected: bool,
    /// Whether it was proven that nobody is left.
    gone: bool,
    /// Nothing more is to be done about it: who is left is to stay.
    settled: bool,
    /// The signal being sent, and who has had it.
    sending: Sending,
    /// A signal that a whole group has had from somebody else, and that group.
    had: Option<(i32, i32)>,
}

impl Tree {
    /// The tree of a leader that has just been spawned, in `leaf` where there is one. One that cannot be held
    /// (no descriptor is left) is ended.
    pub fn new(leader: i32, leaf: Option<Leaf>, strangers: Rc<Strangers>) -> io::Result<Tree> {
        let pidfd = match PidFd::open(leader) {
            Ok(Some(pidfd)) => pidfd,
            otherwise => {
                if let Some(leaf) = &leaf {
                    let _ = leaf.kill();
                }
                wait::kill_group(leader);
                if let Some(leaf) = &leaf {
                    leaf.remove();
                }
                return Err(otherwise.err().unwrap_or_else(|| io::ErrorKind::NotFound.into()));
            }
        };
        crash::hold_tree(leader, leaf.as_ref().map(Leaf::kill_fd));
        Ok(Tree {
            leader,
            pidfd,
            leaf,
            ended: None,
            blind: !proc::is_there(),
            apart: None,
            strangers,
            collected: false,
            gone: false,
            settled: false,
            sending: Sending::default(),
            had: None,
        })
    }

    /// The leader's process id, which is also its group.
    pub fn leader(&self) -> i32 {
        self.leader
    }

    /// The cgroup that holds it.
    pub fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref()
    }

    /// To poll for the leader's exit.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Whether the leader has ended, and how. It stays a zombie.
    pub fn peek(&mut self) -> io::Result<Option<Ended>> {
        if self.ended.is_none() {
            self.ended = wait::peek(self.pidfd.as_fd())?.and_then(ended);
        }
        Ok(self.ended)
    }

    /// Whether members cannot be seen.
    pub fn is_blind(&self) -> bool {
        self.blind
    }

    /// How the leader ended, as far as anyone looked.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The signal that the leader was stopped by since this was last asked.
    pub fn take_stop(&self) -> Option<i32> {
        if self.ended.is_some() {
            return None;
        }
        wait::take_stop(self.pidfd.as_fd()).ok().flatten()
    }

    /// Whether the leader is in process group `group`.
    pub fn leader_is_in(&self, group: i32) -> bool {
        matches!(proc::stat(self.leader), Ok(Some(stat)) if stat.pgrp == group)
    }

    /// Whether this is a process of the tree, a leader that has ended included.
    pub fn has(&self, pid: i32) -> bool {
        pid == self.leader || self.members().iter().any(|member| member.pid == pid)
    }

    /// The living members; the leader is one until it has ended.
    pub fn members(&self) -> Vec<Member> {
        self.look(self.leaf.as_ref()).0
    }

    /// Collects every orphan that has ended, and says how many members live. Whoever ends between the list and the look at
    /// each leaves its children to us, and nobody is seen: then both are done again.
    fn count(&mut self, populated: bool) -> usize {
        for _ in 0..LOOKS {
            self.collect_orphans();
            // Asking the kernel whether there is anyone is cheaper than asking who.
            let (members, ended) = self.look(self.leaf.as_ref().filter(|_| populated));
            if !members.is_empty() || !ended {
                return members.len();
            }
        }
        self.collect_orphans()
    }

    /// The living members, those in `leaf` too; and whether there were others, who had ended.
    fn look(&self, leaf: Option<&Leaf>) -> (Vec<Member>, bool) {
        let mut held = leaf.map(Leaf::processes);
        let mut found = Vec::new();
        let mut parents = Vec::new();
        let mut seen = BTreeSet::new();
        let mut ended = false;
        // Parents come before their children. Whoever has gone meanwhile has left its children to us; the next
        // look finds them.
        let mut next = proc::own_children().unwrap_or_default();
        next.retain(|&pid| self.strangers.admits(pid, self.leader));
        fault::point("look");
        loop {
            for pid in next {
                let ended_leader = pid == self.leader && self.ended.is_some();
                // One that has ended has no children any more.
                if ended_leader || Some(pid) == self.apart || !seen.insert(pid) {
                    continue;
                }
                if let Ok(Some(stat)) = proc::stat(pid)
                    && !stat.dead()
                {
                    let (comm, start_ticks) = (stat.comm.clone(), stat.start_ticks);
                    found.push(Member { pid, comm, start_ticks });
                    parents.push(stat);
                } else {
                    ended |= pid != self.leader;
                }
            }
            next = match parents.pop() {
                Some(parent) => proc::children_after(&parent).unwrap_or_default(),
                // A member may have left our descent (a namespace with a reaper of its own) or the cgroup (it
                // may write to another one), hardly both: so both are looked at.
                None => match held.take() {
                    Some(held) => held,
                    None => break,
                },
            };
        }
        (found, ended)
    }

    /// Collects every orphan that has ended, and says how many members other than an ended leader live; while they
    /// are being ended, only whether some do.
    pub fn sweep(&mut self) -> usize {
        if self.blind {
            return self.sweep_blindly();
        }
        // Reading arms the next notice, so it comes before the look.
        let populated = self.leaf.as_ref().is_some_and(Leaf::populated);
        let Some(rung) = self.sending.rung() else {
            let members = self.count(populated);
            // Someone forked and ended between two looks: the notice of the end is still to come.
            let unseen = populated
                && self.ended.is_some()
                && self.leaf.as_ref().is_some_and(Leaf::populated);
            return members.max(usize::from(unseen));
        };
        // The kernel kills every one of them by itself; looking at each, or collecting those that have ended
        // from among those that have not, would only take time.
        if populated && rung.signal == KILL && self.leaf.as_ref().is_some_and(Leaf::is_killed) {
            return 1;
        }
        // Who lives is our child, or below one that lives, or in the cgroup.
        let others = self.collect_orphans().max(usize::from(populated));
        let lives = others + usize::from(self.ended.is_none());
        if lives == 0 {
            self.sending.settle();
        } else if self.sending.is_stale() {
            self.send_round();
        }
        lives
    }

    fn send_round(&mut self) -> bool {
        let mut sending = std::mem::take(&mut self.sending);
        let deaf = sending.round(self.kin(), self.ended.is_some());
        self.sending = sending;
        deaf
    }

    /// When members are to be looked for again, and how many have had the signal that is being sent.
    pub fn due(&self) -> (Look, usize) {
        (self.sending.look(), self.sending.count())
    }

    fn kin(&self) -> Kin<'_> {
        let (leader, leaf, apart) = (self.leader, self.leaf.as_ref(), self.apart);
        Kin { leader, leaf, apart, strangers: &self.strangers }
    }

    fn sweep_blindly(&mut self) -> usize {
        if self.ended.is_none() {
            return 0;
        }
        if let Some(Rung { signal: KILL, .. }) = self.sending.rung() {
            self.signal_own_group(KILL);
        }
        // Its pidfd reaches the group without it.
        self.collect_leader();
        if self.apart.is_none() {
            wait::reap_all();
        }
        usize::from(if self.strangers.are_possible() {
            self.pidfd.signal_group(0).is_ok()
        } else {
            wait::has_children().unwrap_or(true)
        })
    }

    /// Signals the group that the leader leads.
    fn signal_own_group(&self, signal: i32) {
        match self.pidfd.signal_group(signal) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported && !self.collected => {
                wait::signal_group(self.leader, signal);
            }
            // Gone is fine, and for the rest there is nobody to name.
            _ => {}
        }
    }

    fn collect_leader(&mut self) {
        if !self.collected && self.ended.is_some() {
            crash::forget_leader();
            let _ = wait::reap(self.leader);
            self.collected = true;
        }
    }

    /// Collects every orphan that has ended: as their new parent we owe them that, or a long run of a
    /// command that double-forks fills the process table with zombies. Says how many have not ended (one, where that
    /// cannot be known); the leader does not count.
    pub fn collect_orphans(&mut self) -> usize {
        let Ok(mut children) = proc::own_children() else { return 1 };
        children.retain(|&pid| pid != self.leader && Some(pid) != self.apart);
        let mut lives = 0;
        for pid in children {
            if self.strangers.collect(pid) {
                self.sending.forget(pid);
            } else if self.strangers.admits(pid, self.leader) {
                self.sending.saw(pid);
                lives += 1;
            }
        }
        lives
    }

    /// Whoever is in `group` has had `signal`: if that is sent next, it is for the others alone. (Who was born there
    /// since is what a handler starts: see [`Sending`].)
    pub fn has_had(&mut self, group: i32, signal: i32) {
        self.had = Some((signal, group));
    }

    /// Starts sending `signal`: every member gets it once, and CONT after it so that a stopped one acts on
    /// it. Who appears later gets it when it is seen, but for what a handler starts: see [`Sending`].
    pub fn signal(&mut self, signal: i32) {
        self.signal_or(signal, None);
    }

    /// The same, and whoever ignores `signal` (a shell has its background jobs ignore INT and QUIT) gets
    /// `deaf` as well. Says whether somebody did.
    pub fn signal_or(&mut self, signal: i32, deaf: Option<i32>) -> bool {
        let had = self.had.take().filter(|(had, _)| *had == signal).map(|(_, group)| group);
        self.sending.begin(Rung { signal, deaf, had });
        self.strangers.forget_gone();
        if self.blind {
            self.signal_own_group(signal);
            if signal != KILL {
                self.signal_own_group(CONT);
            }
            return false;
        }
        // One write for all of them, which takes as long as they take. Someone was there, so the kernel owes
        // us a notice of their end, and `sweep` then finds who is not in the cgroup (root can leave it). A
        // failure leaves the pidfds below.
        if signal == KILL
            && let Some(leaf) = &self.leaf
            && leaf.populated()
            && leaf.kill().is_ok()
        {
            return false;
        }
        // Members may fork meanwhile, or end and leave their children to others. Of who forks as fast as we follow,
        // `sweep` sees to the rest.
        let mut any_deaf = false;
        for _ in 0..ROUNDS {
            any_deaf |= self.send_round();
            if self.sending.look() < Look::Growing {
                break;
            }
        }
        any_deaf
    }

    /// Sends `signal` to every member that is found now. What is being sent stays.
    pub fn signal_once(&mut self, signal: i32) {
        if self.blind {
            self.signal_own_group(signal);
        }
        self.signal_those(signal, |_| true);
    }

    /// Sends `signal` to whoever ignores `ignored`. Says whether somebody does.
    pub fn signal_deaf(&mut self, ignored: i32, signal: i32) -> bool {
        self.signal_those(signal, |member| proc::ignores(member.pid, ignored))
    }

    /// Sends `signal` to the leader's group, or to whoever has the foreground of its terminal.
    pub fn signal_group(&mut self, group: Option<i32>, signal: i32) {
        if self.blind {
            return self.signal_own_group(signal);
        }
        let own = || proc::stat(self.leader).ok().flatten().map_or(self.leader, |stat| stat.pgrp);
        let group = group.unwrap_or_else(own);
        self.signal_where(signal, |stat| stat.pgrp == group);
    }

    /// Sends `signal` to whoever is not in `group`.
    pub fn signal_outside(&mut self, group: i32, signal: i32) {
        self.signal_where(signal, |stat| stat.pgrp != group);
    }

    /// Continues whoever is stopped, but for the leader's group if somebody has continued that: who is stopped there
    /// was so by a key that came since.
    pub fn continue_stopped(&mut self) {
        let leader = proc::stat(self.leader).ok().flatten();
        let done = leader.filter(|_| wait::was_continued(self.pidfd.as_fd())).map(|it| it.pgrp);
        self.signal_where(CONT, |stat| stat.state == b'T' && Some(stat.pgrp) != done);
    }

    fn signal_where(&self, signal: i32, meant: impl Fn(&proc::Stat) -> bool) {
        self.signal_those(signal, |member| {
            proc::stat(member.pid).is_ok_and(|stat| stat.as_ref().is_some_and(&meant))
        });
    }

    /// Sends `signal` to those of the members that are `meant`. Says whether there was one.
    fn signal_those(&self, signal: i32, mut meant: impl FnMut(&Member) -> bool) -> bool {
        let mut proof = Proof::new(self.kin());
        let mut any = false;
        for member in self.members() {
            if let Ok(Some(handle)) = proof.pin(member.pid)
                && meant(&member)
            {
                any |= handle.signal(signal).is_ok();
            }
        }
        any
    }

    /// Collects the leader, which frees its number, and says whether nobody at all is left.
    pub fn collect(&mut self) -> bool {
        self.gone = self.gone || self.collect_all();
        self.gone
    }

    fn collect_all(&mut self) -> bool {
        self.collect_leader();
        if self.collected && self.is_alone() {
            return true;
        }
        self.sweep();
        self.collected && self.is_alone()
    }

    fn is_alone(&mut self) -> bool {
        let childless = if self.strangers.are_possible() {
            !self.blind && self.collect_orphans() == 0
        } else {
            !wait::has_children().unwrap_or(true)
        };
        childless && self.leaf.as_ref().is_none_or(|leaf| !leaf.populated() && leaf.remove())
    }

    /// Whether it will never be proven that nobody is left, and nobody is seen.
    pub fn is_beyond_proof(&mut self) -> bool {
        self.blind && self.strangers.are_possible() && self.sweep_blindly() == 0
    }

    /// Living children of ours that may be the command's, or not: see [`Strangers`].
    pub fn in_doubt(&self) -> Vec<Member> {
        if !self.strangers.are_possible() || self.leaf.is_some() {
            return Vec::new();
        }
        let doubtful = |pid: &i32| {
            !self.strangers.has(*pid)
                && !self.strangers.admits(*pid, self.leader)
                && !self.strangers.comes_of_left(*pid)
        };
        let children = proc::own_children().unwrap_or_default();
        children.into_iter().filter(doubtful).filter_map(Member::living).collect()
    }

    /// Who is left stays.
    pub fn let_go(&mut self) {
        crash::let_tree_go();
        self.settled = true;
    }

    /// A child of ours that is no member from here on, or that is gone.
    pub fn set_apart(&mut self, pid: Option<i32>) {
        if let Some(pid) = pid {
            // It is ended like one, in the end.
            self.strangers.remember(pid);
        }
        self.apart = pid;
    }

    /// Kills everyone in the group of the child that stands apart, and everyone who descends from it. The
    /// child itself has not been collected, so its numbers are its own. What has left both (a daemon) is a
    /// member like any other once its parent is gone.
    pub fn end_apart(&mut self) {
        let Some(apart) = self.apart.take() else { return };
        let mut below = BTreeSet::from([apart]);
        // Parents come before their children in `members`, but not in the order of their numbers.
        self.signal_those(KILL, |member| {
            let Ok(Some(stat)) = proc::stat(member.pid) else { return false };
            let meant = stat.pgrp == apart || below.contains(&stat.ppid) || member.pid == apart;
            if meant {
                below.insert(member.pid);
            }
            meant
        });
        self.apart = Some(apart);
    }

    /// Members that could not be signalled, and why.
    pub fn refused(&self) -> &[(Member, String)] {
        self.sending.refused()
    }
}

/// Where heeler fails, nobody gets away.
impl Drop for Tree {
    fn drop(&mut self) {
        if !self.settled && !self.gone {
            self.signal(KILL);
            let _ = self.peek();
            self.collect();
        }
        crash::let_tree_go();
    }
}

fn ended(status: Status) -> Option<Ended> {
    match status {
        Status::Exited(code) => Some(Ended::Exited(code)),
        Status::Signaled(signal, core_dumped) => Some(Ended::Signaled { signal, core_dumped }),
        Status::Stopped(_) => None,
    }
}
