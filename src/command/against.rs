//! `heeler check SCRIPT --against CAST`: a script's dialogue played against a recording.

use std::path::Path;

use serde_json::json;

use super::replay;
use super::run::{describe, tell};
use crate::cli::{self, error::printable};
use crate::config::{Surroundings, script};
use crate::core::outcome::{EXIT_DIALOGUE, EXIT_HEELER};
use crate::expect::failure::human;
use crate::expect::offline::{self, Played};
use crate::expect::program::Program;
use crate::report::output::Io;
use crate::script::compile::Given;
use crate::script::finding::Severity;
use crate::script::source::Source;
use crate::script::{Format, Loaded};
use crate::sys::names;

/// Plays the script, and says how it went.
pub fn run(args: &cli::Check, cast: &Path, io: &mut Io<'_>) -> i32 {
    match against(args, cast) {
        Ok(played) => tell(args, cast, &played, io),
        Err((message, details)) => {
            io.say(message);
            for line in details {
                // There is nobody to tell when stderr is closed.
                let _ = writeln!(io.err, "  {line}");
            }
            EXIT_HEELER
        }
    }
}

type Refused = (String, Vec<String>);

fn against(args: &cli::Check, cast: &Path) -> Result<Played, Refused> {
    let plain = |message: String| (message, Vec::new());
    let [file] = args.scripts.as_slice() else {
        return Err(plain("--against plays one script; there are several".to_owned()));
    };
    if file.as_os_str() == "-" && cast.as_os_str() == "-" {
        return Err(plain("the script and the recording cannot both be stdin".to_owned()));
    }
    // Whether the files are there comes before what is in them.
    let loaded = script::load(file, false, &Surroundings::look())
        .map_err(|error| (error.message, Vec::new()))?;
    let tape = replay::load(cast).map_err(plain)?.tape;
    let (program, secrets) = compiled(&loaded, &args.set, false)?;
    offline::play(program, &tape, secrets).map_err(|error| plain(error.to_string()))
}

/// The dialogue of a script, and the names of its secrets.
fn compiled(
    loaded: &Loaded,
    set: &[(String, String)],
    check: bool,
) -> Result<(Program, Vec<String>), Refused> {
    let given = Given { set, words: None, check, signal: names::signal_number, secrets: &[] };
    let (compiled, findings) = loaded.compile(&given);
    if let Some(error) = script::error(&findings, &loaded.sources) {
        return Err((error.message, error.details));
    }
    let secrets = compiled.settings.secrets.into_iter().map(|(name, _)| name);
    Ok((compiled.program, secrets.collect()))
}

/// The dialogue of a script that was just written; it has to be without errors and warnings.
pub(super) fn compile(text: &str) -> Result<(Program, Vec<String>), String> {
    let source = Source { name: "script".to_owned(), text: text.to_owned() };
    let mut none = |_: &str, _: &str| Err("a learned script includes nothing".to_owned());
    let loaded = Loaded::new(Format::Toml, source, &mut none);
    let given =
        Given { set: &[], words: None, check: true, signal: names::signal_number, secrets: &[] };
    let findings = loaded.check(&given);
    if let Some(finding) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        return Err(finding.headline(&loaded.sources));
    }
    compiled(&loaded, &[], true).map_err(|(message, _)| message)
}

fn tell(args: &cli::Check, cast: &Path, played: &Played, io: &mut Io<'_>) -> i32 {
    let code = if played.failure.is_some() { EXIT_DIALOGUE } else { 0 };
    if args.json {
        let told = json!({
            "script": args.scripts[0].display().to_string(),
            "against": cast.display().to_string(),
            "success": code == 0,
            "failure": played.failure.as_ref().map(describe::failure),
            "dialogue": describe::dialogue(&played.record),
            "typed": {"as_recorded": played.seen, "not_shown": played.unseen},
            "notes": played.notes,
            "duration_ms": u64::try_from(played.at.as_millis()).unwrap_or(u64::MAX),
        });
        let told = writeln!(io.out, "{told}").and_then(|()| io.out.flush());
        return told.map_or_else(|error| super::unprinted(&error, io), |()| code);
    }
    for note in &played.notes {
        io.say(format!("note: {note}"));
    }
    if let Some(failure) = &played.failure {
        io.say(&failure.message);
        for line in tell::details(failure) {
            // There is nobody to tell when stderr is closed.
            let _ = writeln!(io.err, "  {}", crate::report::output::escape(&line));
        }
        return code;
    }
    let unseen = match played.unseen {
        0 => String::new(),
        n => format!(", {n} more that it does not show"),
    };
    let (script, cast) = (args.scripts[0].display().to_string(), cast.display().to_string());
    let line = format!(
        "{} meets {}: {}, {} as recorded{unseen}, after {}\n",
        printable(&script),
        printable(&cast),
        counted(played.record.steps.len(), "step"),
        counted(played.seen, "input"),
        human(played.at),
    );
    if io.out.write_all(line.as_bytes()).is_ok() { code } else { EXIT_HEELER }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
