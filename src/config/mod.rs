//! Flags, script and environment resolved into one plan, checked once, before anything starts.

mod detach;
mod dialogue;
pub mod dry_run;
pub mod emit;
mod environment;
pub mod error;
mod launch;
mod mode;
mod output;
mod patterns;
pub mod plan;
mod policy;
mod report_target;
pub mod script;
mod secrets;
pub mod send;
mod surroundings;
mod values;

pub use error::{ConfigError, ErrorKind};
pub use launch::reason;
pub use policy::database_path;
pub use report_target::report_target;
pub use surroundings::Surroundings;

use crate::cli;
use crate::expect::program::Program;
use plan::Plan;
use secrets::Want;

/// What the flags mean here.
///
/// Secrets are read from their sources, and last, so that nobody is asked for a password before a mistake
/// is found; with `--dry-run` nobody is asked at all. A mistake is told with them masked, as far as they are
/// known by then.
pub fn resolve(run: &cli::Run, around: &Surroundings) -> Result<Plan, ConfigError> {
    let flags = &run.dialogue.secrets;
    let under = script::under(run, around);
    let (run, base) = under.map_err(|why| why.masked(&secrets::at_hand(flags, around)))?;
    let flags = &run.dialogue.secrets;
    plan(&run, base, around).map_err(|why| why.masked(&secrets::at_hand(flags, around)))
}

fn plan(run: &cli::Run, base: Option<Program>, around: &Surroundings) -> Result<Plan, ConfigError> {
    let noted = policy::noted(&run.retries);
    let program = dialogue::compile(&run.dialogue, &noted, base.unwrap_or_default())?;
    let report = output::report(run, around)?;
    let mode = mode::choose(run, &program, report.as_ref(), around)?;
    let detach = detach::resolve(run, &program, report.as_ref(), around)?;
    let output = output::resolve(run, mode.0, report, around)?;
    let launch = launch::resolve(run, mode, &program, around)?;
    let track = policy::track(&run.tracking);
    let stop = policy::stop(&run.limits, track)?;
    let retry = policy::retry(&run.retries)?;
    let want = if run.launch.dry_run { Want::Names } else { Want::Values };
    let secrets = secrets::read(&run.dialogue.secrets, &program, want, around)?;
    Ok(Plan {
        launch,
        output,
        program,
        secrets,
        secret_variables: secrets::variables(&run.dialogue.secrets).map(str::to_owned).collect(),
        limits: policy::limits(&run.limits),
        stop,
        retry,
        ok_exit: policy::ok_exit(&run.limits),
        track,
        db: database_path(run.tracking.db_path().map(|path| &**path), around),
        name: run.tracking.name.clone(),
        detach,
        tags: run.tracking.tag.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
    })
}

#[cfg(test)]
mod tests;
