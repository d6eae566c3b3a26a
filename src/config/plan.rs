//! The resolved plan of a run: everything decided, nothing left to look up. What `--dry-run` prints.
//!
//! Made by [`super`], read by the runtime. Values here are checked: a directory exists, a pattern compiles,
//! a secret has been read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::core::ladder::Ladder;
use crate::core::retry::RetryPolicy;
use crate::expect::program::Program;
use crate::report::model::Mode;

/// One run, resolved.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is started.
    pub launch: Launch,
    /// Where its output goes.
    pub output: Output,
    /// What is answered; empty when no dialogue flag or script was given.
    pub program: Program,
    /// The secrets the program names. Their values live here alone, and are wiped on drop.
    pub secrets: BTreeMap<String, Secret>,
    /// The variables that they came from: nobody needs them any more.
    pub secret_variables: Vec<String>,
    /// What holds it to limits.
    pub limits: Limits,
    /// How it is stopped.
    pub stop: Stop,
    /// Whether and when it is tried again.
    pub retry: RetryPolicy,
    /// Exit codes that count as success: inclusive ranges. Default: 0.
    pub ok_exit: Vec<(i32, i32)>,
    /// Whether the run is recorded in the database.
    pub track: Track,
    /// `--db`, `HEELER_DB`, or the default place; absent when no home can be found.
    pub db: Option<PathBuf>,
    /// `-d`, `--detach-keys`: it runs in the background, and clients talk to it.
    pub detach: Option<Detach>,
    /// For `list`, `reap` and `inspect`.
    pub name: Option<String>,
    /// For `list`, `reap` and `inspect`.
    pub tags: BTreeMap<String, String>,
}

impl Plan {
    /// Whether an exit code counts as success.
    pub fn is_ok(&self, code: i32) -> bool {
        self.ok_exit.iter().any(|(low, high)| (*low..=*high).contains(&code))
    }
}

/// What is started, and how it is connected.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program and its arguments; with `--shell` already `sh -c COMMAND`.
    pub argv: Vec<OsString>,
    /// How it is connected.
    pub mode: Mode,
    /// Why, in a word for `--dry-run`: `flag`, or what auto saw.
    pub mode_reason: &'static str,
    /// With inherit: a process group of its own, without the terminal.
    pub isolate: bool,
    /// An existing directory, absolute; ours when not given.
    pub cwd: PathBuf,
    /// The whole environment of the child, `HEELER_RUN` and `HEELER_ATTEMPT` not yet in it.
    pub env: Vec<(OsString, OsString)>,
    /// Where its input comes from.
    pub stdin: Stdin,
    /// Ours is not passed on though nobody said so: with rules or retries, see `--stdin`.
    pub keeps_stdin: bool,
    /// Terminal size (columns, rows), PTY mode.
    pub size: (u16, u16),
    /// Whether the size follows our own terminal (no `--size`, and we have one).
    pub follow_size: bool,
    /// `--no-echo`: the terminal starts with echo off.
    pub no_echo: bool,
    /// `--nice`: -20 to 19.
    pub nice: Option<i32>,
    /// `--umask`.
    pub umask: Option<u32>,
    /// `--rlimit`: resource number of this platform, soft and hard limit.
    pub rlimits: Vec<(i32, u64)>,
    /// `--ignore-signal`: numbers.
    pub ignore_signals: Vec<i32>,
}

/// Where the command's input comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stdin {
    /// Ours. In PTY mode it is copied, and its end becomes the terminal's end-of-file character.
    Inherit,
    /// End of file at once (in PTY mode: nothing is typed).
    Null,
    /// Held open for what clients of a detached run send.
    Open,
    /// A file's content.
    File(PathBuf),
    /// `--input`: these bytes, then end of file.
    Bytes(Vec<u8>),
}

