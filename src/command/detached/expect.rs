//! `heeler expect RUN`: waits for output, and prints what matched.

use serde_json::json;

use super::{DEFAULT_LIMIT, Found, Limit, Living, failed, find, record, unexpected};
use crate::cli::detached::Expect;
use crate::cli::value;
use crate::command::tracked::print_json;
use crate::control::client::{Failed, after};
use crate::control::protocol::{self, Ended, Matched, On, Reply, Request, Stream, View};
use crate::control::session::Answer;
use crate::core::outcome::{EXIT_DIALOGUE, EXIT_HEELER, EXIT_LIMIT};
use crate::expect::pattern::Pattern;
use crate::report::output::Io;

/// Waits; 0 when it matched, 124 at the limit, 122 when the run ended first, 125.
pub fn run(args: &Expect, io: &mut Io<'_>) -> i32 {
    let reply = match ask(args, io) {
        Ok(reply) => reply,
        Err(code) => return code,
    };
    match reply {
        Reply::Matched(matched) => tell(args, &matched, io),
        Reply::Limit { offset, last_lines } => {
            let value = json!({ "outcome": "limit", "offset": offset, "last_lines": last_lines });
            missed(args, "none of it came in time (--timeout)", &value, &last_lines, io);
            EXIT_LIMIT
        }
        Reply::Ended(Ended { exit_code, outcome, offset, last_lines, .. }) => {
            let value = json!({
                "outcome": "ended",
                "offset": offset,
                "last_lines": last_lines,
                "run": { "exit_code": exit_code, "outcome": outcome },
            });
            missed(args, "the run ended before any of it came", &value, &last_lines, io);
            EXIT_DIALOGUE
        }
        other => unexpected(&other, io),
    }
}

fn ask(args: &Expect, io: &mut Io<'_>) -> Result<Reply, i32> {
    if let Some(group) = args.print.as_deref()
        && !matches!(group, "label" | "before" | "offset")
    {
        // A pattern that is none is told by whoever is asked.
        let parsed: Result<Vec<_>, _> =
            args.on.iter().map(|(_, pattern)| Pattern::parse(pattern)).collect();
        if parsed.is_ok_and(|patterns| !patterns.iter().any(|pattern| pattern.has_group(group))) {
            io.say(format_args!("no pattern (--on) has a group '{group}' (--print)"));
            return Err(EXIT_HEELER);
        }
    }
    let limit = Limit::new(args.timeout, Some(DEFAULT_LIMIT));
    let expect = wanted(args, limit);
    match find(&args.target, io)? {
        Found::Living(Living { db, run, mut connection }) => {
            match limit.ask(&mut connection, &Request::Expect(expect.clone())) {
                Ok(reply) => Ok(reply),
                // It ended while it was asked: what it wrote last is kept.
                Err(Failed::Gone) => match record(db, &run, io)? {
                    Found::Record(over) => over.expect(&expect, io),
                    Found::Living(_) => Err(EXIT_HEELER),
                },
                Err(error) => {
                    let code = failed(&run, &error, io);
                    if code == EXIT_LIMIT && args.print.is_none() {
                        let _ = print_json(io, &json!({ "outcome": "limit" }));
                    }
                    Err(code)
                }
            }
        }
        Found::Record(over) => over.expect(&expect, io),
    }
}

impl super::Over {
    fn expect(&self, expect: &protocol::Expect, io: &mut Io<'_>) -> Result<Reply, i32> {
        let record = &self.subject.record;
        let run = &record.facts.run;
        let rest = match after::kept(&self.db, run) {
            Ok(Some(rest)) => rest,
            Ok(None) => return Err(self.complain(io)),
            Err(error) => {
                io.say(format_args!("cannot read what is left of run {run}: {error}"));
                return Err(EXIT_HEELER);
            }
        };
        match after::expect(&self.db, run, &rest, expect) {
            Ok(Answer::Matched(matched)) => Ok(Reply::Matched(matched)),
            Ok(Answer::Limit(last_lines) | Answer::Ended(last_lines)) => Ok(Reply::Ended(Ended {
                exit_code: record.end.as_ref().and_then(|end| end.exit_code),
                outcome: record.end.as_ref().and_then(|end| end.outcome.clone()),
                offset: rest.offset,
                last_lines,
                ..Ended::default()
            })),
            Err(refused) => {
                io.say(refused);
                Err(EXIT_HEELER)
            }
        }
    }
}

fn wanted(args: &Expect, limit: Limit) -> protocol::Expect {
    let view = match args.view {
        None | Some(value::View::Text) => View::Text,
        Some(value::View::Raw) => View::Raw,
        Some(value::View::Screen) => View::Screen,
    };
    let stream = args.stream.map(|stream| match stream {
        value::Stream::Stdout => Stream::Stdout,
        value::Stream::Stderr => Stream::Stderr,
    });
    let on = |(label, pattern): &(String, String)| On {
        label: label.clone(),
        pattern: pattern.clone(),
        view,
        stream,
    };
    protocol::Expect {
        on: args.on.iter().map(on).collect(),
        since: args.since,
        peek: args.peek,
        limit_ms: limit.ms(),
    }
}

/// Prints a match, or the part of it that is wanted.
fn tell(args: &Expect, matched: &Matched, io: &mut Io<'_>) -> i32 {
    let printed = match args.print.as_deref() {
        None => {
            let mut value = json!({ "outcome": "matched" });
            if let (Some(value), Ok(serde_json::Value::Object(more))) =
                (value.as_object_mut(), serde_json::to_value(matched))
            {
                value.extend(more);
            }
            print_json(io, &value)
        }
        Some("label") => writeln!(io.out, "{}", matched.label),
        Some("before") => writeln!(io.out, "{}", matched.before),
        Some("offset") => writeln!(io.out, "{}", matched.offset),
        Some(group) => {
            let Some(text) = matched.captures.get(group) else {
                io.say(format_args!("the match has no group '{group}' (--print)"));
                return EXIT_HEELER;
            };
            writeln!(io.out, "{}", text.as_deref().unwrap_or_default())
        }
    };
    match printed {
        Ok(()) => 0,
        Err(error) => {
            io.say(format_args!("cannot print the match: {error}"));
            EXIT_HEELER
        }
    }
}

fn missed(
    args: &Expect,
    why: &str,
    value: &serde_json::Value,
    last_lines: &[String],
    io: &mut Io<'_>,
) {
    if args.print.is_none() {
        // Nobody to tell when stdout is closed; the exit code says it too.
        let _ = print_json(io, value);
        return;
    }
    io.say(why);
    if !last_lines.is_empty() {
        let _ = writeln!(io.err, "  the last lines were:");
    }
    for line in last_lines {
        let _ = writeln!(io.err, "    | {}", crate::report::output::escape(line));
    }
}
