//! The loop of one attempt: waits in one place, turns what happened into events for the core and the
//! dialogue, and carries out what they answer.
//!
//! Order within a turn: signals and the leader's exit first, then our own writers, then input, then output,
//! then time. The exit is looked for before an end of file is told to the dialogue, because a process
//! closes its streams a moment before it is one: an exit that explains the end must not look like a step
//! that failed on it.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use serde_json::json;

use super::clock::Clock;
use super::input::Typed;
use super::launch::{Context, LaunchError, Launched, launch};
use super::outlets::{Channel, Outlets};
use super::stream::{Read, Stream};
use super::terminal::RawMode;
use super::tree::Member;
use crate::config::plan::{Plan, Strays};
use crate::core::limits::{Limits, earliest};
use crate::core::outcome::{Cause, Ended, Outcome, SentSignal};
use crate::core::supervisor::{Action, Config, Event, StraysPolicy, Supervisor};
use crate::expect::dialogue::{Dialogue, Effect, Record, What};
use crate::expect::failure::SendError;
use crate::expect::program::StreamId;
use crate::report::model::Mode;
use crate::sys::poll::{self, Ready, Want};
use crate::sys::signals::{self, Signals};
use crate::sys::{fdio, names, tty};

/// The most that is read from a stream before it is passed on.
const CHUNK: usize = 256 << 10;

/// How long an end of file waits for the exit that may explain it.
const EOF_PATIENCE: Duration = Duration::from_millis(50);

/// Grace of strays under `--strays fail`.
const FAIL_GRACE: Duration = Duration::from_secs(2);

/// What the attempts of a run share.
#[derive(Debug)]
pub struct Shared<'a> {
    /// What was asked for.
    pub plan: &'a Plan,
    /// The run's clock.
    pub clock: Clock,
    /// Signals that reach us.
    pub signals: Signals,
    /// Where output goes.
    pub outlets: Outlets,
    /// Our terminal in raw mode, while a person types to a command on a terminal of its own.
    pub raw: Option<RawMode>,
    /// Whether a terminal of ours gives the command's its size.
    pub size: (u16, u16),
    /// The run's id.
    pub run: String,
    /// The cookie of its members.
    pub cookie: String,
    /// What went wrong without changing the outcome.
    pub warnings: Vec<String>,
}

/// How an attempt went.
#[derive(Debug)]
pub struct Attempt {
    /// 1 for the first.
    pub n: u32,
    /// When it began, on the run's active clock.
    pub began: Duration,
    /// How long it took, on the active clock.
    pub took: Duration,
    /// When it began, on the run's wall clock.
    pub began_wall: Duration,
    /// The leader's process id; absent when nothing was started.
    pub pid: Option<i32>,
    /// Why nothing was started.
    pub error: Option<LaunchError>,
    /// How the leader ended.
    pub ended: Option<Ended>,
    /// Why heeler intervened.
    pub cause: Option<Cause>,
    /// What was sent to the tree.
    pub signals: Vec<SentSignal>,
    /// The requests to stop that reached heeler.
    pub requests: Vec<i32>,
    /// The streams, for their counts and tails.
    pub streams: Vec<Stream>,
    /// What the dialogue did.
    pub dialogue: Option<Record>,
    /// Members that outlived the leader.
    pub strays: Vec<Member>,
    /// Whether they were left alive on purpose.
    pub strays_left: bool,
    /// Members that could not be ended, and why.
    pub unkillable: Vec<(Member, String)>,
    /// Whether the tree was proven empty.
    pub verified: bool,
    /// Whether it had our terminal's foreground, so that Ctrl-C was its own business.
    pub had_terminal: bool,
}

/// Who wants to know of attempts as they come and go.
pub trait Observer {
    /// Attempt `n` runs, with this leader. Gives a warning for the report.
    fn spawned(&mut self, n: u32, pid: i32) -> Option<String>;
    /// An attempt is over, with this outcome.
    fn ended(&mut self, attempt: &Attempt, outcome: Outcome);
}

struct Running<'s, 'a> {
    shared: &'s mut Shared<'a>,
    launched: Launched,
    channels: Vec<Channel>,
    supervisor: Supervisor,
    dialogue: Option<Dialogue>,
    began: Duration,
    buffer: Vec<u8>,
    ended: Option<Ended>,
    /// Ends of file that the dialogue has not been told.
    eofs: Vec<StreamId>,
    eof_due: Option<Duration>,
    streams_told: bool,
    stalled: bool,
    strays: Vec<Member>,
    last_output: Duration,
    finished: bool,
}

