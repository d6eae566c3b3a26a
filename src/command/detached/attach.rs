//! `heeler attach RUN`: our terminal for the run's. And `run --detach-keys`, which begins with that.

use std::path::PathBuf;

use super::{Found, Living, Over, find, record, wait};
use crate::cli::detached::{Attach, SizeFrom};
use crate::control::client::attach::{Left, Wanted, attach, stay};
use crate::control::client::{Connection, Failed};
use crate::control::place;
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::State;
use crate::core::size;
use crate::expect::detach;
use crate::report::output::{self, Io, with_stdio};
use crate::sys::signals::{self, Signals};

/// Attaches; the run's exit code, 0 when it was left.
pub fn run(args: &Attach) -> i32 {
    match try_run(args) {
        Ok(Left::Ended(ended)) => ended.exit_code.unwrap_or(EXIT_HEELER),
        Ok(left) => code(&left),
        Err(code) => code,
    }
}

/// A run that we have started in the background, as if it were in the foreground.
pub(in crate::command) fn accompany(
    db: PathBuf,
    run: &str,
    keys: Vec<u8>,
    connection: Connection,
    signals: &Signals,
) -> i32 {
    let socket = place::socket(&db, run);
    let wanted = Wanted {
        socket,
        keys,
        read_only: false,
        size_from: None,
        until: None,
        lines: None,
        ours: true,
    };
    let left = match tell(db, run, stay(&wanted, signals, Some(connection))) {
        Ok(left) => left,
        Err(code) => return code,
    };
    let Left::Ended(ended) = &left else { return code(&left) };
    let exit_code = ended.exit_code.unwrap_or(EXIT_HEELER);
    // As a run in the foreground does: of the signal that cancelled it, or that a key sent to the command.
    let signal = exit_code - 128;
    let dies = match ended.outcome.as_deref() {
        Some("cancelled") => signal > 0,
        Some("signaled") => matches!(signal, signals::INT | signals::QUIT),
        _ => false,
    };
    if dies {
        signals::die_of(signal);
    }
    exit_code
}

/// The exit code of a client whose run goes on.
fn code(left: &Left) -> i32 {
    let Left::Signal(signal) = *left else { return 0 };
    // So that a shell's loop stops too. As PID 1 the signal has no effect.
    signals::die_of(signal);
    128 + signal
}

/// The same, when what follows is another's business.
pub(in crate::command) fn try_run(args: &Attach) -> Result<Left, i32> {
    let keys = detach::parse(&args.detach_keys).map_err(|error| {
        output::complain(&format!("--detach-keys: {error}"));
        EXIT_HEELER
    })?;
    let found = with_stdio(|io| find(&args.target, io))?;
    let Living { db, run, connection } = match found {
        Found::Living(living) => living,
        Found::Record(over) => return Err(with_stdio(|io| ended(&over, io))),
    };
    let leaves = if keys.is_empty() { "Ctrl-C" } else { &args.detach_keys };
    let lines = (!args.read_only).then(|| {
        format!("{run} has no terminal: it gets lines, Ctrl-D ends its input, {leaves} leaves it")
    });
    drop(connection);
    let wanted = Wanted {
        socket: place::socket(&db, &run),
        keys,
        read_only: args.read_only,
        size_from: args.size_from.map(|who| match who {
            SizeFrom::Smallest => size::SizeFrom::Smallest,
            SizeFrom::Latest => size::SizeFrom::Latest,
        }),
        until: args.until.clone(),
        lines,
        ours: false,
    };
    let left = tell(db, &run, attach(&wanted));
    if let (Ok(Left::Ended(_)), Some(until)) = (&left, &wanted.until) {
        output::complain(&format!(
            "warning: `{until}` did not appear before the run ended (--until)"
        ));
    }
    left
}

/// There is nothing to attach to: says so where its end was seen, and else what the records say.
fn ended(over: &Over, io: &mut Io<'_>) -> i32 {
    if over.state == State::Exited {
        let run = &over.subject.record.facts.run;
        let log = if place::log(&over.db, run).exists() {
            format!(" (heeler logs {run} prints its output)")
        } else {
            String::new()
        };
        io.say(format_args!("run {run} has ended{log}"));
    }
    wait::recorded(false, over, io)
}

/// Says how it was left, and what its heeler had to say.
fn tell(db: PathBuf, run: &str, left: Result<Left, Failed>) -> Result<Left, i32> {
    match left {
        Ok(Left::Ended(ended)) => {
            output::repeat(&ended.said);
            Ok(Left::Ended(ended))
        }
        Ok(Left::Detached) => {
            output::complain(&format!("detached from {run}; heeler attach {run} comes back"));
            Ok(Left::Detached)
        }
        Ok(Left::Gone) => Err(with_stdio(|io| match record(db, run, io) {
            Ok(Found::Record(over)) => wait::recorded(false, &over, io),
            Ok(Found::Living(_)) => EXIT_HEELER,
            Err(code) => code,
        })),
        Ok(left) => Ok(left),
        Err(error) => {
            output::complain(&format!("run {run}: {error}"));
            Err(EXIT_HEELER)
        }
    }
}
