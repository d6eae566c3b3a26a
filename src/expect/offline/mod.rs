//! A dialogue played against a recording, without the command: output comes at the recorded times, on a
//! made-up clock, and takes no time at all.
//!
//! Where the dialogue types something, the recording has to show the same. It shows when, too: a person
//! thinks before they type, a script does not, and the clock leaves that pause out. What came meanwhile
//! comes at once. The echo of what was typed is discounted as in a live run.
//!
//! | in the recording | here |
//! | --- | --- |
//! | output, resize | told to the dialogue |
//! | input | compared with what the dialogue types; see [`typed`] |
//! | several attempts | the last one is played |
//! | its end | the end of the output, and the exit unless that came before |

mod typed;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::typed::{Found, Typed};
use crate::expect::dialogue::{
    Answer, Dialogue, Effect, ExecEnd, ExitStatus, Record, Setup, SetupError, What as Event,
};
use crate::expect::escape::show;
use crate::expect::failure::{Failure, Reason};
use crate::expect::mask::Mask;
use crate::expect::program::{Kind, Program, Question, StreamId};
use crate::expect::tape::{Tape, What};
use crate::expect::view::plain;

/// How long a command has been silent that rests, for the scripts that `learn` writes.
pub const REST: Duration = Duration::from_millis(100);

/// How much of the output is kept, to show its last lines.
const LAST: usize = 4096;

/// How a dialogue went against a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// What it did.
    pub record: Record,
    /// Where it failed, or did something else than the recording.
    pub failure: Option<Failure>,
    /// Whether a `pass` ended it.
    pub passed: bool,
    /// When it was over, on the made-up clock.
    pub at: Duration,
    /// What it typed that the recording shows too.
    pub seen: usize,
    /// What it typed that the recording neither shows nor rules out.
    pub unseen: usize,
    /// What could not be done without the command, in the order in which it came.
    pub notes: Vec<String>,
}

/// Plays `program` against `tape`. `secrets` are the names of its secrets; their values are not needed.
pub fn play(program: Program, tape: &Tape, secrets: Vec<String>) -> Result<Played, SetupError> {
    let tape = tape.last_attempt();
    let streams = if tape.terminal {
        vec![StreamId::Terminal]
    } else {
        vec![StreamId::Stdout, StreamId::Stderr]
    };
    let setup = Setup {
        streams: streams.clone(),
        size: tape.size,
        terminal: tape.terminal,
        secret_names: secrets,
        missing_secrets: BTreeMap::new(),
        mask: Mask::default(),
    };
    let (program, merged) = if tape.terminal { (program, false) } else { merge(program) };
    let types = program.types();
    let pause = program.settle;
    let dialogue = Dialogue::new(program, setup)?;
    let mut player = Player {
        typed: Typed::new(&tape.facts, tape.terminal),
        tape: &tape,
        dialogue,
        streams,
        now: Duration::ZERO,
        cut: Duration::ZERO,
        pause,
        next: 0,
        echoes: Vec::new(),
        fed: Vec::new(),
        exited: false,
        doing: None,
        failure: None,
        passed: false,
        seen: 0,
        unseen: 0,
        notes: Vec::new(),
    };
    if merged {
        player
            .notes
            .push("a recording does not tell stdout from stderr; `stream` is left out".into());
    }
    player.run();
    if types {
        player.compare_rest();
    }
    Ok(player.finish())
}

/// What became of something that the dialogue wanted.
enum News {
    SecretSent,
    ExecDone,
    Answered(Answer),
}

struct Player<'a> {
    tape: &'a Tape,
    dialogue: Dialogue,
    typed: Typed,
    streams: Vec<StreamId>,
    /// The made-up clock.
    now: Duration,
    /// What it has left out of the recording's.
    cut: Duration,
    /// After which a match is decided.
    pause: Duration,
    /// The fact that comes next.
    next: usize,
    /// What was typed and comes back in the output, from that fact on.
    echoes: Vec<(usize, Vec<u8>)>,
    /// The last of the output.
    fed: Vec<u8>,
    exited: bool,
    /// The step or rule that matched last.
    doing: Option<String>,
    failure: Option<Failure>,
    passed: bool,
    seen: usize,
    unseen: usize,
    notes: Vec<String>,
}

