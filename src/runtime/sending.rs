//! A signal on its way to every member, once.
//!
//! Members are signalled as they are found, parents before their children: a shell that is ended first does
//! not comment on the end of what it waits for. The list that tells of a member's children (its own, or that of the
//! cgroup) is read after it was signalled: one that dies of it cannot fork any more (the kernel fails a fork while a
//! signal is pending), so whoever is not on that list was never born.
//!
//! Who is born of one that has had the signal, and lives on, is what a handler starts to clean up (the `rm` of a
//! shell's trap): it is left to its work, as after a signal to a group, and ends with the next rung. Numbers are given
//! in turn, so they tell who was born after its parent had it ([`Heard`]). Whose parent is gone was born before, or
//! belongs to nobody: it gets the signal when it is found.
//!
//! A large tree ends on the processors that looking at it takes, too. Two reads of `/proc/PID/stat` and one of
//! the children of each cost half as much again as the kernel takes to end a thousand. So the handle that the
//! signal needs anyway is asked, not `/proc` ([`Proof`]); nobody is looked at twice, except for new children;
//! and lists are read again only when somebody has forked, and once more after that. The one list of a cgroup stands
//! for those of its members' children, which only tell who has left it: they are read when those that the signal ends
//! are gone. (The kernel forgets at each end what was opened below `/proc/PID`; all together a tenth of the time.)
//!
//! A round is bounded: who forks as fast as we follow keeps us from nothing else. What is left to do is a [`Look`].
//! "Soon" and "at once" are wake-ups of our own, for the kernel owes us no event then.
//!
//! | state      | after a round that                                     | the next one is                     |
//! |------------|--------------------------------------------------------|-------------------------------------|
//! | Unfinished | was cut short                                          | at once                             |
//! | Growing    | found somebody                                         | soon                                |
//! | Fresh      | found nobody, but the one before did, or many have gone | soon, and reads all lists again    |
//! | Doubtful   | found nobody, but somebody was born since the one before, or a list could not be read | at an event, and reads all lists again |
//! | Settled    | found nobody while nobody was born                     | at an event, if somebody was born since |
//!
//! Where somebody was born, on the whole machine, for that is all that the kernel tells, any round reads all lists
//! again. On a busy machine that is always so: a reason to look whenever something happens, but not to wake up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::{Duration, Instant};

use super::proof::{Kin, Proof};
use super::tree::Member;
use crate::core::supervisor::KILL;
use crate::sys::cgroup::Leaf;
use crate::sys::pidfd::{self, PidFd};
use crate::sys::proc::LastPid;
use crate::sys::{ids, poll, proc, signals};

/// How many handles on parents are kept until it is their children's turn. Others are opened anew.
const PARENTS: usize = 64;

/// How many a round finds at most: some milliseconds, where we have a processor. Each round asks all children of ours
/// anew: four of them for a tree of a thousand took 4 % longer than one.
const MOST: usize = 1024;

/// How long a round goes on where we do not have one, and how many it finds all the same.
const LONGEST: Duration = Duration::from_millis(20);
const LEAST: usize = 16;

/// The kernel gives numbers in turn, round and round. So soon it cannot have given every one of them.
const TURN: Duration = Duration::from_millis(250);

/// What is being sent.
#[derive(Clone, Copy, Debug)]
pub struct Rung {
    /// The signal.
    pub signal: i32,
    /// What those get as well who ignore it.
    pub deaf: Option<i32>,
    /// Who is in this group has had it, as the group was sent it.
    pub had: Option<i32>,
}

/// When members are looked for again: see the table of this module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// When something happens, if somebody has been born.
    #[default]
    Settled,
    /// When something happens.
    Doubtful,
    /// Soon: the kernel gives a number before it shows the child to anyone.
    Fresh,
    /// Soon: where somebody was found there may be more.
    Growing,
    /// At once.
    Unfinished,
}

/// A look at the members.
#[derive(Debug)]
struct Round<'a> {
    rung: Rung,
    kin: Kin<'a>,
    proof: Proof<'a>,
    /// The leader that has ended, and is to stay.
    ended: Option<i32>,
    began: Instant,
    /// So many had not had it.
    found: usize,
    /// Somebody ignores it, and got the other.
    deaf: bool,
}