/// Where output goes.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// `--quiet`: nothing passes through.
    pub quiet: bool,
    /// `--merge`: stderr into stdout through one pipe.
    pub merge: bool,
    /// Copies.
    pub stdout: Option<PathBuf>,
    /// Copies.
    pub stderr: Option<PathBuf>,
    /// A copy of both, in the order of arrival.
    pub combined: Option<PathBuf>,
    /// `--timestamps`.
    pub timestamps: bool,
    /// `--report FILE` (`-` is stdout) or `--report-fd N`.
    pub report: Option<ReportTo>,
    /// `--events FILE` (`-` is stderr).
    pub events: Option<PathBuf>,
    /// `--record FILE.cast`.
    pub record: Option<PathBuf>,
    /// `--record-input`.
    pub record_input: bool,
    /// The session is kept in memory, for `learn`.
    pub keep_session: bool,
    /// `--tail`.
    pub tail: usize,
}

/// Where the report is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportTo {
    /// stdout; what passes through goes to stderr then.
    Stdout,
    /// A file, replaced whole; a FIFO or device is written to.
    File(PathBuf),
    /// A descriptor that we inherited.
    Fd(i32),
}

/// A run in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detach {
    /// Where it is recorded.
    pub db: PathBuf,
    /// `--log-max`; 0 is no log.
    pub log_max: u64,
    /// `--owner`: it ends with this process.
    pub owner: Option<i32>,
    /// `--detach-keys`: our terminal is its terminal until these are typed.
    pub keys: Option<Vec<u8>>,
}

/// Limits; absent is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// One attempt.
    pub timeout: Option<Duration>,
    /// No activity for so long.
    pub idle: Option<Duration>,
    /// All attempts and waits together.
    pub total: Option<Duration>,
    /// Whether it was `--ttl` that said so.
    pub by_ttl: bool,
    /// Bytes of output of one attempt.
    pub max_output: Option<u64>,
    /// `--until-idle`.
    pub until_idle: Option<Duration>,
}

/// How a tree is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// `--stop`.
    pub ladder: Ladder,
    /// Nobody said how: on a terminal, whoever ignores TERM gets HUP at once.
    pub hang_up: bool,
    /// `--strays`.
    pub strays: Strays,
    /// `--drain`.
    pub drain: Duration,
    /// `--containment`.
    pub containment: Containment,
    /// `--guard`: a keeper ends the tree when heeler itself is killed.
    pub guard: bool,
}

/// What holds the tree beside the child subreaper that always does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Containment {
    /// A cgroup leaf where the system lets us make one.
    Auto,
    /// Nothing.
    Subreaper,
}

/// What happens to members that outlive their leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strays {
    /// End them: TERM, this grace, KILL.
    Reap(Duration),
    /// Wait for them; limits go on.
    Wait,
    /// Leave them, tracked, for a later `reap`.
    Leave,
    /// Let them go for good.
    Release,
    /// End them as `Reap` does with 2 s, and fail.
    Fail,
}

impl Strays {
    /// Whether they stay.
    pub fn stay(self) -> bool {
        matches!(self, Strays::Leave | Strays::Release)
    }
}

/// Whether the run is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    /// As far as it can be; a failure is a warning.
    Auto,
    /// A failure to record is a failure to start.
    Require,
    /// Not at all.
    Off,
}

/// A secret's value. It has no `Display`, its `Debug` says nothing, and it is wiped when dropped.
#[derive(Clone)]
pub struct Secret {
    value: zeroize::Zeroizing<Vec<u8>>,
    missing: Option<String>,
}

impl Secret {
    /// Takes over `value`.
    pub fn new(value: Vec<u8>) -> Secret {
        Secret::of(zeroize::Zeroizing::new(value))
    }

    /// Takes over what is wiped already when it is dropped.
    pub fn of(value: zeroize::Zeroizing<Vec<u8>>) -> Secret {
        Secret { value, missing: None }
    }

    /// An optional one that is not there, and why.
    pub fn missing(why: String) -> Secret {
        Secret { missing: Some(why), ..Secret::new(Vec::new()) }
    }

    /// Why it is not there.
    pub fn why_missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// Those of `all` that are not there, and why.
    pub fn missing_of(all: &BTreeMap<String, Secret>) -> BTreeMap<String, String> {
        let missing = |(name, secret): (&String, &Secret)| {
            Some((name.clone(), secret.why_missing()?.to_owned()))
        };
        all.iter().filter_map(missing).collect()
    }

    /// The bytes, for sending and for masking only.
    pub fn bytes(&self) -> &[u8] {
        &self.value
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
