//! How the command is started and connected.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueHint;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::cli::value;

/// How the command is started and connected.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Launch")]
pub struct Launch {
    /// Leave it running in the background, and print its id
    ///
    /// Returns as soon as the command runs, or has failed to start. Where its id cannot be printed (a full disk, a
    /// reader that is gone) the exit code is 125; it runs all the same, and the message names it. It has pipes,
    /// or with --pty a terminal of 80x24, and its input stays open for `heeler send`. Talk to it with heeler
    /// attach, logs, send, expect, wait, signal, resize, screen and run-script; list, reap and inspect know it too.
    #[arg(short = 'd', long, group = "background")]
    pub detach: bool,

    /// Let these keys leave it running in the background: ctrl-p,ctrl-q
    ///
    /// Gives it a terminal of its own and our terminal to that, as -d --pty and attach would in one: the keys,
    /// or the end of our terminal (HUP), leave it running, its id is told and the exit code is 0; heeler attach
    /// comes back. Otherwise it ends as without them: exit code, report and messages are the same, and INT,
    /// TERM and QUIT stop it. Output that our terminal is much too slow for is skipped, as attach does. Keys are
    /// ctrl-X or single characters, with commas between them. A beginning of them is held back until the next
    /// key shows that it is none; so without this flag there are none.
    #[arg(long, value_name = "KEYS", group = "background", conflicts_with_all = ["pipe", "inherit"], hide_short_help = true)]
    pub detach_keys: Option<String>,

    /// Give it a terminal of its own
    ///
    /// stdout and stderr are then one stream. Without --pty, --pipe or --inherit the command sees a
    /// terminal exactly when it would have seen one without heeler: nothing is put in between when nothing
    /// has to look at its output; else it gets a terminal when stdin, stdout and stderr all are one, and
    /// pipes otherwise. --dry-run and the report say which.
    ///
    /// With --pty, at a terminal, every key goes to the command, Ctrl-C and Ctrl-Z too. Ctrl-] three times within a
    /// second, which it gets as well, stops a command that listens to none. Where no terminal of ours is
    /// there to do it, heeler answers what it asks its terminal: its kind, its state, where the cursor is.
    #[arg(short = 't', long, conflicts_with_all = ["pipe", "inherit"])]
    pub pty: bool,

    /// Give it pipes: stdout and stderr apart, byte for byte
    #[arg(long, conflicts_with = "inherit")]
    pub pipe: bool,

    /// Give it our own stdin, stdout and stderr, and read nothing
    #[arg(long, hide_short_help = true)]
    pub inherit: bool,

    /// With --inherit: a process group of its own, so that Ctrl-C reaches only heeler
    #[arg(long, hide_short_help = true)]
    pub isolate: bool,

    /// COMMAND is one string for `sh -c` (never a login shell)
    #[arg(short = 'c', long)]
    pub shell: bool,

    /// Start it in DIR, which has to exist
    #[arg(short = 'C', long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub cwd: Option<PathBuf>,

    /// Set a variable; K alone passes ours on, for use after --env-clear
    #[arg(short = 'e', long, value_name = "K[=V]")]
    pub env: Vec<OsString>,

    /// Set variables from a file of K=V lines; -e wins over it
    ///
    /// Empty lines and lines that begin with # are skipped; values are taken as they are, without quotes
    /// or expansion. K alone passes ours on.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub env_file: Vec<PathBuf>,

    /// Start from an empty environment
    #[arg(long, hide_short_help = true)]
    pub env_clear: bool,

    /// Remove a variable
    #[arg(long, value_name = "K", hide_short_help = true)]
    pub unset: Vec<OsString>,

    /// Variables that a script sets, as `K=V`. Filled in where the script is read.
    #[arg(skip)]
    pub script_env: Vec<OsString>,

    /// Where its input comes from: inherit, null, or a file
    ///
    /// The default is ours (inherit). It is null with --retries, because a pipe cannot be read twice (a warning says so
    /// where ours was one, or a file), and null with --expect, --on or actions when our stdin is not a terminal. What
    /// is typed goes before the end: null, a FILE and --input end once all steps are done; not where a rule (--on) or
    /// the cleanup may still type, nor with --until, --until-idle or -d: there --key eof ends it (close_stdin in a
    /// script).
    #[arg(
        long,
        value_name = "inherit|null|FILE",
        value_parser = OsStringValueParser::new().map(value::StdinFrom::from),
        value_hint = ValueHint::FilePath,
        conflicts_with = "input"
    )]
    pub stdin: Option<value::StdinFrom>,

    /// Feed it TEXT, as it is, then end of file
    ///
    /// Backslashes mean nothing here; in most shells $'yes\n' makes a line end.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, hide_short_help = true)]
    pub input: Option<OsString>,

    /// Terminal size; without it ours, else 80x24
    #[arg(long, value_name = "COLSxROWS", value_parser = value::window_size, hide_short_help = true)]
    pub size: Option<(u16, u16)>,

    /// TERM of its terminal
    ///
    /// Without it -e TERM=..., else ours when our stdout is a terminal, else xterm-256color.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub term: Option<OsString>,

    /// Its terminal starts with echo off
    #[arg(long, hide_short_help = true)]
    pub no_echo: bool,

    /// Priority: -20 to 19, or minimal (15), low (5), normal (0), high (-5)
    #[arg(long, value_name = "N", value_parser = value::nice, allow_hyphen_values = true, hide_short_help = true)]
    pub nice: Option<i32>,

    /// Its file mode mask, octal
    #[arg(long, value_name = "MASK", value_parser = value::umask, hide_short_help = true)]
    pub umask: Option<u32>,

    /// Limit a resource, hard and soft: nofile=256, as=1GiB, core=0, cpu=60, fsize=unlimited ...
    #[arg(long, value_name = "RESOURCE=N", value_parser = value::rlimit, hide_short_help = true)]
    pub rlimit: Vec<(String, Option<u64>)>,

    /// Start it with this signal ignored, as nohup does with HUP
    #[arg(long, value_name = "SIGNAL", hide_short_help = true)]
    pub ignore_signal: Vec<String>,

    /// Print the resolved plan as JSON and start nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Launch {
    /// Whether it is supervised from the background.
    pub fn in_background(&self) -> bool {
        self.detach || self.detach_keys.is_some()
    }
}
