//! `heeler run`.

use std::ffi::OsString;

use crate::cli;
use crate::config::{ConfigError, Surroundings, dry_run, resolve};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output;

/// Runs the command. Stub: resolves, prints the plan with `--dry-run`, and starts nothing.
pub fn run(args: &cli::Run, line: &[OsString]) -> i32 {
    let around = Surroundings::look();
    match resolve(args, &around) {
        Err(error) => refuse(line, &error),
        Ok(plan) if args.launch.dry_run => {
            super::print(&format!("{:#}\n", dry_run::json(&plan, &around)))
        }
        Ok(_) => super::fail("internal: the runtime is not linked in"),
    }
}

/// Says why nothing is started, on stderr and (once there is a report writer) in the report that
/// [`crate::config::report_target`] finds in `line`.
pub fn refuse(line: &[OsString], error: &ConfigError) -> i32 {
    let _ = line;
    output::complain(&error.message);
    EXIT_HEELER
}
