//! One file per subcommand: wires the layers, decides nothing subtle.

mod against;
mod check;
mod completions;
pub mod detached;
pub mod doctor;
mod help;
pub mod inspect;
mod learn;
pub mod list;
mod man;
pub mod reap;
mod replay;
mod run;
mod schema;
mod tracked;
mod watch;

use std::ffi::OsString;

use crate::cli::{self, Command};
use crate::config::ConfigError;
use crate::core::outcome::EXIT_HEELER;
use crate::report::output::{self, printing, with_stdio};
use crate::runtime::fault;

/// Does what the command line says, and returns the exit code.
pub fn main(line: &[OsString]) -> i32 {
    crate::sys::signals::take_file_limit_as_error();
    if line.len() <= 1 {
        return help::alone();
    }
    let code = match cli::parse(line) {
        // `run` has a report to write, and catches its own.
        Ok(cli) => fault::caught(|| dispatch(cli.command, line)).unwrap_or_else(|why| fail(&why)),
        Err(error) if cli::error::is_answer(&error) => {
            let of_script = cli::run::script_in_question(line).and_then(help::of_script);
            print(&of_script.unwrap_or_else(|| error.render().to_string()))
        }
        Err(error) => run::refuse(line, &ConfigError::usage(cli::error::one_line(&error, line))),
    };
    output::finish(None);
    code
}

fn dispatch(command: Command, line: &[OsString]) -> i32 {
    match command {
        Command::Run(args) => run::run(&args, line),
        Command::List(args) if args.watch => watch::run(&args.into()),
        Command::List(args) => printing(|io| list::run(&args.into(), io)),
        Command::Reap(args) => with_stdio(|io| reap::run(&args.into(), io)),
        Command::Check(args) if args.json => printing(|io| check::run(&args, io)),
        Command::Check(args) => with_stdio(|io| check::run(&args, io)),
        Command::Inspect(args) => printing(|io| inspect::run(&args.into(), io)),
        Command::Learn(args) => learn::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Attach(args) => detached::attach::run(&args),
        Command::Logs(args) => printing(|io| detached::logs::run(&args, io)),
        Command::Send(args) => with_stdio(|io| detached::send::run(&args, io)),
        Command::Expect(args) => with_stdio(|io| detached::expect::run(&args, io)),
        Command::Wait(args) => with_stdio(|io| detached::wait::run(&args, io)),
        Command::RunScript(args) => with_stdio(|io| detached::script::run(&args, io)),
        Command::Signal(args) => with_stdio(|io| detached::signal(&args, io)),
        Command::Resize(args) => with_stdio(|io| detached::resize(&args, io)),
        Command::Screen(args) => printing(|io| detached::screen::run(&args, io)),
        Command::Doctor(args) => printing(|io| doctor::run(&args.into(), io)),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Help(args) => help::run(&args),
    }
}

/// What was printed did not get there.
fn unprinted(error: &std::io::Error, io: &mut output::Io<'_>) -> i32 {
    io.say(format!("cannot write to stdout: {error}"));
    EXIT_HEELER
}

/// Prints to stdout; the exit code says whether that worked.
fn print(text: &str) -> i32 {
    match output::out(text) {
        Ok(()) => 0,
        Err(error) => fail(&format!("cannot write to stdout: {error}")),
    }
}

fn fail(message: &str) -> i32 {
    output::complain(message);
    EXIT_HEELER
}

#[cfg(test)]
mod tests;
