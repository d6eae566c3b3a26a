//! `heeler check`.

use std::path::PathBuf;

/// Check scripts without running anything.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 when no script has an error; 1 with --strict and a warning; 125 with an error. With --against: 0 when the recording meets the script; 122 when it does not."
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

    /// Play the script against a recording, in no time and without the command
    ///
    /// The recording is an asciicast, from `heeler run --record`, `heeler learn --cast` or asciinema; - is
    /// stdin. Output comes as recorded, on a made-up clock; what the script types has to be what was typed
    /// there, by the recorded input or by its echo. Exit code 122 when a step is not met.
    #[arg(long, value_name = "CAST", value_hint = clap::ValueHint::FilePath, conflicts_with = "strict")]
    pub against: Option<PathBuf>,

    /// Check with this param, instead of a stand-in
    #[arg(long, value_name = "K=V", value_parser = crate::cli::value::param)]
    pub set: Vec<(String, String)>,
}
