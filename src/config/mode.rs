//! How the command is connected.
//!
//! Auto: the command sees a terminal exactly when it would have seen one without heeler. Where nothing has
//! to look at its output it gets our own descriptors, which costs nothing.

use crate::cli;
use crate::expect::keys;
use crate::expect::program::{Program, StreamId};
use crate::report::model::Mode;

use super::error::ConfigError;
use super::plan::ReportTo;
use super::surroundings::Surroundings;

/// Chooses the mode, with the reason, and refuses what does not go with it.
pub(super) fn choose(
    run: &cli::Run,
    program: &Program,
    report: Option<&ReportTo>,
    around: &Surroundings,
) -> Result<(Mode, &'static str), ConfigError> {
    let launch = &run.launch;
    if launch.isolate && !launch.inherit {
        return Err(ConfigError::usage(
            "--isolate goes with --inherit; with a terminal or pipes the command has a process group of its own anyway",
        ));
    }
    let (mode, reason) = if launch.pty {
        (Mode::Pty, "flag")
    } else if launch.detach_keys.is_some() {
        (Mode::Pty, "flag: --detach-keys")
    } else if launch.pipe {
        (Mode::Pipe, "flag")
    } else if launch.inherit {
        (Mode::Inherit, "flag")
    } else if launch.detach {
        (Mode::Pipe, "auto: detached")
    } else {
        auto(run, program, report, around)
    };
    match mode {
        Mode::Pty => with_pty(run, program)?,
        Mode::Pipe => with_pipe(run, program)?,
        Mode::Inherit => with_inherit(run, program, report)?,
    }
    if mode != Mode::Pty {
        without_pty(run, reason)?;
    }
    Ok((mode, reason))
}

fn auto(
    run: &cli::Run,
    program: &Program,
    report: Option<&ReportTo>,
    around: &Surroundings,
) -> (Mode, &'static str) {
    let told = report.is_some() || run.output.events.is_some();
    if looks_at_output(run, program).is_none() && !told {
        return (Mode::Inherit, "auto: nothing looks at its output");
    }
    if tells_streams_apart(run, program).is_some() {
        return (Mode::Pipe, "auto: stdout and stderr are told apart");
    }
    match around.terminals {
        [true, true, true] => (Mode::Pty, "auto: stdin, stdout and stderr are a terminal"),
        [false, _, _] => (Mode::Pipe, "auto: stdin is not a terminal"),
        [_, false, _] => (Mode::Pipe, "auto: stdout is not a terminal"),
        [_, _, false] => (Mode::Pipe, "auto: stderr is not a terminal"),
    }
}

/// The first flag that has to see the output.
fn looks_at_output(run: &cli::Run, program: &Program) -> Option<&'static str> {
    let (output, limits) = (&run.output, &run.limits);
    let on = |limit: Option<std::time::Duration>| limit.is_some_and(|limit| !limit.is_zero());
    let flags = [
        (!program.steps.is_empty(), "--expect"),
        (!program.rules.is_empty(), "--on"),
        (!program.start.is_empty(), "a dialogue action (--line, --send ...)"),
        (!program.watches.is_empty(), "--until, --fail-on or --retry-on match:"),
        (output.quiet, "--quiet"),
        (output.merge, "--merge"),
        (output.stdout.is_some(), "--stdout"),
        (output.stderr.is_some(), "--stderr"),
        (output.output.is_some(), "--output"),
        (output.timestamps, "--timestamps"),
        (output.record.is_some(), "--record"),
        (output.tail.is_some(), "--tail"),
        (on(limits.idle_timeout), "--idle-timeout"),
        (on(limits.until_idle), "--until-idle"),
        (limits.max_output.is_some_and(|bytes| bytes > 0), "--max-output"),
    ];
    flags.into_iter().find_map(|(given, flag)| given.then_some(flag))
}

/// The first flag that tells stdout from stderr, which a terminal does not.
fn tells_streams_apart(run: &cli::Run, program: &Program) -> Option<&'static str> {
    if run.output.stderr.is_some() {
        return Some("--stderr");
    }
    streams(program).next().map(|_| "--stream")
}

fn streams(program: &Program) -> impl Iterator<Item = StreamId> {
    program.all_listens().filter_map(|listen| listen.stream)
}

fn with_pty(run: &cli::Run, program: &Program) -> Result<(), ConfigError> {
    // On a terminal that auto chose they are together anyway, and a script must not fail for that.
    if run.output.merge && run.launch.pty {
        return Err(ConfigError::usage(
            "--merge goes with --pipe: on a terminal (--pty) stdout and stderr are one stream already",
        ));
    }
    match tells_streams_apart(run, program) {
        Some("--stderr") => Err(ConfigError::usage(
            "--stderr goes with --pipe: a terminal (--pty) has one stream, which --output copies",
        )),
        Some(flag) => Err(ConfigError::usage(format!(
            "{flag} goes with --pipe: a terminal (--pty) has one stream, and every pattern listens to it"
        ))),
        None => Ok(()),
    }
}

fn with_pipe(run: &cli::Run, program: &Program) -> Result<(), ConfigError> {
    if let Some(why) = keys::lost_in(program) {
        return Err(ConfigError::usage(why));
    }
    if !run.output.merge {
        return Ok(());
    }
    if run.output.stderr.is_some() {
        return Err(ConfigError::usage(
            "--stderr finds nothing with --merge, which makes stderr a part of stdout; use --output",
        ));
    }
    if streams(program).any(|stream| stream == StreamId::Stderr) {
        return Err(ConfigError::usage(
            "--stream stderr finds nothing with --merge, which makes stderr a part of stdout",
        ));
    }
    Ok(())
}

fn with_inherit(
    run: &cli::Run,
    program: &Program,
    report: Option<&ReportTo>,
) -> Result<(), ConfigError> {
    if !run.launch.inherit {
        return Ok(());
    }
    if report == Some(&ReportTo::Stdout) {
        return Err(ConfigError::usage(
            "--report - would mix with the command's own stdout under --inherit; use --report FILE or --pipe",
        ));
    }
    match looks_at_output(run, program) {
        Some(flag) => Err(ConfigError::usage(format!(
            "{flag} has to see the output, and --inherit reads nothing; use --pipe or --pty"
        ))),
        None => Ok(()),
    }
}

/// Settings of a terminal, without one.
fn without_pty(run: &cli::Run, reason: &str) -> Result<(), ConfigError> {
    let launch = &run.launch;
    let flags = [
        (launch.size.is_some(), "--size"),
        (launch.term.is_some(), "--term"),
        (launch.no_echo, "--no-echo"),
    ];
    let Some(flag) = flags.into_iter().find_map(|(given, flag)| given.then_some(flag)) else {
        return Ok(());
    };
    let why = if reason == "flag" { String::new() } else { format!(" ({reason})") };
    Err(ConfigError::usage(format!(
        "{flag} sets up a terminal, and the command gets none{why}; use --pty"
    )))
}
