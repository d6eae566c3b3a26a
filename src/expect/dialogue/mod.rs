//! The dialogue: steps in order, rules whenever they match, watches over everything.
//!
//! Pure: facts come in with the time at which they were seen, wishes go out as [`Effect`]s, and
//! [`Dialogue::next_deadline`] says when to call [`Dialogue::tick`] if nothing else happens. It never sees
//! a secret's value except to mask it, and never asks the terminal anything.
//!
//! # States and events
//!
//! *typing*: a secret is under way, and the actions behind it are held. *waiting*: a step waits. *met*: all
//! steps are done, rules and watches stay armed. *over*: a [`Effect::Pass`] or [`Effect::Fail`] was given.
//! "Watches" below means: they judge what is new, before anything else that looks at the same text.
//!
//! | | not begun | typing | waiting | met | over |
//! | --- | --- | --- | --- | --- | --- |
//! | `start` | start actions, then step 1 begins | nothing | nothing | nothing | nothing |
//! | `output` | kept | watches; the rest is kept | watches, then branches and rules | watches, then rules | nothing |
//! | `eof` | noted | watches; noted | held matches are decided; `@eof`; a step that nothing can meet any more is skipped or fails (`eof`) | held matches; `@eof` | nothing |
//! | `exited` | noted | noted | noted: `@exit` comes behind the output, see below | the same | nothing |
//! | `finish` | noted | a branch's secret fails (`eof`, `exit`); another's is dropped, with the actions behind it | as `eof`, for all streams; then `@exit`; then skip or fail | as `eof`, then `@exit` | nothing |
//! | limit | has none | fails (`secret_echo`) | what has come is decided at once; then skip or fail (`step_timeout`) | has none | nothing |
//! | idle | has none | watches | `@idle` of watches, branches, rules | `@idle` of watches, rules | nothing |
//! | `secret_sent` | nothing | goes on with the actions | nothing | nothing | nothing |
//! | `send_failed`, input closed | noted | the secret is given up, the actions go on | noted, told if the step stays unmet | noted | nothing |
//! | `send_failed`, other | fails | fails | fails | fails | nothing |
//! | `sent`, `resize` | told to the matchers in every state | | | | |
//!
//! After `terminate` and `kill` all of this goes on, but no limit and no end fails the dialogue: the user
//! ended the run on purpose. Once somebody else has ([`Dialogue::stopped`]), nothing fails it any more.
//!
//! # Order
//!
//! Text goes before events, because the output that arrived before an end or a limit was there first. On
//! one stream the matcher decides who wins (leftmost, then branches before rules). Where two streams hold a
//! match at the same time, the first in [`Setup::streams`] goes first. Events are taken by the time at
//! which they are due, then watches, branches, rules, in the order of their definition.
//!
//! `@eof` is the end of all streams that the pattern listens to. `@exit` is told when the output that was
//! written before the exit has been read: at the end of all streams, or once they have paused for `settle`
//! where others hold them open. For a step both are states (a step that waits for `@eof` after the end is
//! met at once); for a rule or watch they happen once. `@idle:D` fires after each D without output on the
//! streams that it listens to, counted from the begin of the step for a branch, and anew after it fired;
//! for a watch it fires once in a pause.

mod act;
mod check;
mod cleanup;
mod clock;
mod effect;
mod explain;
mod feed;
mod flow;
mod listen;
mod outside;
mod pace;
mod record;
mod template;
mod turn;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use zeroize::Zeroizing;

pub use effect::{Effect, Setup, SetupError, Told, What, Words};
pub use outside::{Answer, ExecEnd, ExitStatus};
pub use record::{Capture, Record, RuleRecord, StepRecord, StepState};

use self::cleanup::Cleanup;
use self::clock::Clock;
use self::feed::Feed;
use self::flow::Frame;
use self::listen::Table;
use self::outside::Busy;
use self::pace::Typing;
use self::values::Values;
use super::failure::{Failure, Reason, SendError};
use super::keypad::Keypad;
use super::mask::Mask;
use super::matcher::{BEFORE, MatcherConfig};
use super::pattern::Event;
use super::program::{Action, Place, Program, StreamId, Then};

