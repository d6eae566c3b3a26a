//! `-d`: what a run in the background needs, and what it cannot have.

use crate::cli::{self, value::StdinFrom};

use super::error::ConfigError;
use super::plan::{Detach, ReportTo, Track};
use super::policy;
use super::surroundings::Surroundings;

/// How much output is kept on disk.
const LOG_MAX: u64 = 8 << 20;

/// The smallest log: less could not hold one read.
const SMALLEST_LOG: u64 = 64 << 10;

/// What is needed beside the plan; nothing without `-d`.
pub(super) fn resolve(
    run: &cli::Run,
    report: Option<&ReportTo>,
    around: &Surroundings,
) -> Result<Option<Detach>, ConfigError> {
    if !run.launch.detach {
        return Ok(None);
    }
    let refused = |why: &str| Err(ConfigError::usage(format!("{why} (-d)")));
    if run.launch.inherit {
        return refused(
            "--inherit keeps our descriptors, and a run in the background closes them; use --pipe or --pty",
        );
    }
    if matches!(run.launch.stdin, Some(StdinFrom::Inherit)) {
        return refused(
            "--stdin inherit would read our input from the background; give it a file or null, or heeler send",
        );
    }
    if matches!(report, Some(ReportTo::Stdout | ReportTo::Fd(_))) {
        return refused(
            "the report of a run in the background goes to a file (--report FILE), or heeler inspect shows it",
        );
    }
    if run.output.events.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        return refused("--events - has no stderr to go to in the background; use --events FILE");
    }
    if policy::track(&run.tracking) == Track::Off {
        return refused("a run in the background is found by its record; --track off leaves none");
    }
    if around.cwd.is_none() && run.launch.cwd.is_none() {
        return refused("our working directory is gone; --cwd says where it is to run");
    }
    let db = policy::database_path(run.tracking.db_path().map(|path| &**path), around);
    let Some(db) = db else {
        return refused("there is no place for its record: set HOME, XDG_STATE_HOME or --db");
    };
    let log_max = run.output.log_max.unwrap_or(LOG_MAX);
    if log_max > 0 && log_max < SMALLEST_LOG {
        let why =
            format!("--log-max {log_max}: it is at least {SMALLEST_LOG} bytes, or 0 for no log");
        return Err(ConfigError::usage(why));
    }
    Ok(Some(Detach { db, log_max, owner: run.limits.owner }))
}
