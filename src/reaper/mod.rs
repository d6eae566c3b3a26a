//! Carrying out a reap: look, decide, pin, prove, signal, wait; again until three looks in a row find nothing.
//!
//! Signalling one process takes five steps, and nothing can go wrong between them: open a pidfd (from here on
//! the number cannot be given to another), look at it *again* with the handle held, let the same pure
//! functions decide once more, ask the handle whether the process has ended (a "no" proves that what was read
//! was of it), signal through the handle. Whoever is not proven the second time is not signalled in this pass.
//!
//! Looking at `/proc` is no snapshot: what forks and exits between two reads can be missed, twice in a row
//! even. Three clean looks make that unlikely, not impossible. Where the run had a cgroup, that is proof: as
//! long as it is populated the run is not over, whoever was seen, and the last rung is its `cgroup.kill`.
//! Without one only a run's own heeler, as their subreaper, can prove that nothing is left.

pub mod keeper;
mod ledger;
pub mod survey;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use self::ledger::Ledger;
use crate::core::identity::{Identity, Same, Sighting};
use crate::core::ladder::LAST_WAIT;
use crate::core::members::Member;
use crate::core::reap::{self, Deed, Item, Selection, Subject};
use crate::core::supervisor::{KILL, TERM};
use crate::reaper::survey::{Scene, Survey, leaves, pin};
use crate::store::{Action, Store, StoreError, Which};
use crate::sys;
use crate::sys::cgroup::Found;
use crate::sys::pidfd::{PidFd, wait_any};
use crate::sys::poll::{self, Want, now};
use crate::sys::signals::{CONT, PWR};

const CLEAN_LOOKS: u32 = 3;

/// How long a lock may be held by a child that is about to find its heeler dead.
const SETTLE: Duration = Duration::from_secs(1);

/// How long a populated cgroup in which nobody was seen is watched before the next look.
const HIDING: Duration = Duration::from_millis(20);

/// Between TERM and KILL where nothing else is said.
const GRACE: Duration = Duration::from_secs(2);

/// Longer than any machine is up, and short enough to be added to a clock.
const FOREVER: Duration = Duration::from_hours(24 * 36_500);

/// How long a run's own heeler has after the requests that make it kill: its bounded wait for what cannot be
/// killed, and its report.
const STOP_LAST: Duration = Duration::from_secs(7);

/// When whoever waits for a run's own heeler is told so; and how long a second request has, which in a cleanup
/// ends that alone.
const LONG: Duration = Duration::from_secs(1);

/// Something that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// The run it is of.
    pub run: String,
    /// Its number; absent where a run was refused as a whole.
    pub pid: Option<i32>,
    /// Its name.
    pub comm: String,
    /// Why it is still there.
    pub why: String,
}

/// What a reap did.
#[derive(Clone, Debug, Default)]
pub struct Reaped {
    /// What was to be done, each run as it was when it was first seen.
    pub items: Vec<Item>,
    /// The signals sent, in order.
    pub actions: Vec<Action>,
    /// What is left; empty is success.
    pub survivors: Vec<Survivor>,
    /// What went wrong without changing what is left.
    pub warnings: Vec<String>,
}

/// Ends what `selection` means, and says what was done and what is left. `grace` lies between TERM and KILL; a heeler
/// that lives has that long for its own ladder, and as long as the ladder takes where none is said. `told` has had
/// its TERM already; `tell` is called once for each such heeler that takes long.
pub fn carry_out(
    survey: &Survey,
    store: Option<Store>,
    selection: &Selection,
    grace: Option<Duration>,
    told: Option<Sighting>,
    tell: &mut dyn FnMut(&Item),
) -> Result<Reaped, StoreError> {
    let mut reaper = Reaper::new(survey, store, grace, told, tell);
    // The first look also finds what was named and is over, for the report; later ones what lives.
    let mut which = selection.runs.as_ref().map_or(Which::Open, |runs| Which::Named(runs));
    let mut clean = 0;
    let settled = now() + SETTLE;
    loop {
        let scene = match survey.look(reaper.ledger.store.as_ref(), which) {
            // A database that turns out to be damaged keeps nobody alive: the lock files are enough.
            Err(error) if reaper.ledger.store.is_some() => {
                reaper.ledger.warn(&error);
                reaper.ledger.store = None;
                continue;
            }
            scene => scene?,
        };
        if scene.unsettled && now() < settled {
            wait(Vec::new(), None, now() + Duration::from_millis(1));
            continue;
        }
        which = Which::Open;
        let items = reap::plan(&scene.subjects, &survey.here, selection, wall_ms());
        reaper.ledger.note(&scene.subjects, &items);
        let pending: Vec<&Item> = items.iter().filter(|item| reaper.pending(item)).collect();
        if pending.is_empty() {
            clean += 1;
            if clean == CLEAN_LOOKS {
                reaper.survivors(&items);
                sweep::sweep(survey, &scene.subjects, &reaper.ledger.done.items);
                return Ok(reaper.ledger.done);
            }
            continue;
        }
        clean = 0;
        if !reaper.pass(&scene, &pending) {
            reaper.survivors(&items);
            return Ok(reaper.ledger.done);
        }
    }
}

