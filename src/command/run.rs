//! `heeler run`.

use std::ffi::OsString;

use crate::cli;
use crate::config::{ConfigError, Surroundings, resolve};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output;

/// Runs the command. Stub: resolves, prints the plan with `--dry-run`, and starts nothing.
pub fn run(args: &cli::Run, argv: &[OsString]) -> i32 {
    match resolve(args, &Surroundings::look()) {
        Err(error) => refuse(argv, &error),
        Ok(_) => super::fail("internal: the runtime is not linked in"),
    }
}

/// Says why nothing is started, on stderr and (once there is a report writer) in the report that
/// [`crate::config::report_target`] finds in `argv`.
pub fn refuse(argv: &[OsString], error: &ConfigError) -> i32 {
    let _ = argv;
    output::complain(&error.message);
    EXIT_HEELER
}
