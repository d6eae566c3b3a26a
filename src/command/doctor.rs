//! `heeler doctor`: what this machine allows, found by trying, and what to do where it does not.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::tracked::{default_db, print_json};
use crate::core::outcome::EXIT_HEELER;
use crate::report::output::{Io, escape};
use crate::store::{Store, StoreError, place};
use crate::sys::pidfd::{PidFd, can_signal_groups};
use crate::sys::{self, probe};

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct DoctorArgs {
    /// `--json`.
    pub json: bool,
    /// `--db`.
    pub db: Option<PathBuf>,
}

impl From<crate::cli::Doctor> for DoctorArgs {
    fn from(args: crate::cli::Doctor) -> DoctorArgs {
        DoctorArgs { json: args.json, db: args.db.db }
    }
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It works.
    Ok,
    /// It does not, and a run does without.
    Warn,
    /// It does not, and a run needs it.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was tried.
    pub check: &'static str,
    /// How it went.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What `doctor --json` prints.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// heeler's own version.
    pub heeler: &'static str,
    /// The kernel's release.
    pub kernel: String,
    /// The checks, always the same ones in the same order.
    pub checks: Vec<Check>,
}

/// Fewer descriptors than this and a dozen streams, sockets and pidfds do not fit.
const ENOUGH_DESCRIPTORS: u64 = 256;
/// Less room than this and the next runs may not fit into the log.
const ENOUGH_ROOM: u64 = 16 << 20;

/// Tries everything and prints what was found; 125 when something that a run needs fails.
pub fn run(args: &DoctorArgs, io: &mut Io<'_>) -> i32 {
    let db = args.db.clone().or_else(default_db);
    let diagnosis = Diagnosis {
        heeler: env!("CARGO_PKG_VERSION"),
        kernel: probe::kernel(),
        checks: vec![
            pty(),
            pidfd(),
            pidfd_group(),
            pidfd_inode(),
            subreaper(),
            cgroup(),
            database(db.as_deref()),
            terminal(),
            descriptors(),
            processes(),
            docker(),
        ],
    };
    let failed = diagnosis.checks.iter().any(|check| check.status == Status::Fail);
    let printed = if args.json { print_json(io, &diagnosis) } else { print_text(io, &diagnosis) };
    if let Err(error) = printed {
        io.say(format_args!("cannot print the diagnosis: {error}"));
        return EXIT_HEELER;
    }
    if failed { EXIT_HEELER } else { 0 }
}

fn print_text(io: &mut Io<'_>, diagnosis: &Diagnosis) -> io::Result<()> {
    writeln!(io.out, "heeler {} on kernel {}", diagnosis.heeler, escape(&diagnosis.kernel))?;
    for check in &diagnosis.checks {
        let (word, colour) = match check.status {
            Status::Ok => ("ok  ", "32"),
            Status::Warn => ("warn", "33"),
            Status::Fail => ("FAIL", "31"),
        };
        let word =
            if io.style.colour { format!("\x1b[{colour}m{word}\x1b[0m") } else { word.to_owned() };
        writeln!(io.out, "{word}  {:<18}{}", check.check, escape(&check.detail))?;
        if let Some(fix) = &check.fix {
            writeln!(io.out, "      {:<18}-> {}", "", escape(fix))?;
        }
    }
    Ok(())
}

impl Check {
    fn ok(check: &'static str, detail: impl Into<String>) -> Check {
        Check { check, status: Status::Ok, detail: detail.into(), fix: None }
    }

