//! Limits, stopping, retries, tracking.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli;
use crate::cli::run::{Limits as LimitFlags, Retries};
use crate::cli::value::{self, LONGEST, RetryOn};
use crate::core::limits::earliest;
use crate::core::retry::{Condition, RetryPolicy};

use super::error::ConfigError;
use super::plan::{Containment, Limits, Stop, Strays, Track};
use super::surroundings::Surroundings;
use super::values;

/// How long strays have between TERM and KILL.
const STRAY_GRACE: Duration = Duration::from_secs(2);
/// How long output that strays hold open is read.
const DRAIN: Duration = Duration::from_millis(500);
const RETRY_DELAY: Duration = Duration::from_secs(1);
const RETRY_BACKOFF: f64 = 2.0;
const RETRY_MAX_DELAY: Duration = Duration::from_mins(1);

/// A limit that is on.
fn on(limit: Option<Duration>) -> Option<Duration> {
    limit.filter(|limit| !limit.is_zero())
}

/// The limits.
pub(super) fn limits(flags: &LimitFlags) -> Limits {
    let (total, ttl) = (on(flags.total_timeout), on(flags.ttl));
    Limits {
        timeout: on(flags.timeout),
        idle: on(flags.idle_timeout),
        total: earliest(total, ttl),
        by_ttl: ttl.is_some_and(|ttl| total.is_none_or(|total| ttl < total)),
        max_output: flags.max_output.filter(|bytes| *bytes > 0),
        until_idle: on(flags.until_idle),
    }
}

/// How a tree is stopped.
pub(super) fn stop(flags: &LimitFlags, track: Track) -> Result<Stop, ConfigError> {
    let strays = match flags.strays.unwrap_or(value::Strays::Reap(None)) {
        value::Strays::Reap(grace) => Strays::Reap(grace.unwrap_or(STRAY_GRACE)),
        value::Strays::Wait => Strays::Wait,
        value::Strays::Leave => Strays::Leave,
        value::Strays::Release => Strays::Release,
        value::Strays::Fail => Strays::Fail,
    };
    if strays == Strays::Leave && track == Track::Off {
        return Err(ConfigError::usage(
            "--strays leave is for a later `heeler reap`, which finds nothing with --track off; use --strays release",
        ));
    }
    let ladder = values::ladder(flags.stop.as_ref())?;
    let containment = match flags.containment {
        None | Some(cli::run::Containment::Auto) => Containment::Auto,
        Some(cli::run::Containment::Subreaper) => Containment::Subreaper,
    };
    let drain = flags.drain.unwrap_or(DRAIN);
    let hang_up = flags.stop.is_none();
    Ok(Stop { ladder, hang_up, strays, drain, containment, guard: flags.guard })
}

/// Exit codes that count as success. 0 always does: heeler would exit 0 anyway.
pub(super) fn ok_exit(flags: &LimitFlags) -> Vec<(i32, i32)> {
    let more = flags.ok_exit.iter().flat_map(|codes| codes.0.iter().copied());
    let mut ranges = vec![(0, 0)];
    ranges.extend(more.filter(|range| *range != (0, 0)));
    ranges
}

/// The patterns of `--retry-on match:P`, in order.
pub(super) fn noted(flags: &Retries) -> Vec<&str> {
    let conditions = flags.retry_on.iter().flat_map(|list| &list.0);
    conditions
        .filter_map(|condition| match condition {
            RetryOn::Match(pattern) => Some(pattern.as_str()),
            _ => None,
        })
        .collect()
}

/// Whether and when it is tried again.
pub(super) fn retry(flags: &Retries) -> Result<RetryPolicy, ConfigError> {
    if flags.retries.is_none() {
        let given = [
            (flags.retry_delay.is_some(), "--retry-delay"),
            (flags.retry_backoff.is_some(), "--retry-backoff"),
            (flags.retry_max_delay.is_some(), "--retry-max-delay"),
            (flags.retry_jitter.is_some(), "--retry-jitter"),
            (!flags.retry_on.is_empty(), "--retry-on"),
        ];
        if let Some((_, flag)) = given.into_iter().find(|(given, _)| *given) {
            let message = format!("{flag} does nothing without --retries N, which says how often");
            return Err(ConfigError::usage(message));
        }
    }
    let retries = flags.retries.unwrap_or(0);
    if retries == 0 {
        return Ok(RetryPolicy::none());
    }
    let mut notes = 0..;
    let conditions = flags.retry_on.iter().flat_map(|list| &list.0);
    let condition = |typed: &RetryOn| match typed {
        RetryOn::Exit => Condition::Exit,
        RetryOn::Codes(value::Codes(ranges)) => {
            Condition::Codes(ranges.iter().flat_map(|(first, last)| *first..=*last).collect())
        }
        RetryOn::Signal => Condition::Signal,
        RetryOn::Timeout => Condition::Timeout,
        RetryOn::Idle => Condition::Idle,
        RetryOn::Dialogue => Condition::Dialogue,
        RetryOn::Match(_) => Condition::Match(notes.next().unwrap_or_default()),
        RetryOn::Any => Condition::Any,
    };
    Ok(RetryPolicy {
        retries,
        delay: flags.retry_delay.unwrap_or(RETRY_DELAY),
        backoff: flags.retry_backoff.unwrap_or(RETRY_BACKOFF),
        max_delay: match flags.retry_max_delay {
            Some(Duration::ZERO) => LONGEST,
            Some(cap) => cap,
            // Who asks for long pauses gets them.
            None => RETRY_MAX_DELAY.max(flags.retry_delay.unwrap_or_default()),
        },
        jitter: flags.retry_jitter.unwrap_or(0.0),
        on: conditions.map(condition).collect(),
    })
}