impl Round<'_> {
    fn is_spent(&self) -> bool {
        self.found >= MOST || self.found >= LEAST && poll::now() - self.began > LONGEST
    }
}

/// A member that was found.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Tells it from a later process of the same number; absent where it had ended, or was refused.
    mark: Option<u64>,
    /// Its number may have been given to another since.
    doubted: bool,
    heard: Heard,
    below: Below,
}

/// Whether a member has had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    /// It has. This was the last number given to a process before, where the kernel tells: whoever is born of it with
    /// a later one is its handler's.
    After(Option<i32>),
    /// It has not, for it is at work for a handler.
    Spared,
}

/// What is below a member that has had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    NotAsked,
    /// The list of the cgroup tells of those, at first. (It no longer has one that is about to end.)
    Listed,
    /// When it was asked, by the count of [`Sending::rounds`].
    Nobody(u32),
    Somebody,
}

/// What is being sent, and who has had it.
#[derive(Debug, Default)]
pub struct Sending {
    rung: Option<Rung>,
    /// By number.
    known: BTreeMap<i32, Known>,
    numbers: Option<LastPid>,
    /// The last number that was given to a process before members were looked for.
    last_pid: Option<i32>,
    /// So many were in the cgroup then.
    held: usize,
    /// When members were looked for.
    looked: Option<Instant>,
    look: Look,
    /// How many times members were looked for.
    rounds: u32,
    /// The last round that knew of births before it, and the last one that reads all lists again anyway.
    born: u32,
    doubted: u32,
    /// There was no descriptor left for a handle.
    short: bool,
    /// Members that could not be signalled, and why.
    refused: Vec<(Member, String)>,
}

impl Sending {
    /// What is being sent.
    pub fn rung(&self) -> Option<Rung> {
        self.rung
    }

    /// From here on `rung` is sent, and nobody has had it.
    pub fn begin(&mut self, rung: Rung) {
        self.rung = Some(rung);
        self.known.clear();
        self.numbers = self.numbers.take().or_else(LastPid::open);
        (self.last_pid, self.held) = (None, 0);
        self.look = Look::Doubtful;
    }

    /// How many were found.
    pub fn count(&self) -> usize {
        self.known.len()
    }

    /// When members are to be looked for.
    pub fn look(&self) -> Look {
        self.look
    }

    /// There is nobody to be looked for.
    pub fn settle(&mut self) {
        self.look = Look::Settled;
    }

    /// This child of ours is a member and alive. If it has not had it, its parent died before anyone read of it.
    pub fn saw(&mut self, pid: i32) {
        if !self.has_had(pid) {
            self.look = self.look.max(Look::Doubtful);
        }
    }

    /// This process was collected: who has its number next is another.
    pub fn forget(&mut self, pid: i32) {
        self.known.remove(&pid);
    }

    /// Members that could not be signalled, and why.
    pub fn refused(&self) -> &[(Member, String)] {
        &self.refused
    }

    /// Whether somebody may have been born since members were last looked for; the next round looks for them.
    pub fn is_stale(&self) -> bool {
        self.look != Look::Settled || self.last_pid.is_none() || self.last_pid != self.last_number()
    }

    fn last_number(&self) -> Option<i32> {
        self.numbers.as_ref()?.get()
    }

    fn has_had(&self, pid: i32) -> bool {
        self.known.get(&pid).is_some_and(|known| known.heard != Heard::Spared)
    }

