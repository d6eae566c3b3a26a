//! `heeler list`: live runs and orphans. Changes nothing.

use std::path::PathBuf;

use super::tracked::{Tracked, print_json, tagged};
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::{State, Subject};
use crate::core::record::Record;
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
    let mut tracked = Tracked::open(args.db.as_ref(), io);
    // No place, so no records.
    let subjects = match tracked.as_mut().map(|tracked| wanted(args, tracked, io)).transpose() {
        Ok(subjects) => subjects.unwrap_or_default(),
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let seen = || tracked.iter().flat_map(|by| subjects.iter().map(move |subject| (subject, by)));
    let cells = seen().map(|(subject, by)| cells(subject, by));
    let printed = if args.json {
        print_json(io, &seen().map(|(subject, by)| by.row(subject)).collect::<Vec<_>>())
    } else if args.all {
        let head = ["RUN", "NAME", "STATE", "EXIT", "PID", "AGE", "COMMAND"];
        table::write(io.out, io.style, head, &cells.collect::<Vec<_>>())
    } else {
        let head = ["RUN", "NAME", "STATE", "PID", "AGE", "COMMAND"];
        let cells = cells
            .map(|[run, name, state, _, pid, age, command]| [run, name, state, pid, age, command]);
        table::write(io.out, io.style, head, &cells.collect::<Vec<_>>())
    };
    if let Err(error) = printed {
        io.say(format_args!("cannot print the list: {error}"));
        return EXIT_HEELER;
    }
    if tracked.is_some_and(|tracked| tracked.damaged) { EXIT_HEELER } else { 0 }
}

/// The runs, and whether the database could not be read.
pub(super) fn rows(args: &ListArgs, io: &mut Io<'_>) -> Result<(Vec<RunRow>, bool), StoreError> {
    // No place, so no records.
    let Some(mut tracked) = Tracked::open(args.db.as_ref(), io) else {
        return Ok((Vec::new(), false));
    };
    let subjects = wanted(args, &mut tracked, io)?;
    Ok((subjects.iter().map(|subject| tracked.row(subject)).collect(), tracked.damaged))
}

/// The runs that were asked for.
fn wanted(
    args: &ListArgs,
    tracked: &mut Tracked,
    io: &mut Io<'_>,
) -> Result<Vec<Subject>, StoreError> {
    let mut subjects = tracked.look(which(args), io)?.subjects;
    let here = &tracked.survey.here;
    subjects.retain(|subject| {
        (args.all || shown(subject.state(here).0)) && tagged(subject, &args.tags)
    });
    Ok(subjects)
}

fn which(args: &ListArgs) -> Which<'static> {
    if args.all { Which::All } else { Which::Open }
}

/// Foreign runs are shown although nothing can be done about them from here: they may well be alive.
fn shown(state: State) -> bool {
    matches!(state, State::Running | State::Orphaned | State::Foreign)
}

/// A run in the table.
fn cells(subject: &Subject, tracked: &Tracked) -> [String; 7] {
    let Record { facts, end, .. } = &subject.record;
    let state = subject.state(&tracked.survey.here).0.word();
    let exit = end.as_ref().and_then(|end| end.exit_code);
    let leader = subject.record.leader();
    [
        facts.run.clone(),
        facts.name.clone().unwrap_or_default(),
        if tracked.socket(subject).is_some() { format!("{state} (-d)") } else { state.to_owned() },
        exit.map(|code| code.to_string()).unwrap_or_default(),
        leader.map(|leader| leader.seen.pid.to_string()).unwrap_or_default(),
        table::age(wall_ms().saturating_sub(facts.started_ms)),
        table::shell_words(&facts.command),
    ]
}
