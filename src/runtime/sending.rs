//! A signal on its way to every member, once.
//!
//! Members are signalled as they are found, parents before their children: a shell that is ended first does
//! not comment on the end of what it waits for. The children of a member are read after it was signalled: one
//! that dies of it cannot fork any more (the kernel fails a fork while a signal is pending), so whoever is not
//! on that list was never born.
//!
//! A large tree ends on the processors that looking at it takes, too. Two reads of `/proc/PID/stat` and one of
//! the children of each cost half as much again as the kernel takes to end a thousand. So the handle that the
//! signal needs anyway is asked, not `/proc` ([`Proof`]); nobody is looked at twice, except for new children;
//! and lists are read again only when somebody has forked, and once more after that.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, Instant};

use super::proof::{Kin, Proof};
use super::tree::Member;
use crate::core::supervisor::KILL;
use crate::sys::cgroup::Leaf;
use crate::sys::pidfd::{self, PidFd};
use crate::sys::{ids, poll, proc, signals};

/// How many handles on parents are kept until it is their children's turn. Others are opened anew.
const PARENTS: usize = 64;

/// The kernel gives numbers in turn, round and round. So soon it cannot have given every one of them.
const TURN: Duration = Duration::from_millis(250);

/// What is being sent.
#[derive(Clone, Copy, Debug)]
pub struct Rung {
    /// The signal.
    pub signal: i32,
    /// What those get as well who ignore it.
    pub deaf: Option<i32>,
}

/// What came of a round.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// Somebody had not had it.
    pub news: bool,
    /// Somebody ignores it, and got the other.
    pub deaf: bool,
}

/// A member that has had it.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Tells it from a later process of the same number; absent where it had ended, or was refused.
    mark: Option<u64>,
    /// Its number may have been given to another since.
    doubted: bool,
    below: Below,
}

/// What is below a member that has had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    NotAsked,
    Nobody,
    Somebody,
}

