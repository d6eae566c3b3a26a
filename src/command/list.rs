//! `heeler list`: live runs and orphans. Changes nothing.

use std::path::PathBuf;

use super::tracked::{Tracked, tagged};
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::{State, Subject};
use crate::core::record::Record;
use crate::reaper::wall_ms;
use crate::report::output::Io;
use crate::report::runs::RunRow;
use crate::report::table::{self, Table};
use crate::report::timeline::Timeline;
use crate::store::StoreError;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct ListArgs {
    /// `--json`.
    pub json: bool,
    /// `--all`: also what is over, and what is foreign.
    pub all: bool,
    /// `--tag K=V`: only runs that have all of these.
    pub tags: Vec<(String, String)>,
    /// `--db`.
    pub db: Option<PathBuf>,
}

impl From<crate::cli::List> for ListArgs {
    fn from(args: crate::cli::List) -> ListArgs {
        ListArgs {
            json: args.json,
            all: args.all,
            tags: super::tracked::tags(args.tag),
            db: args.db.db,
        }
    }
}

/// Prints the runs; 0, or 125 when the database could not be read (what the lock files tell is still listed).
pub fn run(args: &ListArgs, io: &mut Io<'_>) -> i32 {
    let now_ms = wall_ms();
    let printed = if args.json {
        let json = |lines: &mut Timeline, tracked: &Tracked, subject: &Subject| {
            lines.add(subject.record.facts.started_ms, |line| {
                // Strings and numbers: nothing in it can fail to serialise.
                let _ = serde_json::to_writer(line, &tracked.row(subject, now_ms));
            });
        };
        gather(args, io, json).map(|(lines, damaged)| (lines.write_array(io.out), damaged))
    } else {
        let row = |table: &mut Table, tracked: &Tracked, subject: &Subject| {
            let [run, name, state, exit, pid, age, command] = &cells(tracked, subject, now_ms);
            let at = subject.record.facts.started_ms;
            if args.all {
                table.add(at, [run, name, state, exit, pid, age, command]);
            } else {
                table.add(at, [run, name, state, pid, age, command]);
            }
        };
        gather(args, io, row).map(|(table, damaged)| {
            let printed = if args.all {
                let head = ["RUN", "NAME", "STATE", "EXIT", "PID", "AGE", "COMMAND"];
                table.write(io.out, io.style, head)
            } else {
                table.write(io.out, io.style, ["RUN", "NAME", "STATE", "PID", "AGE", "COMMAND"])
            };
            (printed, damaged)
        })
    };
    match printed {
        Ok((Ok(()), false)) => 0,
        Ok((Ok(()), true)) => EXIT_HEELER,
        Ok((Err(error), _)) => {
            io.say(format_args!("cannot print the list: {error}"));
            EXIT_HEELER
        }
        Err(error) => {
            io.say(error);
            EXIT_HEELER
        }
    }
}

/// The runs for `--watch`, oldest first, and whether the database could not be read.
pub(super) fn rows(args: &ListArgs, io: &mut Io<'_>) -> Result<(Vec<RunRow>, bool), StoreError> {
    let now_ms = wall_ms();
    let row = |rows: &mut Vec<(i64, RunRow)>, tracked: &Tracked, subject: &Subject| {
        rows.push((subject.record.facts.started_ms, tracked.row(subject, now_ms)));
    };
    let (mut rows, damaged) = gather(args, io, row)?;
    rows.sort_by(|(at, a), (then, b)| at.cmp(then).then_with(|| a.run.cmp(&b.run)));
    Ok((rows.into_iter().map(|(_, row)| row).collect(), damaged))
}

/// What `take` makes of the runs that were asked for, and whether the database could not be read.
fn gather<T: Default>(
    args: &ListArgs,
    io: &mut Io<'_>,
    take: impl Fn(&mut T, &Tracked, &Subject),
) -> Result<(T, bool), StoreError> {
    let mut tracked = match Tracked::open(args.db.as_ref(), io) {
        Ok(tracked) => tracked,
        // No place, so no records.
        Err(StoreError::NoPlace) => return Ok((T::default(), false)),
        Err(error) => return Err(error),
    };
    let gathered = tracked.gather(args.all, io, |gathered, tracked, subject| {
        let state = || subject.state(&tracked.survey.here).0;
        if (args.all || shown(state())) && tagged(subject, &args.tags) {
            take(gathered, tracked, subject);
        }
    })?;
    Ok((gathered, tracked.damaged))
}

/// Foreign runs are shown although nothing can be done about them from here: they may well be alive.
fn shown(state: State) -> bool {
    matches!(state, State::Running | State::Orphaned | State::Foreign)
}

/// A run in the table.
fn cells(tracked: &Tracked, subject: &Subject, now_ms: i64) -> [String; 7] {
    let Record { facts, end, .. } = &subject.record;
    let state = subject.state(&tracked.survey.here).0;
    let outcome = end.as_ref().and_then(|end| end.outcome.as_deref());
    let mut state = match (state, outcome) {
        // How it ended says that it has.
        (State::Exited, Some(outcome)) => outcome.replace('_', " "),
        _ => state.word().to_owned(),
    };
    if tracked.socket(subject).is_some() {
        state.push_str(" (-d)");
    }
    let exit = end.as_ref().and_then(|end| end.exit_code);
    let leader = subject.record.leader();
    [
        facts.run.clone(),
        facts.name.clone().unwrap_or_default(),
        state,
        exit.map(|code| code.to_string()).unwrap_or_default(),
        leader.map(|leader| leader.seen.pid.to_string()).unwrap_or_default(),
        table::age(now_ms.saturating_sub(facts.started_ms)),
        table::shell_words(&facts.command),
    ]
}