impl Player<'_> {
    fn run(&mut self) {
        self.tell(Dialogue::start);
        let mut told = None;
        while !self.is_over() && self.next < self.tape.facts.len() {
            let at = self.tape.facts[self.next].at.saturating_sub(self.cut).max(self.now);
            match self.dialogue.next_deadline() {
                // Once: what stays due after it was told waits for something else.
                Some(due) if due < at && told != Some((due, self.next)) => {
                    told = Some((due, self.next));
                    self.tick(due);
                }
                _ => {
                    self.now = at;
                    if self.typed.is_ahead(self.next) {
                        self.settle();
                    }
                    self.feed();
                }
            }
        }
        if !self.is_over() {
            self.tell_exit(None);
            for stream in self.streams.clone() {
                self.tell(|dialogue, now, out| dialogue.eof(now, stream, out));
            }
            self.tell(Dialogue::finish);
        }
    }

    /// In the recording something is typed here, which the dialogue has not typed yet: the command was
    /// waiting, so that a match that more output could change would have been decided by the pause, and `@idle` met.
    /// Whoever typed was quicker than that.
    fn settle(&mut self) {
        let until = self.now.saturating_add(self.pause.max(REST));
        while let Some(due) = self.dialogue.next_deadline().filter(|due| *due <= until) {
            let before = self.dialogue.progress();
            self.tick(due);
            if self.is_over() || self.dialogue.next_deadline() == Some(due) {
                break;
            }
            if before != self.dialogue.progress() && !self.typed.is_ahead(self.next) {
                break;
            }
        }
    }

    /// The time comes, and until then nothing else did.
    fn tick(&mut self, due: Duration) {
        self.now = due.max(self.now);
        for &stream in &self.streams {
            self.dialogue.quiet(self.now, stream);
        }
        self.tell(Dialogue::tick);
    }

    fn is_over(&self) -> bool {
        self.failure.is_some() || self.passed
    }

    /// The next fact.
    fn feed(&mut self) {
        let index = self.next;
        self.next += 1;
        match &self.tape.facts[index].what {
            What::Output(bytes) => {
                let stream = self.streams[0];
                for (_, typed) in self.echoes.extract_if(.., |(at, _)| *at <= index) {
                    self.dialogue.sent(stream, &typed, true);
                }
                self.fed.extend_from_slice(bytes);
                self.fed.drain(..self.fed.len().saturating_sub(LAST));
                let bytes = bytes.clone();
                self.tell(|dialogue, now, out| dialogue.output(now, stream, &bytes, out));
            }
            What::Resize(columns, rows) => self.dialogue.resize(*columns, *rows),
            What::Exit(code) => self.tell_exit(Some(*code)),
            What::Input(_) | What::Marker(_) => {}
        }
    }

    fn tell_exit(&mut self, code: Option<i32>) {
        if !std::mem::replace(&mut self.exited, true) {
            if let Some(code) = code {
                // A shell's numbers are all that a recording has.
                self.dialogue.set_exit(match code {
                    129.. => ExitStatus::Signal(code - 128),
                    _ => ExitStatus::Code(code),
                });
            }
            self.tell(Dialogue::exited);
        }
    }

    /// What follows is told one after the other, and not from within one another: a script may have as many steps
    /// as it likes.
    fn tell(&mut self, what: impl FnOnce(&mut Dialogue, Duration, &mut Vec<Effect>)) {
        let (mut effects, mut news) = (Vec::new(), VecDeque::new());
        what(&mut self.dialogue, self.now, &mut effects);
        loop {
            for effect in effects.drain(..) {
                news.extend(self.effect(effect));
            }
            if self.is_over() {
                return;
            }
            let (dialogue, now, out) = (&mut self.dialogue, self.now, &mut effects);
            match news.pop_front() {
                Some(News::SecretSent) => dialogue.secret_sent(now, out),
                Some(News::ExecDone) => {
                    let end = ExecEnd { status: Some(0), ..ExecEnd::default() };
                    dialogue.exec_done(now, end, out);
                }
                Some(News::Answered(answer)) => dialogue.answered(now, &answer, out),
                None if dialogue.is_behind() => dialogue.tick(now, out),
                None => return,
            }
        }
    }

    fn effect(&mut self, effect: Effect) -> Option<News> {
        if self.failure.is_some() {
            return None;
        }
        match effect {
            Effect::Send(bytes) => {
                let found = self.typed.text(&bytes, &self.tape.facts, self.next);
                if let Found::There { echo: Some(echo), .. } = found
                    && self.tape.terminal
                {
                    self.echoes.push((echo, bytes.clone()));
                }
                self.found(found, || format!("`{}`", show(&bytes, 60)));
            }
            Effect::Secret { name, .. } => {
                let found = self.typed.secret();
                self.found(found, || format!("the secret `{name}`"));
                return Some(News::SecretSent);
            }
            Effect::SendEof | Effect::CloseInput => {
                let found = self.typed.key(4);
                self.found(found, || "an end of file".to_owned());
            }
            Effect::Interrupt => {
                let found = self.typed.key(3);
                self.found(found, || "an interrupt".to_owned());
            }
            Effect::Pass => self.passed = true,
            Effect::Fail(failure) => self.failure = Some(failure),
            Effect::DropSecret
            | Effect::Terminate
            | Effect::Kill
            | Effect::Signal(_)
            | Effect::Resize(..)
            | Effect::StopExec
            | Effect::StopAsk
            | Effect::Log(_)
            | Effect::CleanupDone
            | Effect::Noted(_) => {}
            Effect::Exec { argv, .. } => {
                let name = argv.first().map(|name| show(name, 60)).unwrap_or_default();
                self.note(format!("`{name}` is not run here; it counts as done, with no output"));
                return Some(News::ExecDone);
            }
            Effect::Ask { prompt, question, .. } => {
                self.note(format!("`{prompt}` is not asked here; the answer counts as empty"));
                return Some(News::Answered(match question {
                    Question::Secret => Answer::Kept,
                    Question::Line | Question::Key => Answer::Text(Vec::new()),
                }));
            }
            // What was typed meanwhile was typed by the person, whatever it is.
            Effect::Interact { .. } => {
                self.note("what a person typed during `interact` is not compared".to_owned());
            }
            Effect::StopInteract => self.typed.skip_to(self.next),
            Effect::Told(told) => {
                let words = self.dialogue.words(told);
                match (words.what, words.label, words.pattern) {
                    (Event::Step, Some(label), _) => self.doing = Some(format!("step {label}")),
                    (Event::Rule, Some(label), _) => self.doing = Some(format!("rule {label}")),
                    (Event::Rule, None, Some(pattern)) => {
                        self.doing = Some(format!("the rule for `{pattern}`"));
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// What the recording says about something typed. The pause before it is left out.
    fn found(&mut self, found: Found, what: impl FnOnce() -> String) {
        match found {
            Found::There { done, .. } => {
                self.seen += 1;
                let at = self.tape.facts[done].at.saturating_sub(self.cut);
                self.cut += at.saturating_sub(self.now);
            }
            Found::Unseen => self.unseen += 1,
            Found::Other(other) => {
                let what = what();
                self.differs(&format!("the script types {what}, and {other}"));
            }
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn differs(&mut self, message: &str) {
        let step = self.dialogue.record().steps.last().map(|step| step.step.clone());
        let message = match (&self.doing, &step) {
            (Some(doing), _) => format!("{doing}: {message}"),
            (None, Some(step)) => format!("step {step}: {message}"),
            (None, None) => message.to_owned(),
        };
        let text = plain::text(&self.fed);
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
        self.failure = Some(Failure {
            reason: Reason::Differs,
            message,
            step,
            clock: None,
            armed: Vec::new(),
            last_lines: lines[lines.len().saturating_sub(10)..]
                .iter()
                .map(|line| (*line).to_owned())
                .collect(),
            near_misses: Vec::new(),
        });
    }

    /// What was typed in the recording has to be typed by the dialogue too.
    fn compare_rest(&mut self) {
        if self.is_over() || !self.typed.is_known() {
            return;
        }
        if let Some(rest) = self.typed.rest() {
            self.differs(&format!("all is met, and the recording goes on with `{rest}` typed"));
        }
    }

    fn finish(self) -> Played {
        Played {
            record: self.dialogue.record(),
            failure: self.failure,
            passed: self.passed,
            at: self.now,
            seen: self.seen,
            unseen: self.unseen,
            notes: self.notes,
        }
    }
}

/// Lets every pattern listen to all there is; says whether one did not.
fn merge(mut program: Program) -> (Program, bool) {
    let blocks = program.blocks.iter_mut().flat_map(|block| &mut block.steps);
    let steps = program.steps.iter_mut().chain(&mut program.cleanup).chain(blocks);
    let steps = steps.flat_map(|step| {
        let until = match &mut step.kind {
            Kind::Loop(body) => body.until_match.as_mut(),
            _ => None,
        };
        step.branches.iter_mut().map(|branch| &mut branch.listen).chain(until)
    });
    let rules = program.rules.iter_mut().map(|rule| &mut rule.listen);
    let watches = program.watches.iter_mut().map(|watch| &mut watch.listen);
    let listens = steps.chain(rules).chain(watches);
    let merged = listens.filter_map(|listen| listen.stream.take()).count() > 0;
    (program, merged)
}

#[cfg(test)]
mod tests;