/// Whether the run is recorded.
pub(super) fn track(flags: &cli::run::Tracking) -> Track {
    match flags.track {
        None | Some(cli::run::Track::Auto) => Track::Auto,
        Some(cli::run::Track::Require) => Track::Require,
        Some(cli::run::Track::Off) => Track::Off,
    }
}

/// The database: `--db`, `HEELER_DB`, or `heeler/heeler.db` in the XDG state directory; absent when no home
/// can be found.
pub fn database_path(flag: Option<&Path>, around: &Surroundings) -> Option<PathBuf> {
    if let Some(path) = flag {
        return Some(around.absolute(path));
    }
    if let Some(path) = around.var("HEELER_DB") {
        return Some(around.absolute(Path::new(path)));
    }
    // The XDG specification: a path that is not absolute is invalid and to be ignored.
    let absolute = |name| around.var(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME");
    let state = state.or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("heeler/heeler.db"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::run;

    #[test]
    fn zero_is_off() {
        let run = run(&[
            "--timeout=0",
            "--idle-timeout=0s",
            "--total-timeout=0",
            "--max-output=0",
            "--until-idle=0",
        ]);
        assert_eq!(limits(&run.limits), Limits::default());
    }

    #[test]
    fn tiny_is_on() {
        let run = run(&["--timeout=1e-9"]);
        assert_eq!(limits(&run.limits).timeout, Some(Duration::from_nanos(1)));
    }

    #[test]
    fn retries_and_their_defaults() {
        let defaults = retry(&run(&["--retries=2"]).retries).expect("it is fine");
        assert_eq!((defaults.retries, defaults.delay), (2, RETRY_DELAY));
        assert_eq!(retry(&run(&[]).retries).expect("it is fine").retries, 0);
        let error = retry(&run(&["--retry-jitter=0"]).retries).expect_err("it does nothing");
        assert!(error.message.contains("--retry-jitter"), "{}", error.message);
        let line = run(&[
            "--retries=2",
            "--retry-on=exit:1-3,match:a",
            "--retry-on=match:b",
            "--retry-delay=5m",
        ]);
        let policy = retry(&line.retries).expect("it is fine");
        assert_eq!(
            policy.on,
            [Condition::Codes(vec![1, 2, 3]), Condition::Match(0), Condition::Match(1)]
        );
        assert_eq!(policy.max_delay, Duration::from_mins(5));
        assert_eq!(noted(&line.retries), ["a", "b"]);
    }

    #[test]
    fn zero_is_always_a_success() {
        assert_eq!(ok_exit(&run(&[]).limits), [(0, 0)]);
        assert_eq!(ok_exit(&run(&["--ok-exit=0,3-4"]).limits), [(0, 0), (3, 4)]);
    }

    #[test]
    fn leave_needs_tracking() {
        let run = run(&["--strays=leave"]);
        assert!(stop(&run.limits, Track::Off).unwrap_err().message.contains("--strays release"));
        assert!(stop(&run.limits, Track::Auto).is_ok());
    }

    #[test]
    fn where_the_database_is() {
        let around = |vars: &[(&str, &str)]| Surroundings {
            env: vars.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            cwd: Some("/w".into()),
            ..Surroundings::default()
        };
        let all = around(&[("HEELER_DB", "e.db"), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")]);
        let path = |flag: Option<&str>, around| {
            database_path(flag.map(Path::new), around).map(|path| path.display().to_string())
        };
        assert_eq!(path(Some("f.db"), &all).as_deref(), Some("/w/f.db"));
        assert_eq!(path(None, &all).as_deref(), Some("/w/e.db"));
        let xdg = around(&[("HEELER_DB", ""), ("XDG_STATE_HOME", "/s"), ("HOME", "/h")]);
        assert_eq!(path(None, &xdg).as_deref(), Some("/s/heeler/heeler.db"));
        let home = around(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]);
        assert_eq!(path(None, &home).as_deref(), Some("/h/.local/state/heeler/heeler.db"));
        assert_eq!(path(None, &around(&[])), None);
    }
}
