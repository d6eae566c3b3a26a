//! The lines on stderr, for people: why heeler intervened, and what failed. A command that just exits is
//! not commented on.

use std::path::Path;
use std::time::Duration;

use crate::cli::error::looks_like_duration;
use crate::config::plan::{Plan, Strays};
use crate::core::outcome::{Cause, Ended, Outcome};
use crate::expect::failure::{self, Failure, Reason, human};
use crate::report::model::Mode;
use crate::report::output;
use crate::runtime::attempt::Attempt;
use crate::runtime::run::Finished;
use crate::sys::fdio;
use crate::sys::names::signal_name;

/// Says how an attempt failed, and when the next one comes.
pub(super) fn attempt(plan: &Plan, attempt: &Attempt, outcome: Outcome, next: Option<Duration>) {
    let text = why(plan, attempt, outcome);
    if let Some(pause) = next {
        let of = plan.retry.retries.saturating_add(1);
        let text = text.unwrap_or_else(|| plain(attempt));
        let n = attempt.n;
        output::complain(&format!("attempt {n} of {of} {text}; the next in {}", human(pause)));
    } else if let Some(text) = text {
        output::complain(&text);
    }
    let limit = attempt.cause.is_some_and(Cause::is_limit);
    if limit {
        attempt.advice.iter().for_each(|line| output::explain(line));
    }
    let failure = attempt.dialogue.as_ref().and_then(|record| record.failure.as_ref());
    if let Some(failure) = failure {
        for line in details(failure) {
            output::explain(&line);
        }
    }
    if let Some(hint) = meant(plan, attempt) {
        output::explain(&hint);
    }
    // In a loop over lines, what is kept is for the next: only who was stopped may have missed it.
    let stopped = limit || matches!(outcome, Outcome::DialogueFailed | Outcome::Cancelled);
    let kept = plan.launch.keeps_stdin && fdio::holds_bytes(fdio::standard(0));
    if stopped && next.is_none() && kept && unread(plan).is_none() {
        output::explain("our input was not passed on to the command (--stdin inherit does that)");
    }
    strays(plan, attempt);
}

/// What to say of an input of ours that retries kept from the command. With rules it is what they type that the command
/// gets; here it gets nothing, and may succeed with that.
pub(super) fn unread(plan: &Plan) -> Option<String> {
    let kept = plan.launch.keeps_stdin && plan.retry.retries > 0 && fdio::given_unread();
    kept.then(|| {
        "our input was not passed on (--retries): --stdin FILE is, anew to each attempt; --stdin inherit gives it to \
         the first, --stdin null to none"
            .to_owned()
    })
}

/// Says why there was no other attempt, where one was announced.
pub(super) fn no_more(plan: &Plan, finished: &Finished) {
    let announced = finished.delays.len() == finished.attempts.len();
    if let (true, Some(last)) = (announced, finished.attempts.last())
        // Whoever cancelled it knows.
        && finished.outcome != Outcome::Cancelled
        && let Some(text) = why(plan, last, finished.outcome)
    {
        output::complain(&text);
    }
}

/// Why heeler ended it, or what failed; nothing for a command that ended by itself.
fn why(plan: &Plan, attempt: &Attempt, outcome: Outcome) -> Option<String> {
    let limit = |limit: Option<Duration>| limit.map_or_else(String::new, human);
    let failure = attempt.dialogue.as_ref().and_then(|record| record.failure.as_ref());
    Some(match outcome {
        Outcome::Exited | Outcome::Signaled | Outcome::Until => return None,
        // It may have failed before, and have been about to stop.
        Outcome::Cancelled => return failure.map(|failure| failure.message.clone()),
        Outcome::Timeout => format!("timed out after {} (--timeout)", limit(plan.limits.timeout)),
        Outcome::Idle => format!("silent for {} (--idle-timeout)", limit(plan.limits.idle)),
        Outcome::TotalTimeout => {
            let flag = if plan.limits.by_ttl { "--ttl" } else { "--total-timeout" };
            format!("out of time after {} ({flag})", limit(plan.limits.total))
        }
        Outcome::OwnerGone => "its owner is gone (--owner)".to_owned(),
        Outcome::OutputLimit => {
            let bytes = plan.limits.max_output.unwrap_or_default();
            format!("more than {bytes} bytes of output (--max-output)")
        }
        Outcome::DialogueFailed => {
            failure.map_or_else(|| "the dialogue failed".to_owned(), |f| failed(f, attempt))
        }
        Outcome::StraysFailed => "processes were left behind (--strays fail)".to_owned(),
        Outcome::SpawnFailed | Outcome::Invalid | Outcome::InternalError => {
            return attempt.error.as_ref().map(|error| error.message.clone());
        }
    })
}

