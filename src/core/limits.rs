//! Limits as deadlines on the active clock. A limit that is off is absent; huge ones never overflow.

use std::time::Duration;

use super::outcome::Cause;

/// The limits of one attempt. Absent is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of the attempt.
    pub timeout: Option<Duration>,
    /// What is left of the time for all attempts together.
    pub total: Option<Duration>,
    /// No activity for so long.
    pub idle: Option<Duration>,
    /// No activity for so long means that the job is done.
    pub until_idle: Option<Duration>,
    /// Bytes of output.
    pub max_output: Option<u64>,
}

/// The running clocks behind [`Limits`].
#[derive(Clone, Debug)]
pub struct Clocks {
    limits: Limits,
    last_activity: Duration,
    output: u64,
}

impl Clocks {
    /// Clocks that start now, at zero.
    pub fn new(limits: Limits) -> Clocks {
        Clocks { limits, last_activity: Duration::ZERO, output: 0 }
    }

    /// Something was active: the idle clock starts anew. The timer itself is not touched; it is compared
    /// when it would fire.
    pub fn active(&mut self, now: Duration) {
        self.last_activity = now;
    }

    /// `bytes` of output came, which is activity too.
    pub fn output(&mut self, now: Duration, bytes: u64) {
        self.output = self.output.saturating_add(bytes);
        self.active(now);
    }

    /// The limit of one attempt as a point in time.
    pub fn timeout(&self) -> Option<Duration> {
        earliest(self.limits.timeout, self.limits.total)
    }

    /// When the next limit is reached if nothing happens until then.
    pub fn next_deadline(&self) -> Option<Duration> {
        let idle = earliest(self.limits.idle, self.limits.until_idle)
            .map(|limit| self.last_activity.saturating_add(limit));
        earliest(self.timeout(), idle)
    }

    /// Whether more output came than `--max-output` allows.
    pub fn flooded(&self) -> bool {
        self.limits.max_output.is_some_and(|max| self.output > max)
    }

    /// The gravest limit that has been reached.
    pub fn reached(&self, now: Duration) -> Option<Cause> {
        let quiet = now.saturating_sub(self.last_activity);
        let over = |limit: Option<Duration>, spent: Duration| limit.is_some_and(|l| spent >= l);
        if over(self.limits.total, now) {
            Some(Cause::TotalTimeout)
        } else if over(self.limits.timeout, now) {
            Some(Cause::Timeout)
        } else if over(self.limits.idle, quiet) {
            Some(Cause::Idle)
        } else if self.flooded() {
            Some(Cause::OutputLimit)
        } else if over(self.limits.until_idle, quiet) {
            Some(Cause::Until)
        } else {
            None
        }
    }
}

/// The earlier of two points in time, where absent is never.
pub fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn output_restarts_the_idle_clock_and_not_the_others() {
        let mut clocks =
            Clocks::new(Limits { timeout: Some(ms(100)), idle: Some(ms(30)), ..Limits::default() });
        assert_eq!(clocks.next_deadline(), Some(ms(30)));
        clocks.output(ms(20), 1);
        assert_eq!(clocks.reached(ms(30)), None);
        assert_eq!(clocks.next_deadline(), Some(ms(50)));
        clocks.output(ms(90), 1);
        assert_eq!(clocks.next_deadline(), Some(ms(100)));
        assert_eq!(clocks.reached(ms(100)), Some(Cause::Timeout));
    }

    #[test]
    fn the_gravest_of_several_limits_is_told() {
        let limits = Limits {
            timeout: Some(ms(10)),
            total: Some(ms(10)),
            idle: Some(ms(5)),
            until_idle: Some(ms(5)),
            max_output: Some(0),
        };
        assert_eq!(Clocks::new(limits).reached(ms(10)), Some(Cause::TotalTimeout));
    }

    #[test]
    fn tiny_and_endless_limits_work() {
        let tiny = Limits { timeout: Some(Duration::from_nanos(1)), ..Limits::default() };
        assert_eq!(Clocks::new(tiny).reached(ms(1)), Some(Cause::Timeout));
        let mut endless = Clocks::new(Limits { idle: Some(Duration::MAX), ..Limits::default() });
        endless.active(ms(5));
        assert_eq!(endless.next_deadline(), Some(Duration::MAX));
        assert_eq!(endless.reached(ms(1_000_000)), None);
    }

    #[test]
    fn max_output_is_exceeded_by_one_byte_more() {
        let mut clocks = Clocks::new(Limits { max_output: Some(10), ..Limits::default() });
        clocks.output(ms(1), 10);
        assert_eq!(clocks.reached(ms(1)), None);
        clocks.output(ms(2), 1);
        assert_eq!(clocks.reached(ms(2)), Some(Cause::OutputLimit));
    }
}
