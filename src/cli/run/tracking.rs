//! How a run is found again.

use std::path::PathBuf;

use crate::cli::{Db, value};

/// Whether the run is recorded in the database, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Track {
    /// As far as it can be; a failure is a warning, on stderr and in the report
    Auto,
    /// A failure to record is a failure to start
    Require,
    /// Not at all
    Off,
}

/// How a run is found again.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Tracking")]
pub struct Tracking {
    /// A name for list, inspect and reap
    #[arg(long, value_parser = value::name, hide_short_help = true)]
    pub name: Option<String>,

    /// A tag for list and reap; may be repeated
    #[arg(long, value_name = "K=V", value_parser = value::tag, hide_short_help = true)]
    pub tag: Vec<value::Tag>,

    /// Whether it is recorded: auto, require, off [default: auto]
    #[arg(long, value_name = "WHEN", hide_short_help = true)]
    pub track: Option<Track>,

    /// Which database.
    #[command(flatten)]
    pub db: Db,
}

impl Tracking {
    /// `--db`.
    pub fn db_path(&self) -> Option<&PathBuf> {
        self.db.db.as_ref()
    }
}
