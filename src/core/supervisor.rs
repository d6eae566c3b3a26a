//! The automaton of one attempt: `step(now, event)` gives actions, `next_deadline()` says when to call it
//! with [`Event::Tick`] if nothing happens before.
//!
//! Invariants
//! - Exit, end of file and a limit are three facts that arrive in any order. End of file is not exit; exit
//!   is not end of file; a leader's exit is not the tree's end.
//! - The verdict ([`Cause`]) is fixed when it is known, before anything is printed or stored. A graver
//!   cause replaces a milder one; a milder one is ignored. Once the tree is gone nothing replaces it.
//! - Every state but Finished has a deadline or waits for an event that the kernel owes us (the leader's
//!   exit). After KILL the wait is bounded, however often it is asked for.
//! - Each signal goes to the whole tree; the grace belongs to the tree.
//!
//! | event          | Starting | Running                        | Cleanup                   | Lingering   | Settling           | Terminating                 | Draining           |
//! |----------------|----------|--------------------------------|---------------------------|-------------|--------------------|-----------------------------|--------------------|
//! | Spawned        | Running  | -                              | -                         | -           | -                  | -                           | -                  |
//! | SpawnFailed    | Finished | -                              | -                         | -           | -                  | -                           | -                  |
//! | LeaderExited   | -        | alone: Draining; else policy   | alone: Draining; else climb | -         | -                  | alone: Draining             | -                  |
//! | Tree(n)        | -        | -                              | -                         | 0: Draining | 0: Draining        | 0, leader gone: Draining    | -                  |
//! | StreamsEnded   | note     | note                           | note                      | note        | a moment is left   | note                        | Finished           |
//! | Output, Active | -        | clocks                         | count                     | clocks      | count; flood noted | count                       | count; flood noted |
//! | Stalled, Flows | note     | note                           | note                      | note        | hold/restart       | note                        | hold/restart drain |
//! | Verdict        | -        | stop                           | graver: replace; kill: KILL | stop      | graver: replace    | graver: replace; kill: KILL | graver: replace    |
//! | OwnerGone      | -        | stop                           | -                         | stop        | -                  | -                           | -                  |
//! | StopRequest    | count    | stop, that signal first        | climb, that signal first  | as Running  | reap strays        | replace; second: KILL       | close the streams  |
//! | CleanedUp      | -        | -                              | climb                     | -           | -                  | -                           | -                  |
//! | Tick           | -        | limit: stop                    | deadline: climb           | as Running  | deadline: reap     | next rung; last: unkillable | deadline: close    |
//!
//! "Stop" is Cleanup where there is one to do and the leader lives, and Terminating otherwise. The verdict is
//! fixed before the cleanup begins, which has a deadline, and nothing that happens in it changes the verdict:
//! what comes from the dialogue by then is about the cleanup, and is not told to us. Someone who asks for the
//! end meanwhile does not wait for it. A kill has no cleanup.
//!
//! HUP after another request asks for nothing more. The end of one session is told by its shell, by the kernel and
//! by a heeler around us, each in its turn: nobody has lost patience.
//!
//! Finished takes everything and does nothing. The policy for strays: `Wait` is Lingering (limits go on),
//! `Leave` is Draining, `Reap` is Settling: members that only finish what they were doing (a process
//! substitution, a last line) have the drain time for it before they count as strays and are ended; once the
//! streams are at their end only a moment, for a process closes its streams right before it is gone.

use std::time::Duration;

use super::ladder::{LAST_WAIT, Ladder, Rung};
use super::limits::{Clocks, Limits};
use super::outcome::{Cause, Ended, SentSignal};

/// SIGHUP; POSIX fixes the number (`kill -1`).
pub const HUP: i32 = 1;
/// SIGKILL; POSIX fixes the number (`kill -9`).
pub const KILL: i32 = 9;
/// SIGTERM; POSIX fixes the number (`kill -15`).
pub const TERM: i32 = 15;

/// How long members that have closed their streams may take to be gone: at its end a process closes them a
/// moment before it is a zombie.
const LEAVING: Duration = Duration::from_millis(50);