/// A dialogue with one attempt of a command.
pub struct Dialogue {
    program: Program,
    table: Table,
    feeds: Vec<Feed>,
    terminal: bool,
    mask: Mask,
    /// Secrets that are not there, and why.
    missing_secrets: BTreeMap<String, String>,
    /// Parts of secrets that it masks besides.
    fragments: Vec<Zeroizing<Vec<u8>>>,
    keypad: Keypad,
    phase: Phase,
    /// The current step; none before the first and after the last.
    step: Option<Place>,
    /// The step that begins next.
    upcoming: Option<Place>,
    /// Its place in `steps`.
    record: Option<usize>,
    /// The loops and calls that it stands in, innermost last.
    frames: Vec<Frame>,
    /// What it is at outside of the dialogue.
    busy: Option<Busy>,
    cleanup: Option<Cleanup>,
    /// Which rules listen.
    enabled: Vec<bool>,
    clock: Clock,
    /// The pause between characters that are typed.
    pace: Duration,
    /// The branches that matched, of a step that waits for all of them.
    met: Vec<usize>,
    /// What is being done; nothing is listened to but watches meanwhile.
    acting: Option<Acting>,
    /// Something else is listened to than what the matchers are armed with.
    rearm: bool,
    /// They were armed while something was being done.
    armed_acting: bool,
    /// How many matches were taken since what they want was to be done.
    heard: u32,
    /// How many steps were begun.
    taken: u32,
    /// How many steps were decided and patterns matched.
    progress: u64,
    exit: Exit,
    exit_status: Option<ExitStatus>,
    finished: bool,
    /// No limit and no end fails it any more.
    stopping: bool,
    /// Nothing does.
    given_up: bool,
    input_closed: bool,
    values: Values,
    /// Lists that take no more.
    full_lists: BTreeSet<String>,
    steps: Vec<StepRecord>,
    notes: Vec<usize>,
    failure: Option<Failure>,
    /// What helped where a limit stopped it: the end that comes of the stop is not why it was not done.
    advice: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unstarted,
    Open,
    Over,
}

/// Actions under way.
struct Acting {
    todo: Rc<[Action]>,
    /// The next of them.
    at: usize,
    origin: Origin,
    /// The pattern that matched, by its id; none at the start and for a step that only acts.
    by: Option<usize>,
    /// A `next` was among the actions.
    next: bool,
    /// The secret that the runtime is to type.
    secret: Option<SecretWait>,
    /// The text that is being typed.
    typing: Option<Typing>,
}

struct SecretWait {
    name: String,
    echo_ok: bool,
    clock: Clock,
    deadline: Option<Duration>,
}

/// Whose actions they are, which says how it goes on.
#[derive(Clone, Debug)]
enum Origin {
    Start,
    Step(Then),
    Branch(Then),
    Rule,
}

#[derive(Clone, Copy, Debug)]
enum Exit {
    Running,
    /// Seen, and told once the output has paused; at the latest at the cap.
    Seen {
        due: Duration,
        cap: Duration,
    },
}

/// How many settle times a busy stream may put off `@exit`.
const EXIT_CAP: u32 = 20;

