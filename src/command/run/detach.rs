//! `run -d`: the run goes on in the background, and its caller learns how its start went. With
//! `--detach-keys` the caller then stays as its first client, on the connection over which it learned that.
//!
//! The plan is made, and everything that can be refused is, before the fork. What is left, the background
//! process tells to its caller: that the command runs, or why it does not. So the caller returns when the
//! exec has succeeded or failed, and not a moment later.

use std::ffi::OsString;
use std::io::{self, Write};
use std::iter;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::track::Tracking;
use crate::command::detached::attach::accompany;
use crate::config::plan::{Plan, Track};
use crate::config::{ConfigError, ErrorKind};
use crate::control::client::Connection;
use crate::control::place;
use crate::control::server::{Run, Server};
use crate::control::session::Setup;
use crate::core::outcome::{EXIT_HEELER, Outcome};
use crate::expect::program::StreamId;
use crate::report::model::Mode;
use crate::report::output;
use crate::runtime::attempt::{Attempt, Observer};
use crate::runtime::launch::Launched;
use crate::runtime::run::Finished;
use crate::sys::cgroup::Leaf;
use crate::sys::pidfd::PidFd;
use crate::sys::signals::Signals;
use crate::sys::spawn::Announce;
use crate::sys::{apart, fdio, socket, start, tty};

/// Where a run is supervised from.
#[derive(Debug)]
pub(super) enum Stage {
    /// By the process that was called.
    Foreground,
    /// In the background.
    Background {
        /// Its caller waits at the other end for how the start went, until it is told.
        caller: Option<OwnedFd>,
        /// The process that it is tied to, until the server has it.
        owner: Option<PidFd>,
    },
}

/// What the caller is told.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    /// The command runs.
    Runs(String),
    /// It does not.
    Failed { message: String, details: Vec<String>, exit_code: i32 },
}

/// Starts the run in the background; gives the exit code, in both processes.
pub(super) fn start(plan: &Plan, line: &[OsString], outer: Option<&str>) -> i32 {
    if let (Some(name), Some(db)) = (&plan.name, &plan.db)
        && plan.track != Track::Off
        && let Some(other) = place::named(db, name).last()
    {
        output::complain(&format!(
            "warning: run {other} is alive and called {name} too; commands then need an id, not the name"
        ));
    }
    let Some(detach) = &plan.detach else {
        return super::supervise(plan, line, outer, Stage::Foreground);
    };
    if detach.keys.is_none() && start::stdout_was_closed() {
        let why =
            "stdout is closed, so its id would be lost (-d); use >/dev/null if nobody needs it";
        return super::refuse(line, &ConfigError::new(ErrorKind::Resource, why));
    }
    let owner = match detach.owner.map(owner).transpose() {
        Ok(owner) => owner,
        Err(error) => return super::refuse(line, &error),
    };
    let cannot = |error: io::Error| {
        let message = format!("cannot start a process in the background: {error}");
        super::refuse(line, &ConfigError::new(ErrorKind::Internal, message))
    };
    if detach.keys.is_some() && !tty::in_foreground(fdio::standard(0)) {
        let why =
            "--detach-keys needs the foreground of our terminal; -d starts it in the background";
        return super::refuse(line, &ConfigError::usage(why));
    }
    let (ours, theirs) = match socket::pair() {
        Ok(pair) => pair,
        Err(error) => return cannot(error),
    };
    let keep: Vec<_> =
        iter::once(theirs.as_fd()).chain(owner.as_ref().map(|owner| owner.as_fd())).collect();
    match apart::fork_background(&keep) {
        Ok(true) => {
            let fds = (theirs.as_raw_fd(), owner.as_ref().map(|owner| owner.as_fd().as_raw_fd()));
            // The copies of what our caller owns are not ours to drop.
            std::mem::forget((ours, theirs, owner));
            output::keep_said();
            let caller = Some(apart::kept(fds.0));
            let owner = fds.1.map(|fd| PidFd::from(apart::kept(fd)));
            super::supervise(plan, line, outer, Stage::Background { caller, owner })
        }
        Ok(false) => {
            drop(theirs);
            let Some(keys) = &detach.keys else {
                return learn(ours.as_fd()).map_or_else(|code| code, |run| tell_id(&run));
            };
            // What asks us to stop from here on is for the run.
            let signals = match Signals::take() {
                Ok(signals) => signals,
                Err(error) => return cannot(error),
            };
            let run = match learn(ours.as_fd()) {
                Ok(run) => run,
                Err(code) => return code,
            };
            let connection = Connection::of(ours);
            accompany(detach.db.clone(), &run, keys.clone(), connection, &signals)
        }
        Err(error) => cannot(error),
    }
}

/// The process `pid`, held from here on: another that gets its number later is not it.
fn owner(pid: i32) -> Result<PidFd, ConfigError> {
    let refused = |why: String| ConfigError::new(ErrorKind::Resource, format!("{why} (--owner)"));
    let found = PidFd::open(pid).and_then(|found| {
        // A zombie has ended.
        let lives = found.as_ref().map(|found| found.exited().map(|exited| !exited)).transpose()?;
        Ok(found.filter(|_| lives == Some(true)))
    });
    found
        .map_err(|error| refused(format!("cannot watch process {pid}: {error}")))?
        .ok_or_else(|| refused(format!("no process {pid} runs, so nothing was started")))
}

