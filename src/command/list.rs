//! `heeler list`: live runs and orphans. Changes nothing.

use std::path::PathBuf;

use super::tracked::{Tracked, print_json, tagged};
use crate::core::identity::Scope;
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::{State, Subject};
use crate::core::record::Record;
use crate::reaper::wall_ms;
use crate::report::output::Io;
use crate::report::runs::RunRow;
use crate::report::table;
use crate::store::{StoreError, Which, tracker};

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
    let subjects = match tracked.as_mut().map(|tracked| tracked.look(which(args), io)).transpose() {
        Ok(scene) => scene.map(|scene| scene.subjects).unwrap_or_default(),
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let here = tracked.as_ref().map_or_else(tracker::here, |tracked| tracked.survey.here.clone());
    let wanted: Vec<&Subject> = subjects
        .iter()
        .filter(|subject| args.all || shown(subject.state(&here).0))
        .filter(|subject| tagged(subject, &args.tags))
        .collect();
    let printed = if args.json {
        let now = wall_ms();
        let rows = wanted.into_iter().map(|subject| RunRow::of(subject, &here, now));
        print_json(io, &rows.collect::<Vec<_>>())
    } else if args.all {
        let head = ["RUN", "NAME", "STATE", "EXIT", "PID", "AGE", "COMMAND"];
        print_table(io, &here, &wanted, head, |[run, name, state, pid, age, command], exit| {
            [run, name, state, exit, pid, age, command]
        })
    } else {
        let head = ["RUN", "NAME", "STATE", "PID", "AGE", "COMMAND"];
        print_table(io, &here, &wanted, head, |cells, _| cells)
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
    let scene = tracked.look(which(args), io)?;
    let (here, now) = (&tracked.survey.here, wall_ms());
    let shown = |subject: &&Subject| {
        (args.all || shown(subject.state(here).0)) && tagged(subject, &args.tags)
    };
    let subjects = scene.subjects.iter().filter(shown);
    Ok((subjects.map(|subject| RunRow::of(subject, here, now)).collect(), tracked.damaged))
}

fn which(args: &ListArgs) -> Which<'static> {
    if args.all { Which::All } else { Which::Open }
}

/// Foreign runs are shown although nothing can be done about them from here: they may well be alive.
fn shown(state: State) -> bool {
    matches!(state, State::Running | State::Orphaned | State::Foreign)
}

/// `arrange` makes a row of what every run has and of heeler's exit code, where there is one.
fn print_table<const N: usize>(
    io: &mut Io<'_>,
    here: &Scope,
    subjects: &[&Subject],
    head: [&str; N],
    arrange: impl Fn([String; 6], String) -> [String; N],
) -> std::io::Result<()> {
    let now = wall_ms();
    let rows: Vec<[String; N]> = subjects
        .iter()
        .map(|subject| {
            let Record { facts, end, .. } = &subject.record;
            let leader = subject.record.leader();
            let cells = [
                facts.run.clone(),
                facts.name.clone().unwrap_or_default(),
                subject.state(here).0.word().to_owned(),
                leader.map(|leader| leader.seen.pid.to_string()).unwrap_or_default(),
                table::age(now.saturating_sub(facts.started_ms)),
                table::shell_words(&facts.command),
            ];
            let exit = end.as_ref().and_then(|end| end.exit_code);
            arrange(cells, exit.map(|code| code.to_string()).unwrap_or_default())
        })
        .collect();
    table::write(io.out, io.style, head, &rows)
}