impl Dialogue {
    /// Checks the program against the run and makes everything ready; nothing happens before
    /// [`Dialogue::start`].
    pub fn new(program: Program, setup: Setup) -> Result<Dialogue, SetupError> {
        check::check(&program, &setup)?;
        let table = Table::new(&program);
        let watches: Vec<usize> = table.watches().collect();
        let mut feeds = Vec::with_capacity(setup.streams.len());
        let config = MatcherConfig {
            window: program.window,
            before: if program.asks_for("before") { BEFORE } else { 0 },
            settle: program.settle,
            size: setup.size,
        };
        for &stream in &setup.streams {
            let mut feed = Feed::new(stream, &table.all, config, &feeds)?;
            feed.watch(&watches);
            feeds.push(feed);
        }
        Ok(Dialogue {
            clock: Clock::default(),
            pace: Duration::ZERO,
            met: Vec::new(),
            enabled: program.rules.iter().map(|rule| rule.enabled).collect(),
            values: Values::new(program.variables.clone()),
            program,
            table,
            feeds,
            terminal: setup.terminal,
            mask: setup.mask,
            missing_secrets: setup.missing_secrets,
            fragments: Vec::new(),
            keypad: Keypad::default(),
            phase: Phase::Unstarted,
            step: None,
            upcoming: None,
            record: None,
            frames: Vec::new(),
            busy: None,
            cleanup: None,
            full_lists: BTreeSet::new(),
            acting: None,
            rearm: true,
            armed_acting: false,
            heard: 0,
            taken: 0,
            progress: 0,
            exit: Exit::Running,
            exit_status: None,
            finished: false,
            stopping: false,
            given_up: false,
            input_closed: false,
            steps: Vec::new(),
            notes: Vec::new(),
            failure: None,
            advice: None,
        })
    }

    /// The command runs: the start actions are done, then the first step begins.
    pub fn start(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.phase == Phase::Unstarted {
            self.phase = Phase::Open;
            for listener in &mut self.table.all {
                listener.quiet_from = now;
            }
            self.act_on(self.program.start.as_slice().into(), Origin::Start, None);
            self.drive(now, out);
        }
    }

    /// Output is being gathered, and this much is there by now. See [`glance`](super::matcher::Matcher::glance).
    pub fn glance(&mut self, stream: StreamId, gathered: &[u8]) {
        if self.phase != Phase::Over
            && let Some(feed) = self.listening(stream)
        {
            feed.glance(gathered);
        }
    }

    /// Output was read. It counts before a limit that has passed meanwhile: a busy machine is no reason to
    /// overlook what is already there.
    pub fn output(&mut self, now: Duration, stream: StreamId, bytes: &[u8], out: &mut Vec<Effect>) {
        if self.phase == Phase::Over || bytes.is_empty() {
            return;
        }
        let settle = self.program.settle;
        if let Exit::Seen { due, cap } = &mut self.exit {
            *due = now.saturating_add(settle).min(*cap);
        }
        self.keypad.push(bytes);
        let Table { all, events, .. } = &mut self.table;
        for &id in &*events {
            let listener = &mut all[id];
            if listener.hears(stream) && matches!(listener.event(), Some(Event::Idle(_))) {
                listener.told = false;
            }
        }
        if let Some(feed) = self.listening(stream) {
            feed.push(now, bytes);
        }
        self.drive(now, out);
    }

    /// That stream was looked at `at` this time, and there was nothing to read that has not been told. See
    /// [`quiet`](super::matcher::Matcher::quiet): without it nothing pauses.
    pub fn quiet(&mut self, at: Duration, stream: StreamId) {
        if let Some(feed) = self.feed(stream) {
            feed.quiet(at);
        }
    }

    /// That stream has ended.
    pub fn eof(&mut self, now: Duration, stream: StreamId, out: &mut Vec<Effect>) {
        if let Some(feed) = self.feed(stream) {
            feed.eof = true;
            feed.close();
        }
        self.drive(now, out);
    }

    /// The leader has exited; output may still come.
    pub fn exited(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if let Exit::Running = self.exit {
            let settle = self.program.settle;
            self.exit = Exit::Seen {
                due: now.saturating_add(settle),
                cap: now.saturating_add(settle.saturating_mul(EXIT_CAP)),
            };
        }
        self.drive(now, out);
    }

    /// The leader is gone and nothing more comes.
    pub fn finish(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if let Exit::Running = self.exit {
            self.exit = Exit::Seen { due: now, cap: now };
        }
        self.finished = true;
        for feed in &mut self.feeds {
            feed.close();
        }
        self.drive(now, out);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.drive(now, out);
    }

