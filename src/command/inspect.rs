//! `heeler inspect RUN`: everything known of a run, as JSON. Changes nothing.

use std::path::PathBuf;

use super::tracked::{Tracked, find, print_json};
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::Subject;
use crate::reaper::wall_ms;
use crate::report::output::Io;
use crate::report::runs::{InspectedAttempt, Inspection, SentRow, timestamp};
use crate::store::{AttemptRow, StoreError, Which};

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct InspectArgs {
    /// An id, the beginning of one, or a name.
    pub run: String,
    /// `--db`.
    pub db: Option<PathBuf>,
}

impl From<crate::cli::Inspect> for InspectArgs {
    fn from(args: crate::cli::Inspect) -> InspectArgs {
        InspectArgs { run: args.run, db: args.db.db }
    }
}

/// Prints the run; 0, or 125 when there is no such run or the database could not be read.
pub fn run(args: &InspectArgs, io: &mut Io<'_>) -> i32 {
    let mut tracked = match Tracked::open(args.db.as_ref(), io) {
        Ok(tracked) => tracked,
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let scene = match tracked.look(Which::Named(std::slice::from_ref(&args.run)), io) {
        Ok(scene) => scene,
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let Some(subject) = find(&args.run, &scene, &tracked.survey, io) else { return EXIT_HEELER };
    let inspection = match inspect(subject, &tracked) {
        Ok(inspection) => inspection,
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    if let Err(error) = print_json(io, &inspection) {
        io.say(format_args!("cannot print the run: {error}"));
        return EXIT_HEELER;
    }
    if tracked.damaged { EXIT_HEELER } else { 0 }
}

fn inspect(subject: &Subject, tracked: &Tracked) -> Result<Inspection, StoreError> {
    let facts = &subject.record.facts;
    let (mut attempts, mut actions, mut report) = (Vec::new(), Vec::new(), None);
    if let Some(store) = &tracked.store {
        attempts = store.attempts(&facts.run)?;
        actions = store.actions(&facts.run)?;
        report = store.report(&facts.run)?;
    }
    // The lock file can know of an attempt before its row is there.
    for leader in &subject.record.leaders {
        if !attempts.iter().any(|known| known.leader.attempt == leader.attempt) {
            attempts.push(AttemptRow {
                leader: leader.clone(),
                ended_ms: None,
                outcome: None,
                exit_code: None,
                signal: None,
            });
        }
    }
    Ok(Inspection {
        row: tracked.row(subject, wall_ms()),
        uid: facts.uid,
        host: facts.scope.host.clone(),
        boot: facts.scope.boot.clone(),
        pid_namespace: facts.scope.pidns,
        attempts: attempts.into_iter().map(attempt).collect(),
        reaped: actions
            .into_iter()
            .map(|action| SentRow {
                at: timestamp(action.at_ms),
                pid: action.pid,
                comm: action.comm,
                signal: action.signal,
                result: action.result,
            })
            .collect(),
        // Written by us as JSON; a text that is not any more is shown as it is.
        report: report
            .map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))),
    })
}

fn attempt(row: AttemptRow) -> InspectedAttempt {
    InspectedAttempt {
        n: row.leader.attempt,
        pid: row.leader.seen.pid,
        start_ticks: row.leader.seen.start_ticks,
        started_at: timestamp(row.leader.started_ms),
        ended_at: row.ended_ms.map(timestamp),
        outcome: row.outcome,
        exit_code: row.exit_code,
        signal: row.signal,
        cgroup: row.leader.cgroup.map(|leaf| leaf.path),
    }
}
