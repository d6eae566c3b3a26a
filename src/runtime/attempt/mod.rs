//! The loop of one attempt: waits in one place, turns what happened into events for the core and the
//! dialogue, and carries out what they answer.
//!
//! Order within a turn: signals and the leader's exit first, then our own writers, then input, then output,
//! then time. The exit is looked for before an end of file is told to the dialogue, because a process
//! closes its streams a moment before it is one: an exit that explains the end must not look like a step
//! that failed on it.

mod aside;
mod close;
mod flow;
mod orders;
mod own;
mod talk;
mod turn;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::clock::Clock;
use super::fault;
use super::helper::Helper;
use super::launch::{Context, LaunchError, Launched, launch};
use super::outlets::{Channel, Outlets};
use super::remote::{Fact, Remote};
use super::strangers::Strangers;
use super::stream::Stream;
use super::terminal::{Asking, RawMode};
use super::tree::Member;
use crate::config::plan::{Containment, Plan, Secret, Stdin, Strays, Track};
use crate::core::limits::Limits;
use crate::core::outcome::{Cause, Ended, Outcome, SentSignal};
use crate::core::record::SHORT;
use crate::core::supervisor::{Config, Event, StraysPolicy, Supervisor};
use crate::expect::dialogue::{Dialogue, Effect, Record};
use crate::expect::mask::Mask;
use crate::expect::program::{Action, StreamId, Verdict};
use crate::expect::view::query::Answers;
use crate::report::model::Mode;
use crate::sys::cgroup::Leaf;
use crate::sys::signals::{self, Signals};
use crate::sys::spawn::Announce;
use crate::sys::{fdio, tty};

/// The most that is read from a stream before it is passed on.
const CHUNK: usize = 256 << 10;

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
    /// Children of ours that are not the command's.
    pub strangers: Rc<Strangers>,
    /// Where output goes.
    pub outlets: Outlets,
    /// Our terminal in raw mode, while a person types to a command on a terminal of its own.
    pub raw: Option<RawMode>,
    /// The size of the command's terminal: columns and rows.
    pub size: (u16, u16),
    /// The run's id.
    pub run: String,
    /// The cookie of its members.
    pub cookie: String,
    /// The secrets to mask.
    pub mask: Mask,
    /// Secrets that a person was asked for on the way.
    pub asked: BTreeMap<String, Secret>,
    /// What went wrong without changing the outcome.
    pub warnings: Vec<String>,
    /// The same, said already.
    pub told: Vec<String>,
    /// Whoever else has a say.
    pub remote: Option<&'a mut (dyn Remote + 'a)>,
}

impl Shared<'_> {
    /// Tells whoever else has a say.
    pub fn note(&mut self, fact: Fact<'_>) {
        if let Some(remote) = &mut self.remote {
            remote.note(self.clock.active(), fact);
        }
    }

    /// Tells an event, at its time in the run: that of an attempt begins anew with each.
    fn event(&mut self, name: &str, fields: impl FnOnce() -> serde_json::Value) {
        if self.outlets.tells() {
            self.outlets.event(self.clock.active(), name, fields);
        }
    }
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
    /// Why nothing was started, or how heeler failed.
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
    /// What may explain why a limit ended it.
    pub advice: Vec<String>,
    /// Members that outlived the leader.
    pub strays: Vec<Member>,
    /// Whether they were left alive on purpose.
    pub strays_left: bool,
    /// Members that could not be ended, and why.
    pub unkillable: Vec<(Member, String)>,
    /// Whether the tree was proven empty.
    pub verified: bool,
    /// Whether a process was there of which nobody knows whether it was of the tree.
    pub in_doubt: bool,
    /// Whether a cgroup held it.
    pub in_cgroup: bool,
    /// Why none did, where one was wanted.
    pub no_cgroup: Option<String>,
    /// How many of its processes the kernel killed for want of memory, where a cgroup counts them.
    pub oom_kills: Option<u64>,
    /// CPU time of all its processes, user and system, where a cgroup counts it.
    pub cpu: Option<(Duration, Duration)>,
    /// The most memory that all of them used together, where a cgroup counts it.
    pub memory_peak: Option<u64>,
    /// Whether Ctrl-C at our terminal was its own business: it had the foreground, or what is typed goes to a
    /// terminal of its own.
    pub had_terminal: bool,
    /// Somebody interrupted it there.
    pub interrupted: bool,
}

/// Who wants to know of attempts as they come and go.
pub trait Observer {
    /// Attempt `n` is about to start: what its leader is to write about itself before it becomes the command,
    /// so that whatever becomes of heeler, somebody knows of it. `ours`: it is in our group.
    fn announce(&mut self, n: u32, leaf: Option<&Leaf>, ours: bool) -> Option<Announce>;
    /// Attempt `n` runs. Gives a warning for the report.
    fn spawned(&mut self, n: u32, launched: &Launched) -> Option<String>;
    /// The run has lasted for [`SHORT`]. Gives a warning for the report.
    fn lasting(&mut self) -> Option<String>;
    /// An attempt is over, with this outcome.
    fn ended(&mut self, attempt: &Attempt, outcome: Outcome);
}