/// Runs attempt `n` to its end.
pub fn run(
    shared: &mut Shared<'_>,
    n: u32,
    total: Option<Duration>,
    dialogue: Option<Dialogue>,
    observer: &mut dyn Observer,
) -> Attempt {
    let plan = shared.plan;
    let began = shared.clock.active();
    let began_wall = shared.clock.wall();
    let mut supervisor = Supervisor::new(Config {
        limits: Limits { total, ..limits(plan) },
        ladder: plan.stop.ladder.clone(),
        strays: strays_policy(plan.stop.strays),
        drain: plan.stop.drain,
        streams: plan.launch.mode != Mode::Inherit,
    });
    let context = Context {
        extra_env: vec![
            (crate::core::record::COOKIE.into(), shared.cookie.clone().into()),
            ("HEELER_ATTEMPT".into(), n.to_string().into()),
        ],
        merge: plan.output.merge,
        tail: plan.output.tail,
        types: plan.program.types(),
        size: shared.size,
        inherited: shared.signals.inherited(),
    };
    let launched = match launch(&plan.launch, &context) {
        Ok(launched) => launched,
        Err(error) => {
            supervisor.step(Duration::ZERO, Event::SpawnFailed);
            return Attempt {
                error: Some(error),
                ..Attempt::unstarted(n, began, began_wall, supervisor.requests().to_vec())
            };
        }
    };
    let pid = launched.tree.leader();
    shared.warnings.extend(observer.spawned(n, pid));
    shared.outlets.event(shared.clock.active(), "start", &json!({ "attempt": n, "pid": pid }));
    let channels = launched.streams.iter().map(|_| shared.outlets.channel()).collect();
    let mut running = Running {
        launched,
        channels,
        supervisor,
        dialogue,
        began,
        buffer: vec![0; if plan.launch.mode == Mode::Inherit { 0 } else { CHUNK }],
        ended: None,
        eofs: Vec::new(),
        eof_due: None,
        streams_told: false,
        stalled: false,
        strays: Vec::new(),
        last_output: Duration::ZERO,
        finished: false,
        shared,
    };
    running.start();
    while !running.finished {
        running.turn();
    }
    running.close(n, began_wall)
}

impl Attempt {
    /// What it came to, under the policy for strays: `fail` turns a success into a failure of its own.
    pub fn outcome(&self, strays: Strays, ok: impl Fn(i32) -> bool) -> Outcome {
        let Some(ended) = self.ended else {
            return if self.error.is_some() {
                Outcome::SpawnFailed
            } else {
                Outcome::InternalError
            };
        };
        let outcome = Outcome::of(ended, self.cause);
        let fine = matches!((outcome, ended), (Outcome::Exited, Ended::Exited(code)) if ok(code));
        if strays == Strays::Fail && !self.strays.is_empty() && fine {
            Outcome::StraysFailed
        } else {
            outcome
        }
    }

    fn unstarted(n: u32, began: Duration, began_wall: Duration, requests: Vec<i32>) -> Attempt {
        Attempt {
            n,
            began,
            took: Duration::ZERO,
            began_wall,
            pid: None,
            error: None,
            ended: None,
            cause: None,
            signals: Vec::new(),
            requests,
            streams: Vec::new(),
            dialogue: None,
            strays: Vec::new(),
            strays_left: false,
            unkillable: Vec::new(),
            verified: true,
            had_terminal: false,
        }
    }
}

fn limits(plan: &Plan) -> Limits {
    Limits {
        timeout: plan.limits.timeout,
        total: None,
        idle: plan.limits.idle,
        until_idle: plan.limits.until_idle,
        max_output: plan.limits.max_output,
    }
}

fn strays_policy(strays: Strays) -> StraysPolicy {
    match strays {
        Strays::Reap(grace) => StraysPolicy::Reap(grace),
        Strays::Fail => StraysPolicy::Reap(FAIL_GRACE),
        Strays::Wait => StraysPolicy::Wait,
        Strays::Leave | Strays::Release => StraysPolicy::Leave,
    }
}

/// What a descriptor in the poll set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Signals,
    Leader,
    Sink(usize),
    InputRoom,
    Input,
    Stream(usize),
}

