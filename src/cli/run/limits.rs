//! What holds a run to limits, and how it is stopped.

use std::time::Duration;

use crate::cli::value;

/// What holds a run to limits, and how it is stopped.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Limits and stopping")]
pub struct Limits {
    /// Stop an attempt after D
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub timeout: Option<Duration>,

    /// Stop it when nothing has been active for D
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true)]
    pub idle_timeout: Option<Duration>,

    /// Stop after D, all attempts and the pauses between them together
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    pub total_timeout: Option<Duration>,

    /// With -d or --detach-keys: stop it when it is older than D
    ///
    /// The same limit as --total-timeout, by the name that fits a run nobody waits for. With --idle-timeout
    /// it also ends when nothing comes from it and nobody sends anything.
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, requires = "background", hide_short_help = true)]
    pub ttl: Option<Duration>,

    /// With -d or --detach-keys: stop it when the process PID has ended
    ///
    /// `heeler run -d --owner $$` ties it to the script that starts it, also when that is killed. PID has to
    /// run now; that its number is given to another process later changes nothing. The outcome is owner_gone.
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..), allow_negative_numbers = true, requires = "background", hide_short_help = true)]
    pub owner: Option<i32>,

    /// Stop it when it has written more than so much
    #[arg(long, value_name = "BYTES", value_parser = value::size, allow_negative_numbers = true, hide_short_help = true)]
    pub max_output: Option<u64>,

    /// Its job is done when it has been idle for D: stop it, success
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    pub until_idle: Option<Duration>,

    /// Signals that end the whole tree [default: TERM:10s,KILL]
    ///
    /// Each rung is a signal and how long the tree then has; 10s where not said. KILL is added at the end
    /// where it is missing. Without this flag whoever ignores TERM on a terminal of its own, as interactive
    /// shells do, gets HUP at once.
    #[arg(long, value_name = "SIG:GRACE,...", value_parser = value::ladder)]
    pub stop: Option<value::Ladder>,

    /// Processes left behind: reap[:GRACE], wait, leave, release, fail
    ///
    /// reap (the default, with 2s): end them, TERM, then KILL after GRACE. wait: wait for them, limits go on. leave: leave them
    /// tracked, for a later `heeler reap`. release: let them go for good, for a command that starts a
    /// daemon. fail: end them, and exit 123.
    #[arg(long, value_name = "WHAT", value_parser = value::strays)]
    pub strays: Option<value::Strays>,

    /// How long output that strays hold open is read after it exits [default: 500ms]
    #[arg(long, value_name = "D", value_parser = value::duration, allow_negative_numbers = true, hide_short_help = true)]
    pub drain: Option<Duration>,

    /// What holds the process tree: auto (a cgroup where one can be made), subreaper
    ///
    /// The child subreaper is always there; a cgroup v2 leaf makes the end quicker and its proof stronger.
    /// The report says which it was, and why there was no cgroup.
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub containment: Option<Containment>,

    /// End the tree even if heeler itself is killed
    ///
    /// A keeper process waits beside heeler, outside the tree. When heeler dies without having ended the
    /// run (SIGKILL, out of memory, a crash), it ends what is left: TERM, the graces of --stop, KILL. Without
    /// it the tree lives on, `heeler list` shows it as orphaned and `heeler reap` ends it. Who kills the keeper
    /// too is left with that; the command itself then still gets the first signal of --stop from the
    /// kernel, unless it changed its user.
    #[arg(long, hide_short_help = true)]
    pub guard: bool,

    /// Exit codes that count as success besides 0, such as 3,10-19
    ///
    /// heeler then exits 0.
    #[arg(long, value_name = "CODES", value_parser = value::codes, hide_short_help = true)]
    pub ok_exit: Option<value::Codes>,
}

/// `--containment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Containment {
    /// A cgroup where one can be made.
    Auto,
    /// The child subreaper alone.
    Subreaper,
}
