//! The cleanup: steps done when heeler is about to stop a living command. The verdict is fixed by then, so
//! nothing that happens here changes it.

use std::time::Duration;

use super::{Dialogue, Effect, Phase};
use crate::expect::program::{Block, Place};

/// A cleanup under way.
#[derive(Clone, Debug)]
pub(super) struct Cleanup {
    deadline: Duration,
}

impl Dialogue {
    /// How long the cleanup may take; nothing when there is none to do.
    pub fn cleanup_limit(&self) -> Option<Duration> {
        let has = !self.program.cleanup.is_empty() && self.phase != Phase::Unstarted;
        (has && self.cleanup.is_none()).then_some(self.program.cleanup_limit)
    }

    /// The command is about to be stopped: whatever was under way is given up, and the cleanup is done. It
    /// ends with [`Effect::CleanupDone`].
    pub fn begin_cleanup(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(limit) = self.cleanup_limit() else {
            out.push(Effect::CleanupDone);
            return;
        };
        self.give_up(out);
        self.cleanup = Some(Cleanup { deadline: now.saturating_add(limit) });
        self.phase = Phase::Open;
        // A run that is being ended on purpose fails on no step; the cleanup has limits of its own.
        (self.stopping, self.given_up) = (false, false);
        self.taken = 0;
        self.go(Place { block: Block::Cleanup, step: 0 });
        self.drive(now, out);
    }

    /// Whether the cleanup has begun.
    pub fn in_cleanup(&self) -> bool {
        self.cleanup.is_some()
    }

    /// The ladder begins: the cleanup is over, done or not.
    pub fn end_cleanup(&mut self, out: &mut Vec<Effect>) {
        if self.cleanup.is_some() {
            self.give_up(out);
            self.phase = Phase::Over;
        }
    }

    /// Its last step is done, or one has failed.
    pub(super) fn cleanup_over(&mut self, out: &mut Vec<Effect>) {
        self.end_cleanup(out);
        out.push(Effect::CleanupDone);
    }

    pub(super) fn cleanup_deadline(&self) -> Option<Duration> {
        self.cleanup.as_ref().map(|cleanup| cleanup.deadline)
    }

    /// Nothing is under way any more.
    pub(super) fn give_up(&mut self, out: &mut Vec<Effect>) {
        if self.acting.take().is_some_and(|acting| acting.secret.is_some()) {
            out.push(Effect::DropSecret);
        }
        self.stop_busy(out);
        self.leave_all();
        self.upcoming = None;
        self.step = None;
        self.rearm = true;
    }
}
