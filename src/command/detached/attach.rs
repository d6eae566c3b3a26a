//! `heeler attach RUN`: our terminal for the run's.

use super::{Found, Living, find, record, wait};
use crate::cli::detached::{Attach, SizeFrom};
use crate::control::client::attach::{Left, Wanted, attach};
use crate::control::place;
use crate::core::outcome::EXIT_HEELER;
use crate::core::size;
use crate::expect::detach;
use crate::report::output::{self, with_stdio};
use crate::sys::signals;

/// Attaches; the run's exit code, 0 when it was left.
pub fn run(args: &Attach) -> i32 {
    match try_run(args) {
        // So that a shell's loop stops too. As PID 1 the signal has no effect.
        Ok(Left::Signal(signal)) => {
            signals::die_of(signal);
            128 + signal
        }
        Ok(Left::Ended(ended)) => ended.exit_code.unwrap_or(EXIT_HEELER),
        Ok(_) => 0,
        Err(code) => code,
    }
}

fn try_run(args: &Attach) -> Result<Left, i32> {
    let keys = detach::parse(&args.detach_keys).map_err(|error| {
        output::complain(&format!("--detach-keys: {error}"));
        EXIT_HEELER
    })?;
    let found = with_stdio(|io| find(&args.target, io))?;
    let Living { db, run, connection } = match found {
        Found::Living(living) => living,
        Found::Record(over) => return Err(with_stdio(|io| wait::recorded(false, &over, io))),
    };
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
    };
    match attach(&wanted) {
        Ok(Left::Detached) => {
            output::complain(&format!("detached from {run}; heeler attach {run} comes back"));
            Ok(Left::Detached)
        }
        Ok(Left::Gone) => Err(with_stdio(|io| match record(db, &run, io) {
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
