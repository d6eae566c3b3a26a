//! `heeler run`.

#![expect(rustdoc::broken_intra_doc_links, reason = "help texts have brackets that are no links")]

mod dialogue;
mod launch;
mod limits;
mod output;
mod quick;
mod retries;
mod script;
mod tracking;

use std::ffi::{OsStr, OsString};
use std::path::Path;

pub use dialogue::{Dialogue, Word};
pub use launch::Launch;
pub use limits::{Containment, Limits};
pub use output::Output;
pub(super) use quick::read as read_quickly;
pub use retries::Retries;
pub use script::Script;
pub(super) use script::behind_dashes;
pub use tracking::{Track, Tracking};

/// Supervise a command.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(
    override_usage = "heeler run [OPTIONS] [--] COMMAND [ARG]...",
    after_help = "Durations: 500ms, 10s, 2m, 1h30m, or seconds; 0 is off. All flags, with examples: heeler run --help",
    after_long_help = super::topics::RUN
)]
pub struct Run {
    /// The command and its arguments; from here on every word is the command's own.
    ///
    /// Put `--` before it when it begins with a dash.
    #[arg(
        value_name = "COMMAND",
        required_unless_present_any = ["script", "script_json", "emit"],
        num_args = 1..,
        trailing_var_arg = true,
        value_hint = clap::ValueHint::CommandWithArguments
    )]
    pub command: Vec<OsString>,

    /// How it is started.
    #[command(flatten)]
    pub launch: Launch,
    /// Where its output goes.
    #[command(flatten)]
    pub output: Output,
    /// What is answered.
    #[command(flatten)]
    pub dialogue: Dialogue,
    /// What is answered, from a file.
    #[command(flatten)]
    pub script: Script,
    /// What holds it, and how it is stopped.
    #[command(flatten)]
    pub limits: Limits,
    /// Whether it is tried again.
    #[command(flatten)]
    pub retries: Retries,
    /// How it is found again.
    #[command(flatten)]
    pub tracking: Tracking,
}

/// The script that `run` was given before it was asked for help; stdin is none, for it cannot be read twice.
pub fn script_in_question(argv: &[OsString]) -> Option<&Path> {
    let mut words = argv.get(1..)?.iter();
    if words.next()? != "run" {
        return None;
    }
    let file = loop {
        let word = words.next()?.to_str()?;
        match word.strip_prefix("--script=") {
            Some(file) => break OsStr::new(file),
            None if word == "--script" => break words.next()?,
            None if matches!(word, "-h" | "--help" | "--") => return None,
            None => {}
        }
    };
    (file != "-").then(|| Path::new(file))
}