    /// Sends it to members that have not had it; a leader that has ended is to stay. Says whether somebody ignores
    /// it, and got the other.
    pub fn round(&mut self, kin: Kin<'_>, leader_ended: bool) -> bool {
        let Some(rung) = self.rung else { return false };
        let (before, now) = (self.last_pid, self.last_number());
        self.last_pid = now;
        let at = poll::now();
        let soon = self.looked.replace(at).is_some_and(|before| at - before < TURN);
        let born = now.is_none() || before.is_some() && before != now;
        self.rounds += 1;
        let is_first = self.known.is_empty();
        if born {
            self.born = self.rounds;
            self.doubt(before.zip(now).filter(|_| soon));
        }
        let last = std::mem::take(&mut self.look);
        let ended = leader_ended.then_some(kin.leader);
        let mut round =
            Round { rung, kin, proof: Proof::new(kin), ended, began: at, found: 0, deaf: false };
        // A member may have left our descent (a namespace with a reaper of its own) or the cgroup (it may write
        // to another one), hardly both: so both are looked at.
        let held = kin.leaf.filter(|_| born || last != Look::Settled).map(Leaf::processes);
        let held = held.unwrap_or_default();
        let were = std::mem::replace(&mut self.held, held.len());
        // More than a few, or that could go on for ever.
        let are_going = last == Look::Fresh && held.len() < were - were / 16;
        let is_early = is_first || are_going || last >= Look::Growing;
        if !is_early && last != Look::Settled {
            self.doubted = self.rounds;
        }
        let inside: BTreeSet<i32> = held.iter().copied().collect();
        let complete = self.descend(&mut round, kin, &inside, is_early)
            && held.iter().all(|&pid| {
                self.reach(&mut round, pid);
                if let Some(known) = self.known.get_mut(&pid)
                    && known.below == Below::NotAsked
                {
                    known.below = Below::Listed;
                }
                !round.is_spent()
            });
        if !complete {
            self.look = Look::Unfinished;
        } else if round.found > 0 {
            self.look = Look::Growing;
        } else if are_going || last >= Look::Growing {
            self.look = Look::Fresh;
        } else if born || is_first {
            self.look = Look::Doubtful;
        }
        round.deaf
    }

    /// Reaches who is below us; those `inside` the cgroup are not asked for their children when it is early. Says
    /// whether that were all.
    fn descend(
        &mut self,
        round: &mut Round<'_>,
        kin: Kin<'_>,
        inside: &BTreeSet<i32>,
        is_early: bool,
    ) -> bool {
        let mut seen = BTreeSet::new();
        let us = ids::pid();
        let ours = proc::own_children();
        if ours.is_err() {
            self.look = Look::Doubtful;
        }
        // One generation after the other: a chain that grows as fast as it is followed keeps us from nobody else.
        let mut families = VecDeque::from([(us, None, ours.unwrap_or_default())]);
        while let Some((parent, handle, children)) = families.pop_front() {
            if let Some(handle) = handle {
                round.proof.at(parent, handle);
            }
            for pid in children {
                if round.is_spent() {
                    return false;
                }
                if !seen.insert(pid) {
                    continue;
                }
                // Who has ended is one call, instead of four for what it does not get any more.
                if parent == us && !self.has_had(pid) && self.collect(kin, pid) {
                    continue;
                }
                let mut handle = self.reach(round, pid);
                if std::mem::take(&mut self.short) {
                    for (_, kept, _) in &mut families {
                        *kept = None;
                    }
                    round.proof.forget();
                    handle = self.reach(round, pid);
                }
                let Some(Known { below, heard: Heard::After(_), .. }) = self.known.get_mut(&pid)
                else {
                    continue;
                };
                if is_early && (*below == Below::Listed || inside.contains(&pid)) {
                    continue;
                }
                // Whoever is born of one in the cgroup is born into it, and can have left it only if somebody was
                // born.
                if let Below::Nobody(asked) = *below
                    && asked >= self.born
                    && (asked >= self.doubted || inside.contains(&pid))
                {
                    continue;
                }
                let Ok(children) = proc::children(pid) else {
                    self.look = Look::Doubtful;
                    continue;
                };
                if children.is_empty() {
                    *below = Below::Nobody(self.rounds);
                } else {
                    *below = Below::Somebody;
                    let handle = handle.filter(|_| families.len() < PARENTS);
                    families.push_back((pid, handle, children));
                }
            }
        }
        true
    }

