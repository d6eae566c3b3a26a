//! Whether and when a failed attempt is followed by another: a value and a function, no clock.
//!
//! Never retried: what could not be started (125, 126, 127 of ours), a cancelled run, a total limit.
//! A child that itself exits with 125, 126 or 127 is not retried either: those mean the same from a shell
//! or a nested heeler, and trying again does not make a program appear.

use std::time::Duration;

use super::outcome::{Ended, Outcome};

/// When to try again, and how long to wait before it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub retries: u32,
    /// The first pause.
    pub delay: Duration,
    /// Each pause is so many times the one before.
    pub backoff: f64,
    /// No pause is longer.
    pub max_delay: Duration,
    /// 0 to 1: the pause is taken from `(1 - jitter, 1] x pause`.
    pub jitter: f64,
    /// What is worth another attempt; empty means any failure.
    pub on: Vec<Condition>,
}

/// A kind of failure that is worth another attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It exited with a code that is not a success.
    Exit,
    /// It exited with one of these codes.
    Codes(Vec<i32>),
    /// A signal killed it.
    Signal,
    /// `--timeout`.
    Timeout,
    /// `--idle-timeout`.
    Idle,
    /// The dialogue failed.
    Dialogue,
    /// The output of the failed attempt matched the watch with this index.
    Match(usize),
    /// Any failure.
    Any,
}

/// What an attempt came to, as far as retrying cares.
#[derive(Clone, Debug)]
pub struct Failed<'a> {
    /// Its outcome, already known not to be a success.
    pub outcome: Outcome,
    /// How its leader ended.
    pub ended: Option<Ended>,
    /// The `--retry-on match:P` watches that saw their pattern.
    pub noted: &'a [usize],
    /// The dialogue said that another attempt is worth it.
    pub asked: bool,
}

impl RetryPolicy {
    /// No retries.
    pub fn none() -> RetryPolicy {
        RetryPolicy {
            retries: 0,
            delay: Duration::ZERO,
            backoff: 1.0,
            max_delay: Duration::MAX,
            jitter: 0.0,
            on: Vec::new(),
        }
    }

    /// The pause before attempt `made + 1`, or nothing when there is none to come. `random` is from
    /// `[0, 1)`.
    pub fn next(&self, made: u32, failed: &Failed<'_>, random: f64) -> Option<Duration> {
        (made <= self.retries && self.is_worth_it(failed)).then(|| self.pause(made, random))
    }

    fn is_worth_it(&self, failed: &Failed<'_>) -> bool {
        let eligible = match failed.outcome {
            Outcome::Exited => {
                !matches!(failed.ended, Some(Ended::Exited(125..=127)))
                    || self.names_code(failed.ended)
            }
            Outcome::Signaled
            | Outcome::Timeout
            | Outcome::Idle
            | Outcome::OutputLimit
            | Outcome::DialogueFailed
            | Outcome::StraysFailed => true,
            Outcome::TotalTimeout
            | Outcome::OwnerGone
            | Outcome::Until
            | Outcome::Cancelled
            | Outcome::SpawnFailed
            | Outcome::Invalid
            | Outcome::InternalError => false,
        };
        eligible
            && (failed.asked || self.on.is_empty() || self.on.iter().any(|on| on.holds(failed)))
    }

    /// A code that `--retry-on exit:126` names is worth it: that is the user's word against ours.
    fn names_code(&self, ended: Option<Ended>) -> bool {
        let Some(Ended::Exited(code)) = ended else { return false };
        self.on.iter().any(|on| matches!(on, Condition::Codes(codes) if codes.contains(&code)))
    }

    /// `delay x backoff^(made-1)`, capped, then shortened by the jitter.
    fn pause(&self, made: u32, random: f64) -> Duration {
        let exponent = i32::try_from(made.saturating_sub(1)).unwrap_or(i32::MAX);
        let factor = self.backoff.powi(exponent);
        let cap = self.max_delay.as_secs_f64();
        let full = (self.delay.as_secs_f64() * factor).min(cap);
        let seconds = full * (1.0 - self.jitter * random);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay)
    }
}