    fn warn(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check { check, status: Status::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }

    fn fail(check: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Check {
        Check { check, status: Status::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }
}

fn pty() -> Check {
    match probe::pty() {
        Ok(name) => Check::ok("terminals (PTY)", format!("opened {name}")),
        Err(error) => Check::fail(
            "terminals (PTY)",
            format!("cannot open one: {error}"),
            "mount devpts on /dev/pts with ptmxmode=0666, or raise /proc/sys/kernel/pty/max; --pipe runs need none",
        ),
    }
}

fn pidfd() -> Check {
    match PidFd::open(sys::ids::pid()) {
        Ok(Some(_)) => Check::ok("pidfd", "signals reach exactly the process that is meant"),
        Ok(None) => Check::fail("pidfd", "our own process was not found", "mount /proc"),
        Err(error) => Check::fail(
            "pidfd",
            format!("cannot open one: {error}"),
            "Linux 5.3 or newer; in a sandbox, allow pidfd_open and pidfd_send_signal",
        ),
    }
}

fn pidfd_group() -> Check {
    if can_signal_groups() {
        Check::ok("group signals", "a group is signalled through its leader's pidfd")
    } else {
        Check::warn(
            "group signals",
            "the kernel has none through a pidfd; the leader is kept as a zombie instead",
            "Linux 6.9 or newer",
        )
    }
}

fn pidfd_inode() -> Check {
    match PidFd::open(sys::ids::pid()).ok().flatten().and_then(|fd| fd.inode()) {
        Some(_) => Check::ok("process identity", "start time and pidfs inode"),
        None => Check::warn(
            "process identity",
            "start time only (10 ms)",
            "Linux 6.9 or newer; nothing is lost without it",
        ),
    }
}

fn subreaper() -> Check {
    match probe::subreaper() {
        Ok(()) => Check::ok("subreaper", "members that flee their session are still ours"),
        Err(error) => Check::warn(
            "subreaper",
            format!("not available: {error}"),
            "Linux 3.4 or newer; without it only groups and cookies hold a tree",
        ),
    }
}

fn cgroup() -> Check {
    match probe::cgroup_leaf() {
        Ok(own) => Check::ok("cgroup v2", format!("leaves can be made in {}", own.display())),
        Err(why) => Check::warn(
            "cgroup v2",
            format!("{why}; the subreaper holds the tree instead"),
            "run in a delegated cgroup (systemd-run --user --scope -p Delegate=yes), or mount cgroup2 writable",
        ),
    }
}

fn database(db: Option<&Path>) -> Check {
    const NAME: &str = "tracking";
    const ELSEWHERE: &str = "--db PATH or HEELER_DB names another place; runs go on untracked";
    let Some(db) = db else {
        return Check::warn(NAME, StoreError::NoPlace.to_string(), "set HOME, or HEELER_DB");
    };
    match try_database(db) {
        Err(error) => Check::warn(NAME, error.to_string(), ELSEWHERE),
        Ok((journal, remote, free)) => {
            let detail = match remote {
                None => format!("{} (journal: {journal})", db.display()),
                Some(kind) => {
                    format!("{} (on {kind}, so journal: {journal}, slower)", db.display())
                }
            };
            if free < ENOUGH_ROOM {
                let room = format!("{detail}, {} KiB free", free / 1024);
                return Check::warn(NAME, room, "free some space there");
            }
            Check::ok(NAME, detail)
        }
    }
}

fn try_database(db: &Path) -> Result<(String, Option<&'static str>, u64), StoreError> {
    let store = Store::open(db, Duration::from_secs(5))?;
    store.check_integrity()?;
    store.try_write()?;
    let runs = place::runs_dir(db);
    let at = |source| StoreError::Place { path: runs.clone(), source };
    place::private_dir(&runs).map_err(at)?;
    let remote = sys::fs::remote(&runs).map_err(at)?;
    let free = sys::fs::free_bytes(&runs).map_err(at)?;
    Ok((store.journal_mode()?, remote, free))
}

#[expect(clippy::disallowed_methods, reason = "commands read the environment")]
fn terminal() -> Check {
    let names = ["stdin", "stdout", "stderr"];
    let ours: Vec<&str> = names
        .into_iter()
        .zip(probe::terminals())
        .filter_map(|(name, terminal)| terminal.then_some(name))
        .collect();
    if ours.is_empty() {
        return Check::ok("our terminal", "none; a run without --pty uses pipes");
    }
    let term = std::env::var_os("TERM").unwrap_or_default();
    let size = crossterm::terminal::size()
        .map(|(columns, rows)| format!(", {columns}x{rows}"))
        .unwrap_or_default();
    let detail = format!("{} (TERM={}{size})", ours.join(", "), term.to_string_lossy());
    if term.is_empty() {
        return Check::warn("our terminal", detail, "set TERM, or give runs --term NAME");
    }
    Check::ok("our terminal", detail)
}

fn limit((soft, hard): probe::Limit) -> String {
    let word = |value: Option<u64>| value.map_or("unlimited".to_owned(), |v| v.to_string());
    format!("{} (hard limit {})", word(soft), word(hard))
}

fn descriptors() -> Check {
    let found = probe::descriptors();
    if found.0.is_some_and(|soft| soft < ENOUGH_DESCRIPTORS) {
        return Check::warn("descriptors", limit(found), "ulimit -n 1024");
    }
    Check::ok("descriptors", limit(found))
}

fn processes() -> Check {
    Check::ok("processes", limit(probe::processes()))
}

/// Whether a container engine can be reached. Only a local socket is tried: a connection to another machine
/// can take its time.
#[expect(clippy::disallowed_methods, reason = "commands read the environment")]
fn docker() -> Check {
    const NAME: &str = "containers";
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let path = match host.strip_prefix("unix://") {
        Some(path) => PathBuf::from(path),
        None if host.is_empty() => PathBuf::from("/var/run/docker.sock"),
        None => return Check::ok(NAME, format!("DOCKER_HOST is {host} (not tried)")),
    };
    match probe::socket(&path) {
        Ok(()) => Check::ok(NAME, format!("an engine answers at {}", path.display())),
        // No command of this version needs one.
        Err(error) => Check::ok(NAME, format!("none is needed; {}: {error}", path.display())),
    }
}
