//! The dialogue from a file.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueHint;

use crate::cli::value;

/// The dialogue from a file.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Dialogue")]
pub struct Script {
    /// Read the dialogue, and maybe the command, from FILE (TOML); - is stdin
    ///
    /// Flags add to it and go before it. With a [command] in the script, words behind the flags are its
    /// params, in their order; a command in place of the script's goes behind --. See heeler help script.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "script_json")]
    pub script: Option<PathBuf>,

    /// The same as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub script_json: Option<PathBuf>,

    /// Set a param of the script
    #[arg(long, value_name = "K=V", value_parser = value::param, hide_short_help = true)]
    pub set: Vec<(String, String)>,

    /// Print the flags as a script, and start nothing
    ///
    /// Secrets are printed as their sources. Flags that have no place in a script become comments.
    #[arg(long, hide_short_help = true, conflicts_with_all = ["dry_run", "script", "script_json"])]
    pub emit: bool,

    /// The words behind the flags stood behind `--`. Filled in by [`crate::cli::parse`].
    #[arg(skip)]
    pub dashes: bool,
}

impl Script {
    /// The file, and whether it is JSON.
    pub fn file(&self) -> Option<(&PathBuf, bool)> {
        let json = self.script_json.as_ref().map(|file| (file, true));
        self.script.as_ref().map(|file| (file, false)).or(json)
    }
}

/// Whether the last `count` words of a command line stand behind `--`.
pub(in crate::cli) fn behind_dashes(line: &[OsString], count: usize) -> bool {
    count > 0 && line.len().checked_sub(count + 1).is_some_and(|at| line[at] == "--")
}
