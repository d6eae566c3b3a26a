//! What is done: actions one after the other.

use std::rc::Rc;
use std::time::Duration;

use super::{Acting, Clock, Dialogue, Effect, Origin, Phase, Reason, SecretWait};
use crate::expect::program::{Action, Key, Text};

impl Dialogue {
    /// Enter, as this command reads it.
    fn enter_key(&self) -> &'static [u8] {
        if self.terminal { b"\r" } else { b"\n" }
    }

    pub(super) fn act_on(&mut self, todo: Rc<[Action]>, origin: Origin, by: Option<usize>) {
        self.acting =
            Some(Acting { todo, at: 0, origin, by, next: false, secret: None, typing: None });
    }

    /// One action, or what follows the last.
    pub(super) fn act(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(acting) = &mut self.acting else { return };
        let (todo, at) = (Rc::clone(&acting.todo), acting.at);
        acting.at += 1;
        let Some(action) = todo.get(at) else {
            return self.go_on(now, out);
        };
        match action {
            Action::Key(Key::Bytes(bytes)) => out.push(Effect::Send(bytes.clone())),
            Action::Send(text) => {
                if let Some(bytes) = self.rendered(text, now, out) {
                    self.type_text(bytes, now, out);
                }
            }
            Action::Line(text) => {
                if let Some(mut bytes) = self.rendered(text, now, out) {
                    bytes.extend_from_slice(self.enter_key());
                    self.type_text(bytes, now, out);
                }
            }
            Action::Key(Key::Cursor(letter)) => out.push(Effect::Send(self.keypad.bytes(*letter))),
            Action::Key(Key::Eof) | Action::CloseStdin => {
                out.push(if self.terminal { Effect::SendEof } else { Effect::CloseInput });
            }
            Action::Secret { name, echo_ok } => self.secret(name.clone(), *echo_ok, now, out),
            Action::Pace(pace) => self.pace = *pace,
            Action::Append(list, text) => self.append(list, text.as_ref(), now, out),
            Action::Count(name) => self.values.count(name),
            Action::Set(name, text) => {
                self.full_lists.remove(name);
                if let Err(why) = self.values.assign(name, text) {
                    self.unrendered(&why, now, out);
                }
            }
            Action::Log(text) => {
                if let Some(bytes) = self.rendered(text, now, out) {
                    out.push(Effect::Log(self.masked(&bytes)));
                }
            }
            Action::Pass => self.pass(out),
            Action::Fail(why) => self.told_to_fail(Reason::Fail, why.as_ref(), now, out),
            Action::Retry(why) => self.told_to_fail(Reason::Retry, why.as_ref(), now, out),
            Action::Interrupt => out.push(Effect::Interrupt),
            Action::Terminate => {
                self.stopping = true;
                out.push(Effect::Terminate);
            }
            Action::Kill => {
                self.stopping = true;
                out.push(Effect::Kill);
            }
            Action::Signal(signal) => out.push(Effect::Signal(*signal)),
            Action::Resize(columns, rows) => out.push(Effect::Resize(*columns, *rows)),
            Action::Enable(name) => self.switch(name, true),
            Action::Disable(name) => self.switch(name, false),
            Action::Next => acting.next = true,
        }
    }

    /// A text with its values in it; a name without one fails the dialogue.
    fn rendered(&mut self, text: &Text, now: Duration, out: &mut Vec<Effect>) -> Option<Vec<u8>> {
        match self.values.render(text) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.unrendered(&why, now, out);
                None
            }
        }
    }

    fn told_to_fail(
        &mut self,
        reason: Reason,
        why: Option<&Text>,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        let message = match why {
            Some(why) => match self.rendered(why, now, out) {
                Some(text) => self.plain(&text),
                None => return,
            },
            None => self.asked_words(),
        };
        self.fail(reason, &message, None, now, out);
    }

    pub(super) fn append(
        &mut self,
        list: &str,
        text: Option<&Text>,
        now: Duration,
        out: &mut Vec<Effect>,
    ) {
        let text = match text {
            Some(text) => match self.rendered(text, now, out) {
                Some(bytes) => Some(bytes),
                None => return,
            },
            None => None,
        };
        if !self.values.append(list, text) && self.full_lists.insert(list.to_owned()) {
            out.push(Effect::Log(format!("the list `{list}` is full; what follows is not kept")));
        }
    }

    fn switch(&mut self, name: &str, on: bool) {
        self.rearm = true;
        for (rule, enabled) in self.program.rules.iter().zip(&mut self.enabled) {
            if rule.name.as_deref() == Some(name) {
                *enabled = on;
            }
        }
    }

    fn secret(&mut self, name: String, echo_ok: bool, now: Duration, out: &mut Vec<Effect>) {
        if let Some(why) = self.missing_secrets.get(&name) {
            let step = self.step.map(|place| format!("step {}: ", self.label(place)));
            let message =
                format!("{}the secret `{name}` is not there: {why}", step.unwrap_or_default());
            return self.fail(Reason::SecretMissing, &message, None, now, out);
        }
        // A pipe echoes nothing, so there is nothing to wait for.
        let echo_ok = echo_ok || !self.terminal;
        let clock = match self.step {
            Some(_) => self.clock.clone(),
            None => Clock::common(&self.program, now),
        };
        // A match that was decided by the step's limit itself still gets a moment for its answer.
        let soonest = now.saturating_add(self.program.settle);
        let deadline = clock.deadline().map(|due| due.max(soonest));
        out.push(Effect::Secret { name: name.clone(), echo_ok, enter: self.enter_key(), deadline });
        if let Some(acting) = &mut self.acting {
            acting.secret = Some(SecretWait { name, echo_ok, clock, deadline });
        }
    }

    pub(super) fn pass(&mut self, out: &mut Vec<Effect>) {
        if self.cleanup.is_some() {
            return self.cleanup_over(out);
        }
        self.end(out);
        out.push(Effect::Pass);
    }

    /// Nothing is listened to from here on.
    pub fn end(&mut self, out: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        if self.acting.take().is_some_and(|acting| acting.secret.is_some()) {
            out.push(Effect::DropSecret);
        }
        self.stop_busy(out);
        self.upcoming = None;
    }
}
