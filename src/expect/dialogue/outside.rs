//! Steps that are done outside of the dialogue: a pause, a command on this machine, a question, the
//! terminal handed to a person, the wait for the exit. Rules answer meanwhile.

use std::time::Duration;

use super::values::Unrendered;
use super::{Dialogue, Effect, Reason, StepState};
use crate::expect::failure::human;
use crate::expect::mask::Mask;
use crate::expect::program::{Ask, Exec, ExecCommand, Kind, Place, Question, Value};

/// What the current step is at.
#[derive(Clone, Debug)]
pub(super) enum Busy {
    /// A pause until then.
    Sleep { until: Duration },
    /// A command of the script's own.
    Exec { into: Option<String> },
    /// A question.
    Ask { ask: Ask },
    /// A person has the terminal.
    Interact,
    /// The leader's exit.
    Exit,
}

/// How a command of the script's own ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecEnd {
    /// Its exit code, or 128 and the number of the signal that ended it; nothing when it was not started or
    /// was ended at its limit.
    pub status: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// Why it has no exit code.
    pub why: Option<String>,
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This; may be empty.
    Text(Vec<u8>),
    /// A secret, which whoever asked keeps.
    Kept,
    /// Nothing: they ended the input, or there is no terminal. Why.
    Nothing(String),
}

