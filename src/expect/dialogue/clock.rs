//! The clock of a step: when it began, how long it may wait, and what the limit is called.

use std::time::Duration;

use crate::expect::failure::human;
use crate::expect::program::Step;

#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    began: Duration,
    limit: Option<Duration>,
    own: bool,
}

impl Clock {
    /// A step begins. Its own limit goes before the common one; zero is off, as everywhere.
    pub(super) fn start(step: &Step, common: Option<Duration>, now: Duration) -> Clock {
        let limit = step.within.or(common).filter(|limit| !limit.is_zero());
        Clock { began: now, limit, own: step.within.is_some() }
    }

    /// Outside of any step: what is waited for there has the common limit.
    pub(super) fn common(common: Option<Duration>, now: Duration) -> Clock {
        Clock { began: now, limit: common.filter(|limit| !limit.is_zero()), own: false }
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
        let flag = if self.own { "--within" } else { "--expect-timeout" };
        Some(format!("{flag} {}", human(self.limit?)))
    }
}
