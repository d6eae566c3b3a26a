//! Whether and when a failed attempt is followed by another: a value and a function, no clock.

use std::time::Duration;

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
