//! `heeler wait RUN`: exits as the run did, also long after.

use serde_json::Value;

use super::{Found, Limit, Over, failed, find, look, record, unexpected};
use crate::cli::detached::Wait;
use crate::command::tracked::print_json;
use crate::control::client::Failed;
use crate::control::place;
use crate::control::protocol::{Ended, Reply, Request};
use crate::core::outcome::{EXIT_HEELER, EXIT_LIMIT};
use crate::core::reap::{State, Subject};
use crate::report::output::{self, Io, Style};
use crate::store::Store;
use crate::sys::pidfd::{self, PidFd};

/// Waits; the run's exit code, 124 when it has not ended in time, 125 when nobody saw its end.
pub fn run(args: &Wait, io: &mut Io<'_>) -> i32 {
    let limit = Limit::new(args.timeout, None);
    let living = match find(&args.target, io) {
        Ok(Found::Living(living)) => living,
        Ok(Found::Record(over)) => return unasked(args, &over, limit, io),
        Err(code) => return code,
    };
    let mut connection = living.connection;
    match limit.ask(&mut connection, &Request::Wait { limit_ms: limit.ms() }) {
        Ok(Reply::Ended(ended)) => {
            if !args.json && is_news(ended.outcome.as_deref()) {
                // Its end was recorded before it was told, unless it is not tracked.
                let (out, err) = (&mut std::io::sink(), &mut std::io::sink());
                let silent = &mut Io { out, err, style: Style::default() };
                match look(living.db, &living.run, silent).ok().and_then(|over| over.ended) {
                    Some(why) => io.say(format_args!("run {}: {why}", living.run)),
                    None => output::repeat(&ended.said),
                }
            }
            tell(args.json, &ended, io)
        }
        Ok(Reply::Limit { .. }) => late(args, &living.run, io),
        Ok(other) => unexpected(&other, io),
        // It ended, or was killed, while it was asked.
        Err(Failed::Gone) => match record(living.db, &living.run, io) {
            Ok(Found::Record(over)) => recorded(args.json, &over, io),
            Ok(Found::Living(_)) => EXIT_HEELER,
            Err(code) => code,
        },
        Err(error) => failed(&living.run, &error, io),
    }
}

/// One that nobody can ask, having been started without `-d`, has ended when its heeler has.
fn unasked(args: &Wait, over: &Over, limit: Limit, io: &mut Io<'_>) -> i32 {
    let run = over.subject.record.facts.run.clone();
    // One in the background that does not listen is a fault, which is told.
    let waited_for = over.state == State::Running && !place::log(&over.db, &run).exists();
    let heeler = over.subject.supervisor_process.as_ref().filter(|_| waited_for);
    let Some(Ok(Some(heeler))) = heeler.map(|heeler| PidFd::open(heeler.pid.get())) else {
        return recorded(args.json, over, io);
    };
    // Its number may have been another's by then, whom the records do not have as its heeler.
    let found = |io: &mut Io<'_>| match record(over.db.clone(), &run, io) {
        Ok(Found::Record(over)) => Ok(over),
        Ok(Found::Living(_)) => Err(EXIT_HEELER),
        Err(code) => Err(code),
    };
    match found(io) {
        Ok(now) if now.state != State::Running => return recorded(args.json, &now, io),
        Ok(_) => {}
        Err(code) => return code,
    }
    match pidfd::wait_any(&[&heeler], limit.holds) {
        Ok(ended) if !ended[0] => late(args, &run, io),
        _ => found(io).map_or_else(|code| code, |over| recorded(args.json, &over, io)),
    }
}

fn late(args: &Wait, run: &str, io: &mut Io<'_>) -> i32 {
    if !args.json {
        io.say(format_args!("run {run} has not ended yet (--timeout)"));
    }
    EXIT_LIMIT
}

/// What the records say of its end.
pub(super) fn recorded(json: bool, over: &Over, io: &mut Io<'_>) -> i32 {
    let record = &over.subject.record;
    let exited = record.end.as_ref().filter(|_| over.state == State::Exited);
    let Some(end) = exited else {
        let run = &record.facts.run;
        let mut value = serde_json::json!({ "run": run, "outcome": "unknown" });
        match over.state {
            State::Gone => io.say(format_args!(
                "run {run}: nobody saw its end, or could record it: its heeler was killed, the machine went \
                 down, or a disk was full"
            )),
            State::Orphaned => {
                value["state"] = "orphaned".into();
                over.complain(io);
            }
            _ => return over.complain(io),
        }
        if json {
            // Nobody to tell when stdout is closed; the exit code says it too.
            let _ = print_json(io, &value);
        }
        return EXIT_HEELER;
    };
    let ended =
        Ended { exit_code: end.exit_code, outcome: end.outcome.clone(), ..Ended::default() };
    if let Some(why) = over.ended.as_ref().filter(|_| !json) {
        io.say(format_args!("run {}: {why}", record.facts.run));
    }
    tell(json, &ended, io)
}

/// Whether what ended it is told: not of a command that ended by itself, nor where somebody asked for its end.
fn is_news(outcome: Option<&str>) -> bool {
    !matches!(outcome, None | Some("exited" | "signaled" | "until" | "cancelled"))
}

/// Why heeler ended it, or what failed, as the report has it.
pub(super) fn why(subject: &Subject, store: Option<&Store>) -> Option<String> {
    let outcome = subject.record.end.as_ref()?.outcome.as_deref();
    let outcome = outcome.filter(|outcome| is_news(Some(outcome)))?;
    let report = store.and_then(|store| store.report(&subject.record.facts.run).ok().flatten());
    let report = report.and_then(|report| serde_json::from_str::<Value>(&report).ok());
    let at = |at| report.as_ref()?.pointer(at)?.as_str();
    let why = match outcome {
        "timeout" => "timed out (--timeout)",
        "idle" => "it was silent for too long (--idle-timeout)",
        "total_timeout" => "out of time (--total-timeout, --ttl)",
        "output_limit" => "too much output (--max-output)",
        "owner_gone" => "its owner is gone (--owner)",
        "strays_failed" => "processes were left behind (--strays fail)",
        other => at("/dialogue/failure/message").or_else(|| at("/error/message")).unwrap_or(other),
    };
    Some(format!("{why}; heeler inspect has its report"))
}

fn tell(json: bool, ended: &Ended, io: &mut Io<'_>) -> i32 {
    if json {
        let value = serde_json::json!({
            "exit_code": ended.exit_code,
            "outcome": ended.outcome,
        });
        if let Err(error) = print_json(io, &value) {
            io.say(format_args!("cannot print how it ended: {error}"));
            return EXIT_HEELER;
        }
    }
    ended.exit_code.unwrap_or(EXIT_HEELER)
}
