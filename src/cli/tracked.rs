//! What works on tracked runs: `list`, `reap`, `inspect`.

use std::path::PathBuf;
use std::time::Duration;

use super::value;

/// Which tracking database.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Db {
    /// The tracking database [default: HEELER_DB, else heeler/heeler.db in the XDG state directory]
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath, hide_short_help = true)]
    pub db: Option<PathBuf>,
}

/// List live runs and orphans.
///
/// One that runs in the background is marked with -d: attach, send, expect and the like reach it.
#[derive(Clone, Debug, clap::Args)]
pub struct List {
    /// Print a JSON array (heeler schema list)
    #[arg(long)]
    pub json: bool,

    /// List ended runs too
    #[arg(short, long)]
    pub all: bool,

    /// Show a live table, with keys to attach to a run, stop it and reap it; ? explains them
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,

    /// Only runs with this tag; repeated: with all of them
    #[arg(long, value_name = "K=V", value_parser = value::tag)]
    pub tag: Vec<value::Tag>,

    /// Which database.
    #[command(flatten)]
    pub db: Db,
}

/// End what was left behind.
///
/// Without arguments: the orphans of this user, which are runs with living processes whose heeler is gone.
/// A run whose heeler lives is told to stop by its own ladder, and waited for as long as that takes; a second reap
/// is as a second Ctrl-C, and kills at once. Exit code 0 means that nothing is left; 1 that something survived, or
/// with --dry-run that there is something to reap.
#[derive(Clone, Debug, clap::Args)]
pub struct Reap {
    /// Runs to end, by id, unique prefix of an id, or name
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,

    /// End live runs too, not only orphans
    #[arg(short, long, conflicts_with = "runs")]
    pub all: bool,

    /// Only runs that were started longer than D ago
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub older_than: Option<Duration>,

    /// Only runs with this tag; repeated: with all of them
    #[arg(long, value_name = "K=V", value_parser = value::tag)]
    pub tag: Vec<value::Tag>,

    /// Say what would be ended, and end nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// How long processes have between TERM and KILL, and a run's own ladder before all is killed [default: 2s; a
    /// ladder as long as it takes]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub grace: Option<Duration>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Which database.
    #[command(flatten)]
    pub db: Db,
}

/// Print everything known of a run, as JSON.
#[derive(Clone, Debug, clap::Args)]
pub struct Inspect {
    /// The run: its id, a unique prefix of it, or its name
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Which database.
    #[command(flatten)]
    pub db: Db,
}