impl Running<'_, '_> {
    fn now(&self) -> Duration {
        self.shared.clock.active().saturating_sub(self.began)
    }

    fn start(&mut self) {
        let now = self.now();
        self.event(Event::Spawned);
        if let Some(dialogue) = &mut self.dialogue {
            let mut effects = Vec::new();
            dialogue.start(now, &mut effects);
            self.effects(effects);
        }
        self.pump_input();
    }

    /// One wait, and everything that it brought.
    fn turn(&mut self) {
        let (sources, ready) = self.wait();
        let at = |source: Source| {
            sources.iter().position(|s| *s == source).map_or(Ready::default(), |i| ready[i])
        };
        if at(Source::Signals).ready {
            self.take_signals();
        }
        if at(Source::Leader).ready {
            self.look_at_leader();
        }
        for (source, ready) in sources.iter().zip(&ready) {
            match source {
                Source::Sink(index) if ready.ready => self.shared.outlets.flush(*index),
                Source::Input if ready.ready => self.launched.input.read_source(),
                _ => {}
            }
        }
        self.pump_input();
        for (source, ready) in sources.iter().zip(&ready) {
            if let Source::Stream(index) = source
                && ready.ready
            {
                self.read_stream(*index);
            }
        }
        self.watch_outlets();
        self.take_time();
    }