/// What happens to members that outlive their leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StraysPolicy {
    /// End them: TERM, this grace, KILL.
    Reap(Duration),
    /// Wait for them; limits go on.
    Wait,
    /// Leave them alone (for a later `reap`, or for good: the core does not care).
    Leave,
}

/// The first pause before whoever ignores TERM and got HUP gets it once more; each further one is four times as
/// long. A shell that is about to read only notes a signal, and looks at its note when the read is interrupted.
const HANG_UP_AGAIN: Duration = Duration::from_millis(100);

/// What one attempt is held to.
#[derive(Clone, Debug)]
pub struct Config {
    /// The limits.
    pub limits: Limits,
    /// How the tree is ended.
    pub ladder: Ladder,
    /// What whoever ignores the ladder's first signal gets at once.
    pub hang_up: Option<i32>,
    /// What becomes of strays.
    pub strays: StraysPolicy,
    /// How long output that is held open is still read after the tree's end.
    pub drain: Duration,
    /// How long the cleanup may take; absent when there is none to do.
    pub cleanup: Option<Duration>,
    /// Whether we read the command's output; without streams their end says nothing about strays.
    pub streams: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The command runs.
    Spawned,
    /// It could not be started.
    SpawnFailed,
    /// The leader ended; `others` members are alive.
    LeaderExited {
        /// How.
        ended: Ended,
        /// Living members other than the leader.
        others: usize,
    },
    /// The tree was looked at: so many members are alive.
    Tree(usize),
    /// All streams are at their end.
    StreamsEnded,
    /// Output came.
    Output(u64),
    /// Something else was active: input was sent.
    Active,
    /// Someone who reads our output does not take it.
    Stalled,
    /// They take it again.
    Flows,
    /// The dialogue or a watch decided.
    Verdict {
        /// What.
        cause: Cause,
        /// Whether to skip the ladder and kill.
        kill: bool,
    },
    /// The process that the run is tied to has ended.
    OwnerGone,
    /// The cleanup is done.
    CleanedUp,
    /// A signal asked heeler to stop the run.
    StopRequest {
        /// Which; it is what the tree gets first.
        signal: i32,
    },
    /// Time passed.
    Tick,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Do the cleanup. Answered with [`Event::CleanedUp`]; a signal that is sent before that ends it.
    Cleanup,
    /// Send this to every member once, and CONT after it. KILL: until the tree is proven empty.
    Signal(i32),
    /// Send the second to those who ignore the first.
    SignalDeaf(i32, i32),
    /// Stop reading; the streams are still held open. Answered with [`Event::StreamsEnded`].
    CloseStreams,
    /// The attempt is over.
    Finish,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Running,
    Cleanup {
        deadline: Duration,
    },
    Lingering,
    Settling {
        deadline: Option<Duration>,
    },
    /// `rung` indexes the climb; one past the last means the bounded wait after it.
    Terminating {
        rung: usize,
        deadline: Duration,
    },
    Draining {
        deadline: Option<Duration>,
    },
    Finished,
}

/// The automaton. Times are since the attempt began.
#[derive(Clone, Debug)]
pub struct Supervisor {
    config: Config,
    clocks: Clocks,
    state: State,
    climb: Vec<Rung>,
    cause: Option<Cause>,
    ended: Option<Ended>,
    had_strays: bool,
    streams_ended: bool,
    stalled: bool,
    unkillable: bool,
    requests: Vec<i32>,
    signals: Vec<SentSignal>,
    /// When [`Config::hang_up`] is sent once more.
    again: Option<Duration>,
}

impl Supervisor {
    /// An attempt that is about to start.
    pub fn new(config: Config) -> Supervisor {
        let clocks = Clocks::new(config.limits.clone());
        Supervisor {
            config,
            clocks,
            state: State::Starting,
            climb: Vec::new(),
            cause: None,
            ended: None,
            had_strays: false,
            streams_ended: false,
            stalled: false,
            unkillable: false,
            requests: Vec::new(),
            signals: Vec::new(),
            again: None,
        }
    }