/// What is being sent, and who has had it.
#[derive(Debug, Default)]
pub struct Sending {
    rung: Option<Rung>,
    /// By number.
    had: BTreeMap<i32, Known>,
    /// The last number that was given to a process before members were looked for.
    last_pid: Option<i32>,
    /// When members were looked for.
    looked: Option<Instant>,
    /// Somebody was forking when members were last looked for (the kernel gives a number before it shows the child
    /// to anyone), or could not be looked at: they are to be looked for once more.
    unsure: bool,
    /// This is that once more.
    again: bool,
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
        self.had.clear();
        self.last_pid = None;
        self.unsure = true;
    }

    /// This process was collected: who has its number next is another.
    pub fn forget(&mut self, pid: i32) {
        self.had.remove(&pid);
    }

    /// Members that could not be signalled, and why.
    pub fn refused(&self) -> &[(Member, String)] {
        &self.refused
    }

    /// Whether somebody may have been born since members were last looked for; the next round looks for them.
    pub fn is_stale(&mut self) -> bool {
        self.again |= std::mem::take(&mut self.unsure);
        self.again || self.last_pid.is_none() || self.last_pid != proc::last_pid()
    }

    /// Sends it to every member that has not had it. A leader that has ended is to stay.
    pub fn round(&mut self, kin: Kin<'_>, leader_ended: bool) -> Sent {
        let mut sent = Sent::default();
        let Some(rung) = self.rung else { return sent };
        let (before, now) = (self.last_pid, proc::last_pid());
        self.last_pid = now;
        let at = poll::now();
        let soon = self.looked.replace(at).is_some_and(|before| at - before < TURN);
        let forked = now.is_none() || before.is_some() && before != now;
        if forked {
            self.doubt(before.zip(now).filter(|_| soon));
        }
        self.unsure |= forked && before.is_some();
        let anew = std::mem::take(&mut self.again) || forked || before.is_none();
        let mut proof = Proof::new(kin);
        // A member may have left our descent (a namespace with a reaper of its own) or the cgroup (it may write
        // to another one), hardly both: so both are looked at.
        let mut reach = |sending: &mut Sending, proof: &mut Proof<'_>, pid| {
            let had = sending.had.get(&pid).is_some_and(|known| !known.doubted);
            let done = had || leader_ended && pid == kin.leader;
            if done { None } else { sending.send(rung, pid, proof, &mut sent) }
        };
        let held = kin.leaf.filter(|_| anew || self.unsure).map(Leaf::processes);
        let held = held.unwrap_or_default();
        for &pid in &held {
            reach(self, &mut proof, pid);
        }
        // Whoever is born of one in the cgroup is born into it, and can have left it only if somebody was born.
        let held = BTreeSet::from_iter(held);
        let ask_again = |pid| forked || anew && !held.contains(&pid);
        let mut seen = BTreeSet::new();
        let us = ids::pid();
        let ours = proc::own_children();
        self.unsure |= ours.is_err();
        let mut families = vec![(us, None, ours.unwrap_or_default())];
        while let Some((parent, handle, children)) = families.pop() {
            if let Some(handle) = handle {
                proof.at(parent, handle);
            }
            for pid in children {
                if !seen.insert(pid) {
                    continue;
                }
                let mut handle = reach(self, &mut proof, pid);
                if std::mem::take(&mut self.short) {
                    for (_, kept, _) in &mut families {
                        *kept = None;
                    }
                    proof.forget();
                    handle = reach(self, &mut proof, pid);
                }
                let Some(Known { below, .. }) = self.had.get_mut(&pid) else { continue };
                if *below == Below::Nobody && !ask_again(pid) {
                    continue;
                }
                let Ok(children) = proc::children(pid) else {
                    self.unsure = true;
                    continue;
                };
                *below = if children.is_empty() { Below::Nobody } else { Below::Somebody };
                if !children.is_empty() {
                    families.push((pid, handle.filter(|_| families.len() < PARENTS), children));
                }
            }
        }
        sent
    }

    /// Sends it to `pid` if that is a member, and gives the handle on it.
    fn send(
        &mut self,
        rung: Rung,
        pid: i32,
        proof: &mut Proof<'_>,
        sent: &mut Sent,
    ) -> Option<PidFd> {
        let Rung { signal, deaf } = rung;
        let handle = match proof.pin(pid) {
            Ok(handle) => handle?,
            Err(error) if pidfd::is_out_of_descriptors(&error) => {
                (self.short, self.unsure) = (true, true);
                return None;
            }
            Err(error) => {
                self.refuse(pid, &error);
                return None;
            }
        };
        let mark = handle.mark(pid);
        if let Some(known) = self.had.get_mut(&pid)
            && known.mark.is_some()
            && known.mark == mark
        {
            known.doubted = false;
            return Some(handle);
        }
        self.had.insert(pid, Known { mark, doubted: false, below: Below::NotAsked });
        sent.news = true;
        let deaf = deaf.filter(|_| signal != KILL && proc::ignores(pid, signal));
        // A stopped one acts on it when it goes on.
        let others = deaf.into_iter().chain((signal != KILL).then_some(signals::CONT));
        let result = std::iter::once(signal).chain(others).try_for_each(|it| handle.signal(it));
        match result {
            Ok(()) => sent.deaf |= deaf.is_some(),
            Err(error) if proc::is_gone(&error) => {}
            Err(error) => self.refuse(pid, &error),
        }
        Some(handle)
    }

    fn refuse(&mut self, pid: i32, error: &io::Error) {
        let known = Known { mark: None, doubted: false, below: Below::NotAsked };
        self.had.entry(pid).or_insert(known).doubted = false;
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
        let since = |pid| match given {
            Some((before, now)) if before <= now => before < pid && pid <= now,
            Some((before, now)) => before < pid || pid <= now,
            None => true,
        };
        self.had.iter_mut().filter(|(pid, _)| since(**pid)).for_each(|(_, it)| it.doubted = true);
    }
}
