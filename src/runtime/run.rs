//! A run: its attempts, the pauses between them, and what it came to.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::attempt::{self, Attempt, Observer, Shared};
use super::clock::Clock;
use super::outlets::Outlets;
use super::remote::{Fact, NotTyped, Order, Remote};
use super::strangers::Strangers;
use super::terminal::RawMode;
use crate::config::plan::{Plan, Secret, Stdin};
use crate::core::limits::earliest;
use crate::core::outcome::{Cause, Ended, Outcome};
use crate::core::retry::Failed;
use crate::expect::dialogue::{Dialogue, Setup, SetupError};
use crate::expect::failure::Reason;
use crate::expect::mask::Mask;
use crate::expect::program::StreamId;
use crate::expect::tape::Session;
use crate::report::cast::Header;
use crate::report::model::Mode;
use crate::sys::poll::{self, Want};
use crate::sys::signals::{self, Signals};
use crate::sys::{ids, wait};

/// How a run went.
#[derive(Debug)]
pub struct Finished {
    /// When it began.
    pub started_at: SystemTime,
    /// Wall time.
    pub duration: Duration,
    /// The same without time spent stopped.
    pub active: Duration,
    /// What it came to.
    pub outcome: Outcome,
    /// The signal that cancelled it.
    pub cancelled_by: Option<i32>,
    /// Its attempts; at least one.
    pub attempts: Vec<Attempt>,
    /// The pause after each attempt that was followed by one.
    pub delays: Vec<Duration>,
    /// Resources of the whole tree: user, system, largest resident set.
    pub usage: (Duration, Duration, u64),
    /// What went wrong without changing the outcome.
    pub warnings: Vec<String>,
    /// The same, said already when it happened.
    pub told: Vec<String>,
    /// What was typed and shown, where the plan keeps it.
    pub session: Option<Session>,
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The dialogue cannot be run.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// A file of ours cannot be opened.
    #[error("{0}")]
    Outlet(String),
    /// The system refuses something that every run needs.
    #[error("cannot {0}: {1}")]
    System(&'static str, std::io::Error),
}

/// Who a run is.
#[derive(Clone, Debug)]
pub struct Names {
    /// Its id.
    pub run: String,
    /// What its members carry.
    pub cookie: String,
}

/// Runs `plan` to its end. `ready` is called when everything is set up, right before the first spawn.
pub fn execute<'a>(
    plan: &'a Plan,
    names: Names,
    observer: &mut dyn Observer,
    remote: Option<&'a mut (dyn Remote + 'a)>,
    mut note_try: impl FnMut(&Attempt, Outcome, Option<Duration>),
) -> Result<Finished, StartError> {
    let mask = Mask::new(plan.secrets.values().map(Secret::bytes));
    if !mask.is_empty() {
        ids::keep_out_of_cores();
    }
    let mut dialogue = dialogue(plan, &mask)?;
    let mut outlets = Outlets::open(plan, &mask).map_err(StartError::Outlet)?;
    let signals = Signals::take().map_err(|e| StartError::System("take signals", e))?;
    let strangers = Strangers::look(&names.run);
    let strangers = strangers.map_err(|e| StartError::System("look for children", e))?;
    wait::become_subreaper().map_err(|e| StartError::System("become a subreaper", e))?;
    let clock = Clock::start();
    record_header(plan, &mut outlets, &clock, &mask);
    let mut shared = Shared {
        plan,
        raw: (plan.launch.mode == Mode::Pty && plan.launch.stdin == Stdin::Inherit)
            .then(RawMode::enter)
            .flatten(),
        clock,
        signals,
        strangers: Rc::new(strangers),
        outlets,
        size: plan.launch.size,
        run: names.run,
        cookie: names.cookie,
        mask,
        asked: std::collections::BTreeMap::new(),
        warnings: Vec::new(),
        told: Vec::new(),
        remote,
    };
    let ok = |code| plan.is_ok(code);
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut delays = Vec::new();
    let (outcome, cancelled_by) = loop {
        let n = attempts.len() as u32 + 1;
        let spent = shared.clock.active();
        let total = plan.limits.total.map(|total| total.saturating_sub(spent));
        let talk = dialogue.take();
        shared.outlets.attempt(spent, n);
        let attempt = attempt::run(&mut shared, n, total, talk, observer);
        if let Some(ended) = attempt.ended {
            let now = shared.clock.active();
            shared.outlets.exited(now, ended.shell_code());
        }
        // A panic has done so already, where our terminal was raw.
        let panicked = attempt.cause == Some(Cause::Internal) && shared.raw.is_some();
        let by_itself = matches!((attempt.cause, attempt.ended), (None, Some(Ended::Exited(_))));
        if !panicked && !by_itself {
            shared.outlets.put_back();
        }
        shared.note(Fact::AttemptOver);
        let outcome = attempt.outcome(plan.stop.strays, ok);
        observer.ended(&attempt, outcome);
        let pause = next_pause(plan, &attempt, outcome, &mut shared.warnings);
        if pause.is_none() {
            // The command's output was made for a raw terminal; what we say after it needs one that turns
            // LF into a new line.
            flush(&mut shared, attempt.cause.is_some_and(|cause| cause > Cause::Until));
            shared.raw = None;
        }
        note_try(&attempt, outcome, pause);
        let request = attempt.requests.first().copied();
        attempts.push(attempt);
        let Some(pause) = pause else { break (outcome, request) };
        delays.push(pause);
        // Nothing runs that could mind the keys: Ctrl-C and Ctrl-Z are for us.
        shared.raw.iter().for_each(RawMode::suspend);
        if let Some(ended) = wait_between(&mut shared, pause) {
            flush(&mut shared, true);
            break ended;
        }
        if let Some(raw) = &shared.raw {
            raw.resume();
        }
        dialogue = self::dialogue(plan, &shared.mask)?;
    };
    let usage = usage(&attempts);
    Ok(Finished {
        started_at: shared.clock.started_at(),
        duration: shared.clock.wall(),
        active: shared.clock.active(),
        outcome,
        cancelled_by,
        attempts,
        delays,
        usage,
        warnings: shared.warnings,
        told: shared.told,
        session: shared.outlets.take_session(),
    })
}

