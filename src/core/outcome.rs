//! How and why a run ended, and which exit code that is.
//!
//! The child's fate ([`Ended`]), why we stopped it ([`Cause`]) and what we call the whole ([`Outcome`])
//! are three facts: a child may exit 0 in the grace period of a timeout, and both have to be told.

use std::time::Duration;

use serde::Serialize;

/// Exit code when the dialogue failed.
pub const EXIT_DIALOGUE: i32 = 122;
/// Exit code when strays were found under `--strays fail`.
pub const EXIT_STRAYS: i32 = 123;
/// Exit code when a limit ended the run, whatever it took.
pub const EXIT_LIMIT: i32 = 124;
/// Exit code when heeler failed, or could not start anything for a reason of its own.
pub const EXIT_HEELER: i32 = 125;
/// Exit code when the command was found but could not be executed (POSIX `command not executable`).
pub const EXIT_NOT_EXECUTABLE: i32 = 126;
/// Exit code when the command was not found.
pub const EXIT_NOT_FOUND: i32 = 127;

/// How a process ended, as the kernel told it: the number it chose, or the signal that killed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It called exit with this code (0 to 255).
    Exited(i32),
    /// A signal killed it.
    Signaled {
        /// The signal's number on this platform.
        signal: i32,
        /// Whether the kernel says that it dumped core.
        core_dumped: bool,
    },
}

impl Ended {
    /// The exit code that a shell would show: the child's own, or 128+n for signal n.
    pub fn shell_code(self) -> i32 {
        match self {
            Ended::Exited(code) => code,
            Ended::Signaled { signal, .. } => 128 + signal,
        }
    }
}

/// Why heeler ended a run, ordered from mild to grave: a graver cause replaces a milder one, a milder one
/// that comes later is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Members outlived the leader (`--strays reap|fail`).
    Strays,
    /// The run has done its job: `--until`, `--until-idle`, or a `pass`.
    Until,
    /// The dialogue asked for a stop without a verdict: `--do terminate` or `--do kill`.
    Dialogue,
    /// The dialogue failed: a step's limit, an unhandled end, or a `fail`.
    DialogueFailed,
    /// `--max-output`.
    OutputLimit,
    /// `--idle-timeout`.
    Idle,
    /// `--timeout`.
    Timeout,
    /// `--total-timeout`.
    TotalTimeout,
    /// The process that it is tied to has ended (`--owner`).
    OwnerGone,
    /// A signal to heeler asked for the end.
    Cancelled,
    /// heeler itself can go no further (its loop failed); the tree is still ended.
    Internal,
}

impl Cause {
    /// Whether it is a limit of the run, which leaves open what was waited for.
    pub fn is_limit(self) -> bool {
        matches!(self, Cause::OutputLimit | Cause::Idle | Cause::Timeout | Cause::TotalTimeout)
    }

    /// Whether neither the command nor the dialogue had a part in it.
    pub fn is_outside(self) -> bool {
        self > Cause::DialogueFailed
    }
}

/// What a run came to. The names are those of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command exited by itself.
    Exited,
    /// A signal killed the command, and heeler had not asked for its end.
    Signaled,
    /// `--timeout` ended it.
    Timeout,
    /// `--idle-timeout` ended it.
    Idle,
    /// `--total-timeout` ended it.
    TotalTimeout,
    /// `--owner` ended it: the process that it is tied to has ended.
    OwnerGone,
    /// `--max-output` ended it.
    OutputLimit,
    /// `--until`, `--until-idle` or a `pass` ended it: success.
    Until,
    /// The dialogue failed.
    DialogueFailed,
    /// Strays were found under `--strays fail`.
    StraysFailed,
    /// A signal to heeler ended it.
    Cancelled,
    /// The command could not be started.
    SpawnFailed,
    /// The command line, script or a pattern was wrong; nothing was started.
    Invalid,
    /// heeler failed.
    InternalError,
}

