//! From what happened to what is told: the report of a run, and the lines for people.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::plan::{Plan, Strays};
use crate::core::outcome::{Cause, Ended, Outcome};
use crate::core::supervisor::KILL;
use crate::expect::dialogue::{Capture, Record};
use crate::expect::failure;
use crate::expect::mask::Mask;
use crate::expect::program::StreamId;
use crate::report::model::{self, Report};
use crate::runtime::attempt::Attempt;
use crate::runtime::clock::rfc3339;
use crate::runtime::run::Finished;
use crate::runtime::stream::Stream;
use crate::runtime::tree::Member;
use crate::sys::names::signal_name;

/// The report of a finished run.
pub(super) fn report(plan: &Plan, run: &str, finished: &Finished, exit_code: i32) -> Report {
    let mask = mask(plan);
    // At least one attempt is made before anything is finished.
    let last = finished.attempts.last();
    let mut report = Report {
        mode: Some(plan.launch.mode),
        detached: plan.detach.is_some(),
        cwd: Some(cwd(plan, &mask)),
        ..blank(plan, run, &mask)
    };
    report.started_at = rfc3339(finished.started_at);
    report.ended_at = rfc3339(finished.started_at + finished.duration);
    report.duration_ms = millis(finished.duration);
    report.active_ms = millis(finished.active);
    report.outcome = finished.outcome;
    report.exit_code = exit_code;
    report.success = last.is_some_and(|last| succeeded(plan, finished.outcome, last.ended));
    report.flaky = report.success && finished.attempts.len() > 1;
    let warnings = finished.told.iter().chain(&finished.warnings);
    report.warnings = warnings.map(|warning| mask.text(warning.as_bytes())).collect();
    if plan.retry.retries > 0 {
        let delays = finished.delays.iter().map(|d| Some(millis(*d))).chain([None]);
        report.attempts = finished
            .attempts
            .iter()
            .zip(delays)
            .map(|(attempt, delay)| describe_attempt(plan, finished, attempt, delay))
            .collect();
    }
    let Some(last) = last else { return report };
    report.error = last.error.as_ref().map(|error| model::ErrorInfo {
        kind: error.kind.to_owned(),
        message: mask.text(error.message.as_bytes()),
        errno: error.errno.clone(),
    });
    report.child = child(last);
    report.stop = stop(last);
    if last.pid.is_some() {
        let (user, system, rss) = finished.usage;
        report.usage = Some(model::Usage {
            user_ms: millis(user),
            system_ms: millis(system),
            max_rss_bytes: rss,
        });
        report.containment = Some(containment(plan, last));
    }
    if !last.streams.is_empty() {
        report.streams = Some(streams(&last.streams));
    }
    report.dialogue = last.dialogue.as_ref().map(dialogue);
    if !matches!(report.outcome, Outcome::Until | Outcome::DialogueFailed | Outcome::Cancelled) {
        let missing = last.dialogue.iter().flat_map(|record| record.missing.iter().cloned());
        report.warnings.extend(missing);
    }
    report
}

/// A report with nothing in it but who it is about.
pub(super) fn blank(plan: &Plan, run: &str, mask: &Mask) -> Report {
    Report {
        run: run.to_owned(),
        name: name(plan, mask),
        tags: tags(plan, mask),
        command: command(plan, mask),
        ..empty()
    }
}

/// A report of something that never became a run.
pub(super) fn empty() -> Report {
    Report {
        schema: model::SCHEMA,
        heeler: env!("CARGO_PKG_VERSION"),
        run: String::new(),
        name: None,
        tags: std::collections::BTreeMap::new(),
        command: Vec::new(),
        mode: None,
        detached: false,
        cwd: None,
        started_at: String::new(),
        ended_at: String::new(),
        duration_ms: 0,
        active_ms: 0,
        outcome: Outcome::InternalError,
        success: false,
        exit_code: crate::core::outcome::EXIT_HEELER,
        error: None,
        child: None,
        stop: None,
        usage: None,
        streams: None,
        dialogue: None,
        containment: None,
        attempts: Vec::new(),
        flaky: false,
        warnings: Vec::new(),
    }
}

