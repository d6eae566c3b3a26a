//! `-d` and `--detach-keys`: what a run in the background needs, and what it cannot have.

use crate::cli::{self, value::StdinFrom};
use crate::expect::detach as keys;
use crate::expect::program::{Kind, Place, Program, Step};

use super::error::ConfigError;
use super::plan::{Detach, ReportTo, Track};
use super::policy;
use super::surroundings::Surroundings;

/// How much output is kept on disk.
const LOG_MAX: u64 = 8 << 20;

/// The smallest log: less could not hold one read.
const SMALLEST_LOG: u64 = 64 << 10;

/// What is needed beside the plan; nothing for a run in the foreground.
pub(super) fn resolve(
    run: &cli::Run,
    program: &Program,
    report: Option<&ReportTo>,
    around: &Surroundings,
) -> Result<Option<Detach>, ConfigError> {
    if !run.launch.in_background() {
        return Ok(None);
    }
    let flag = if run.launch.detach { "-d" } else { "--detach-keys" };
    let refused = |why: &str| Err(ConfigError::usage(format!("{why} ({flag})")));
    let keys = match &run.launch.detach_keys {
        Some(typed) => Some(attached(run, program, typed, around)?),
        None => None,
    };
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
    if let (Some((place, what)), None) = (person(program, insists), &keys) {
        let instead = match what {
            "ask" => "--set gives it a param, --secret a secret, and `default` an answer",
            _ => "`heeler attach` gives a person the command's",
        };
        let step = program.label(place);
        return refused(&format!(
            "step {step} is `{what}`, and in the background there is no terminal of ours: {instead}"
        ));
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
    Ok(Some(Detach { db, log_max, owner: run.limits.owner, keys }))
}

/// The first step of those that has a person at our terminal, and what it is.
fn person(program: &Program, of: impl Fn(&Step) -> bool) -> Option<(Place, &'static str)> {
    program.all_steps().filter(|(_, step)| of(step)).find_map(|(place, step)| match step.kind {
        Kind::Interact { .. } => Some((place, "interact")),
        Kind::Ask(_) => Some((place, "ask")),
        _ => None,
    })
}

/// Whether it has to find a person: without one it would fail.
fn insists(step: &Step) -> bool {
    let default = matches!(&step.kind, Kind::Ask(ask) if ask.default.is_some());
    !default && !step.optional && step.when.is_none()
}

/// The keys of a run that has our terminal until they are typed.
fn attached(
    run: &cli::Run,
    program: &Program,
    typed: &str,
    around: &Surroundings,
) -> Result<Vec<u8>, ConfigError> {
    let refused = |why: &str| Err(ConfigError::usage(format!("--detach-keys: {why}")));
    if !(around.terminals[0] && around.terminals[1]) {
        return refused(
            "keys are typed at a terminal, and our stdin or stdout is none; -d starts it in the background",
        );
    }
    if run.output.quiet {
        return refused("--quiet would not show what the keys leave; use -d");
    }
    if run.output.timestamps {
        return refused("--timestamps has no place on its terminal; --record keeps times");
    }
    // They need a terminal of ours after it may have been left.
    if let Some((_, what)) = person(program, |_| true) {
        return refused(&format!(
            "a step of the script hands over our terminal (`{what}`), which may be gone by then"
        ));
    }
    keys::parse(typed).or_else(|error| refused(&error.to_string()))
}
