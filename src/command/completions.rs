//! `heeler completions SHELL`.

use crate::cli::{self, generate};

/// Prints the completions of a shell.
pub fn run(args: &cli::Completions) -> i32 {
    super::print(&generate::completions(args.shell))
}
