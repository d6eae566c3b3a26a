//! Typing at a pace: one character after the other, with a pause between them, for programs that lose what
//! comes faster than a person types.

use std::time::Duration;

use super::{Dialogue, Effect};

/// What is still to be typed of a text.
pub(super) struct Typing {
    bytes: Vec<u8>,
    at: usize,
    due: Duration,
}

impl Dialogue {
    /// Types `bytes`: at once, or as many as it is time for.
    pub(super) fn type_text(&mut self, bytes: Vec<u8>, now: Duration, out: &mut Vec<Effect>) {
        match &mut self.acting {
            Some(acting) if !self.pace.is_zero() => {
                acting.typing = Some(Typing { bytes, at: 0, due: now });
                self.type_on(now, out);
            }
            _ => out.push(Effect::Send(bytes)),
        }
    }

    /// The next character, when it is time for it. False when it is not.
    pub(super) fn type_on(&mut self, now: Duration, out: &mut Vec<Effect>) -> bool {
        let Some(acting) = &mut self.acting else { return false };
        let Some(typing) = &mut acting.typing else { return false };
        // A command that is gone reads nothing: there is no use in taking the time.
        if typing.due > now && !self.finished {
            return false;
        }
        let rest = &typing.bytes[typing.at..];
        let is_begin = |byte: &u8| *byte & 0xc0 != 0x80;
        let length = rest.iter().skip(1).position(is_begin).map_or(rest.len(), |at| at + 1);
        if length > 0 {
            out.push(Effect::Send(rest[..length].to_vec()));
        }
        typing.at += length;
        typing.due = now.saturating_add(self.pace);
        if typing.at == typing.bytes.len() {
            acting.typing = None;
        }
        true
    }

    /// When the next character is due.
    pub(super) fn typing_due(&self) -> Option<Duration> {
        Some(self.acting.as_ref()?.typing.as_ref()?.due)
    }
}