/// A signal that a process gets at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    /// Asks it to end.
    Term,
    /// Wakes it, so that it takes the TERM: a stopped process keeps it pending.
    Cont,
    /// Ends it.
    Kill,
    /// Asks a heeler a second time, which makes it kill.
    Again,
    /// And a third time, where the second has only ended its cleanup.
    Last,
}

impl Ask {
    fn signal(self) -> i32 {
        match self {
            Ask::Term | Ask::Last => TERM,
            // Another TERM would be one with the first where that is unread. Nobody has this one ignored, as a shell
            // has its background jobs ignore INT; and who reads both at once reads TERM first.
            Ask::Again => PWR,
            Ask::Cont => CONT,
            Ask::Kill => KILL,
        }
    }
}

struct Reaper<'a> {
    survey: &'a Survey,
    ledger: Ledger<'a>,
    /// Who was sent what.
    sent: BTreeSet<(i32, Option<u64>, Ask)>,
    /// Who could not be signalled, and why.
    refused: BTreeMap<(i32, Option<u64>), String>,
    /// Runs whose cgroup could not be killed.
    unkilled: BTreeSet<String>,
    /// How often a handle could not be proven to be on the process that a look had just found.
    missed: BTreeMap<(i32, Option<u64>), u32>,
    /// Between TERM and KILL, where it is said.
    grace: Option<Duration>,
    /// When the first signal was due to the heeler of a run, and to what that left: neither a slow look nor a slow
    /// heeler uses up the grace.
    begun: BTreeMap<(String, bool), Instant>,
    /// Tells whoever waits for what.
    tell: &'a mut dyn FnMut(&Item),
    /// The runs it has been told of.
    waited_for: BTreeSet<String>,
}

fn key(seen: Sighting) -> (i32, Option<u64>) {
    (seen.pid, seen.start_ticks)
}