/// Prints the id of a run that has begun.
fn tell_id(run: &str) -> i32 {
    // Also without a reader: without its id the run would be lost.
    let Err(error) = writeln!(io::stdout(), "{run}") else { return 0 };
    output::complain(&format!(
        "cannot write its id to stdout: {error}; it runs as {run}; heeler reap {run} ends it"
    ));
    EXIT_HEELER
}

/// Waits for how the start went: the run's id; or the exit code where nothing was started, which is said.
fn learn(pipe: BorrowedFd<'_>) -> Result<String, i32> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // What follows the line is the answer to what nobody has asked yet.
    while !bytes.ends_with(b"\n")
        && let Ok(Some(count @ 1..)) = fdio::read(pipe, &mut buffer)
    {
        bytes.extend_from_slice(&buffer[..count]);
    }
    match serde_json::from_slice(&bytes) {
        Ok(Word::Runs(run)) => Ok(run),
        Ok(Word::Failed { message, details, exit_code }) => {
            output::complain(&message);
            for detail in &details {
                output::explain(detail);
            }
            Err(exit_code)
        }
        Err(_) => {
            output::complain(
                "the process in the background died before it had started the command",
            );
            Err(EXIT_HEELER)
        }
    }
}

impl Stage {
    fn tell(&mut self, word: &Word) {
        let Stage::Background { caller, .. } = self else { return };
        if let (Some(pipe), Ok(mut text)) = (caller.take(), serde_json::to_vec(word)) {
            text.push(b'\n');
            // A caller that is gone does not want to know.
            let _ = fdio::write(pipe.as_fd(), &text);
        }
    }

    /// Says why nothing was started.
    pub(super) fn refuse(&mut self, line: &[OsString], error: &ConfigError) -> i32 {
        self.failed(error);
        super::refuse(line, error)
    }

    /// Tells the caller that heeler failed.
    pub(super) fn failed(&mut self, error: &ConfigError) {
        let (message, details) = (error.message.clone(), error.details.clone());
        self.tell(&Word::Failed { message, details, exit_code: EXIT_HEELER });
    }

    /// The socket and the log of a run in the background, which without its lock file nobody would find.
    pub(super) fn serve(
        &mut self,
        plan: &Plan,
        run: &str,
        warnings: &[String],
    ) -> Result<Option<Server>, ConfigError> {
        let Some(detach) = &plan.detach else { return Ok(None) };
        let refused = |why: String| ConfigError::new(ErrorKind::Resource, why);
        if let Some(warning) = warnings.first() {
            return Err(refused(format!(
                "{warning}, so it would not be found in the background (-d)"
            )));
        }
        let streams = match plan.launch.mode {
            Mode::Pty => vec![StreamId::Terminal],
            Mode::Pipe if plan.output.merge => vec![StreamId::Stdout],
            Mode::Pipe | Mode::Inherit => vec![StreamId::Stdout, StreamId::Stderr],
        };
        let run = Run {
            id: run.to_owned(),
            db: detach.db.clone(),
            log_max: detach.log_max,
            session: Setup {
                streams,
                window: plan.program.window,
                settle: plan.program.settle,
                size: plan.launch.size,
            },
            owner: match self {
                Stage::Background { owner, .. } => owner.take(),
                Stage::Foreground => None,
            },
        };
        let mut server = Server::open(run).map_err(refused)?;
        if let (Stage::Background { caller: Some(caller), .. }, Some(_)) = (self, &detach.keys) {
            let own = fdio::duplicate(caller.as_fd());
            server.adopt(own.map_err(|error| refused(error.to_string()))?);
        }
        Ok(Some(server))
    }
}

/// Tells the caller of a run in the background, beside the record, how the first attempt begins.
pub(super) struct Watched<'a> {
    pub(super) tracking: &'a mut Tracking,
    pub(super) stage: &'a mut Stage,
    pub(super) run: &'a str,
}

impl Observer for Watched<'_> {
    fn announce(&mut self, n: u32, leaf: Option<&Leaf>, ours: bool) -> Option<Announce> {
        self.tracking.announce(n, leaf, ours)
    }

    fn spawned(&mut self, n: u32, launched: &Launched) -> Option<String> {
        let warning = self.tracking.spawned(n, launched);
        self.stage.tell(&Word::Runs(self.run.to_owned()));
        warning
    }

    fn lasting(&mut self, warnings: &mut Vec<String>) -> bool {
        self.tracking.lasting(warnings)
    }

    fn ended(&mut self, attempt: &Attempt, outcome: Outcome) {
        self.tracking.ended(attempt, outcome);
    }
}

/// The run is over and recorded: its clients are told, or its caller that it never began.
pub(super) fn end(
    plan: &Plan,
    server: Server,
    stage: &mut Stage,
    finished: &Finished,
    exit_code: i32,
) {
    let last = finished.attempts.last();
    if let Some(last) = last
        && let Some(error) = &last.error
        && finished.attempts.iter().all(|attempt| attempt.pid.is_none())
    {
        server.abandon();
        let message = error.message.clone();
        let details = super::tell::meant(plan, last).into_iter().collect();
        return stage.tell(&Word::Failed { message, details, exit_code });
    }
    let outcome = serde_json::to_value(finished.outcome).unwrap_or_default();
    server.finish(
        finished.active,
        outcome.as_str().unwrap_or_default(),
        exit_code,
        output::take_said(),
    );
}
