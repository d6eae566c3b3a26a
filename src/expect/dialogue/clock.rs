//! The clock of a step: when it began, how long it may wait, and what the limit is called.

use std::time::Duration;

use crate::expect::failure::human;
use crate::expect::program::{Kind, Origin, Program, Step};

#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    began: Duration,
    limit: Option<Duration>,
    name: &'static str,
}

impl Clock {
    /// A step begins. Its own limit goes before the common one; zero is off, as everywhere. A person has no
    /// limit but an own one.
    pub(super) fn start(step: &Step, program: &Program, now: Duration) -> Clock {
        let person = matches!(step.kind, Kind::Ask(_) | Kind::Interact { .. });
        if step.within.is_some() || person {
            Clock::own(step, now)
        } else {
            Clock::common(program, now)
        }
    }

    /// A step's own limit alone.
    pub(super) fn own(step: &Step, now: Duration) -> Clock {
        let name = match step.from {
            Origin::Flags => "--within",
            Origin::Script => "within",
        };
        Clock { began: now, limit: step.within.filter(|limit| !limit.is_zero()), name }
    }

    /// Outside of any step: what is waited for there has the common limit.
    pub(super) fn common(program: &Program, now: Duration) -> Clock {
        let name = match program.step_timeout_from {
            Origin::Flags => "--expect-timeout",
            Origin::Script => "limits.step",
        };
        Clock { began: now, limit: program.step_timeout.filter(|limit| !limit.is_zero()), name }
    }

    pub(super) fn restart(&mut self, now: Duration) {
        self.began = now;
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.began.checked_add(self.limit?)
    }

    pub(super) fn waited(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }

    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// As the user set it.
    pub(super) fn name(&self) -> Option<String> {
        Some(format!("{} {}", self.name, human(self.limit?)))
    }
}
