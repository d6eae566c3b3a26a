//! `heeler reap`: ends what was left behind.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::tracked::{Tracked, find, print_json, runs_around_us};
use crate::core::members::Member;
use crate::core::outcome::EXIT_HEELER;
use crate::core::reap::{Deed, Item, Selection, plan};
use crate::reaper::{Reaped, carry_out, wall_ms};
use crate::report::output::{Io, escape};
use crate::report::runs::{MemberRow, ReapReport, ReapedRun, SentRow, SurvivorRow, timestamp};
use crate::store::{StoreError, Which};

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct ReapArgs {
    /// Ids, beginnings of ids, or names; none: this user's orphans.
    pub runs: Vec<String>,
    /// `--all`: running ones too.
    pub all: bool,
    /// `--older-than`.
    pub older_than: Option<Duration>,
    /// `--tag K=V`: only runs that have all of these.
    pub tags: Vec<(String, String)>,
    /// `--dry-run`.
    pub dry_run: bool,
    /// `--grace`: between TERM and KILL, and for a run's own ladder.
    pub grace: Option<Duration>,
    /// `--json`.
    pub json: bool,
    /// `--db`.
    pub db: Option<PathBuf>,
}

impl From<crate::cli::Reap> for ReapArgs {
    fn from(args: crate::cli::Reap) -> ReapArgs {
        ReapArgs {
            runs: args.runs,
            all: args.all,
            older_than: args.older_than,
            tags: super::tracked::tags(args.tag),
            dry_run: args.dry_run,
            grace: args.grace,
            json: args.json,
            db: args.db.db,
        }
    }
}

