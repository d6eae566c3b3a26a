//! `heeler list`: live runs and orphans. Changes nothing.

use std::path::PathBuf;

use super::tracked::{Tracked, print_json, tagged};
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::{State, Subject};
use crate::reaper::wall_ms;
use crate::report::output::Io;
use crate::report::runs::RunRow;
use crate::report::table;
use crate::store::{StoreError, Which};

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
    let (rows, damaged) = match rows(args, io) {
        Ok(found) => found,
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let printed = if args.json { print_json(io, &rows) } else { print_table(io, &rows) };
    if let Err(error) = printed {
        io.say(format_args!("cannot print the list: {error}"));
        return EXIT_HEELER;
    }
    if damaged { EXIT_HEELER } else { 0 }
}

/// The runs, and whether the database could not be read.
pub(super) fn rows(args: &ListArgs, io: &mut Io<'_>) -> Result<(Vec<RunRow>, bool), StoreError> {
    // No place, so no records.
    let Some(mut tracked) = Tracked::open(args.db.as_ref(), io) else {
        return Ok((Vec::new(), false));
    };
    let scene = tracked.look(if args.all { Which::All } else { Which::Open }, io)?;
    let (here, now) = (&tracked.survey.here, wall_ms());
    let shown = |subject: &&Subject| {
        (args.all || shown(subject.state(here).0)) && tagged(subject, &args.tags)
    };
    let subjects = scene.subjects.iter().filter(shown);
    Ok((subjects.map(|subject| RunRow::of(subject, here, now)).collect(), tracked.damaged))
}

/// Foreign runs are shown although nothing can be done about them from here: they may well be alive.
fn shown(state: State) -> bool {
    matches!(state, State::Running | State::Orphaned | State::Foreign)
}

fn print_table(io: &mut Io<'_>, rows: &[RunRow]) -> std::io::Result<()> {
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            [
                row.run.clone(),
                row.name.clone().unwrap_or_default(),
                row.state.to_owned(),
                row.pid.map(|pid| pid.to_string()).unwrap_or_default(),
                table::age(row.age_ms),
                table::shell_words(&row.command),
            ]
        })
        .collect();
    let head = ["RUN", "NAME", "STATE", "PID", "AGE", "COMMAND"];
    table::write(io.out, io.style, head, &cells)
}
