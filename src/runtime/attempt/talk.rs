//! Between the dialogue and the command: what is to be typed, and what became of it.

use std::time::Duration;

use serde_json::json;

use super::Running;
use super::flow::TURN;
use crate::core::outcome::Cause;
use crate::core::supervisor::Event;
use crate::expect::dialogue::{Answer, Dialogue, Effect, ExecEnd, What};
use crate::expect::failure::SendError;
use crate::expect::tape::Typing;
use crate::runtime::input::{CANONICAL_LIMIT, Typed};
use crate::runtime::outlets::By;
use crate::runtime::remote::Fact;
use crate::sys::{signals, tty};

/// What became of something that the dialogue wanted, where it has not been told yet.
#[derive(Debug)]
pub(super) enum News {
    Typed(Typed),
    /// A command could not be started.
    NoExec(ExecEnd),
    /// A question could not be asked.
    NoAnswer(Answer),
    /// The terminal could not be handed over; why.
    NoInteract(String),
}

impl Running<'_, '_> {
    pub(super) fn tell_eofs(&mut self) {
        self.eof_due = None;
        for id in std::mem::take(&mut self.eofs) {
            self.tell(|dialogue, now, out| dialogue.eof(now, id, out));
        }
    }

    pub(super) fn tell(&mut self, what: impl FnOnce(&mut Dialogue, Duration, &mut Vec<Effect>)) {
        let now = self.now();
        let mut effects = Vec::new();
        if let Some(dialogue) = &mut self.dialogue {
            what(dialogue, now, &mut effects);
        }
        self.effects(effects);
    }

    pub(super) fn effects(&mut self, mut effects: Vec<Effect>) {
        self.effects_and(&mut effects, Vec::new());
    }

    /// Does what the dialogue says, of which `typed` has been typed already. What becomes of it leads on, and so does
    /// what the dialogue has still to decide: that follows here, one after the other, and not from within one
    /// another, for a read may hold as many prompts as it has bytes, and a loop go round as often as it likes. For as
    /// long as a turn may take: signals, limits and everybody else come between.
    pub(super) fn effects_and(&mut self, effects: &mut Vec<Effect>, typed: Vec<Typed>) {
        let within = std::mem::replace(&mut self.acting, true);
        self.untold.extend(typed.into_iter().map(News::Typed));
        self.act(effects);
        if within {
            return;
        }
        let until = self.now() + TURN;
        loop {
            if let Some(news) = self.untold.pop_front() {
                match news {
                    News::Typed(typed) => self.tell_typed(typed),
                    News::NoExec(end) => {
                        self.tell(|dialogue, now, out| dialogue.exec_done(now, end, out));
                    }
                    News::NoAnswer(answer) => self.answer(&answer),
                    News::NoInteract(why) => {
                        self.tell(|dialogue, now, out| {
                            dialogue.interact_over(now, Some(&why), out);
                        });
                    }
                }
            } else if self.is_behind() && self.now() < until {
                self.tell(Dialogue::tick);
            } else {
                break;
            }
        }
        self.acting = false;
    }

    /// Whether there is more to match in what was read. A dialogue that is behind when the run is being stopped, and not
    /// by itself, hears no more: there is no end to a flood.
    pub(super) fn is_behind(&mut self) -> bool {
        let Some(dialogue) = self.dialogue.as_ref().filter(|dialogue| dialogue.is_behind()) else {
            return false;
        };
        if self.is_cut_short() && !dialogue.in_cleanup() {
            self.tell(|dialogue, _, out| dialogue.end(out));
        }
        self.dialogue.as_ref().is_some_and(Dialogue::is_behind)
    }

    /// Whether somebody or a limit ends the run: nobody waits for what the dialogue is still about.
    pub(super) fn is_cut_short(&self) -> bool {
        self.hurry || self.supervisor.cause().is_some_and(Cause::is_outside)
    }

