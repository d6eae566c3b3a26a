//! `heeler learn -o SCRIPT -- COMMAND`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use crate::cli::{self, Command, error::printable};
use crate::config::plan::{Plan, Track};
use crate::config::{Surroundings, resolve};
use crate::core::outcome::Outcome;
use crate::core::record::{COOKIE, cookie};
use crate::expect::offline;
use crate::expect::tape::{Session, Tape, What};
use crate::report::cast::{Encoder, Header, write};
use crate::report::output;
use crate::runtime::attempt::{Attempt, Observer};
use crate::runtime::launch::Launched;
use crate::runtime::run::{Finished, Names, execute};
use crate::script::learn::{About, Learned, learn};
use crate::store::id::new_run_id;
use crate::sys::spawn::Announce;
use crate::sys::{cgroup::Leaf, fdio, fs, probe, tty};

/// Runs the command on a terminal, and writes what a person did there as a script.
pub fn run(args: &cli::Learn) -> i32 {
    for (path, flag) in [(Some(&args.script), "-o"), (args.cast.as_ref(), "--cast")] {
        if let Some(path) = path.filter(|path| !args.force && path.exists()) {
            let shown = shown(path);
            return super::fail(&format!("{shown} exists already ({flag}); --force replaces it"));
        }
        if let Some(path) = path
            && let Err(error) = fs::may_make(path)
        {
            return super::fail(&format!("cannot write {} ({flag}): {error}", shown(path)));
        }
    }
    for (fd, name) in [(0, "stdin"), (1, "stdout")] {
        if !tty::is_terminal(fdio::standard(fd)) {
            return super::fail(&format!(
                "learn watches a person at a terminal, and {name} is none"
            ));
        }
    }
    match watch(args) {
        Ok(finished) => told(args, finished),
        Err(message) => super::fail(&message),
    }
}

/// Runs the command.
fn watch(args: &cli::Learn) -> Result<Finished, String> {
    let around = Surroundings::look();
    let plan = plan(&args.command, &around)?;
    let run = new_run_id().map_err(|error| format!("cannot make a run id: {error}"))?;
    let outer = around.var(COOKIE).and_then(|value| value.to_str());
    let names = Names { cookie: cookie(outer, &run), run };
    output::complain(&format!(
        "learning: do it once, and end the command as usual; then {} is written",
        shown(&args.script)
    ));
    output::hold_nothing_up();
    execute(&plan, names, &mut Nobody, None, |_, _, _| {}).map_err(|error| error.to_string())
}

/// As `heeler run --pty -- COMMAND` would, with the session kept.
fn plan(command: &[OsString], around: &Surroundings) -> Result<Plan, String> {
    let line = ["heeler", "run", "--pty", "--track", "off", "--"].map(OsString::from);
    let line: Vec<OsString> = line.into_iter().chain(command.iter().cloned()).collect();
    let parsed = cli::parse(&line).map_err(|error| cli::error::one_line(&error, &line))?;
    let Command::Run(run) = parsed.command else { return Err("no command".to_owned()) };
    let mut plan = resolve(&run, around).map_err(|error| error.message)?;
    debug_assert_eq!(plan.track, Track::Off);
    plan.output.keep_session = true;
    Ok(plan)
}

/// Writes what was learned.
fn told(args: &cli::Learn, finished: Finished) -> i32 {
    for warning in &finished.warnings {
        output::complain(&format!("warning: {warning}"));
    }
    let last = finished.attempts.last();
    if let Some(error) = last.and_then(|last| last.error.as_ref()) {
        output::complain(&error.message);
        return error.exit_code;
    }
    let started = finished.started_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let Some(session) = finished.session else { return super::fail("nothing was kept") };
    if finished.outcome == Outcome::Cancelled {
        output::complain("the command was stopped from outside; the script ends where it was");
    }
    let (learned, doubt) = best(args, &session);
    if let Err(message) = save(args, &learned, started) {
        return super::fail(&message);
    }
    for note in &learned.notes {
        output::complain(&format!("warning: {note}"));
    }
    let secrets = match learned.secrets.len() {
        0 => String::new(),
        n => format!(", {n} of them asked for as a secret"),
    };
    let steps = match learned.steps {
        1 => "1 step".to_owned(),
        n => format!("{n} steps"),
    };
    output::complain(&format!("wrote {}: {steps}{secrets}", shown(&args.script)));
    if let Some(why) = doubt {
        output::complain(&format!(
            "warning: the script does not meet its own recording, look at it: {why}"
        ));
    }
    0
}

