//! What is done: actions one after the other, and where it goes on behind them.

use std::time::Duration;

use super::{
    Acting, Clock, Dialogue, Effect, Origin, Phase, Reason, SecretWait, StepRecord, StepState,
    Told, What,
};
use crate::expect::program::{Action, Key, Then};

impl Dialogue {
    /// Enter, as this command reads it.
    fn enter(&self) -> &'static [u8] {
        if self.terminal { b"\r" } else { b"\n" }
    }

    pub(super) fn act_on(&mut self, actions: Vec<Action>, origin: Origin, by: Option<usize>) {
        self.rearm = true;
        self.acting = Some(Acting { todo: actions.into(), origin, by, next: false, secret: None });
    }

    /// One action, or what follows the last.
    pub(super) fn act(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(acting) = &mut self.acting else { return };
        let Some(action) = acting.todo.pop_front() else {
            return self.go_on(now, out);
        };
        match action {
            Action::Key(Key::Bytes(bytes)) => out.push(Effect::Send(bytes)),
            Action::Send(text) => {
                out.push(Effect::Send(text.as_literal().unwrap_or_default().to_vec()));
            }
            Action::Line(text) => {
                let mut bytes = text.as_literal().unwrap_or_default().to_vec();
                bytes.extend_from_slice(self.enter());
                out.push(Effect::Send(bytes));
            }
            Action::Key(Key::Cursor(letter)) => out.push(Effect::Send(self.keypad.bytes(letter))),
            Action::Key(Key::Eof) => {
                out.push(if self.terminal { Effect::SendEof } else { Effect::CloseInput });
            }
            Action::Secret { name, echo_ok } => self.secret(name, echo_ok, now, out),
            Action::Pass => self.pass(out),
            Action::Fail(why) => {
                let message = why.map_or_else(|| self.asked_words(), |why| why.to_string());
                self.fail(Reason::Fail, &message, None, now, out);
            }
            Action::Interrupt => out.push(Effect::Interrupt),
            Action::Terminate => {
                self.stopping = true;
                out.push(Effect::Terminate);
            }
            Action::Kill => {
                self.stopping = true;
                out.push(Effect::Kill);
            }
            Action::Next => acting.next = true,
            _ => {}
        }
    }

    fn secret(&mut self, name: String, echo_ok: bool, now: Duration, out: &mut Vec<Effect>) {
        // A pipe echoes nothing, so there is nothing to wait for.
        let echo_ok = echo_ok || !self.terminal;
        let clock = match self.step {
            Some(_) => self.clock.clone(),
            None => Clock::common(self.program.step_timeout, now),
        };
        // A match that was decided by the step's limit itself still gets a moment for its answer.
        let soonest = now.saturating_add(self.program.settle);
        let deadline = clock.deadline().map(|due| due.max(soonest));
        out.push(Effect::Secret { name: name.clone(), echo_ok, enter: self.enter(), deadline });
        if let Some(acting) = &mut self.acting {
            acting.secret = Some(SecretWait { name, echo_ok, clock, deadline });
        }
    }

    /// All actions are done.
    fn go_on(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(Acting { origin, next, .. }) = self.acting.take() else { return };
        self.rearm = true;
        let step = self.step;
        match (origin, step) {
            (Origin::Start, _) => self.begin(0, now, out),
            (Origin::Rule, Some(step)) if next => {
                self.decide(StepState::Matched, None, None, now);
                self.begin(step + 1, now, out);
            }
            (Origin::Rule, _) | (Origin::Step | Origin::Branch(_), None) => {}
            (Origin::Branch(Then::Again { reset }), Some(step)) if !next => {
                self.again(step, reset, now, out);
            }
            (Origin::Branch(Then::Goto(target)), Some(_)) if !next => {
                self.begin(target.step, now, out);
            }
            (Origin::Step | Origin::Branch(_), Some(step)) => self.begin(step + 1, now, out),
        }
    }

    /// The step `index` begins; behind the last one the dialogue is met.
    fn begin(&mut self, index: usize, now: Duration, out: &mut Vec<Effect>) {
        let Some(step) = self.program.steps.get(index) else {
            self.step = None;
            return;
        };
        self.clock = Clock::start(step, self.program.step_timeout, now);
        let actions = step.branches.is_empty().then(|| step.actions.clone());
        self.step = Some(index);
        self.steps.push(StepRecord {
            step: self.label(index),
            state: StepState::Waiting,
            pattern: None,
            at: None,
            waited: None,
            offset: None,
        });
        if !self.take_one(now, out) {
            return;
        }
        match actions {
            Some(actions) => {
                self.decide(StepState::Acted, None, None, now);
                self.act_on(actions, Origin::Step, None);
            }
            None => self.listen_anew(index, now),
        }
    }

    /// The same step once more; its clock goes on unless it is to be reset.
    fn again(&mut self, index: usize, reset: bool, now: Duration, out: &mut Vec<Effect>) {
        if reset {
            self.clock.restart(now);
        }
        if let Some(record) = self.steps.last_mut() {
            record.state = StepState::Waiting;
            (record.pattern, record.at, record.waited, record.offset) = (None, None, None, None);
        }
        if self.take_one(now, out) {
            self.listen_anew(index, now);
        }
    }

    fn listen_anew(&mut self, index: usize, now: Duration) {
        for id in self.table.branches(index) {
            self.table.all[id].quiet_from = now;
        }
    }

    /// Takes a step from the budget.
    fn take_one(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        if self.taken >= self.program.max_steps {
            let message = format!("the dialogue took more than {} steps", self.program.max_steps);
            self.fail(Reason::StepBudget, &message, None, now, out);
            return false;
        }
        self.taken += 1;
        true
    }

    /// An optional step is given up.
    pub(super) fn skip(&mut self, step: usize, now: Duration, out: &mut Vec<Effect>) {
        self.decide(StepState::Skipped, None, None, now);
        self.rearm = true;
        out.push(Effect::Told(Told {
            what: What::Skipped,
            label: Some(self.label(step)),
            pattern: None,
        }));
        self.begin(step + 1, now, out);
    }

    /// The current step is decided.
    pub(super) fn decide(
        &mut self,
        state: StepState,
        pattern: Option<String>,
        offset: Option<u64>,
        now: Duration,
    ) {
        let waited = self.clock.waited(now);
        if let Some(record) = self.steps.last_mut() {
            record.state = state;
            record.pattern = pattern;
            record.offset = offset;
            record.at = Some(now);
            record.waited = Some(waited);
        }
    }

    pub(super) fn pass(&mut self, out: &mut Vec<Effect>) {
        self.end(out);
        out.push(Effect::Pass);
    }

    /// Nothing is listened to from here on.
    pub(super) fn end(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        if self.acting.take().is_some_and(|acting| acting.secret.is_some()) {
            out.push(Effect::DropSecret);
        }
    }
}