    fn act(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now();
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(bytes) => self.launched.input.send(bytes),
                Effect::CloseInput | Effect::SendEof => self.launched.input.end(),
                Effect::Secret { name, echo_ok, enter, deadline } => {
                    // What was asked for on the way goes before what was given with the same name.
                    let given = || self.shared.plan.secrets.get(&name);
                    let Some(secret) = self.shared.asked.get(&name).or_else(given) else {
                        continue;
                    };
                    // In one piece, which the queue takes over and wipes: no copy stays behind.
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
                // In the cleanup they can only end that: the verdict is fixed.
                Effect::Terminate | Effect::Kill
                    if self.dialogue.as_ref().is_some_and(Dialogue::in_cleanup) =>
                {
                    self.event(Event::CleanedUp);
                }
                Effect::CleanupDone => self.event(Event::CleanedUp),
                Effect::Terminate => {
                    self.event(Event::Verdict { cause: Cause::Dialogue, kill: false });
                }
                Effect::Kill => self.event(Event::Verdict { cause: Cause::Dialogue, kill: true }),
                Effect::Pass => self.event(Event::Verdict { cause: Cause::Until, kill: false }),
                Effect::Fail(failure) => {
                    self.shared.event(
                        "dialogue_failed",
                        || json!({ "reason": failure.reason.as_str(), "message": failure.message }),
                    );
                    self.event(Event::Verdict { cause: Cause::DialogueFailed, kill: false });
                }
                beside @ (Effect::Signal(_)
                | Effect::Resize(..)
                | Effect::Exec { .. }
                | Effect::StopExec
                | Effect::Ask { .. }
                | Effect::StopAsk
                | Effect::Interact { .. }
                | Effect::StopInteract
                | Effect::Log(_)) => self.aside(beside),
                Effect::Told(told) if self.shared.outlets.tells() => {
                    let Some(dialogue) = &self.dialogue else { continue };
                    let words = dialogue.words(told);
                    let name = match words.what {
                        What::Step => "step",
                        What::Skipped => "step_skipped",
                        What::Rule => "rule",
                        What::Watch => "watch",
                    };
                    self.shared
                        .event(name, || json!({ "label": words.label, "pattern": words.pattern }));
                }
                Effect::Told(_) | Effect::Noted(_) => {}
            }
        }
        let typed = self.launched.input.pump(now);
        self.untold.extend(typed.into_iter().map(News::Typed));
    }

    /// An input of ours that nobody adds to (null, a file, a text) has an end, as it would have without a dialogue:
    /// once all steps are done.
    pub(super) fn end_input_after_steps(&mut self) {
        if self.ends_input && self.dialogue.as_ref().is_some_and(Dialogue::is_done) {
            self.ends_input = false;
            self.launched.input.end_with_source();
        }
    }

    /// Types what can be typed now, and tells who asked for it.
    pub(super) fn pump_input(&mut self) {
        let now = self.now();
        let typed = self.launched.input.pump(now);
        if !typed.is_empty() {
            self.effects_and(&mut Vec::new(), typed);
        }
    }

    fn tell_typed(&mut self, typed: Typed) {
        match typed {
            Typed::Sent { bytes, typing } => {
                let at = self.shared.clock.active();
                self.shared.outlets.input(at, &bytes, typing, By::Dialogue);
                if typing == Typing::Shown {
                    self.shared.note(Fact::Echoed(&bytes));
                }
                self.echoed(&bytes, typing);
                self.shared.event("sent", || json!({ "bytes": bytes.len() }));
                self.event(Event::Active);
            }
            Typed::SecretSent => {
                let at = self.shared.clock.active();
                self.shared.outlets.input(at, b"\r", Typing::Hidden, By::Dialogue);
                self.event(Event::Active);
                self.tell(Dialogue::secret_sent);
            }
            // Not activity: the command talks to itself.
            Typed::Answered { bytes, typing } => self.echoed(&bytes, typing),
            Typed::Relayed { bytes, typing } => {
                let at = self.shared.clock.active();
                self.shared.outlets.input(at, &bytes, typing, By::Source);
                self.event(Event::Active);
            }
            Typed::Client { ticket, result } => self.typed_for(ticket, result),
            Typed::StillEchoing => self.send_failed(&SendError::SecretEcho),
            Typed::TooLong(bytes) => {
                self.send_failed(&SendError::CanonicalLimit { bytes, limit: CANONICAL_LIMIT });
            }
            Typed::CutOff => self.shared.warnings.push(format!(
                "a line of our input was longer than the {CANONICAL_LIMIT} bytes that a terminal takes, which dropped \
                 the rest (--pipe has no such limit)"
            )),
            Typed::Closed => self.send_failed(&SendError::InputClosed),
            Typed::Unread => self.send_failed(&SendError::Unread),
        }
    }

    /// What was typed and comes back is not output.
    fn echoed(&mut self, bytes: &[u8], typing: Typing) {
        if let (Some(dialogue), Some(stream)) = (&mut self.dialogue, self.launched.streams.first())
        {
            dialogue.sent(stream.id, bytes, typing == Typing::Shown);
        }
    }

    pub(super) fn send_failed(&mut self, error: &SendError) {
        self.tell(|dialogue, now, out| dialogue.send_failed(now, error, out));
    }
}
