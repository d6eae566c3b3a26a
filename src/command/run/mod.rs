//! `heeler run`: resolves the plan, runs it, tells how it went.

pub(super) mod describe;
mod detach;
pub(super) mod tell;
mod track;

use std::ffi::OsString;

use detach::Stage;

use crate::cli;
use crate::config::plan::{Plan, ReportTo};
use crate::config::{ConfigError, ErrorKind, Surroundings, dry_run, emit, report_target, resolve};
use crate::core::outcome::{Cause, EXIT_HEELER, Ended, Outcome};
use crate::core::record::{COOKIE, cookie};
use crate::report::model::{ErrorInfo, Report};
use crate::report::{output, write};
use crate::runtime::clock::rfc3339;
use crate::runtime::fault;
use crate::runtime::remote::Remote;
use crate::runtime::run::{Finished, Names, StartError, execute};
use crate::store::id::new_run_id;
use crate::sys::{fdio, poll, signals};

/// For the report, which is written first.
const UNREAD: &str =
    "what heeler says is not read on stderr: some of it still waited for its reader";

/// Runs the command and returns heeler's exit code.
pub fn run(args: &cli::Run, line: &[OsString]) -> i32 {
    fault::caught(|| resolve_and_run(args, line))
        .unwrap_or_else(|why| refuse(line, &ConfigError::new(ErrorKind::Internal, why)))
}

fn resolve_and_run(args: &cli::Run, line: &[OsString]) -> i32 {
    if args.script.emit {
        return match emit::script(args) {
            Ok(script) => super::print(&script),
            Err(error) => refuse(line, &error),
        };
    }
    let mut around = Surroundings::look();
    let plan = match resolve(args, &around) {
        Ok(plan) => plan,
        Err(error) => return refuse(line, &error),
    };
    if args.launch.dry_run {
        around.look_at_foreground();
        return super::print(&format!("{:#}\n", dry_run::json(&plan, &around)));
    }
    output::keep_secret(&describe::mask(&plan));
    around.forget(&plan.secret_variables);
    if let Some(ReportTo::Fd(fd)) = plan.output.report {
        fdio::keep_private(fd);
    }
    let outer = around.var(COOKIE).and_then(|value| value.to_str());
    detach::start(&plan, line, outer)
}

fn supervise(plan: &Plan, line: &[OsString], outer: Option<&str>, mut stage: Stage) -> i32 {
    let run = match new_run_id() {
        Ok(run) => run,
        Err(error) => {
            let message = format!("cannot make a run id: {error}");
            return stage.refuse(line, &ConfigError::new(ErrorKind::Internal, message));
        }
    };
    fault::caught(|| supervise_as(plan, &run, line, outer, &mut stage)).unwrap_or_else(|why| {
        let error = ConfigError::new(ErrorKind::Internal, why);
        stage.failed(&error);
        let who = describe::blank(plan, &run, &describe::mask(plan));
        fail(plan.output.report.as_ref(), who, &error)
    })
}

