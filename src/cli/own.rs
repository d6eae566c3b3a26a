//! What is about heeler itself: `doctor`, `completions`, `man`, `schema`, `help`.

use std::path::PathBuf;

/// Say what this machine allows, and how to get what it does not.
#[derive(Clone, Debug, clap::Args)]
pub struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Which database.
    #[command(flatten)]
    pub db: super::tracked::Db,
}

/// Print shell completions.
#[derive(Clone, Debug, clap::Args)]
pub struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// Print a man page, or write all of them.
#[derive(Clone, Debug, clap::Args)]
pub struct Man {
    /// The command whose page it is; without one, heeler(1)
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub command: Option<String>,

    /// Write every man page into DIR, which is made if need be
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub out: Option<PathBuf>,
}

/// A format that heeler writes or reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// What `run --report` writes
    Report,
    /// What `run --dry-run` prints
    Plan,
    /// What clients and the heeler of a detached run say to each other
    Control,
    /// What `screen --json` prints
    Screen,
    /// What `run --script-json` reads; a TOML script holds the same
    Script,
    /// What `list --json` prints
    List,
    /// What `inspect` prints
    Inspect,
    /// What `reap --json` prints
    Reap,
}

/// Print the JSON Schema of a format.
#[derive(Clone, Debug, clap::Args)]
pub struct Schema {
    /// Which format
    #[arg(value_name = "NAME")]
    pub name: Format,
}

/// Explain a command or a topic.
#[derive(Clone, Debug, clap::Args)]
pub struct Help {
    /// A command, or exit-codes, patterns, dialogue, script, secrets, report, detached, values
    #[arg(value_name = "TOPIC")]
    pub topic: Option<String>,
}