    /// When to look for output, and to call [`Dialogue::tick`] if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Duration> {
        let held = self.feeds.iter().filter_map(Feed::deadline);
        let pauses = held.chain(self.next_event().map(|(due, _)| due)).chain(self.exit_wanted());
        pauses.filter(|_| self.phase == Phase::Open).chain(self.next_limit()).min()
    }

    /// The same for who cannot look for output just now.
    pub fn next_limit(&self) -> Option<Duration> {
        if self.phase != Phase::Open {
            return None;
        }
        let secret = self.acting.as_ref().and_then(|acting| acting.secret.as_ref()?.deadline);
        let limits = self.limit().into_iter().chain(self.cleanup_deadline());
        limits.chain(secret).chain(self.typing_due()).min()
    }

    /// These bytes were written to the command; with `echo`, its terminal was echoing, so that they will
    /// come back on `stream` without being output.
    pub fn sent(&mut self, stream: StreamId, bytes: &[u8], echo: bool) {
        if echo && let Some(feed) = self.feed(stream) {
            feed.expect_echo(bytes);
        }
    }

    /// Whether any of the output is drawn, for patterns that look at the screen.
    pub fn draws(&self) -> bool {
        self.feeds.iter().any(Feed::draws)
    }

    /// The secret that was under way has been written.
    pub fn secret_sent(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if let Some(acting) = &mut self.acting
            && acting.secret.take().is_some()
        {
            self.drive(now, out);
        }
    }

    /// Something could not be written.
    pub fn send_failed(&mut self, now: Duration, error: &SendError, out: &mut Vec<Effect>) {
        if self.phase == Phase::Over {
            return;
        }
        let secret = self.acting.as_mut().and_then(|acting| acting.secret.take());
        if secret.is_some() {
            // What failed may have been typed before it.
            out.push(Effect::DropSecret);
        }
        let reason = match error {
            SendError::InputClosed => {
                self.input_closed = true;
                None
            }
            SendError::CanonicalLimit { .. } => Some(Reason::CanonicalLimit),
            SendError::SecretEcho => Some(Reason::SecretEcho),
            SendError::Unread | SendError::Other(_) => Some(Reason::Send),
        };
        match reason {
            Some(reason) if !self.stopping => {
                let message = match secret {
                    Some(secret) => format!("the secret `{}` was not sent: {error}", secret.name),
                    None => error.to_string(),
                };
                self.fail(reason, &message, None, now, out);
            }
            _ if secret.is_some() => self.drive(now, out),
            _ => {}
        }
    }

    /// The terminal has this size now.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        for feed in &mut self.feeds {
            feed.resize(cols, rows);
        }
    }

    /// Whether there is more to decide as soon as what was wanted so far has been done: [`Dialogue::tick`] goes on.
    /// One read may hold as many matches as it has bytes.
    pub fn is_behind(&self) -> bool {
        self.phase == Phase::Open && self.heard >= turn::HITS
    }

    /// A number that is another one once a step was decided or a pattern matched.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// Whether all steps are met. Rules and watches go on.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Open
            && self.step.is_none()
            && self.upcoming.is_none()
            && self.acting.is_none()
    }

    /// Whether a [`Effect::Pass`] or [`Effect::Fail`] was given: nothing is listened to any more.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn feed(&mut self, stream: StreamId) -> Option<&mut Feed> {
        self.feeds.iter_mut().find(|feed| feed.stream == stream)
    }

    /// The feed that takes the stream's output. Where nothing comes of it any more, one that draws takes none: what the
    /// kernel holds can be a screen cleared thousands of times.
    fn listening(&mut self, stream: StreamId) -> Option<&mut Feed> {
        let given_up = self.given_up;
        self.feed(stream).filter(|feed| !(given_up && feed.draws()))
    }
}

#[cfg(test)]
mod tests;