impl Outcome {
    /// The outcome of an attempt whose leader ended as `ended`, for `cause` where heeler intervened. A leader that
    /// nobody could end (absent) has a cause all the same.
    ///
    /// [`Cause::Strays`] and [`Cause::Dialogue`] do not replace the child's own fate: the first is about
    /// others, the second is the user's own `terminate`.
    pub fn of(ended: Option<Ended>, cause: Option<Cause>) -> Outcome {
        match cause {
            None | Some(Cause::Strays | Cause::Dialogue) => match ended {
                Some(Ended::Exited(_)) => Outcome::Exited,
                Some(Ended::Signaled { .. }) => Outcome::Signaled,
                None => Outcome::InternalError,
            },
            Some(Cause::Until) => Outcome::Until,
            Some(Cause::DialogueFailed) => Outcome::DialogueFailed,
            Some(Cause::OutputLimit) => Outcome::OutputLimit,
            Some(Cause::Idle) => Outcome::Idle,
            Some(Cause::Timeout) => Outcome::Timeout,
            Some(Cause::TotalTimeout) => Outcome::TotalTimeout,
            Some(Cause::OwnerGone) => Outcome::OwnerGone,
            Some(Cause::Cancelled) => Outcome::Cancelled,
            Some(Cause::Internal) => Outcome::InternalError,
        }
    }

    /// heeler's exit code. `ended` is absent where nothing was started; `ok` says whether an exit code
    /// counts as success (`--ok-exit`); `cancel_signal` is the signal that cancelled the run.
    pub fn exit_code(
        self,
        ended: Option<Ended>,
        ok: impl Fn(i32) -> bool,
        cancel_signal: Option<i32>,
    ) -> i32 {
        match self {
            Outcome::Exited | Outcome::Signaled => match ended {
                Some(Ended::Exited(code)) if ok(code) => 0,
                Some(ended) => ended.shell_code(),
                None => EXIT_HEELER,
            },
            Outcome::Timeout
            | Outcome::Idle
            | Outcome::TotalTimeout
            | Outcome::OwnerGone
            | Outcome::OutputLimit => EXIT_LIMIT,
            Outcome::Until => 0,
            Outcome::DialogueFailed => EXIT_DIALOGUE,
            Outcome::StraysFailed => EXIT_STRAYS,
            Outcome::Cancelled => cancel_signal.map_or(EXIT_HEELER, |signal| 128 + signal),
            Outcome::SpawnFailed | Outcome::Invalid | Outcome::InternalError => EXIT_HEELER,
        }
    }
}

/// A signal that heeler sent to the tree, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentSignal {
    /// The signal's number.
    pub signal: i32,
    /// When, since the attempt began.
    pub at: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Ended = Ended::Signaled { signal: 15, core_dumped: false };

    #[test]
    fn every_exit_code_of_the_child_is_ours() {
        for code in 0..=255 {
            let outcome = Outcome::of(Some(Ended::Exited(code)), None);
            assert_eq!(outcome, Outcome::Exited);
            assert_eq!(outcome.exit_code(Some(Ended::Exited(code)), |c| c == 0, None), code);
        }
    }

    #[test]
    fn every_signal_is_128_plus_n() {
        for signal in 1..=64 {
            let ended = Ended::Signaled { signal, core_dumped: false };
            let outcome = Outcome::of(Some(ended), None);
            assert_eq!(outcome, Outcome::Signaled);
            assert_eq!(outcome.exit_code(Some(ended), |c| c == 0, None), 128 + signal);
        }
    }

    #[test]
    fn ok_exit_gives_zero_and_only_for_exit_codes() {
        let ok = |code| code == 3 || code == 143;
        assert_eq!(Outcome::Exited.exit_code(Some(Ended::Exited(3)), ok, None), 0);
        assert_eq!(Outcome::Signaled.exit_code(Some(TERM), ok, None), 143);
    }

    #[test]
    fn a_limit_is_124_even_when_the_child_exits_0_in_the_grace_period() {
        let outcome = Outcome::of(Some(Ended::Exited(0)), Some(Cause::Timeout));
        assert_eq!(outcome, Outcome::Timeout);
        assert_eq!(outcome.exit_code(Some(Ended::Exited(0)), |c| c == 0, None), EXIT_LIMIT);
    }

    #[test]
    fn strays_do_not_change_the_childs_own_fate() {
        assert_eq!(Outcome::of(Some(Ended::Exited(7)), Some(Cause::Strays)), Outcome::Exited);
    }

    #[test]
    fn a_leader_that_could_not_be_ended_was_stopped_for_a_reason() {
        let outcome = Outcome::of(None, Some(Cause::Timeout));
        assert_eq!(outcome, Outcome::Timeout);
        assert_eq!(outcome.exit_code(None, |code| code == 0, None), EXIT_LIMIT);
    }

    #[test]
    fn causes_are_ordered_by_gravity() {
        assert!(Cause::Cancelled > Cause::TotalTimeout);
        assert!(Cause::Timeout > Cause::Idle);
        assert!(Cause::Until > Cause::Strays);
    }
}