    fn wait(&mut self) -> (Vec<Source>, Vec<Ready>) {
        let mut sources = Vec::with_capacity(8);
        let mut wants: Vec<(BorrowedFd<'_>, Want)> = Vec::with_capacity(8);
        let mut add = |source, fd, want| {
            sources.push(source);
            wants.push((fd, want));
        };
        add(Source::Signals, self.shared.signals.fd(), Want::Read);
        if self.ended.is_none() {
            add(Source::Leader, self.launched.tree.pidfd(), Want::Read);
        }
        for (index, fd) in self.shared.outlets.pending() {
            add(Source::Sink(index), fd, Want::Write);
        }
        let input = &self.launched.input;
        if let Some(fd) = input.target().filter(|_| input.wants_room()) {
            add(Source::InputRoom, fd, Want::Write);
        }
        if let Some(fd) = input.source() {
            add(Source::Input, fd, Want::Read);
        }
        // A reader that does not take our output stops the command, not our memory.
        if !self.shared.outlets.is_stalled() {
            for (index, stream) in self.launched.streams.iter().enumerate() {
                if let Some(fd) = stream.fd() {
                    add(Source::Stream(index), fd, Want::Read);
                }
            }
        }
        let timeout = self.next_deadline().map(|at| at.saturating_sub(self.now()));
        let mut ready = Vec::with_capacity(wants.len());
        if poll::poll(&wants, timeout, &mut ready).is_err() {
            // EINVAL and ENOMEM are all that is left: end the tree rather than spin beside it.
            ready.resize(wants.len(), Ready::default());
            drop(wants);
            self.event(Event::Verdict { cause: Cause::Internal, kill: true });
        }
        (sources, ready)
    }

    fn next_deadline(&self) -> Option<Duration> {
        let dialogue = self.dialogue.as_ref().and_then(Dialogue::next_deadline);
        let ours = earliest(self.launched.input.next_deadline(), self.eof_due);
        earliest(earliest(self.supervisor.next_deadline(), dialogue), ours)
    }

    /// Gives the core an event and does what it says.
    fn event(&mut self, event: Event) {
        let now = self.now();
        for action in self.supervisor.step(now, event) {
            match action {
                Action::Signal(signal) => {
                    self.note_strays();
                    let name = names::signal_name(signal);
                    self.shared.outlets.event(now, "signal", &json!({ "signal": name }));
                    self.launched.tree.signal(signal);
                }
                Action::CloseStreams => {
                    for index in 0..self.launched.streams.len() {
                        if self.launched.streams[index].fd().is_some() {
                            self.end_stream(index);
                            self.launched.streams[index].held_open = true;
                        }
                    }
                    self.tell_streams_ended();
                }
                Action::Finish => self.finished = true,
            }
        }
    }

    fn note_strays(&mut self) {
        if self.strays.is_empty() && self.supervisor.had_strays() {
            self.strays = self.launched.tree.members();
        }
    }

    fn take_signals(&mut self) {
        for received in self.shared.signals.read() {
            match received.signal {
                signals::INT | signals::TERM | signals::HUP | signals::QUIT => {
                    self.event(Event::StopRequest { signal: received.signal });
                }
                signals::CHLD => {
                    self.look_at_leader();
                    if self.launched.lent.is_some() && self.launched.tree.take_stop() {
                        self.pause();
                    }
                    if self.ended.is_some() {
                        let members = self.launched.tree.sweep();
                        self.event(Event::Tree(members));
                    } else if self.supervisor.is_terminating() {
                        self.launched.tree.sweep();
                    } else {
                        self.launched.tree.collect_orphans();
                    }
                }
                signals::TSTP => self.pause(),
                signals::WINCH => self.follow_size(),
                signals::USR1 => self.say_status(),
                _ => {}
            }
        }
    }

    fn look_at_leader(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let ended = match self.launched.tree.peek() {
            Ok(Some(ended)) => ended,
            // Cannot fail for a child of ours; if it does, there is nothing left to wait for.
            Err(_) => Ended::Exited(crate::core::outcome::EXIT_HEELER),
            Ok(None) => return,
        };
        self.ended = Some(ended);
        let others = self.launched.tree.sweep();
        let now = self.now();
        self.shared.outlets.event(now, "exit", &exit_fields(ended));
        self.event(Event::LeaderExited { ended, others });
        self.tell_eofs();
        self.tell(Dialogue::exited);
        if self.launched.streams.iter().all(|stream| stream.fd().is_none()) {
            self.tell_streams_ended();
        }
    }

    fn read_stream(&mut self, index: usize) {
        let stream = &mut self.launched.streams[index];
        // Until nothing is there or the buffer is full, so that a terminal's many small reads make one
        // write; one buffer a turn, so that a flood delays nobody else.
        let mut filled = 0;
        let mut end = false;
        while filled < self.buffer.len() {
            match stream.read(&mut self.buffer[filled..]) {
                Read::Bytes(count) => filled += count,
                Read::Nothing => break,
                Read::End => {
                    end = true;
                    break;
                }
            }
        }
        if filled > 0 {
            self.take_output(index, filled);
        }
        if end {
            self.end_stream(index);
            if self.ended.is_none() {
                self.look_at_leader();
            }
            if self.ended.is_some() {
                self.tell_eofs();
                if self.launched.streams.iter().all(|stream| stream.fd().is_none()) {
                    self.tell_streams_ended();
                }
            } else {
                self.eof_due = Some(self.now() + EOF_PATIENCE);
            }
        }
    }

    fn take_output(&mut self, index: usize, count: usize) {
        let now = self.now();
        self.last_output = now;
        let at = self.shared.clock.active();
        let stream = &mut self.launched.streams[index];
        let bytes = &self.buffer[..count];
        let mut effects = Vec::new();
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.output(now, stream.id, bytes, &mut effects);
        }
        self.shared.outlets.output(at, stream, &mut self.channels[index], bytes);
        if !effects.is_empty() {
            self.effects(effects);
        }
        self.event(Event::Output(count as u64));
    }

    /// Nothing more comes from stream `index`; the dialogue is told later.
    fn end_stream(&mut self, index: usize) {
        let at = self.shared.clock.active();
        let stream = &mut self.launched.streams[index];
        stream.close();
        stream.held_open = false;
        self.eofs.push(stream.id);
        self.shared.outlets.end(at, stream, &mut self.channels[index]);
    }

    fn tell_eofs(&mut self) {
        self.eof_due = None;
        for id in std::mem::take(&mut self.eofs) {
            self.tell(|dialogue, now, out| dialogue.eof(now, id, out));
        }
    }

    /// The leader is gone and all streams are at their end: the dialogue's last word, then the core's.
    fn tell_streams_ended(&mut self) {
        if !std::mem::replace(&mut self.streams_told, true) {
            self.tell_eofs();
            self.tell(Dialogue::finish);
            self.event(Event::StreamsEnded);
        }
    }

    fn tell(&mut self, what: impl FnOnce(&mut Dialogue, Duration, &mut Vec<Effect>)) {
        let now = self.now();
        let mut effects = Vec::new();
        if let Some(dialogue) = &mut self.dialogue {
            what(dialogue, now, &mut effects);
        }
        self.effects(effects);
    }