struct Running<'s, 'a> {
    shared: &'s mut Shared<'a>,
    launched: Launched,
    channels: Vec<Channel>,
    supervisor: Supervisor,
    dialogue: Option<Dialogue>,
    /// What the dialogue wants is being done.
    acting: bool,
    /// What has become of what it wanted, to be told when that has been done.
    untold: VecDeque<talk::News>,
    began: Duration,
    buffer: Vec<u8>,
    waiting: turn::Waiting,
    /// Empty, and kept from read to read as well.
    effects: Vec<Effect>,
    ended: Option<Ended>,
    /// The input ends when all steps are done.
    ends_input: bool,
    /// The key that made a signal for the command and us, and when.
    interrupted: Option<(i32, Duration)>,
    /// Nobody looks at the output or is told of it: neither its lines nor its end.
    unseen: bool,
    /// Bytes of output so far, all streams together.
    passed: u64,
    /// Ends of file that the dialogue has not been told.
    eofs: Vec<StreamId>,
    eof_due: Option<Duration>,
    /// The streams are to be closed, and so much was read for that of the first that is open.
    closing: Option<usize>,
    streams_told: bool,
    finish_told: bool,
    exit_told: bool,
    /// The core was told as well: nothing is under way any more that the end has to wait for.
    end_told: bool,
    /// Someone asked for the end: it does not wait for the dialogue.
    hurry: bool,
    /// A command of the script's own.
    helper: Option<Helper>,
    /// A question that is open, and what a secret is to be called.
    asking: Option<(Asking, String)>,
    /// The modes of the terminal that was lent to the command, while a question is open on it.
    lent_modes: Option<tty::Attributes>,
    /// Our terminal, raw while a person has it.
    person: Option<RawMode>,
    stalled: bool,
    /// What answers the command where no terminal of ours does.
    answers: Option<Answers>,
    /// What the output ended with when a limit came, where no dialogue knows.
    question: Option<Vec<String>>,
    strays: Vec<Member>,
    /// Before this nobody looks for members that have ended.
    look_from: Duration,
    /// Some have.
    look_due: bool,
    last_output: Duration,
    /// When what is held back for secrets is given to who waits for it.
    pause_due: Option<Duration>,
    /// When the run is no short one any more, until that has been told.
    short_until: Option<Duration>,
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
        hang_up: (plan.stop.hang_up && plan.launch.mode == Mode::Pty).then_some(signals::HUP),
        strays: strays_policy(plan.stop.strays),
        drain: plan.stop.drain,
        cleanup: (!plan.program.cleanup.is_empty()).then_some(plan.program.cleanup_limit),
        streams: plan.launch.mode != Mode::Inherit,
    });
    let context = Context {
        extra_env: vec![
            (crate::core::record::COOKIE.into(), shared.cookie.clone().into()),
            (crate::core::record::ATTEMPT.into(), n.to_string().into()),
        ],
        merge: plan.output.merge,
        tail: plan.output.tail,
        types: plan.program.types() || plan.launch.stdin == Stdin::Open,
        size: shared.size,
        inherited: shared.signals.inherited(),
        leaf: (plan.stop.containment == Containment::Auto)
            .then(|| format!("heeler-{}-{n}", shared.run)),
        strangers: Rc::clone(&shared.strangers),
        death_signal: plan.stop.guard.then(|| plan.stop.ladder.rungs()[0].signal),
    };
    let mut announce = |leaf: Option<&Leaf>, ours: bool| observer.announce(n, leaf, ours);
    let launched = match launch(&plan.launch, &context, &mut announce) {
        Ok(launched) => launched,
        Err(error) => {
            supervisor.step(Duration::ZERO, Event::SpawnFailed);
            return Attempt {
                error: Some(error),
                ..Attempt::unstarted(n, began, began_wall, supervisor.requests().to_vec())
            };
        }
    };
    let channels = launched.streams.iter().map(|_| shared.outlets.channel()).collect();
    let mut running = Running {
        launched,
        channels,
        supervisor,
        dialogue,
        acting: false,
        untold: VecDeque::new(),
        began,
        buffer: vec![0; if plan.launch.mode == Mode::Inherit { 0 } else { CHUNK }],
        waiting: turn::Waiting::default(),
        effects: Vec::new(),
        ended: None,
        ends_input: ends_input(plan, shared.remote.is_some()),
        interrupted: None,
        unseen: unseen(plan, shared),
        passed: 0,
        eofs: Vec::new(),
        eof_due: None,
        closing: None,
        streams_told: false,
        finish_told: false,
        exit_told: false,
        end_told: false,
        hurry: false,
        helper: None,
        asking: None,
        lent_modes: None,
        person: None,
        stalled: false,
        answers: answers(plan, shared),
        question: None,
        strays: Vec::new(),
        look_from: Duration::ZERO,
        look_due: false,
        last_output: Duration::ZERO,
        pause_due: None,
        short_until: Some(SHORT.saturating_sub(began)),
        finished: false,
        shared,
    };
    let fault = fault::caught(|| {
        let pid = running.launched.tree.leader();
        running.shared.warnings.extend(observer.spawned(n, &running.launched));
        let now = running.shared.clock.active();
        let fields = || json!({ "attempt": n, "pid": pid });
        running.shared.outlets.event(now, "start", fields);
        running.shared.note(Fact::Started { attempt: n, pid });
        fault::point("spawned");
        if running.shared.raw.is_some() {
            running.launched.input.watch_way_out();
        }
        running.start();
        while !running.finished {
            running.turn()?;
            if running.short_until.is_some_and(|until| running.now() >= until) {
                running.short_until = None;
                running.shared.warnings.extend(observer.lasting());
            }
        }
        Ok(())
    });
    let fault = fault.flatten();
    // Whatever it was: the tree is ended, and its end is told.
    let closed = fault::caught(|| {
        if fault.is_err() {
            running.give_up();
        }
        let (shared, leader) = (running.launched.shared.take(), running.launched.tree.leader());
        let interrupted = running.interrupted.is_some();
        let mut attempt = running.close(n, began_wall);
        if let Some(shared) = shared {
            shared.put_back(leader);
            attempt.had_terminal = true;
        }
        let killed = |signal| matches!(signal, signals::INT | signals::QUIT);
        let by_key =
            matches!(attempt.ended, Some(Ended::Signaled { signal, .. }) if killed(signal));
        attempt.interrupted = interrupted || attempt.had_terminal && by_key;
        attempt
    });
    let (mut attempt, second) = match closed {
        Ok(attempt) => (attempt, Ok(())),
        Err(why) => (Attempt::unstarted(n, began, began_wall, Vec::new()), Err(why)),
    };
    if let Err(why) = fault.and(second) {
        attempt.cause = Some(Cause::Internal);
        attempt.error = Some(LaunchError::internal(why));
    }
    attempt
}