/// The secrets of a plan, to be looked for wherever something is told.
pub(super) fn mask(plan: &Plan) -> Mask {
    Mask::new(plan.secrets.values().map(|secret| secret.bytes().to_vec()))
}

/// The command line as text, secrets masked (they have no business there, but people put them there).
pub(super) fn command(plan: &Plan, mask: &Mask) -> Vec<String> {
    plan.launch.argv.iter().map(|arg| mask.text(arg.as_encoded_bytes())).collect()
}

/// Where it runs.
pub(super) fn cwd(plan: &Plan, mask: &Mask) -> String {
    mask.text(plan.launch.cwd.as_os_str().as_encoded_bytes())
}

/// Its name.
pub(super) fn name(plan: &Plan, mask: &Mask) -> Option<String> {
    plan.name.as_ref().map(|name| mask.text(name.as_bytes()))
}

/// Its tags.
pub(super) fn tags(plan: &Plan, mask: &Mask) -> BTreeMap<String, String> {
    let tag = |(key, value): (&String, &String)| (key.clone(), mask.text(value.as_bytes()));
    plan.tags.iter().map(tag).collect()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a run that ended like this is a success.
pub(super) fn succeeded(plan: &Plan, outcome: Outcome, ended: Option<Ended>) -> bool {
    match (outcome, ended) {
        (Outcome::Until, _) => true,
        (Outcome::Exited, Some(Ended::Exited(code))) => plan.is_ok(code),
        _ => false,
    }
}

fn describe_attempt(
    plan: &Plan,
    finished: &Finished,
    attempt: &Attempt,
    delay_ms: Option<u64>,
) -> model::Attempt {
    model::Attempt {
        n: attempt.n,
        started_at: rfc3339(finished.started_at + attempt.began_wall),
        duration_ms: millis(attempt.took),
        outcome: attempt.outcome(plan.stop.strays, |code| plan.is_ok(code)),
        child: child(attempt),
        stop: stop(attempt),
        failure: attempt.dialogue.as_ref().and_then(|d| d.failure.as_ref()).map(self::failure),
        delay_ms,
    }
}

fn child(attempt: &Attempt) -> Option<model::Child> {
    let (pid, ended) = (attempt.pid?, attempt.ended?);
    let killed_by_us = attempt.signals.iter().any(|sent| sent.signal == KILL);
    Some(match ended {
        Ended::Exited(code) => model::Child {
            pid,
            exit_code: Some(code),
            signal: None,
            signal_name: None,
            core_dumped: None,
            possible_oom: false,
            summary: format!("exited with code {code}"),
        },
        Ended::Signaled { signal, core_dumped } => {
            // The cgroup's count is a fact; without one, a SIGKILL that nobody here sent is a guess.
            let possible_oom = match attempt.oom_kills {
                Some(kills) => kills > 0,
                None => signal == KILL && !killed_by_us,
            };
            let name = signal_name(signal);
            let core = if core_dumped { " and dumped core" } else { "" };
            let by = if attempt.signals.iter().any(|sent| sent.signal == signal) {
                ", which heeler sent"
            } else if possible_oom && attempt.oom_kills.is_some() {
                ": the system ran out of memory"
            } else if possible_oom {
                ", which heeler did not send: possibly the system ran out of memory"
            } else {
                ""
            };
            model::Child {
                pid,
                exit_code: None,
                signal: Some(signal),
                signal_name: Some(name.clone()),
                core_dumped: Some(core_dumped),
                possible_oom,
                summary: format!("killed by {name}{core}{by}"),
            }
        }
    })
}

fn stop(attempt: &Attempt) -> Option<model::Stop> {
    let cause = attempt.cause?;
    Some(model::Stop {
        reason: match cause {
            Cause::Strays => "strays",
            Cause::Until => "until",
            Cause::Dialogue => "dialogue",
            Cause::DialogueFailed => "dialogue_failed",
            Cause::OutputLimit => "output_limit",
            Cause::Idle => "idle",
            Cause::Timeout => "timeout",
            Cause::TotalTimeout => "total_timeout",
            Cause::OwnerGone => "owner_gone",
            Cause::Cancelled => "cancelled",
            Cause::Internal => "internal",
        }
        .to_owned(),
        signals: attempt
            .signals
            .iter()
            .map(|sent| model::Signal { signal: signal_name(sent.signal), at_ms: millis(sent.at) })
            .collect(),
        interrupts: attempt.requests.len() as u32,
        by_caller: cause == Cause::Cancelled,
        caller_signal: attempt.requests.first().map(|signal| signal_name(*signal)),
    })
}

fn containment(plan: &Plan, attempt: &Attempt) -> model::Containment {
    let fate = match plan.stop.strays {
        Strays::Leave => "left",
        Strays::Release => "released",
        Strays::Reap(_) | Strays::Wait | Strays::Fail => "ended",
    };
    let survived = |member: &Member| attempt.unkillable.iter().any(|(m, _)| m.pid == member.pid);
    model::Containment {
        kind: if attempt.in_cgroup { "cgroup" } else { "subreaper" }.to_owned(),
        verified: attempt.verified && !attempt.in_doubt,
        reason: attempt.no_cgroup.clone(),
        strays: attempt
            .strays
            .iter()
            .filter(|member| !survived(member))
            .map(|member| process(member, fate))
            .collect(),
        unkillable: attempt.unkillable.iter().map(|(member, why)| process(member, why)).collect(),
    }
}

fn process(member: &Member, fate: &str) -> model::Process {
    model::Process { pid: member.pid, comm: member.comm.clone(), fate: fate.to_owned() }
}

fn streams(all: &[Stream]) -> model::Streams {
    let mut streams = model::Streams::default();
    for stream in all {
        let (tail, truncated) = stream.tail();
        let text = String::from_utf8_lossy(&tail);
        let described = model::Stream {
            bytes: stream.bytes(),
            lines: stream.lines(),
            lossy: matches!(text, std::borrow::Cow::Owned(_)),
            tail: text.into_owned(),
            truncated,
            held_open_by_strays: stream.held_open,
        };
        match stream.id {
            StreamId::Stdout => streams.stdout = Some(described),
            StreamId::Stderr => streams.stderr = Some(described),
            StreamId::Terminal => streams.terminal = Some(described),
        }
    }
    streams
}

/// What a dialogue did.
pub(in crate::command) fn dialogue(record: &Record) -> model::Dialogue {
    model::Dialogue {
        steps: record
            .steps
            .iter()
            .map(|step| model::StepRecord {
                step: step.step.clone(),
                state: step.state.as_str().to_owned(),
                pattern: step.pattern.clone(),
                at_ms: step.at.map(millis),
                waited_ms: step.waited.map(millis),
                offset: step.offset,
            })
            .collect(),
        rules: record
            .rules
            .iter()
            .map(|rule| model::RuleRecord { pattern: rule.pattern.clone(), fired: rule.fired })
            .collect(),
        captures: record
            .captures
            .iter()
            .map(|(name, capture)| {
                let value = match capture {
                    Capture::Text(text) => model::Capture::Text(text.clone()),
                    Capture::List(list) => model::Capture::List(list.clone()),
                };
                (name.clone(), value)
            })
            .collect(),
        failure: record.failure.as_ref().map(self::failure),
        window_dropped_bytes: record.window_dropped_bytes,
    }
}

/// Why it failed.
pub(in crate::command) fn failure(failure: &failure::Failure) -> model::Failure {
    model::Failure {
        reason: failure.reason.as_str().to_owned(),
        message: failure.message.clone(),
        step: failure.step.clone(),
        clock: failure.clock.clone(),
        armed: failure.armed.clone(),
        last_lines: failure.last_lines.clone(),
        near_misses: failure.near_misses.clone(),
    }
}
