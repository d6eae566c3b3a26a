//! What may be typed: types, their help, and what is generated from them. Imports nothing of ours, so that
//! a generator or a test needs nothing else. What is typed becomes what is meant in `config`.

mod check;
pub mod detached;
pub mod error;
pub mod exit_codes;
pub mod generate;
mod own;
mod recordings;
pub mod run;
pub mod topics;
mod tracked;
pub mod value;

use std::ffi::OsString;
use std::mem::ManuallyDrop;

use clap::{Args, CommandFactory, FromArgMatches, Parser};

pub use check::Check;
pub use own::{Completions, Doctor, Format, Help, Man, Schema};
pub use recordings::{Learn, Replay};
pub use run::Run;
pub use tracked::{Db, Inspect, List, Reap};

/// Keeps a command at heel: runs it over pipes or a terminal, answers its prompts, holds it to limits, ends
/// its whole process tree, and says how it ended.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "heeler",
    version,
    about = "Keeps a command at heel: answers its prompts, holds it to limits, says how it ended",
    after_help = topics::short(),
    after_long_help = topics::root(),
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands. Building the arguments of each is deferred until it is the one that was typed: that is
/// most of the time that parsing takes.
#[derive(Clone, Debug, clap::Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Supervise a command
    #[command(max_term_width = 100)]
    Run(Box<Run>),
    /// List live runs and orphans
    #[command(visible_alias = "ps")]
    List(List),
    /// End what was left behind
    Reap(Reap),
    /// Check scripts without running anything
    Check(Check),
    /// Print everything known of a run, as JSON
    Inspect(Inspect),
    /// Print the output of a detached run
    Logs(detached::Logs),
    /// Give our terminal to a detached run
    #[command(max_term_width = 100)]
    Attach(detached::Attach),
    /// Type to a detached run
    Send(detached::Send),
    /// Wait for output of a detached run
    Expect(detached::Expect),
    /// Wait for the end of a run, and exit as it did
    Wait(detached::Wait),
    /// Run a script's dialogue with a detached run
    RunScript(detached::RunScript),
    /// Send a signal to every process of a detached run
    Signal(detached::Signal),
    /// Give the terminal of a detached run another size
    Resize(detached::Resize),
    /// Print what the terminal of a detached run shows
    Screen(detached::Screen),
    /// Watch a person do it once, and write the script
    #[command(max_term_width = 100)]
    Learn(Box<Learn>),
    /// Play a recording
    Replay(Replay),
    /// Say what this machine allows, and how to get what it does not
    Doctor(Doctor),
    /// Print shell completions
    Completions(Completions),
    /// Print a man page, or write all of them
    Man(Man),
    /// Print the JSON Schema of a format
    Schema(Schema),
    /// Explain a command or a topic
    Help(Help),
}

/// The whole tree of commands, for generators and tests.
pub fn tree() -> clap::Command {
    Cli::command()
}

/// The arguments of `run` alone.
pub fn run_tree() -> clap::Command {
    Run::augment_args(clap::Command::new("run"))
}

/// Parses a command line, the program's own name first.
pub fn parse(argv: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = match parse_often_typed(argv) {
        Some(command) => command,
        None => parse_any(argv)?,
    };
    if let Command::Run(run) = &mut command {
        run.script.dashes = run::behind_dashes(argv, run.command.len());
    }
    Ok(Cli { command })
}

fn parse_any(argv: &[OsString]) -> Result<Command, clap::Error> {
    // Hundreds of small pieces, which the end of the process gives back faster than we do.
    let mut tree = ManuallyDrop::new(Cli::command());
    let mut matches = tree.try_get_matches_from_mut(argv)?;
    let cli = Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut tree))?;
    Ok(cli.command)
}

/// What scripts call in loops, parsed without the tree around it, which takes as long as a third of the parsing.
/// Nothing when it is another command, or when something is wrong with it: the whole tree knows best what to say.
fn parse_often_typed(argv: &[OsString]) -> Option<Command> {
    fn parsed<T: Args>(argv: &[OsString]) -> Option<T> {
        let mut alone = ManuallyDrop::new(T::augment_args(clap::Command::new("heeler")));
        let mut matches = alone.try_get_matches_from_mut(argv).ok()?;
        T::from_arg_matches_mut(&mut matches).ok()
    }
    let argv = argv.get(1..)?;
    Some(match argv.first()?.to_str()? {
        "run" => Command::Run(match run::read_quickly(&argv[1..]) {
            Some(run) => Box::new(run),
            None => parsed(argv)?,
        }),
        "send" => Command::Send(parsed(argv)?),
        "expect" => Command::Expect(parsed(argv)?),
        "wait" => Command::Wait(parsed(argv)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