/// What the dialogue missed, and how the command ended where that is why.
fn failed(failure: &Failure, attempt: &Attempt) -> String {
    let by_itself = attempt.signals.is_empty() && attempt.ended.is_some();
    match failure.reason {
        Reason::Eof | Reason::Exit if by_itself => {
            format!("{}; the command {}", failure.message, plain(attempt))
        }
        _ => failure.message.clone(),
    }
}

fn plain(attempt: &Attempt) -> String {
    match attempt.ended {
        Some(Ended::Exited(code)) => format!("exited with {code}"),
        Some(Ended::Signaled { signal, .. }) => format!("was killed by {}", signal_name(signal)),
        None => "failed".to_owned(),
    }
}

/// What helps to understand a failure, as lines.
pub(in crate::command) fn details(failure: &Failure) -> Vec<String> {
    failure::details(&failure.near_misses, &failure.last_lines)
}

fn strays(plan: &Plan, attempt: &Attempt) {
    if !attempt.strays.is_empty() {
        let names: Vec<String> =
            attempt.strays.iter().take(5).map(|m| format!("{} ({})", m.comm, m.pid)).collect();
        let more = attempt.strays.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = names.join(", ");
        output::complain(&match plan.stop.strays {
            Strays::Leave => format!("left running: {names}{more}; `heeler reap` ends them"),
            Strays::Release => format!("released: {names}{more}"),
            Strays::Reap(_) | Strays::Wait | Strays::Fail => {
                format!("ended what the command left behind: {names}{more} (see --strays)")
            }
        });
    }
    for (member, why) in &attempt.unkillable {
        output::complain(&format!("could not end {} ({}): {why}", member.comm, member.pid));
    }
}

/// What may be meant by a command that there is not: the length of time that timeout begins with, a variable as env
/// has it, what only a shell knows, or a whole command line in one word.
pub(super) fn meant(plan: &Plan, attempt: &Attempt) -> Option<String> {
    attempt.error.as_ref().filter(|error| error.kind == "not_found")?;
    let (first, rest) = plan.launch.argv.split_first()?;
    let word = first.to_str()?;
    if looks_like_duration(word) {
        let pty = if plan.launch.mode == Mode::Pty { " (-t is --pty)" } else { "" };
        return Some(format!("a limit is --timeout {word}{pty}"));
    }
    if let Some((name, _)) = word.split_once('=')
        && !name.is_empty()
        && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    {
        return Some(format!("a variable is -e {word}"));
    }
    match word {
        "cd" => {
            return Some("-C DIR starts it in a directory; cd is a shell's own (-c)".to_owned());
        }
        "." | "alias" | "eval" | "exec" | "export" | "set" | "source" | "ulimit" | "umask" => {
            return Some(format!("{word} is a shell's own, which -c starts"));
        }
        _ => {}
    }
    if Path::new(word).extension().is_some_and(|extension| extension == "toml") {
        return Some(format!("a script is --script {word}"));
    }
    let line = rest.is_empty() && word.contains(' ');
    line.then(|| {
        "a whole command line in one word is for a shell: -c; else leave out the quotes".to_owned()
    })
}