    /// Takes in `event` and says what to do.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        match event {
            Event::Spawned => {
                if self.state == State::Starting {
                    self.state = State::Running;
                    self.clocks.active(now);
                }
            }
            Event::SpawnFailed => self.finish(&mut out),
            Event::LeaderExited { ended, others } => {
                self.leader_exited(now, ended, others, &mut out);
            }
            Event::Tree(members) => match self.state {
                State::Lingering | State::Settling { .. } | State::Terminating { .. }
                    if members == 0 && self.ended.is_some() =>
                {
                    self.drain(now, &mut out);
                }
                State::Starting
                | State::Running
                | State::Cleanup { .. }
                | State::Lingering
                | State::Settling { .. }
                | State::Terminating { .. }
                | State::Draining { .. }
                | State::Finished => {}
            },
            Event::StreamsEnded => {
                self.streams_ended = true;
                match self.state {
                    State::Draining { .. } => self.finish(&mut out),
                    State::Settling { .. } if self.config.streams => self.redrain(now),
                    State::Starting
                    | State::Running
                    | State::Cleanup { .. }
                    | State::Lingering
                    | State::Settling { .. }
                    | State::Terminating { .. }
                    | State::Finished => {}
                }
            }
            Event::Output(bytes) => {
                self.clocks.output(now, bytes);
                self.check_limits(now, &mut out);
                // A command that is over before its flood was read has flooded all the same; there is
                // nothing left to end, but what it wrote was cut.
                if matches!(self.state, State::Settling { .. } | State::Draining { .. })
                    && self.clocks.flooded()
                {
                    self.worsen(Cause::OutputLimit);
                }
            }
            Event::Active => self.clocks.active(now),
            Event::Stalled => {
                self.stalled = true;
                self.redrain(now);
            }
            Event::Flows => {
                self.stalled = false;
                self.redrain(now);
            }
            Event::Verdict { cause, kill } => match self.state {
                State::Running | State::Lingering => {
                    self.cause = Some(cause);
                    if kill {
                        self.kill(now, &mut out);
                    } else {
                        self.stop(now, self.config.ladder.rungs().to_vec(), &mut out);
                    }
                }
                State::Cleanup { .. } | State::Terminating { .. } => {
                    self.worsen(cause);
                    if kill {
                        self.kill(now, &mut out);
                    }
                }
                // The last bytes decided it; there is nothing left to end but strays.
                State::Settling { .. } | State::Draining { .. } => self.worsen(cause),
                State::Starting | State::Finished => {}
            },
            // A limit like those of time: what is ending has its verdict.
            Event::OwnerGone => self.reached(now, Some(Cause::OwnerGone), &mut out),
            Event::CleanedUp => {
                if let State::Cleanup { .. } = self.state {
                    self.rung(now, 0, &mut out);
                }
            }
            Event::StopRequest { signal } => self.stop_request(now, signal, &mut out),
            Event::Tick => self.tick(now, &mut out),
        }
        out
    }

    /// When [`Event::Tick`] is due if nothing happens before; absent while only the kernel can tell us
    /// something.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Starting | State::Finished => None,
            State::Running | State::Lingering => self.clocks.next_deadline(),
            State::Cleanup { deadline } => Some(deadline),
            State::Terminating { deadline, .. } => {
                Some(self.again.map_or(deadline, |again| again.min(deadline)))
            }
            State::Settling { deadline } | State::Draining { deadline } => deadline,
        }
    }

    /// Why heeler intervened, if it did.
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// How the leader ended, once it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// The signals sent to the tree.
    pub fn signals(&self) -> &[SentSignal] {
        &self.signals
    }

    /// What is sent as well to whoever ignores `signal`: the ladder's own first signal, where `signal` is not of
    /// the ladder but the one that asked for the end. A shell has its background jobs ignore INT; that they
    /// do is no reason to wait for the grace to be over.
    ///
    /// And where nobody said how to stop, HUP for those on a terminal who ignore the ladder's TERM, as every
    /// interactive shell does: it is what they end on when their terminal goes (systemd has `SendSIGHUP=`).
    pub fn for_the_deaf(&self, signal: i32) -> Option<i32> {
        let first = self.config.ladder.rungs()[0].signal;
        if signal == first && self.signals.len() == 1 {
            return self.config.hang_up;
        }
        let asked = self.requests.first() == Some(&signal) && self.signals.len() == 1;
        (asked && first != KILL && first != signal).then_some(first)
    }

    /// Somebody ignored what was sent, and got this.
    pub fn also_sent(&mut self, now: Duration, signal: i32) {
        self.signals.push(SentSignal { signal, at: now });
        if Some(signal) == self.config.hang_up {
            let sent = self.signals.iter().filter(|sent| sent.signal == signal).count();
            let longer = 4_u32.saturating_pow(u32::try_from(sent).unwrap_or(u32::MAX) - 1);
            self.again = Some(now.saturating_add(HANG_UP_AGAIN.saturating_mul(longer)));
        }
    }

    /// The requests to stop that came, as signals, in order.
    pub fn requests(&self) -> &[i32] {
        &self.requests
    }

    /// Whether members outlived the leader.
    pub fn had_strays(&self) -> bool {
        self.had_strays
    }

    /// Whether members were left alive after KILL and its wait.
    pub fn unkillable(&self) -> bool {
        self.unkillable
    }

    /// Whether the ladder is being climbed.
    pub fn is_terminating(&self) -> bool {
        matches!(self.state, State::Terminating { .. })
    }

    /// Whether the attempt is over.
    #[cfg(test)]
    fn is_finished(&self) -> bool {
        self.state == State::Finished
    }

    fn leader_exited(&mut self, now: Duration, ended: Ended, others: usize, out: &mut Vec<Action>) {
        self.ended = Some(ended);
        match self.state {
            State::Running | State::Cleanup { .. } | State::Terminating { .. } if others == 0 => {
                self.drain(now, out);
            }
            // There is nobody left to say good-bye to.
            State::Cleanup { .. } => self.rung(now, 0, out),
            State::Running => match self.config.strays {
                StraysPolicy::Reap(_) => {
                    self.state = State::Settling { deadline: None };
                    self.redrain(now);
                }
                StraysPolicy::Wait => self.state = State::Lingering,
                StraysPolicy::Leave => self.drain(now, out),
            },
            State::Terminating { .. }
            | State::Starting
            | State::Lingering
            | State::Settling { .. }
            | State::Draining { .. }
            | State::Finished => {}
        }
    }

    fn reap_strays(&mut self, now: Duration, out: &mut Vec<Action>) {
        let StraysPolicy::Reap(grace) = self.config.strays else { return };
        self.had_strays = true;
        self.worsen(Cause::Strays);
        let climb =
            vec![Rung { signal: TERM, grace }, Rung { signal: KILL, grace: Duration::ZERO }];
        self.climb(now, climb, out);
    }

    fn stop_request(&mut self, now: Duration, signal: i32, out: &mut Vec<Action>) {
        if signal == HUP && !self.requests.is_empty() {
            return;
        }
        self.requests.push(signal);
        match self.state {
            State::Running | State::Lingering => {
                self.cause = Some(Cause::Cancelled);
                self.stop(now, self.ladder_from(signal), out);
            }
            State::Cleanup { .. } => {
                self.worsen(Cause::Cancelled);
                self.climb(now, self.ladder_from(signal), out);
            }
            State::Terminating { .. } => {
                self.worsen(Cause::Cancelled);
                if self.requests.len() > 1 {
                    self.kill(now, out);
                }
            }
            State::Settling { .. } => self.reap_strays(now, out),
            // The command is over and its verdict stands; only what is still being read is given up.
            State::Draining { .. } => self.close(out),
            State::Starting | State::Finished => {}
        }
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<Action>) {
        match self.state {
            State::Running | State::Lingering => self.check_limits(now, out),
            State::Terminating { rung, deadline } if now >= deadline => {
                if rung < self.climb.len() {
                    self.rung(now, rung, out);
                } else {
                    self.unkillable = true;
                    self.drain(now, out);
                }
            }
            State::Terminating { .. } => {
                if let (Some(again), Some(hang_up)) = (self.again, self.config.hang_up)
                    && now >= again
                {
                    self.again = None;
                    let first = self.config.ladder.rungs()[0].signal;
                    out.push(Action::SignalDeaf(first, hang_up));
                }
            }
            State::Cleanup { deadline } if now >= deadline => self.rung(now, 0, out),
            State::Settling { deadline: Some(deadline) } if now >= deadline => {
                self.reap_strays(now, out);
            }
            State::Draining { deadline: Some(deadline) } if now >= deadline => self.close(out),
            State::Starting
            | State::Cleanup { .. }
            | State::Settling { .. }
            | State::Draining { .. }
            | State::Finished => {}
        }
    }

    fn check_limits(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.reached(now, self.clocks.reached(now), out);
    }

    /// A limit was reached, if one was.
    fn reached(&mut self, now: Duration, limit: Option<Cause>, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Running | State::Lingering) {
            return;
        }
        if let Some(cause) = limit {
            self.cause = Some(cause);
            self.stop(now, self.config.ladder.rungs().to_vec(), out);
        }
    }

    /// The ladder, with the signal that asked for the end as its first.
    fn ladder_from(&self, signal: i32) -> Vec<Rung> {
        let mut climb = self.config.ladder.rungs().to_vec();
        if let Some(first) = climb.first_mut().filter(|first| first.signal != KILL) {
            first.signal = signal;
        }
        climb
    }

    /// The verdict is there: the cleanup, where there is one to do and someone to do it with, then `climb`.
    fn stop(&mut self, now: Duration, climb: Vec<Rung>, out: &mut Vec<Action>) {
        match self.config.cleanup {
            Some(limit) if self.ended.is_none() => {
                self.climb = climb;
                self.state = State::Cleanup { deadline: now.saturating_add(limit) };
                out.push(Action::Cleanup);
            }
            _ => self.climb(now, climb, out),
        }
    }

    fn worsen(&mut self, cause: Cause) {
        self.cause = self.cause.max(Some(cause));
    }

    fn climb(&mut self, now: Duration, climb: Vec<Rung>, out: &mut Vec<Action>) {
        self.climb = climb;
        self.rung(now, 0, out);
    }

    /// Kills. Where that was done its wait goes on: asking again and again does not put off the end of it.
    fn kill(&mut self, now: Duration, out: &mut Vec<Action>) {
        let killed = self.climb.last().is_some_and(|rung| rung.signal == KILL);
        match &mut self.state {
            State::Terminating { rung, deadline } if killed && *rung == self.climb.len() => {
                *deadline = now.saturating_add(LAST_WAIT).min(*deadline);
            }
            _ => self.climb(now, vec![Rung { signal: KILL, grace: Duration::ZERO }], out),
        }
    }

    fn rung(&mut self, now: Duration, index: usize, out: &mut Vec<Action>) {
        let Rung { signal, grace } = self.climb[index];
        self.again = None;
        out.push(Action::Signal(signal));
        self.signals.push(SentSignal { signal, at: now });
        let last = index + 1 == self.climb.len();
        let wait = if last { LAST_WAIT.max(grace) } else { grace };
        self.state = State::Terminating { rung: index + 1, deadline: now.saturating_add(wait) };
    }

    fn drain(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.state = State::Draining { deadline: None };
        if self.streams_ended {
            self.finish(out);
        } else {
            self.redrain(now);
        }
    }

    /// While our own reader stalls, what the command wrote before its end is not yet ours to give up: the
    /// drain clock waits, though not past a limit, and not when we were told to end the run.
    fn redrain(&mut self, now: Duration) {
        let nothing_comes = self.config.streams && self.streams_ended;
        let drain = if nothing_comes { self.config.drain.min(LEAVING) } else { self.config.drain };
        let drain = now.saturating_add(drain);
        let stopped = self.cause.is_some_and(|cause| cause > Cause::Until);
        let until = if self.stalled && !stopped && !nothing_comes {
            self.clocks.timeout().map(|timeout| timeout.max(drain))
        } else {
            Some(drain)
        };
        if let State::Draining { deadline } | State::Settling { deadline } = &mut self.state {
            *deadline = until;
        }
    }

    fn close(&mut self, out: &mut Vec<Action>) {
        self.state = State::Draining { deadline: None };
        out.push(Action::CloseStreams);
    }

    fn finish(&mut self, out: &mut Vec<Action>) {
        if self.state != State::Finished {
            self.state = State::Finished;
            out.push(Action::Finish);
        }
    }
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