    /// Whether this child of `parent` is at work for a handler. KILL is for all.
    fn is_spared(&self, rung: Rung, pid: i32, parent: i32) -> bool {
        rung.signal != KILL
            && self.known.get(&parent).is_some_and(|parent| match parent.heard {
                Heard::Spared => true,
                // Once all numbers have been given since, that says nothing.
                Heard::After(before) => {
                    before.zip(self.last_number()).is_some_and(|given| is_among(pid, given))
                }
            })
    }

    /// Collects a child of ours that has ended, unless somebody is to see how.
    fn collect(&mut self, kin: Kin<'_>, child: i32) -> bool {
        let collected =
            child != kin.leader && Some(child) != kin.apart && kin.strangers.collect(child);
        if collected {
            self.forget(child);
        }
        collected
    }

    /// Sends it to `pid` if that is a member that has not had it, and gives the handle on it.
    fn reach(&mut self, round: &mut Round<'_>, pid: i32) -> Option<PidFd> {
        let doubted = || self.known.get(&pid).is_some_and(|known| known.doubted);
        if self.has_had(pid) && !doubted() || Some(pid) == round.ended {
            return None;
        }
        let (handle, parent) = match round.proof.pin_child(pid) {
            Ok(pinned) => pinned?,
            Err(error) if pidfd::is_out_of_descriptors(&error) => {
                (self.short, self.look) = (true, Look::Doubtful);
                return None;
            }
            Err(error) => {
                self.refuse(pid, &error);
                return None;
            }
        };
        let mark = handle.mark(pid);
        if let Some(known) = self.known.get_mut(&pid)
            && known.heard != Heard::Spared
            && known.mark.is_some()
            && known.mark == mark
        {
            known.doubted = false;
            return Some(handle);
        }
        let spared = self.is_spared(round.rung, pid, parent);
        let heard = if spared { Heard::Spared } else { Heard::After(self.last_number()) };
        self.known.insert(pid, Known { mark, doubted: false, heard, below: Below::NotAsked });
        if spared {
            return None;
        }
        // It may be dead before its children are read; some of them are known by their parent alone.
        if round.kin.strangers.are_possible() {
            for child in proc::children(pid).unwrap_or_default() {
                let _ = round.proof.pin(child);
            }
        }
        round.found += 1;
        let Rung { signal, deaf, had } = round.rung;
        let deaf = deaf.filter(|_| signal != KILL && proc::ignores(pid, signal));
        // A stopped one acts on it when it goes on.
        let others = deaf.into_iter().chain((signal != KILL).then_some(signals::CONT));
        let is_in = |group| matches!(proc::stat(pid), Ok(Some(stat)) if stat.pgrp == group);
        let first = (!had.is_some_and(is_in)).then_some(signal);
        let result = first.into_iter().chain(others).try_for_each(|it| handle.signal(it));
        match result {
            Ok(()) => round.deaf |= deaf.is_some(),
            Err(error) if proc::is_gone(&error) => {}
            Err(error) => self.refuse(pid, &error),
        }
        Some(handle)
    }

    fn refuse(&mut self, pid: i32, error: &io::Error) {
        let (heard, below) = (Heard::After(None), Below::NotAsked);
        let known = Known { mark: None, doubted: false, heard, below };
        self.known.entry(pid).or_insert(known).doubted = false;
        // The rung before may have been refused as well.
        if let Some(member) = Member::living(pid)
            && !self.refused.iter().any(|(known, _)| known.is(&member))
        {
            self.refused.push((member, error.to_string()));
        }
    }

    /// Whoever has had it under a number that was given since may be another by now. `given` are the last number
    /// before and the last one now, where all between them are known to be those that were given.
    fn doubt(&mut self, given: Option<(i32, i32)>) {
        let since = |pid| given.is_none_or(|given| is_among(pid, given));
        self.known.iter_mut().filter(|(pid, _)| since(**pid)).for_each(|(_, it)| it.doubted = true);
    }
}

/// Whether this number was given to a process when the last one went from `before` to `now`.
fn is_among(pid: i32, (before, now): (i32, i32)) -> bool {
    if before <= now { before < pid && pid <= now } else { before < pid || pid <= now }
}