    fn effects(&mut self, effects: Vec<Effect>) {
        let now = self.now();
        for effect in effects {
            match effect {
                Effect::Send(bytes) => self.launched.input.send(bytes),
                Effect::CloseInput | Effect::SendEof => self.launched.input.end(),
                Effect::Secret { name, echo_ok, enter, deadline } => {
                    let Some(secret) = self.shared.plan.secrets.get(&name) else { continue };
                    let bytes = [secret.bytes(), enter].concat();
                    let wait = (!echo_ok).then_some(deadline.unwrap_or(Duration::MAX));
                    self.launched.input.send_secret(now, bytes, wait);
                }
                Effect::DropSecret => self.launched.input.drop_secret(),
                Effect::Interrupt => {
                    let group =
                        self.launched.pty.as_ref().and_then(|pty| tty::foreground(pty.fd()));
                    self.launched.tree.signal_group(group, signals::INT);
                }
                Effect::Terminate => {
                    self.event(Event::Verdict { cause: Cause::Dialogue, kill: false });
                }
                Effect::Kill => self.event(Event::Verdict { cause: Cause::Dialogue, kill: true }),
                Effect::Pass => self.event(Event::Verdict { cause: Cause::Until, kill: false }),
                Effect::Fail(failure) => {
                    let fields =
                        json!({ "reason": failure.reason.as_str(), "message": failure.message });
                    self.shared.outlets.event(now, "dialogue_failed", &fields);
                    self.event(Event::Verdict { cause: Cause::DialogueFailed, kill: false });
                }
                Effect::Noted(_) => {}
                Effect::Told(told) => {
                    let name = match told.what {
                        What::Step => "step",
                        What::Skipped => "step_skipped",
                        What::Rule => "rule",
                        What::Watch => "watch",
                    };
                    let fields = json!({ "label": told.label, "pattern": told.pattern });
                    self.shared.outlets.event(now, name, &fields);
                }
            }
        }
        self.pump_input();
    }

    /// Types what can be typed now, and tells who asked for it.
    fn pump_input(&mut self) {
        let now = self.now();
        for typed in self.launched.input.pump(now) {
            match typed {
                Typed::Sent { bytes, echo } => {
                    if let (Some(dialogue), Some(stream)) =
                        (&mut self.dialogue, self.launched.streams.first())
                    {
                        dialogue.sent(stream.id, &bytes, echo);
                    }
                    let fields = json!({ "bytes": bytes.len() });
                    self.shared.outlets.event(now, "sent", &fields);
                    self.event(Event::Active);
                }
                Typed::SecretSent => {
                    self.event(Event::Active);
                    self.tell(Dialogue::secret_sent);
                }
                Typed::Relayed => self.event(Event::Active),
                Typed::StillEchoing => self.send_failed(&SendError::SecretEcho),
                Typed::TooLong(bytes) => {
                    let limit = super::input::CANONICAL_LIMIT;
                    self.send_failed(&SendError::CanonicalLimit { bytes, limit });
                }
                Typed::Closed => self.send_failed(&SendError::InputClosed),
            }
        }
    }

    fn send_failed(&mut self, error: &SendError) {
        self.tell(|dialogue, now, out| dialogue.send_failed(now, error, out));
    }

    fn watch_outlets(&mut self) {
        self.shared.warnings.extend(self.shared.outlets.take_warnings());
        let stalled = self.shared.outlets.is_stalled();
        if stalled != std::mem::replace(&mut self.stalled, stalled) {
            self.event(if stalled { Event::Stalled } else { Event::Flows });
        }
    }

    fn take_time(&mut self) {
        let now = self.now();
        if self.eof_due.is_some_and(|due| now >= due) {
            self.tell_eofs();
        }
        if self.dialogue.as_ref().and_then(Dialogue::next_deadline).is_some_and(|due| now >= due) {
            self.tell(Dialogue::tick);
        }
        if self.supervisor.next_deadline().is_some_and(|due| now >= due) {
            self.event(Event::Tick);
        }
        self.pump_input();
    }

