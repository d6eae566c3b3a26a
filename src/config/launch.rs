//! What is started, where, with which input and settings.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::{self, value::StdinFrom};
use crate::expect::program::{Program, View};
use crate::expect::view::emulator::{MOST_CELLS, MOST_SIDE, fits};
use crate::report::model::Mode;
use crate::sys;

use super::environment;
use super::error::{ConfigError, ErrorKind};
use super::plan::{Launch, Stdin};
use super::surroundings::Surroundings;
use super::values;

/// A terminal's size when nobody says.
const SIZE: (u16, u16) = (80, 24);

/// Resolves the launch; the mode is decided already.
pub(super) fn resolve(
    run: &cli::Run,
    (mode, mode_reason): (Mode, &'static str),
    program: &Program,
    around: &Surroundings,
) -> Result<Launch, ConfigError> {
    let flags = &run.launch;
    let size = flags.size.or(around.size.filter(|_| !flags.detach)).unwrap_or(SIZE);
    if flags.size.is_some() && !fits(size) && draws(program) {
        return Err(ConfigError::usage(format!(
            "--view screen draws at most {MOST_CELLS} cells, and {MOST_SIDE} in a row or column; \
             --size {}x{} is more than that",
            size.0, size.1
        )));
    }
    let stdin = stdin(run, program, around)?;
    Ok(Launch {
        argv: argv(run)?,
        mode,
        mode_reason,
        isolate: flags.isolate,
        cwd: directory(flags.cwd.as_deref(), around)?,
        env: environment::compose(run, mode, around)?,
        keeps_stdin: stdin == Stdin::Null && flags.stdin.is_none(),
        stdin,
        size,
        follow_size: flags.size.is_none() && around.size.is_some() && !flags.in_background(),
        no_echo: flags.no_echo,
        nice: flags.nice,
        umask: flags.umask,
        rlimits: flags
            .rlimit
            .iter()
            .map(|(name, limit)| values::rlimit(name, *limit))
            .collect::<Result<_, _>>()?,
        ignore_signals: flags
            .ignore_signal
            .iter()
            .map(|name| values::ignorable(name))
            .collect::<Result<_, _>>()?,
    })
}

fn draws(program: &Program) -> bool {
    program.all_listens().any(|listen| listen.view == View::Screen)
}

fn argv(run: &cli::Run) -> Result<Vec<OsString>, ConfigError> {
    match run.command.as_slice() {
        command if !run.launch.shell => Ok(command.to_vec()),
        [line] => Ok(vec!["sh".into(), "-c".into(), line.clone()]),
        _ => Err(ConfigError::usage(
            "--shell takes COMMAND as one string; quote it as a whole, or leave out --shell",
        )),
    }
}

fn directory(flag: Option<&Path>, around: &Surroundings) -> Result<PathBuf, ConfigError> {
    // Where ours was removed, the command starts there nevertheless, as it would without us.
    let ours = around.cwd.clone().unwrap_or_else(|| PathBuf::from("."));
    let Some(flag) = flag else { return Ok(ours) };
    let dir = ours.join(flag);
    let shown = flag.display();
    let wrong = |why: String| {
        let message = format!("cannot start in '{shown}' (--cwd): {why}");
        ConfigError::new(ErrorKind::BadDirectory, message)
    };
    match std::fs::metadata(&dir) {
        Ok(found) if found.is_dir() => Ok(dir),
        Ok(_) => Err(wrong("it is not a directory".to_owned())),
        Err(error) => Err(wrong(reason(&error))),
    }
}

/// An error of the system without the number that Rust adds.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_lowercase()
}

fn stdin(run: &cli::Run, program: &Program, around: &Surroundings) -> Result<Stdin, ConfigError> {
    let flags = &run.launch;
    if let Some(text) = &flags.input {
        return Ok(Stdin::Bytes(text.as_encoded_bytes().to_vec()));
    }
    match &flags.stdin {
        Some(StdinFrom::Inherit) => Ok(Stdin::Inherit),
        Some(StdinFrom::Null) => Ok(Stdin::Null),
        Some(StdinFrom::File(path)) => file(path, around).map(Stdin::File),
        None if flags.in_background() => Ok(Stdin::Open),
        None => {
            let retries = run.retries.retries.unwrap_or(0) > 0;
            let answers =
                !(program.start.is_empty() && program.steps.is_empty() && program.rules.is_empty());
            let null = retries || (answers && !around.terminals[0]);
            Ok(if null { Stdin::Null } else { Stdin::Inherit })
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the configuration looks at what it names")]
fn file(path: &Path, around: &Surroundings) -> Result<PathBuf, ConfigError> {
    let shown = path.display();
    let full = around.absolute(path);
    let wrong = |why: String| {
        let message = format!(
            "cannot read input from '{shown}' (--stdin): {why}; it is inherit, null or a file"
        );
        ConfigError::new(ErrorKind::Resource, message)
    };
    match std::fs::metadata(&full) {
        Ok(found) if found.is_dir() => Err(wrong("it is a directory".to_owned())),
        // Opening anything else may wait for another, or mean something to it.
        Ok(found) if found.is_file() => match std::fs::File::open(&full) {
            Ok(_) => Ok(full),
            Err(error) => Err(wrong(reason(&error))),
        },
        Ok(_) => Ok(full),
        Err(error) => Err(wrong(reason(&error))),
    }
}

/// Whether a descriptor that we inherited can take the report.
pub(super) fn check_descriptor(fd: i32) -> Result<(), ConfigError> {
    let why = match sys::descriptor::is_writable(fd) {
        Some(true) => return Ok(()),
        Some(false) => "it is open for reading only",
        None => "it is not open",
    };
    let message =
        format!("cannot write the report to descriptor {fd} (--report-fd): {why}; try {fd}>FILE");
    Err(ConfigError::new(ErrorKind::Report, message))
}