impl<'a> Reaper<'a> {
    fn new(
        survey: &'a Survey,
        store: Option<Store>,
        grace: Option<Duration>,
        told: Option<Sighting>,
        tell: &'a mut dyn FnMut(&Item),
    ) -> Reaper<'a> {
        Reaper {
            survey,
            ledger: Ledger::new(survey, store),
            sent: told.map(|seen| (seen.pid, seen.start_ticks, Ask::Term)).into_iter().collect(),
            unkilled: BTreeSet::new(),
            refused: BTreeMap::new(),
            missed: BTreeMap::new(),
            grace,
            begun: BTreeMap::new(),
            tell,
            waited_for: BTreeSet::new(),
        }
    }

    /// Whether there is still something to be tried for `item`.
    fn pending(&self, item: &Item) -> bool {
        let open = |seen: Sighting| !self.refused.contains_key(&key(seen));
        match &item.deed {
            Deed::End(members) => {
                members.iter().any(|m| open(m.identity.sighting()))
                    || item.populated && !self.unkilled.contains(&item.run)
            }
            Deed::Stop(heeler) => open(heeler.sighting()),
            Deed::Close | Deed::Leave(_) => false,
        }
    }

    /// Signals everyone who is due, and waits for them. False when time is up.
    fn pass(&mut self, scene: &Scene, pending: &[&Item]) -> bool {
        let at = now();
        let (mut waiting, mut until) = (Vec::new(), None::<Instant>);
        let mut leaf = None;
        let from = self.ledger.done.actions.len();
        for item in pending {
            let run = |subject: &&Subject| subject.record.facts.run == item.run;
            let Some(subject) = scene.subjects.iter().find(run) else { continue };
            let stops = matches!(item.deed, Deed::Stop(_));
            let begun = *self.begun.entry((item.run.clone(), stops)).or_insert(at);
            let since = at - begun;
            let (fds, due) = match &item.deed {
                Deed::End(members) => {
                    let grace = self.grace.unwrap_or(GRACE).min(FOREVER);
                    let gently = since < grace;
                    // Before the others, or those who fork would have the time that they take.
                    if !gently && item.populated {
                        self.kill_cgroups(subject);
                    }
                    if item.populated {
                        leaf = leaves(&subject.record).first().and_then(|leaf| leaf.events().ok());
                    }
                    let due = if gently { grace } else { grace + LAST_WAIT };
                    (self.end(subject, members, &scene.known, gently), due)
                }
                Deed::Stop(heeler) => self.stop(item, heeler, since),
                Deed::Close | Deed::Leave(_) => continue,
            };
            // Nobody waits for what is unkillable.
            if since < due {
                let due = begun + due;
                until = Some(until.map_or(due, |known| known.min(due)));
                waiting.extend(fds);
            }
        }
        self.ledger.audit(from);
        let Some(until) = until else { return false };
        if waiting.is_empty() {
            // Someone is there and hides by forking: look again soon, or when the cgroup says so.
            wait(waiting, leaf.as_ref(), until.min(now() + HIDING));
        } else {
            wait(waiting, None, until);
        }
        true
    }

    /// Tells the heeler of a run to stop, as often as is due `since` it was told first. Returns a handle on it, and when
    /// since then something is due next.
    fn stop(&mut self, item: &Item, heeler: &Identity, since: Duration) -> (Vec<PidFd>, Duration) {
        let patience = self.grace.unwrap_or(FOREVER).min(FOREVER);
        if since >= LONG && self.waited_for.insert(item.run.clone()) {
            (self.tell)(item);
        }
        let seen = heeler.sighting();
        let fds = match pin(heeler) {
            Ok(Some(fd)) => {
                let asks = [
                    (Duration::ZERO, Ask::Term),
                    (patience, Ask::Again),
                    (patience + LONG, Ask::Last),
                ];
                for (_, ask) in asks.into_iter().filter(|(after, _)| since >= *after) {
                    if self.once(&item.run, seen, "heeler", &fd, ask) {
                        self.once(&item.run, seen, "heeler", &fd, Ask::Cont);
                    }
                }
                vec![fd]
            }
            Ok(None) => Vec::new(),
            Err(error) => {
                self.refused.insert(key(seen), error.to_string());
                Vec::new()
            }
        };
        let last = patience + STOP_LAST;
        let due =
            [LONG, patience, patience + LONG].into_iter().filter(|after| since < *after).min();
        (fds, due.unwrap_or(last))
    }

    /// Ends everyone in the run's cgroups, those being forked too.
    fn kill_cgroups(&mut self, subject: &Subject) {
        let run = &subject.record.facts.run;
        for leader in &subject.record.leaders {
            let Some(recorded) = &leader.cgroup else { continue };
            let Some(leaf) = Found::open(Path::new(&recorded.path), Some(recorded.ino)) else {
                continue;
            };
            if !leaf.populated() {
                continue;
            }
            let result = match leaf.kill() {
                Ok(()) => "cgroup.kill".to_owned(),
                Err(error) => {
                    // Another user's, or Linux before 5.14: the handles are left.
                    self.unkilled.insert(run.clone());
                    format!("cgroup.kill: {error}")
                }
            };
            self.ledger.done.actions.push(Action {
                run: run.clone(),
                at_ms: wall_ms(),
                target: leader.seen,
                comm: recorded.path.clone(),
                signal: KILL,
                result,
                by_pid: sys::ids::pid(),
            });
        }
    }

    /// Signals the members that are due. Returns handles on all that were proven.
    fn end(
        &mut self,
        subject: &Subject,
        members: &[Member],
        known: &BTreeSet<String>,
        gently: bool,
    ) -> Vec<PidFd> {
        let mut pinned = BTreeMap::new();
        for member in members {
            let seen = member.identity.sighting();
            if self.refused.contains_key(&key(seen)) {
                continue;
            }
            match pin(&member.identity) {
                Ok(Some(fd)) => {
                    pinned.insert(seen.pid, fd);
                }
                // Gone since, which the next look will say too. When it says otherwise again and again,
                // something is odd about this process, and it is left alone.
                Ok(None) => {
                    let misses = self.missed.entry(key(seen)).or_default();
                    *misses += 1;
                    if *misses > CLEAN_LOOKS {
                        let why = "it cannot be proven to be the same process";
                        self.refused.insert(key(seen), why.to_owned());
                    }
                }
                // Out of descriptors: those that are pinned go first, the rest is found again.
                Err(error) if sys::pidfd::is_out_of_descriptors(&error) && !pinned.is_empty() => {
                    break;
                }
                Err(error) => {
                    self.refused.insert(key(seen), error.to_string());
                }
            }
        }
        let pids: Vec<i32> = pinned.keys().copied().collect();
        let run = subject.record.facts.run.clone();
        let again = self.survey.look_again(&subject.record, &pids, known);
        let mut waiting = Vec::new();
        for member in again {
            let seen = member.identity.sighting();
            // Proven twice: by the same evidence with the handle held, and not ended after that.
            if member.same != Same::Yes {
                continue;
            }
            let Some(fd) = pinned.remove(&seen.pid) else { continue };
            if fd.exited().unwrap_or(true) {
                continue;
            }
            if gently {
                if self.once(&run, seen, &member.comm, &fd, Ask::Term) {
                    self.once(&run, seen, &member.comm, &fd, Ask::Cont);
                }
            } else {
                self.once(&run, seen, &member.comm, &fd, Ask::Kill);
            }
            waiting.push(fd);
        }
        waiting
    }

    /// Sends a signal that this process has not had yet. Says whether it was sent now.
    fn once(&mut self, run: &str, seen: Sighting, comm: &str, fd: &PidFd, ask: Ask) -> bool {
        if !self.sent.insert((seen.pid, seen.start_ticks, ask)) {
            return false;
        }
        let signal = ask.signal();
        let result = match fd.signal(signal) {
            Ok(()) => "sent".to_owned(),
            Err(error) if sys::proc::is_gone(&error) => "gone".to_owned(),
            Err(error) => {
                // Another user's, as a rule. It is not asked again, and the others are not spared for it.
                self.refused.insert(key(seen), error.to_string());
                error.to_string()
            }
        };
        let sent = result == "sent";
        self.ledger.done.actions.push(Action {
            run: run.to_owned(),
            at_ms: wall_ms(),
            target: seen,
            comm: comm.to_owned(),
            signal,
            result,
            by_pid: sys::ids::pid(),
        });
        sent
    }

    /// What the last look found and nothing could be done about.
    fn survivors(&mut self, items: &[Item]) {
        for item in items.iter().filter(|item| item.left()) {
            let why = |seen: Sighting, otherwise: &str| {
                self.refused.get(&key(seen)).cloned().unwrap_or_else(|| otherwise.to_owned())
            };
            match &item.deed {
                // In another PID namespace, say, and the cgroup cannot be killed.
                Deed::End(members) if members.is_empty() => {
                    self.ledger.done.survivors.push(Survivor {
                        run: item.run.clone(),
                        pid: None,
                        comm: String::new(),
                        why: "its cgroup is not empty, and nobody is seen in it".into(),
                    });
                }
                Deed::End(members) => {
                    for member in members {
                        let seen = member.identity.sighting();
                        self.ledger.done.survivors.push(Survivor {
                            run: item.run.clone(),
                            pid: Some(seen.pid),
                            comm: member.comm.clone(),
                            why: why(seen, "it did not end after SIGKILL"),
                        });
                    }
                }
                Deed::Stop(heeler) => {
                    let seen = heeler.sighting();
                    self.ledger.done.survivors.push(Survivor {
                        run: item.run.clone(),
                        pid: Some(seen.pid),
                        comm: "heeler".into(),
                        why: why(seen, "it was told to stop, again and again, and did not end"),
                    });
                }
                Deed::Leave(reason) => self.ledger.done.survivors.push(Survivor {
                    run: item.run.clone(),
                    pid: None,
                    comm: String::new(),
                    why: (*reason).to_owned(),
                }),
                Deed::Close => {}
            }
        }
    }
}

/// Waits until all of `waiting` have ended, or until `until`; for nobody, until `leaf` tells of a change.
fn wait(mut waiting: Vec<PidFd>, leaf: Option<&OwnedFd>, until: Instant) {
    if waiting.is_empty() {
        let left = until.saturating_duration_since(now());
        let wants: Vec<_> = leaf.map(|fd| (fd.as_fd(), Want::Change)).into_iter().collect();
        let _ = poll::poll(&wants, Some(left), &mut Vec::new());
    }
    while !waiting.is_empty() {
        let left = until.saturating_duration_since(now());
        if left.is_zero() {
            return;
        }
        let Ok(ended) = wait_any(&waiting.iter().collect::<Vec<_>>(), Some(left)) else {
            return;
        };
        let mut ended = ended.into_iter();
        waiting.retain(|_| !ended.next().unwrap_or(true));
    }
}

/// The wall clock in milliseconds since 1970, as records have it.
pub fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests;
