//! What works on recordings: `replay`, and `learn`, which makes one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;

use super::value;

/// Play a recording in the terminal.
///
/// asciicast version 2 (`run --record`, asciinema) and version 3. On a terminal: space pauses and goes on, a
/// dot shows the next piece of output of a paused one, q or Ctrl-C ends. Into a file or a pipe everything is
/// printed at once.
#[derive(Clone, Debug, clap::Args)]
pub struct Replay {
    /// The recording; - is stdin
    #[arg(value_name = "CAST", value_hint = ValueHint::FilePath)]
    pub cast: PathBuf,

    /// Play F times as fast
    #[arg(long, value_name = "F", default_value_t = 1.0, value_parser = value::speed, allow_negative_numbers = true)]
    pub speed: f64,

    /// Shorten every pause to D
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub idle_limit: Option<Duration>,

    /// Print everything at once
    #[arg(long)]
    pub instant: bool,
}

/// Watch a person do it once, and write the script.
///
/// Runs COMMAND on a terminal of its own, passes everything through, and writes a script that does the same:
/// what stood before each input is what the script waits for, parts that look as if they change are written
/// as a regex, and what was typed while the terminal did not show it becomes a secret, whose value is
/// written nowhere. The exit code says whether the script was written, not how the command ended.
#[derive(Clone, Debug, clap::Args)]
#[command(override_usage = "heeler learn [OPTIONS] -o SCRIPT [--] COMMAND [ARG]...")]
pub struct Learn {
    /// Write the script to SCRIPT
    #[arg(short = 'o', long = "out", value_name = "SCRIPT", required = true, value_hint = ValueHint::FilePath)]
    pub script: PathBuf,

    /// Keep the recording in FILE, for `heeler check SCRIPT --against FILE`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub cast: Option<PathBuf>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,

    /// The command and its arguments; from here on every word is the command's own
    #[arg(
        value_name = "COMMAND",
        required = true,
        num_args = 1..,
        trailing_var_arg = true,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub command: Vec<OsString>,
}
