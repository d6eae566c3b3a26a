//! Between the dialogue and the command: what is to be typed, and what became of it.

use std::time::Duration;

use serde_json::json;

use super::Running;
use crate::core::outcome::Cause;
use crate::core::supervisor::Event;
use crate::expect::dialogue::{Dialogue, Effect, What};
use crate::expect::failure::SendError;
use crate::expect::tape::Typing;
use crate::runtime::input::{CANONICAL_LIMIT, Typed};
use crate::runtime::outlets::By;
use crate::runtime::remote::Fact;
use crate::sys::{signals, tty};

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

    pub(super) fn effects(&mut self, effects: Vec<Effect>) {
        self.effects_and(effects, Vec::new());
    }

    /// Does what the dialogue says, of which `typed` has been typed already.
    pub(super) fn effects_and(&mut self, effects: Vec<Effect>, typed: Vec<Typed>) {
        let now = self.now();
        for effect in effects {
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
                Effect::Noted(_) => {}
                beside @ (Effect::Signal(_)
                | Effect::Resize(..)
                | Effect::Exec { .. }
                | Effect::StopExec
                | Effect::Ask { .. }
                | Effect::StopAsk
                | Effect::Interact { .. }
                | Effect::StopInteract
                | Effect::Log(_)) => self.aside(beside),
                Effect::Told(told) => {
                    let name = match told.what {
                        What::Step => "step",
                        What::Skipped => "step_skipped",
                        What::Rule => "rule",
                        What::Watch => "watch",
                    };
                    self.shared
                        .event(name, || json!({ "label": told.label, "pattern": told.pattern }));
                }
            }
        }
        self.tell_typed(typed);
        self.pump_input();
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
        self.tell_typed(typed);
    }

    fn tell_typed(&mut self, typed: Vec<Typed>) {
        for typed in typed {
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
                Typed::Closed => self.send_failed(&SendError::InputClosed),
            }
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