/// Resources of all trees. What we collected is what `wait` tells: it misses those whose parents ignore
/// SIGCHLD, and strays that were left. Cgroups miss nobody, where every attempt had one.
fn usage(attempts: &[Attempt]) -> (Duration, Duration, u64) {
    let (user, system, rss) = wait::usage_of_children();
    let started = || attempts.iter().filter(|attempt| attempt.pid.is_some());
    let cpu = started().try_fold((Duration::ZERO, Duration::ZERO), |sum, attempt| {
        attempt.cpu.map(|(user, system)| (sum.0 + user, sum.1 + system))
    });
    let peak = started().filter_map(|attempt| attempt.memory_peak).max();
    let (user, system) = cpu.unwrap_or((user, system));
    // The largest single process is all that there is without a memory controller.
    (user, system, peak.unwrap_or(rss))
}

fn dialogue(plan: &Plan, mask: &Mask) -> Result<Option<Dialogue>, SetupError> {
    if plan.program.is_empty() {
        return Ok(None);
    }
    let streams = match plan.launch.mode {
        Mode::Pty => vec![StreamId::Terminal],
        Mode::Pipe if plan.output.merge => vec![StreamId::Stdout],
        Mode::Pipe => vec![StreamId::Stdout, StreamId::Stderr],
        Mode::Inherit => Vec::new(),
    };
    let setup = Setup {
        streams,
        size: plan.launch.size,
        terminal: plan.launch.mode == Mode::Pty,
        secret_names: plan.secrets.keys().cloned().collect(),
        missing_secrets: Secret::missing_of(&plan.secrets),
        mask: mask.clone(),
    };
    Dialogue::new(plan.program.clone(), setup).map(Some)
}

fn record_header(plan: &Plan, outlets: &mut Outlets, clock: &Clock, mask: &Mask) {
    let since = clock.started_at().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let command: Vec<_> = plan.launch.argv.iter().map(|arg| arg.to_string_lossy()).collect();
    let term = plan.launch.env.iter().rev().find(|(key, _)| key == "TERM");
    let term = term.map_or_else(String::new, |(_, value)| value.to_string_lossy().into_owned());
    outlets.record_header(&Header {
        size: plan.launch.size,
        started: since.as_secs(),
        command: &mask.text(command.join(" ").as_bytes()),
        term: &mask.text(term.as_bytes()),
        pipe: plan.launch.mode != Mode::Pty,
    });
}

fn next_pause(
    plan: &Plan,
    attempt: &Attempt,
    outcome: Outcome,
    warnings: &mut Vec<String>,
) -> Option<Duration> {
    let success = match (outcome, attempt.ended) {
        (Outcome::Until, _) => true,
        (Outcome::Exited, Some(Ended::Exited(code))) => plan.is_ok(code),
        _ => false,
    };
    // Someone asked for the end: even where the command was quicker, they do not want another attempt.
    let asked = attempt.interrupted || !attempt.requests.is_empty();
    if success || asked || attempt.cause == Some(Cause::Cancelled) {
        return None;
    }
    let noted = attempt.dialogue.as_ref().map(|d| d.notes.clone()).unwrap_or_default();
    let failure = attempt.dialogue.as_ref().and_then(|dialogue| dialogue.failure.as_ref());
    let asked = failure.is_some_and(|failure| failure.reason == Reason::Retry);
    let failed = Failed { outcome, ended: attempt.ended, noted: &noted, asked };
    let pause = plan.retry.next(attempt.n, &failed, random())?;
    // Attempts are separate trees: the next starts only after this one is proven gone.
    let gone = attempt.verified && (!attempt.in_doubt || plan.stop.strays.stay());
    if !gone && !attempt.strays_left {
        let n = attempt.n;
        warnings.push(format!("not tried again: something of attempt {n} may still be there"));
        return None;
    }
    Some(pause)
}