/// How the leader ended, as far as a dialogue cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Dialogue {
    pub(super) fn begin_outside(
        &mut self,
        place: Place,
        kind: Kind,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        match kind {
            Kind::Sleep(length) => {
                self.busy = Some(Busy::Sleep { until: now.saturating_add(length) });
            }
            Kind::Exec(exec) => match self.exec(&exec) {
                Ok(effect) => {
                    self.busy = Some(Busy::Exec { into: exec.into });
                    out.push(effect);
                }
                Err(why) => self.unrendered(&why, now, out),
            },
            Kind::Ask(ask) => match self.values.render(&ask.prompt) {
                Ok(prompt) => {
                    let prompt = self.masked(&prompt);
                    let into = ask.into.clone();
                    out.push(Effect::Ask { prompt, question: ask.question, into });
                    self.busy = Some(Busy::Ask { ask });
                }
                Err(why) => self.unrendered(&why, now, out),
            },
            Kind::Interact { key } => {
                self.busy = Some(Busy::Interact);
                out.push(Effect::Interact { key });
            }
            Kind::WaitExit(_) => self.busy = Some(Busy::Exit),
            Kind::Plain | Kind::Loop(_) | Kind::Call(_) => self.go_behind(place),
        }
    }

    /// What is started. Nothing in it is a secret: what holds one is left out.
    fn exec(&self, exec: &Exec) -> Result<Effect, Unrendered> {
        let argv = match &exec.command {
            ExecCommand::Argv(argv) => {
                argv.iter().map(|text| self.values.render(text)).collect::<Result<Vec<_>, _>>()?
            }
            ExecCommand::Shell(line) => {
                vec![b"sh".to_vec(), b"-c".to_vec(), line.clone().into_bytes()]
            }
        };
        let argv = argv.iter().map(|word| self.mask.bytes(word)).collect();
        let env = self.values.environment();
        let env = env.map(|(name, value)| (name.to_owned(), self.mask.bytes(&value))).collect();
        Ok(Effect::Exec { argv, env, capture: exec.into.is_some() })
    }

    /// What the current step is at is over by itself, or by its time.
    pub(super) fn outside_ends(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        match self.busy {
            Some(Busy::Exit) if self.exit_is_seen(now) => {
                self.exit_met(now, out);
                true
            }
            Some(Busy::Interact) if self.finished => {
                out.push(Effect::StopInteract);
                self.step_done(StepState::Acted, now);
                true
            }
            _ => false,
        }
    }

    fn exit_met(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(step) = self.step.and_then(|place| self.program.step(place)) else { return };
        let Kind::WaitExit(wanted) = step.kind.clone() else { return };
        if let Some(status) = self.exit_status {
            let status = match status {
                ExitStatus::Code(code) => code,
                ExitStatus::Signal(signal) => 128 + signal,
            };
            self.values.set("status", Value::text(status.to_string()));
        }
        let fits = match (&wanted, self.exit_status) {
            (None, _) => true,
            (Some(codes), Some(ExitStatus::Code(code))) => codes.contains(&code),
            (Some(_), _) => false,
        };
        if fits || step.optional {
            return self.step_done(StepState::Matched, now);
        }
        let ended = match self.exit_status {
            Some(ExitStatus::Code(code)) => format!("exited with {code}"),
            Some(ExitStatus::Signal(signal)) => format!("was ended by signal {signal}"),
            None => "ended".to_owned(),
        };
        let wanted: Vec<String> = wanted.iter().flatten().map(ToString::to_string).collect();
        let label = self.step.map(|place| self.label(place)).unwrap_or_default();
        let message =
            format!("step {label}: the command {ended}, not with {}", wanted.join(" or "));
        self.busy = None;
        self.fail(Reason::ExitCode, &message, None, now, out);
    }

    /// The limit of what is done outside has passed.
    pub(super) fn outside_late(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let (limit, clock) = (self.clock.limit().map(human).unwrap_or_default(), self.clock.name());
        let label = self.step.map(|place| self.label(place)).unwrap_or_default();
        let named = clock.clone().unwrap_or_default();
        let what = match self.busy.clone() {
            Some(Busy::Sleep { .. }) => return self.step_done(StepState::Acted, now),
            Some(Busy::Exec { .. }) => {
                out.push(Effect::StopExec);
                let why = Some(format!("it was not done within {limit} ({named})"));
                return self.exec_ended(ExecEnd { why, ..ExecEnd::default() }, clock, now, out);
            }
            Some(Busy::Ask { ask }) if ask.default.is_some() => {
                out.push(Effect::StopAsk);
                return self.take_answer(&ask, &Answer::Text(Vec::new()), now, out);
            }
            Some(Busy::Ask { .. }) => "nobody answered",
            Some(Busy::Interact) => "the person did not leave the terminal",
            Some(Busy::Exit) | None => "the command did not exit",
        };
        let Some(place) = self.step else { return };
        if self.is_optional(place) {
            return self.skip(place, now, out);
        }
        self.stop_busy(out);
        let message = format!("step {label}: {what} within {limit} ({named})");
        self.fail(Reason::StepTimeout, &message, clock, now, out);
    }

    /// The command that was to be run has ended.
    pub fn exec_done(&mut self, now: Duration, end: ExecEnd, out: &mut Vec<Effect>) {
        if matches!(self.busy, Some(Busy::Exec { .. })) {
            self.exec_ended(end, None, now, out);
            self.drive(now, out);
        }
    }

    fn exec_ended(
        &mut self,
        mut end: ExecEnd,
        clock: Option<String>,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        let (Some(Busy::Exec { into }), Some(place)) = (self.busy.take(), self.step) else {
            return;
        };
        while end.stdout.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            end.stdout.pop();
        }
        let status = end.status.map(|status| status.to_string().into_bytes());
        self.values.set("status", Value::Text(status));
        if let Some(into) = into {
            self.values.set(&into, Value::text(end.stdout));
        }
        if end.status == Some(0) {
            return self.step_done(StepState::Acted, now);
        }
        let step = self.program.step(place);
        let otherwise = step.and_then(|step| match &step.kind {
            Kind::Exec(exec) => exec.otherwise.clone(),
            _ => None,
        });
        if let Some(then) = otherwise {
            self.decide(StepState::Acted, None, None, now);
            return self.follow(&then, place, now, out);
        }
        if self.is_optional(place) {
            return self.skip(place, now, out);
        }
        let why = match (end.status, end.why) {
            (Some(status), _) => format!("its command exited with {status}"),
            (None, Some(why)) => format!("its command failed: {why}"),
            (None, None) => "its command failed".to_owned(),
        };
        let reason = if clock.is_some() { Reason::StepTimeout } else { Reason::Exec };
        let message = format!("step {}: {why}", self.label(place));
        self.fail(reason, &message, clock, now, out);
    }

    /// The person has answered.
    pub fn answered(&mut self, now: Duration, answer: &Answer, out: &mut Vec<Effect>) {
        if let Some(Busy::Ask { ask }) = self.busy.clone() {
            self.take_answer(&ask, answer, now, out);
            self.drive(now, out);
        }
    }

    fn take_answer(&mut self, ask: &Ask, answer: &Answer, now: Duration, out: &mut Vec<Effect>) {
        let default = |answer: Answer| match (&ask.default, answer) {
            (Some(default), Answer::Text(text)) if text.is_empty() => {
                self.values.render(default).map(Answer::Text)
            }
            (Some(default), Answer::Nothing(_)) => self.values.render(default).map(Answer::Text),
            (_, answer) => Ok(answer),
        };
        match default(answer.clone()) {
            Ok(Answer::Text(text)) => {
                // A secret is never kept as a value.
                if ask.question != Question::Secret {
                    self.values.set(&ask.into, Value::text(text));
                }
                self.step_done(StepState::Acted, now);
            }
            Ok(Answer::Kept) => {
                self.missing_secrets.remove(&ask.into);
                self.step_done(StepState::Acted, now);
            }
            Ok(Answer::Nothing(why)) => {
                self.busy = None;
                let Some(place) = self.step else { return };
                if self.is_optional(place) {
                    return self.skip(place, now, out);
                }
                let message = format!("step {}: no answer: {why}", self.label(place));
                self.fail(Reason::Ask, &message, None, now, out);
            }
            Err(why) => self.unrendered(&why, now, out),
        }
    }

    /// The person has left the terminal; with `why`, it could not be handed to them.
    pub fn interact_over(&mut self, now: Duration, why: Option<&str>, out: &mut Vec<Effect>) {
        if !matches!(self.busy, Some(Busy::Interact)) {
            return;
        }
        match (why, self.step) {
            (Some(why), Some(place)) => {
                self.busy = None;
                if self.is_optional(place) {
                    self.skip(place, now, out);
                } else {
                    let message = format!("step {}: {why}", self.label(place));
                    self.fail(Reason::Interact, &message, None, now, out);
                }
            }
            _ => self.step_done(StepState::Acted, now),
        }
        self.drive(now, out);
    }

    /// There are more secrets to mask from here on.
    pub fn set_mask(&mut self, mask: &Mask) {
        self.mask = mask.with(&self.fragments);
    }

    /// How the leader ended, to be told before [`Dialogue::exited`].
    pub fn set_exit(&mut self, status: ExitStatus) {
        self.exit_status = Some(status);
    }

    /// Whether something is under way that does not depend on the command: a pause, a command of the
    /// script's own, a question. The end of a run waits for it.
    pub fn is_busy(&self) -> bool {
        matches!(self.busy, Some(Busy::Sleep { .. } | Busy::Exec { .. } | Busy::Ask { .. }))
            && self.phase == super::Phase::Open
    }

    /// A text could not be made.
    pub(super) fn unrendered(&mut self, why: &Unrendered, now: Duration, out: &mut Vec<Effect>) {
        self.fail(why.reason(), &why.to_string(), None, now, out);
    }
}