impl Attempt {
    /// What it came to, under the policy for strays: `fail` turns a success into a failure of its own.
    pub fn outcome(&self, strays: Strays, ok: impl Fn(i32) -> bool) -> Outcome {
        if self.error.is_some() && self.cause.is_none() {
            return Outcome::SpawnFailed;
        }
        let outcome = Outcome::of(self.ended, self.cause);
        let code = self.ended.and_then(|ended| match ended {
            Ended::Exited(code) => Some(code),
            Ended::Signaled { .. } => None,
        });
        let fine = outcome == Outcome::Exited && code.is_some_and(ok);
        // Who could not be seen, or not be told from others, has been there all the same.
        let unseen = self.cause == Some(Cause::Strays) || !self.verified || self.in_doubt;
        let left = !self.strays.is_empty() || unseen;
        if strays == Strays::Fail && left && fine { Outcome::StraysFailed } else { outcome }
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
            advice: Vec::new(),
            strays: Vec::new(),
            strays_left: false,
            unkillable: Vec::new(),
            verified: true,
            in_doubt: false,
            in_cgroup: false,
            no_cgroup: None,
            oom_kills: None,
            cpu: None,
            memory_peak: None,
            had_terminal: false,
            interrupted: false,
        }
    }
}

/// Where a person's terminal sees the output and types the input, it answers by itself.
fn answers(plan: &Plan, shared: &Shared<'_>) -> Option<Answers> {
    let relayed = shared.raw.is_some() && !plan.output.quiet && tty::is_terminal(fdio::standard(1));
    (plan.launch.mode == Mode::Pty && !relayed).then(|| Answers::new(shared.size))
}

/// See [`Running::ends_input`]. Not where a rule, the cleanup or a client may still type, nor where somebody else
/// ends the run: what it runs until may come from a program that would end at the end of its input.
fn ends_input(plan: &Plan, has_clients: bool) -> bool {
    let (program, stdin) = (&plan.program, &plan.launch.stdin);
    let types = |actions: &[Action]| actions.iter().any(Action::types);
    let rules = program.rules.iter().any(|rule| !rule.answers.is_empty() || types(&rule.actions));
    let awaited = plan.limits.until_idle.is_some()
        || program.watches.iter().any(|watch| watch.verdict == Verdict::Pass);
    matches!(stdin, Stdin::Null | Stdin::File(_) | Stdin::Bytes(_))
        && program.types()
        && !(rules || awaited || has_clients || !program.cleanup.is_empty())
}

/// See [`Running::unseen`]. Of what a limit ends, just so much is passed on: that is a look, too.
fn unseen(plan: &Plan, shared: &Shared<'_>) -> bool {
    plan.launch.mode == Mode::Pipe
        && plan.program.is_empty()
        && plan.track == Track::Off
        && plan.output.report.is_none()
        && plan.limits.max_output.is_none()
        && shared.remote.is_none()
        && shared.outlets.only_pass()
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