/// Reaps; 0 when nothing is left, 1 when something is (with `--dry-run`: when there is something to reap), 125
/// when a run was named that there is not, or the database could not be read.
pub fn run(args: &ReapArgs, io: &mut Io<'_>) -> i32 {
    let mut tracked = match Tracked::open(args.db.as_ref(), io) {
        Ok(tracked) => tracked,
        // No place, so no records; but a run that was named is not there.
        Err(StoreError::NoPlace) if args.runs.is_empty() => {
            return finish(args, io, &Reaped::default(), false);
        }
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    // A heeler that was killed leaves its socket.
    if !args.dry_run {
        crate::control::place::remove_stale(&tracked.survey.db);
    }
    let named = !args.runs.is_empty();
    let which = if named { Which::Named(&args.runs) } else { Which::Open };
    let scene = match tracked.look(which, io) {
        Ok(scene) => scene,
        Err(error) => {
            io.say(error);
            return EXIT_HEELER;
        }
    };
    let mut runs = Vec::new();
    for word in &args.runs {
        // One wrong word and nothing is done: it may be the one that mattered.
        let Some(subject) = find(word, &scene, &tracked.survey, io) else { return EXIT_HEELER };
        runs.push(subject.record.facts.run.clone());
    }
    let selection = Selection {
        runs: named.then_some(runs),
        all: args.all,
        older_than_ms: args
            .older_than
            .map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        tags: args.tags.clone(),
        uid: crate::sys::ids::uid(),
        around_us: runs_around_us(),
    };
    let done = if args.dry_run {
        let items = plan(&scene.subjects, &tracked.survey.here, &selection, wall_ms());
        Reaped { items, ..Reaped::default() }
    } else {
        let mut tell = |item: &Item| {
            io.say(format_args!(
                "waiting for {}: its own ladder ends it (--grace bounds that)",
                label(item)
            ));
        };
        match carry_out(&tracked.survey, tracked.store, &selection, args.grace, None, &mut tell) {
            Ok(done) => done,
            Err(error) => {
                io.say(error);
                return EXIT_HEELER;
            }
        }
    };
    finish(args, io, &done, tracked.damaged)
}

fn finish(args: &ReapArgs, io: &mut Io<'_>, done: &Reaped, damaged: bool) -> i32 {
    let printed =
        if args.json { print_json(io, &report(args, done)) } else { print_text(args, io, done) };
    if let Err(error) = printed {
        io.say(format_args!("cannot print what was done: {error}"));
    }
    let left = if args.dry_run {
        done.items.iter().any(|item| item.deed.ends_something())
    } else {
        !done.survivors.is_empty()
    };
    match (left, damaged) {
        (true, _) => 1,
        (false, true) => EXIT_HEELER,
        (false, false) => 0,
    }
}

fn print_text(args: &ReapArgs, io: &mut Io<'_>, done: &Reaped) -> io::Result<()> {
    let mut spoken = false;
    for item in &done.items {
        let label = label(item);
        let text = match &item.deed {
            Deed::End(members) => {
                let verb = if args.dry_run { "would end" } else { "ending" };
                format!("{verb} {}", processes(members))
            }
            Deed::Stop(heeler) => {
                let verb = if args.dry_run { "would tell" } else { "told" };
                format!("{verb} its heeler to stop (pid {})", heeler.pid.get())
            }
            // Tidying up is not news, unless it was asked for.
            Deed::Close if !item.named => continue,
            Deed::Close => format!("nothing is left of it ({})", item.why.unwrap_or("it is over")),
            Deed::Leave(why) => format!("left alone: {why}"),
        };
        writeln!(io.out, "{label}: {text}")?;
        spoken = true;
        if !item.spared.is_empty() {
            let spared = processes(&item.spared);
            writeln!(io.out, "{label}: spared, not proven to be of it: {spared}")?;
        }
    }
    for survivor in &done.survivors {
        let who = survivor.pid.map(|pid| format!(": pid {pid} {}", escape(&survivor.comm)));
        let who = who.unwrap_or_default();
        writeln!(io.out, "{}: still there{who}: {}", survivor.run, survivor.why)?;
        spoken = true;
    }
    for warning in &done.warnings {
        io.say(warning);
    }
    if !spoken {
        writeln!(io.out, "nothing to reap")?;
    }
    Ok(())
}

fn label(item: &Item) -> String {
    match &item.name {
        Some(name) => format!("{} ({})", item.run, escape(name)),
        None => item.run.clone(),
    }
}

fn processes(members: &[Member]) -> String {
    let list: Vec<String> = members
        .iter()
        .map(|member| format!("{} {}", member.identity.pid.get(), escape(&member.comm)))
        .collect();
    match list.as_slice() {
        [one] => format!("pid {one}"),
        all => format!("{} processes ({})", all.len(), all.join(", ")),
    }
}

fn report(args: &ReapArgs, done: &Reaped) -> ReapReport {
    ReapReport {
        dry_run: args.dry_run,
        runs: done.items.iter().map(reaped_run).collect(),
        signals: done
            .actions
            .iter()
            .map(|action| SentRow {
                at: timestamp(action.at_ms),
                pid: action.target.pid,
                comm: action.comm.clone(),
                signal: action.signal,
                result: action.result.clone(),
            })
            .collect(),
        survivors: done
            .survivors
            .iter()
            .map(|survivor| SurvivorRow {
                run: survivor.run.clone(),
                pid: survivor.pid,
                comm: survivor.comm.clone(),
                reason: survivor.why.clone(),
            })
            .collect(),
        warnings: done.warnings.clone(),
    }
}

fn reaped_run(item: &Item) -> ReapedRun {
    let rows = |members: &[Member]| members.iter().map(MemberRow::of).collect();
    let (action, reason, supervisor_pid, processes) = match &item.deed {
        Deed::End(members) => ("end", item.why, None, rows(members)),
        Deed::Stop(heeler) => ("stop", item.why, Some(heeler.pid.get()), Vec::new()),
        Deed::Close => ("close", item.why, None, Vec::new()),
        Deed::Leave(why) => ("leave", Some(*why), None, Vec::new()),
    };
    ReapedRun {
        run: item.run.clone(),
        name: item.name.clone(),
        state: item.state.word(),
        action,
        reason,
        supervisor_pid,
        processes,
        spared: rows(&item.spared),
    }
}
