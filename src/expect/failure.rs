//! Why a dialogue failed, in parts for programs and in one sentence for people.

use std::time::Duration;

use thiserror::Error;

/// Why a dialogue failed. Every text in it is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In a word.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
    /// The step that was waiting: its name or number.
    pub step: Option<String>,
    /// The limit that fired, such as `--within 5s`.
    pub clock: Option<String>,
    /// The patterns that were armed, in the order in which they are tried.
    pub armed: Vec<String>,
    /// The last lines of output.
    pub last_lines: Vec<String>,
    /// What came close, and what to write instead.
    pub near_misses: Vec<String>,
}

/// Why a dialogue failed, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A step's limit.
    StepTimeout,
    /// The output ended before a step was met.
    Eof,
    /// The command exited before a step was met, and others still hold its output.
    Exit,
    /// A `fail`, or a watch that fails.
    Fail,
    /// A rule or branch matched more often than its `max`.
    RuleExhausted,
    /// More steps than `max_steps`.
    StepBudget,
    /// The terminal kept echoing, so a secret was not sent.
    SecretEcho,
    /// An optional secret was to be typed, and is not there.
    SecretMissing,
    /// A line was longer than a canonical terminal takes.
    CanonicalLimit,
    /// Something could not be sent for another reason.
    Send,
    /// Against a recording: something else was typed there.
    Differs,
    /// A `retry`: this attempt failed, and another is worth it.
    Retry,
    /// A command of the script's own failed.
    Exec,
    /// A question was not answered.
    Ask,
    /// The terminal could not be handed to a person.
    Interact,
    /// The command exited with another code than it had to.
    ExitCode,
    /// A loop did all its rounds and its `until` was not met.
    LoopExhausted,
    /// A `${name}` had no value.
    Undefined,
    /// A text with its values in it was too long.
    TooLong,
    /// A pattern with values in it could not be used.
    Pattern,
    /// The steps lead nowhere.
    Program,
}

impl Reason {
    /// As the report spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::StepTimeout => "step_timeout",
            Reason::Eof => "eof",
            Reason::Exit => "exit",
            Reason::Fail => "fail",
            Reason::RuleExhausted => "rule_exhausted",
            Reason::StepBudget => "step_budget",
            Reason::SecretEcho => "secret_echo",
            Reason::SecretMissing => "secret_missing",
            Reason::CanonicalLimit => "canonical_limit",
            Reason::Send => "send",
            Reason::Differs => "differs",
            Reason::Retry => "retry",
            Reason::Exec => "exec",
            Reason::Ask => "ask",
            Reason::Interact => "interact",
            Reason::ExitCode => "exit_code",
            Reason::LoopExhausted => "loop_exhausted",
            Reason::Undefined => "undefined",
            Reason::TooLong => "too_long",
            Reason::Pattern => "pattern",
            Reason::Program => "program",
        }
    }
}

/// Why something could not be sent; the runtime alone knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The terminal is in canonical mode and would drop the rest of so long a line.
    #[error(
        "a line of {bytes} bytes was not sent: the terminal takes {limit} bytes a line while it is in \
         canonical mode; send shorter lines, or let the command leave that mode first"
    )]
    CanonicalLimit {
        /// The line's length.
        bytes: usize,
        /// What the terminal takes.
        limit: usize,
    },
    /// The terminal echoes and the runtime will not wait any longer.
    #[error("the terminal kept echoing; `--echo-ok` sends it anyway")]
    SecretEcho,
    /// The command has closed its input, or is gone. No failure by itself: commands may end without
    /// reading, and whether they had before we wrote is chance. It is told where a step stays unmet.
    #[error("the command had closed its input")]
    InputClosed,
    /// There is too much that the command has not read.
    #[error(
        "an answer was not typed: the command has left too many of them unread; where it was not asking, a pattern \
         that only its question has helps, or `--max`"
    )]
    Unread,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What helps to understand a failure, as lines: what came close, and the last lines of output.
pub fn details(near_misses: &[String], last_lines: &[String]) -> Vec<String> {
    let mut lines = near_misses.to_vec();
    if !last_lines.is_empty() {
        lines.push("the last lines were:".to_owned());
        lines.extend(last_lines.iter().map(|line| format!("  | {line}")));
    }
    lines
}

/// A duration as one would type it: `500ms`, `5s`, `1m30s`.
pub fn human(duration: Duration) -> String {
    let millis = duration.subsec_millis();
    let seconds = duration.as_secs();
    if duration.is_zero() {
        return "0s".to_owned();
    }
    if duration < Duration::from_millis(1) {
        return format!("{}us", duration.as_micros());
    }
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "m"), (rest, "s"), (u64::from(millis), "ms")];
    let shown = parts.iter().filter(|(amount, _)| *amount > 0);
    shown.fold(String::new(), |all, (amount, unit)| format!("{all}{amount}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_as_they_are_typed() {
        let shown = [
            (0, "0s"),
            (500, "500ms"),
            (5_000, "5s"),
            (1_500, "1s500ms"),
            (90_000, "1m30s"),
            (3_600_000, "1h"),
            (86_400_000, "24h"),
        ];
        for (millis, text) in shown {
            assert_eq!(human(Duration::from_millis(millis)), text);
        }
        assert_eq!(human(Duration::from_micros(7)), "7us");
    }
}
