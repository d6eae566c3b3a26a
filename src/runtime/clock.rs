//! The active clock of a run: monotonic, time spent stopped by Ctrl-Z left out.

use std::time::{Duration, Instant, SystemTime};

use crate::sys::poll;

/// Time since the run began.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    started_at: SystemTime,
    paused: Duration,
}

impl Clock {
    /// A clock that starts now. Both clocks are read once; later wall times are derived, so that a step of
    /// the wall clock does not bend a report.
    pub fn start() -> Clock {
        Clock { start: poll::now(), started_at: poll::wall(), paused: Duration::ZERO }
    }

    /// Active time since the start.
    pub fn active(&self) -> Duration {
        self.wall().saturating_sub(self.paused)
    }

    /// Time since the start, pauses included.
    pub fn wall(&self) -> Duration {
        poll::now().saturating_duration_since(self.start)
    }

    /// When the run began.
    pub fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// Leaves out `pause`, which has just ended.
    pub fn skip(&mut self, pause: Duration) {
        self.paused += pause;
    }
}

/// RFC 3339, UTC, milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