/// From `[0, 1)`.
fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness all the jitter there is, is none.
    let _ = ids::random(&mut bytes);
    f64::from(u32::from_ne_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}

/// What ends a run in a pause, and the signal that cancelled it.
type NoMore = (Outcome, Option<i32>);

/// Waits until the next attempt is due, while what the last one left for slow readers is written. Gives why there is
/// to be none.
fn wait_between(shared: &mut Shared<'_>, pause: Duration) -> Option<NoMore> {
    let over = shared.clock.active().saturating_add(pause);
    let total = shared.plan.limits.total;
    let mut set = poll::Set::default();
    loop {
        let now = shared.clock.active();
        // The attempt may have left some, so before a pause of no length too.
        if let Some(no_more) = take_orders(shared, now) {
            return Some(no_more);
        }
        if total.is_some_and(|total| now >= total) {
            return Some((Outcome::TotalTimeout, None));
        }
        if now >= over {
            return None;
        }
        let remote = shared.remote.as_ref().and_then(|remote| remote.next_deadline());
        let until = earliest(earliest(Some(over), total), remote);
        let sinks = wait_for_sinks(&mut set, shared);
        let clients = 1 + sinks.len();
        let mut count = 0;
        if let Some(remote) = &mut shared.remote {
            remote.wait(&mut |fd, want| {
                set.add(fd, want);
                count += 1;
            });
        }
        if set.wait(until.map(|until| until.saturating_sub(now))).is_err() {
            // Nor can the next attempt, if that was not for once; it says so.
            return None;
        }
        write_more(&set, &sinks, shared);
        if let Some(remote) = &mut shared.remote {
            let now = shared.clock.active();
            for index in (0..count).filter(|index| set.ready(clients + index).ready) {
                remote.ready(now, index);
            }
            remote.tick(now);
        }
        for received in shared.signals.read() {
            match received.signal {
                signal if signals::asks_to_stop(signal) => {
                    return Some((Outcome::Cancelled, Some(signal)));
                }
                signals::TSTP => {
                    let from = shared.clock.wall();
                    signals::stop_self();
                    let stopped = shared.clock.wall().saturating_sub(from);
                    shared.clock.skip(stopped);
                }
                _ => {}
            }
        }
    }
}

/// Carries out what is ordered while no command runs; gives why there is to be none.
fn take_orders(shared: &mut Shared<'_>, now: Duration) -> Option<NoMore> {
    let remote = shared.remote.as_mut()?;
    loop {
        let orders = remote.take_orders();
        if orders.is_empty() {
            return None;
        }
        // Who is answered may ask for more.
        for order in orders {
            match order {
                Order::Stop(signal) => return Some((Outcome::Cancelled, Some(signal))),
                Order::OwnerGone => return Some((Outcome::OwnerGone, None)),
                Order::Type { ticket, .. }
                | Order::Secret { ticket, .. }
                | Order::Eof { ticket } => {
                    remote.note(now, Fact::Typed(ticket, Err(NotTyped::Closed)));
                }
                Order::Resize(size) => {
                    shared.size = size;
                    remote.note(now, Fact::Resized(size));
                }
                Order::Signal(_) | Order::Forget { .. } => {}
            }
        }
    }
}

/// Writes out what is still kept for slow readers. Where the run was ended by force they have the drain
/// time for it, else until someone asks us to end.
fn flush(shared: &mut Shared<'_>, forced: bool) {
    let until = forced.then(|| shared.clock.active() + shared.plan.stop.drain);
    let mut set = poll::Set::default();
    while shared.outlets.is_stalled() {
        let left = until.map(|until| until.saturating_sub(shared.clock.active()));
        let sinks = wait_for_sinks(&mut set, shared);
        let asked = |shared: &Shared<'_>| {
            let received = shared.signals.read();
            received.iter().any(|received| signals::asks_to_stop(received.signal))
        };
        let late = left.is_some_and(|left| left.is_zero());
        if late || set.wait(left).is_err() || asked(shared) {
            shared.outlets.note_untaken();
            break;
        }
        write_more(&set, &sinks, shared);
    }
    shared.warnings.extend(shared.outlets.take_warnings());
}

/// Waits for signals, and behind them for room in the sinks that something is kept for: these.
fn wait_for_sinks(set: &mut poll::Set, shared: &Shared<'_>) -> Vec<usize> {
    set.clear();
    set.add(shared.signals.fd(), Want::Read);
    let mut sinks = Vec::new();
    for (sink, fd) in shared.outlets.pending() {
        sinks.push(sink);
        set.add(fd, Want::Write);
    }
    sinks
}

/// Writes more to those of `sinks` that have room.
fn write_more(set: &poll::Set, sinks: &[usize], shared: &mut Shared<'_>) {
    for (index, sink) in sinks.iter().enumerate() {
        if set.ready(1 + index).ready {
            shared.outlets.flush(*sink);
        }
    }
}
