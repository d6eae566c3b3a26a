//! Where output goes: places that can be written to, each for one thing.

use std::path::{Path, PathBuf};

use crate::cli;
use crate::report::model::Mode;
use crate::sys::{fs, start};

use super::error::{ConfigError, ErrorKind};
use super::launch::{check_descriptor, reason};
use super::plan::{Output, ReportTo};
use super::report_target;
use super::surroundings::Surroundings;

/// How much of a stream's end goes into the report.
const TAIL: u64 = 4096;

/// The report's place.
pub(super) fn report(
    run: &cli::Run,
    around: &Surroundings,
) -> Result<Option<ReportTo>, ConfigError> {
    if let Some(fd) = run.output.report_fd {
        let Some(target) = report_target::descriptor(fd) else {
            return Err(ConfigError::usage(format!(
                "--report-fd {fd}: the report needs a descriptor to write to, 1 or higher"
            )));
        };
        check_descriptor(fd)?;
        return Ok(Some(target));
    }
    match &run.output.report {
        None => Ok(None),
        Some(path) if path.as_os_str() == "-" && start::stdout_was_closed() => {
            let why = "cannot write the report to stdout (--report -): it is closed";
            Err(ConfigError::new(ErrorKind::Report, why))
        }
        Some(path) if path.as_os_str() == "-" => Ok(Some(ReportTo::Stdout)),
        Some(path) => replaceable(path, around).map(|path| Some(ReportTo::File(path))),
    }
}

/// A place for a file that is replaced at the end, or written to where that is all that may be done. What fails
/// then is only a warning, and whoever reads the report finds none, or another run's.
fn replaceable(path: &Path, around: &Surroundings) -> Result<PathBuf, ConfigError> {
    let wrong = |error: ConfigError| ConfigError { kind: ErrorKind::Report, ..error };
    let full = place("--report", path, around).map_err(wrong)?;
    let parent = full.parent().unwrap_or(Path::new("/"));
    match fs::may_write(parent) {
        Err(error) if fs::may_write(&full).is_err() => {
            let (path, why) = (path.display(), reason(&error));
            let message = format!("cannot write to '{path}' (--report): its directory: {why}");
            Err(ConfigError::new(ErrorKind::Report, message))
        }
        _ => Ok(full),
    }
}

/// Everything else.
pub(super) fn resolve(
    run: &cli::Run,
    mode: Mode,
    report: Option<ReportTo>,
    around: &Surroundings,
) -> Result<Output, ConfigError> {
    let flags = &run.output;
    let file = |flag, path: &Option<PathBuf>| {
        path.as_deref().map(|path| place(flag, path, around)).transpose()
    };
    let events = match &flags.events {
        Some(path) if path.as_os_str() == "-" => Some(path.clone()),
        other => file("--events", other)?,
    };
    let output = Output {
        // In the background there is nobody to pass it to but clients.
        quiet: flags.quiet || run.launch.in_background(),
        // A terminal that auto chose has merged them already.
        merge: flags.merge && mode == Mode::Pipe,
        stdout: file("--stdout", &flags.stdout)?,
        stderr: file("--stderr", &flags.stderr)?,
        combined: file("--output", &flags.output)?,
        timestamps: flags.timestamps,
        report,
        events,
        record: file("--record", &flags.record)?,
        record_input: flags.record_input,
        keep_session: false,
        tail: usize::try_from(flags.tail.unwrap_or(TAIL)).unwrap_or(usize::MAX),
    };
    each_its_own(&output)?;
    Ok(output)
}

/// A file that can be made or replaced, as far as can be seen without touching it.
fn place(flag: &str, path: &Path, around: &Surroundings) -> Result<PathBuf, ConfigError> {
    let shown = path.display();
    let full = around.absolute(path);
    let wrong = |why: &str| {
        let message = format!("cannot write to '{shown}' ({flag}): {why}");
        ConfigError::new(ErrorKind::Resource, message)
    };
    if path.as_os_str().is_empty() {
        return Err(wrong("it is no file name"));
    }
    if full.is_dir() {
        return Err(wrong("it is a directory"));
    }
    let parent = full.parent().unwrap_or(Path::new("/"));
    match std::fs::metadata(parent) {
        Ok(found) if found.is_dir() => Ok(full),
        Ok(_) => Err(wrong("what is before the last / is not a directory")),
        Err(error) => Err(wrong(&format!("its directory: {}", reason(&error)))),
    }
}

/// Two writers of one file would cut each other's bytes.
fn each_its_own(output: &Output) -> Result<(), ConfigError> {
    let report = match &output.report {
        Some(ReportTo::File(path)) => Some(path),
        _ => None,
    };
    let files = [
        ("--stdout", output.stdout.as_ref()),
        ("--stderr", output.stderr.as_ref()),
        ("--output", output.combined.as_ref()),
        ("--report", report),
        ("--events", output.events.as_ref()),
        ("--record", output.record.as_ref()),
    ];
    for (at, (flag, path)) in files.iter().enumerate() {
        let Some(path) = path else { continue };
        let same = files[at + 1..].iter().find(|(_, other)| *other == Some(*path));
        // A device such as the null device takes any number of writers.
        if let Some((other, _)) = same
            && !path.starts_with("/dev")
        {
            let shown = path.display();
            return Err(ConfigError::usage(format!(
                "{flag} and {other} cannot both write '{shown}'; --output copies stdout and stderr together"
            )));
        }
    }
    Ok(())
}
