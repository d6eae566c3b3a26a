//! `heeler check SCRIPT...`.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli;
use crate::config::{Surroundings, script};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output::Io;
use crate::script::Loaded;
use crate::script::compile::Given;
use crate::script::finding::{Finding, Severity};
use crate::sys::names;

/// Checks scripts, and says what it found.
pub fn run(args: &cli::Check, io: &mut Io<'_>) -> i32 {
    if let Some(cast) = &args.against {
        return super::against::run(args, cast, io);
    }
    let around = Surroundings::look();
    let mut worst: Option<Severity> = None;
    let mut told = Vec::new();
    for file in &args.scripts {
        let loaded = match load(file, &around) {
            Ok(loaded) => loaded,
            Err(message) => {
                worst = Some(Severity::Error);
                told.push(json!({"file": file.display().to_string(), "severity": "error", "code": "unreadable", "message": message}));
                if !args.json {
                    io.say(message);
                }
                continue;
            }
        };
        let findings = findings(&loaded, &args.set);
        worst = findings.iter().map(|finding| finding.severity).chain(worst).min();
        if args.json {
            told.extend(findings.iter().map(|finding| as_json(finding, &loaded)));
        } else {
            for finding in &findings {
                io.say(finding.headline(&loaded.sources));
                for line in finding.lines(&loaded.sources) {
                    // There is nobody to tell when stderr is closed.
                    let _ = writeln!(io.err, "  {line}");
                }
            }
        }
    }
    if args.json
        && let Err(error) = writeln!(io.out, "{}", Value::Array(told)).and_then(|()| io.out.flush())
    {
        return super::unprinted(&error, io);
    }
    match worst {
        Some(Severity::Error) => EXIT_HEELER,
        Some(Severity::Warning) if args.strict => 1,
        Some(Severity::Warning) | None => 0,
    }
}

fn load(file: &Path, around: &Surroundings) -> Result<Loaded, String> {
    // As a script it would have a mistake in each line.
    if file.extension().is_some_and(|extension| extension == "cast") {
        let cast = file.display();
        return Err(format!("{cast} is a recording (--against {cast} plays a script against it)"));
    }
    script::load(file, false, around).map_err(|error| error.message)
}

fn findings(loaded: &Loaded, set: &[(String, String)]) -> Vec<Finding> {
    let given = Given { set, words: None, check: true, signal: names::signal_number, secrets: &[] };
    loaded.check(&given)
}

fn as_json(finding: &Finding, loaded: &Loaded) -> Value {
    let source = loaded.sources.get(finding.span.source);
    let at = source.map(|source| source.position(finding.span.start));
    let end = source.map(|source| source.position(finding.span.end));
    let mut object = json!({
        "file": source.map(|source| source.name.as_str()),
        "line": at.map(|at| at.line),
        "column": at.map(|at| at.column),
        "end_line": end.map(|at| at.line),
        "end_column": end.map(|at| at.column),
        "severity": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "code": finding.code,
        "message": finding.message,
    });
    if let Some(hint) = &finding.hint {
        object["hint"] = json!(hint);
    }
    object
}