/// The script, and why it does not meet its own recording. Where the simple one does not, one that waits
/// for whole lines may.
fn best(args: &cli::Learn, session: &Session) -> (Learned, Option<String>) {
    let words: Vec<String> =
        args.command.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let script = shown(&args.script);
    let recording = args.cast.as_deref().map(shown);
    let host = probe::hostname();
    let about = About {
        argv: &words,
        script: &script,
        cast: recording.as_deref(),
        host: &host,
        exact: false,
    };
    let first = learn(session, &about);
    let Some(why) = verdict(&first) else { return (first, None) };
    let second = learn(session, &About { exact: true, ..about });
    match verdict(&second) {
        None => (second, None),
        Some(_) => (first, Some(why)),
    }
}

/// Why a script does not meet its recording.
fn verdict(learned: &Learned) -> Option<String> {
    match super::against::compile(&learned.script) {
        Ok((program, secrets)) => match offline::play(program, &learned.tape, secrets) {
            Ok(played) => played.failure.map(|failure| failure.message),
            Err(error) => Some(error.to_string()),
        },
        Err(message) => Some(message),
    }
}

fn save(args: &cli::Learn, learned: &Learned, started: Duration) -> Result<(), String> {
    let write = |path: &Path, mode, bytes: &[u8]| {
        create(path, mode, args.force)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(|error| format!("cannot write {}: {error}", shown(path)))
    };
    if let Some(path) = &args.cast {
        write(path, 0o600, &cast(&learned.tape, started, &learned.command))?;
    }
    write(&args.script, 0o777, learned.script.as_bytes())
}

/// A new file; an old one is replaced only by force.
#[expect(clippy::disallowed_methods, reason = "the files that were asked for")]
fn create(path: &Path, mode: u32, force: bool) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(mode);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let file = options.open(path)?;
    // The umask may leave its owner less than it takes to open it again.
    let mode = file.metadata()?.mode();
    if mode & 0o600 != 0o600 {
        file.set_permissions(PermissionsExt::from_mode(mode | 0o600))?;
    }
    Ok(file)
}

/// The recording as a file.
fn cast(tape: &Tape, started: Duration, command: &str) -> Vec<u8> {
    let header = Header {
        size: tape.size,
        started: started.as_secs(),
        command,
        term: "",
        pipe: !tape.terminal,
    };
    let mut cast = header.line();
    let (mut output, mut input) = (Encoder::output(!tape.terminal), Encoder::input());
    for fact in &tape.facts {
        match &fact.what {
            What::Output(bytes) => cast.extend(output.push(fact.at, bytes)),
            What::Input(bytes) => cast.extend(input.push(fact.at, bytes)),
            What::Resize(columns, rows) => {
                cast.extend(write::resize(fact.at, (*columns, *rows)));
            }
            What::Marker(label) => cast.extend(write::marker(fact.at, label)),
            What::Exit(code) => {
                cast.extend(output.finish(fact.at));
                cast.extend(write::exit(fact.at, *code));
            }
        }
    }
    cast.extend(output.finish(tape.duration()));
    cast
}

fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// Nobody wants to know of the attempt.
struct Nobody;

impl Observer for Nobody {
    fn announce(&mut self, _: u32, _: Option<&Leaf>, _: bool) -> Option<Announce> {
        None
    }

    fn spawned(&mut self, _: u32, _: &Launched) -> Option<String> {
        None
    }

    fn lasting(&mut self) -> Option<String> {
        None
    }

    fn ended(&mut self, _: &Attempt, _: Outcome) {}
}
