//! Flags, script and environment resolved into one plan, checked once, before anything starts.

pub mod error;
pub mod plan;
mod report_target;
mod surroundings;

pub use error::{ConfigError, ErrorKind};
pub use report_target::report_target;
pub use surroundings::Surroundings;

use crate::cli;
use plan::Plan;

/// What the flags mean here.
///
/// Secrets are read from their sources, unless nothing is going to be started (`--dry-run`).
pub fn resolve(run: &cli::Run, around: &Surroundings) -> Result<Plan, ConfigError> {
    let _ = (run, around);
    Err(ConfigError::usage("not yet"))
}