    /// Ctrl-Z: the whole tree stops, our terminal is put in order, we stop, and all of that backwards. The
    /// clocks leave the time out.
    fn pause(&mut self) {
        let from = self.shared.clock.wall();
        self.launched.tree.signal_once(signals::STOP);
        if let Some(raw) = &self.shared.raw {
            raw.suspend();
        }
        let modes = self.launched.lent.as_ref().and_then(super::terminal::Lent::take_back);
        signals::stop_self();
        if let Some(raw) = &self.shared.raw {
            raw.resume();
        }
        if let Some(lent) = &self.launched.lent {
            lent.lend_again(modes.as_ref());
        }
        self.launched.tree.signal_once(signals::CONT);
        let pause = self.shared.clock.wall().saturating_sub(from);
        self.shared.clock.skip(pause);
        self.follow_size();
    }

    fn follow_size(&mut self) {
        if !self.shared.plan.launch.follow_size {
            return;
        }
        let size = [1, 2, 0].iter().find_map(|fd| tty::size(fdio::standard(*fd)));
        let (Some(size), Some(pty)) = (size, &self.launched.pty) else { return };
        if size == self.shared.size {
            return;
        }
        self.shared.size = size;
        // Fails only when the terminal is gone, and then nobody misses it.
        let _ = tty::set_size(pty.fd(), size);
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.resize(size.0, size.1);
        }
        let at = self.shared.clock.active();
        self.shared.outlets.resized(at, size);
    }

    /// SIGUSR1: one line on stderr.
    fn say_status(&self) {
        let now = self.now();
        let bytes: u64 = self.launched.streams.iter().map(Stream::bytes).sum();
        let silent = now.saturating_sub(self.last_output);
        crate::report::output::complain(&format!(
            "run {}: pid {}, {:.1} s, {bytes} bytes of output, silent for {:.1} s",
            self.shared.run,
            self.launched.tree.leader(),
            now.as_secs_f64(),
            silent.as_secs_f64(),
        ));
    }

    /// The attempt is over: proves that the tree is empty where that was to be, and gathers what is told.
    fn close(mut self, n: u32, began_wall: Duration) -> Attempt {
        let took = self.now();
        let keeps = matches!(self.shared.plan.stop.strays, Strays::Leave | Strays::Release);
        let unkillable = self.supervisor.unkillable();
        // With strays that are left alone, a look is all there is.
        let strays_left = keeps && self.launched.tree.sweep() > 0 && !unkillable;
        if strays_left {
            self.strays = self.launched.tree.members();
        }
        let verified = !strays_left && !unkillable && self.prove_empty();
        let mut left = self.launched.tree.refused().to_vec();
        left.retain(|(member, _)| self.launched.tree.members().contains(member));
        for member in if unkillable || !verified && !strays_left {
            self.launched.tree.members()
        } else {
            Vec::new()
        } {
            if !left.iter().any(|(known, _)| known.pid == member.pid) {
                left.push((member, "still alive after KILL".to_owned()));
            }
        }
        self.launched.tree.collect();
        Attempt {
            n,
            began: self.began,
            took,
            began_wall,
            pid: Some(self.launched.tree.leader()),
            error: None,
            ended: self.supervisor.ended(),
            cause: self.supervisor.cause(),
            signals: self.supervisor.signals().to_vec(),
            requests: self.supervisor.requests().to_vec(),
            streams: std::mem::take(&mut self.launched.streams),
            dialogue: self.dialogue.as_ref().map(Dialogue::record),
            strays: std::mem::take(&mut self.strays),
            strays_left,
            unkillable: left,
            verified,
            had_terminal: self.launched.lent.is_some(),
        }
    }

    /// Collects the leader; ECHILD is then the proof. A member that slipped between two looks (it forked
    /// and ended meanwhile) is killed now, for a bounded time.
    fn prove_empty(&mut self) -> bool {
        let until = self.now() + crate::core::ladder::LAST_WAIT;
        let mut ready = Vec::new();
        loop {
            if self.launched.tree.collect() {
                return true;
            }
            let left = until.saturating_sub(self.now());
            if left.is_zero() {
                return false;
            }
            self.launched.tree.signal(crate::core::supervisor::KILL);
            let wants = [(self.shared.signals.fd(), Want::Read)];
            if poll::poll(&wants, Some(left), &mut ready).is_err() {
                return false;
            }
            self.shared.signals.read();
        }
    }
}

fn exit_fields(ended: Ended) -> serde_json::Value {
    match ended {
        Ended::Exited(code) => json!({ "exit_code": code }),
        Ended::Signaled { signal, .. } => json!({ "signal": names::signal_name(signal) }),
    }
}
