//! Where the command's output goes, and what is told about the run.

use std::path::PathBuf;

use clap::ValueHint;

use crate::cli::value;

/// Where the command's output goes, and what is told about the run.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// With -d or --detach-keys: how much output is kept for heeler logs; 0 is none [default: 8MiB]
    ///
    /// Of more the oldest half is dropped; heeler logs says how much.
    #[arg(long, value_name = "BYTES", value_parser = value::size, allow_negative_numbers = true, requires = "background", hide_short_help = true)]
    pub log_max: Option<u64>,

    /// Let nothing pass through
    #[arg(short, long)]
    pub quiet: bool,

    /// Pipes only: stderr into stdout through one pipe, in write order
    #[arg(long, hide_short_help = true)]
    pub merge: bool,

    /// Copy its stdout to FILE (with a terminal: all of its output)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub stdout: Option<PathBuf>,

    /// Copy its stderr to FILE; asks for pipes, since a terminal has one stream
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub stderr: Option<PathBuf>,

    /// Copy all of its output to FILE, in order of arrival
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Prefix each line that passes through with the elapsed time
    #[arg(long, hide_short_help = true)]
    pub timestamps: bool,

    /// Write the report to FILE; - is stdout, and output then passes to stderr
    ///
    /// One JSON object in one line, described in heeler-run(1) and by `heeler schema report`. It is written
    /// whole or not at all, for every way a run can end, wrong usage included.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "report_fd")]
    pub report: Option<PathBuf>,

    /// Write the report to the open descriptor N
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub report_fd: Option<i32>,

    /// Write the run as JSON lines to FILE while it happens; - is stderr
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub events: Option<PathBuf>,

    /// Record it as asciicast v2, for any asciinema player
    #[arg(long, value_name = "FILE.cast", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub record: Option<PathBuf>,

    /// Record what is typed too, but nothing that the terminal does not show
    ///
    /// Input that a person types while the terminal does not echo is left out, but for its Enter; so are
    /// secrets. `heeler check --against` then compares what a script types with what was typed.
    #[arg(long, requires = "record", hide_short_help = true)]
    pub record_input: bool,

    /// How much of each stream's end goes into the report [default: 4KiB]
    #[arg(long, value_name = "BYTES", value_parser = value::size, allow_negative_numbers = true, hide_short_help = true)]
    pub tail: Option<u64>,
}