fn supervise_as(
    plan: &Plan,
    run: &str,
    line: &[OsString],
    outer: Option<&str>,
    stage: &mut Stage,
) -> i32 {
    output::hold_nothing_up();
    let (mut tracking, mut warnings) = match track::Tracking::begin(plan, run, outer) {
        Ok(begun) => begun,
        Err(error) => {
            return stage.refuse(line, &ConfigError::new(ErrorKind::Internal, error.to_string()));
        }
    };
    let mut server = match stage.serve(plan, run, &warnings) {
        Ok(server) => server,
        Err(error) => {
            tracking.forget();
            return stage.refuse(line, &error);
        }
    };
    let names = Names { cookie: cookie(outer, run), run: run.to_owned() };
    let note = |attempt: &_, outcome, next| tell::attempt(plan, attempt, outcome, next);
    let remote = server.as_mut().map(|server| server as &mut dyn Remote);
    let mut observer = detach::Watched { tracking: &mut tracking, stage, run };
    let mut finished = match execute(plan, names, &mut observer, remote, note) {
        Ok(finished) => finished,
        Err(error) => {
            tracking.forget();
            if let Some(server) = server {
                server.abandon();
            }
            return stage.refuse(line, &start_error(&error));
        }
    };
    tell::no_more(plan, &finished);
    warnings.append(&mut finished.warnings);
    warnings.extend(server.iter_mut().flat_map(|server| server.close(finished.active)));
    warnings.extend(tell::unread(plan));
    finished.warnings = warnings;
    let code = exit_code(plan, &finished);
    fault::point("report");
    let mut report = describe::report(plan, run, &finished, code);
    report.warnings.extend(tracking.finish(&finished, &report));
    for warning in &report.warnings[finished.told.len()..] {
        output::complain(&format!("warning: {warning}"));
    }
    if output::unsaid().is_some() {
        report.warnings.push(UNREAD.to_owned());
    }
    if let Some(to) = &plan.output.report
        && let Err(error) = write::write(&report, to)
    {
        output::complain(&format!("warning: {error}"));
    }
    if let Some(server) = server {
        detach::end(plan, server, stage, &finished, code);
    }
    // As for output: whoever is ended by force has the drain time.
    let forced = finished.attempts.last().is_some_and(|last| last.cause > Some(Cause::Until));
    output::finish(forced.then_some(plan.stop.drain));
    if let Some(signal) = last_word(&finished) {
        // As PID 1 the signal has no effect, and the exit code says it.
        signals::die_of(signal);
    }
    code
}

fn exit_code(plan: &Plan, finished: &Finished) -> i32 {
    let last = finished.attempts.last();
    if let Some(error) = last.and_then(|last| last.error.as_ref()) {
        return error.exit_code;
    }
    let ended = last.and_then(|last| last.ended);
    finished.outcome.exit_code(ended, |code| plan.is_ok(code), finished.cancelled_by)
}

/// The signal that heeler dies of after all is told: the one that cancelled it; or the command's own, when
/// it had our terminal and Ctrl-C or Ctrl-\ killed it there, so that a shell's loop stops as it would have
/// without us.
fn last_word(finished: &Finished) -> Option<i32> {
    let last = finished.attempts.last()?;
    match (finished.outcome, last.ended) {
        (Outcome::Cancelled, _) => finished.cancelled_by,
        (Outcome::Signaled, Some(Ended::Signaled { signal, .. }))
            if last.had_terminal && matches!(signal, signals::INT | signals::QUIT) =>
        {
            Some(signal)
        }
        _ => None,
    }
}

fn start_error(error: &StartError) -> ConfigError {
    let kind = match error {
        StartError::Setup(_) => ErrorKind::Pattern,
        StartError::Outlet(_) => ErrorKind::Resource,
        StartError::System(..) => ErrorKind::Internal,
    };
    ConfigError::new(kind, error.to_string())
}

/// Says why nothing was started: one line on stderr, and the report where its place can be found, also in
/// a command line that is wrong.
pub fn refuse(line: &[OsString], error: &ConfigError) -> i32 {
    fail(report_target(line).as_ref(), describe::empty(), error)
}

/// Says why there is no run, or none any more; `who` is what its report begins with.
fn fail(to: Option<&ReportTo>, who: Report, error: &ConfigError) -> i32 {
    output::complain(&error.message);
    error.details.iter().for_each(|detail| output::explain(detail));
    if let Some(to) = to
        && error.kind != ErrorKind::Report
        && let Err(error) = write::write(&failure(who, error), to)
    {
        output::complain(&format!("warning: {error}"));
    }
    EXIT_HEELER
}

fn failure(who: Report, error: &ConfigError) -> Report {
    let now = rfc3339(poll::wall());
    let outcome = match error.kind {
        ErrorKind::BadDirectory => Outcome::SpawnFailed,
        ErrorKind::Internal => Outcome::InternalError,
        ErrorKind::Usage
        | ErrorKind::Pattern
        | ErrorKind::Script
        | ErrorKind::Resource
        | ErrorKind::Report => Outcome::Invalid,
    };
    Report {
        started_at: now.clone(),
        ended_at: now,
        outcome,
        error: Some(ErrorInfo {
            kind: error.kind.name().to_owned(),
            message: error.message.clone(),
            errno: None,
        }),
        ..who
    }
}
