//! `heeler check`.

use std::path::PathBuf;

/// Check scripts without running anything.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 when no script has an error; 1 with --strict and a warning; 125 with an error."
)]
pub struct Check {
    /// The scripts; - is stdin
    #[arg(value_name = "SCRIPT", required = true, value_hint = clap::ValueHint::FilePath)]
    pub scripts: Vec<PathBuf>,

    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,

    /// Exit 1 when there are warnings
    #[arg(long)]
    pub strict: bool,

    /// Check with this param, instead of a stand-in
    #[arg(long, value_name = "K=V", value_parser = crate::cli::value::param)]
    pub set: Vec<(String, String)>,
}