impl Condition {
    fn holds(&self, failed: &Failed<'_>) -> bool {
        match self {
            Condition::Exit => failed.outcome == Outcome::Exited,
            Condition::Codes(codes) => {
                failed.outcome == Outcome::Exited
                    && matches!(failed.ended, Some(Ended::Exited(code)) if codes.contains(&code))
            }
            Condition::Signal => failed.outcome == Outcome::Signaled,
            Condition::Timeout => failed.outcome == Outcome::Timeout,
            Condition::Idle => failed.outcome == Outcome::Idle,
            Condition::Dialogue => failed.outcome == Outcome::DialogueFailed,
            Condition::Match(index) => failed.noted.contains(index),
            Condition::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy {
            retries: 5,
            delay: Duration::from_secs(1),
            backoff: 2.0,
            max_delay: Duration::from_secs(3),
            jitter: 0.0,
            on: Vec::new(),
        }
    }

    fn failed(outcome: Outcome, code: i32) -> Failed<'static> {
        Failed { outcome, ended: Some(Ended::Exited(code)), noted: &[], asked: false }
    }

    fn millis(policy: &RetryPolicy, made: u32, random: f64) -> u128 {
        policy.next(made, &failed(Outcome::Exited, 1), random).unwrap().as_millis()
    }

    #[test]
    fn the_pauses_number_by_number() {
        let policy = policy();
        let pauses: Vec<u128> = (1..=5).map(|made| millis(&policy, made, 0.0)).collect();
        assert_eq!(pauses, [1000, 2000, 3000, 3000, 3000]);
        assert_eq!(policy.next(6, &failed(Outcome::Exited, 1), 0.0), None);
    }

    #[test]
    fn jitter_shortens_within_its_share() {
        let policy = RetryPolicy { jitter: 0.5, ..policy() };
        assert_eq!(millis(&policy, 1, 0.0), 1000);
        assert_eq!(millis(&policy, 1, 0.5), 750);
        assert!(millis(&policy, 1, 0.9) > 500);
    }

    #[test]
    fn nothing_overflows() {
        let policy = RetryPolicy {
            retries: u32::MAX,
            delay: Duration::MAX,
            backoff: 1e300,
            max_delay: Duration::MAX,
            ..policy()
        };
        assert!(policy.next(u32::MAX - 1, &failed(Outcome::Exited, 1), 0.0).is_some());
        let zero = RetryPolicy { delay: Duration::ZERO, backoff: 1e300, ..policy };
        assert_eq!(zero.next(4_000_000, &failed(Outcome::Exited, 1), 0.3), Some(Duration::MAX));
    }

    #[test]
    fn what_is_never_retried() {
        let policy = policy();
        for outcome in [
            Outcome::SpawnFailed,
            Outcome::Invalid,
            Outcome::Cancelled,
            Outcome::TotalTimeout,
            Outcome::InternalError,
        ] {
            assert_eq!(policy.next(1, &failed(outcome, 1), 0.0), None, "{outcome:?}");
        }
        for code in 125..=127 {
            assert_eq!(policy.next(1, &failed(Outcome::Exited, code), 0.0), None, "{code}");
        }
        let named = RetryPolicy { on: vec![Condition::Codes(vec![126])], ..policy };
        assert!(named.next(1, &failed(Outcome::Exited, 126), 0.0).is_some());
    }

    #[test]
    fn conditions_choose() {
        let policy =
            RetryPolicy { on: vec![Condition::Codes(vec![75]), Condition::Timeout], ..policy() };
        assert_eq!(policy.next(1, &failed(Outcome::Exited, 1), 0.0), None);
        assert!(policy.next(1, &failed(Outcome::Exited, 75), 0.0).is_some());
        assert!(policy.next(1, &failed(Outcome::Timeout, 75), 0.0).is_some());
        assert_eq!(policy.next(1, &failed(Outcome::Idle, 75), 0.0), None);
        let noted = RetryPolicy { on: vec![Condition::Match(0)], ..policy };
        assert_eq!(noted.next(1, &failed(Outcome::Exited, 1), 0.0), None);
        let saw = Failed { noted: &[0], ..failed(Outcome::Exited, 1) };
        assert!(noted.next(1, &saw, 0.0).is_some());
    }
}
