//! The report: one JSON object, schema `heeler.report/1`. Absent rather than null where a field does not
//! apply (a capture group that took no part is null). New fields may come; a changed meaning is a new
//! schema number.
//!
//! The keys are decided in this file alone. `heeler schema report` prints the JSON Schema made from it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::core::outcome::Outcome;

/// The value of the `schema` field.
pub const SCHEMA: &str = "heeler.report/1";

/// How a run went and ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// `heeler.report/1`.
    pub schema: &'static str,
    /// heeler's own version.
    pub heeler: &'static str,
    /// The run's id.
    pub run: String,
    /// `--name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `--tag K=V`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The command and its arguments; bytes that are not UTF-8 become U+FFFD.
    pub command: Vec<String>,
    /// How the command was connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// It ran in the background.
    #[serde(skip_serializing_if = "is_false")]
    pub detached: bool,
    /// The command's working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// RFC 3339, UTC, milliseconds.
    pub ended_at: String,
    /// Wall time of the whole run.
    pub duration_ms: u64,
    /// The same without time spent stopped by Ctrl-Z.
    pub active_ms: u64,
    /// How and why it ended.
    pub outcome: Outcome,
    /// Whether that counts as success.
    pub success: bool,
    /// heeler's own exit code.
    pub exit_code: i32,
    /// What was wrong, where nothing could be started or heeler itself failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
    /// The fate of the last attempt's leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<Child>,
    /// What heeler did to end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Resources of the whole tree, as far as the kernel tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What went through each stream in the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<Streams>,
    /// What the dialogue did in the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialogue: Option<Dialogue>,
    /// How the tree was held, and what was left of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containment: Option<Containment>,
    /// Every attempt, in order; only with retries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// It failed, and then passed.
    #[serde(skip_serializing_if = "is_false")]
    pub flaky: bool,
    /// What went wrong without changing the outcome.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How the command's streams are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A terminal of its own.
    Pty,
    /// stdout and stderr apart, byte for byte.
    Pipe,
    /// heeler's own descriptors, nothing read.
    Inherit,
}

/// Why nothing could be started, or what failed in heeler.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ErrorInfo {
    /// What kind of failure, for programs: `not_found`, `not_executable`, `bad_interpreter`,
    /// `bad_directory`, `usage`, `script`, `pattern`, `resource`, `internal`.
    pub kind: String,
    /// The message that was printed.
    pub message: String,
    /// The system's error name (`ENOENT`), where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
}

/// How a leader ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Child {
    /// Its process id.
    pub pid: i32,
    /// The code it exited with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The number of the signal that killed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// That signal's name, such as `SIGTERM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal_name: Option<String>,
    /// Whether the kernel says it dumped core; with `signal` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_dumped: Option<bool>,
    /// Whether it may have been killed for want of memory: a guess from a SIGKILL that heeler did not send.
    pub possible_oom: bool,
    /// One sentence for people.
    pub summary: String,
}

/// What heeler did to end a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stop {
    /// Why: `timeout`, `idle`, `total_timeout`, `owner_gone`, `output_limit`, `until`, `dialogue`,
    /// `dialogue_failed`, `strays`, `cancelled`, `internal`.
    pub reason: String,
    /// The signals sent to the whole tree, in order.
    pub signals: Vec<Signal>,
    /// How many requests to stop reached heeler (INT, TERM, HUP, QUIT).
    pub interrupts: u32,
    /// Whether such a request was the reason.
    pub by_caller: bool,
    /// The signal that asked, such as `SIGTERM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller_signal: Option<String>,
}

/// A signal that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Signal {
    /// Its name.
    pub signal: String,
    /// When, since the attempt began.
    pub at_ms: u64,
}

/// Resources used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Usage {
    /// CPU time in user mode.
    pub user_ms: u64,
    /// CPU time in the kernel.
    pub system_ms: u64,
    /// The most memory that all processes used together, where the memory controller counts it for a cgroup of the
    /// run. Else the largest resident set of any one process, and never less than heeler's own few MiB: until
    /// its exec the command borrows our memory, and the kernel counts that.
    pub max_rss_bytes: u64,
}

/// The streams of an attempt: `terminal`, or `stdout` and `stderr`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Streams {
    /// Pipe mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<Stream>,
    /// Pipe mode, unless merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<Stream>,
    /// PTY mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal: Option<Stream>,
}

/// What went through one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stream {
    /// Bytes read.
    pub bytes: u64,
    /// Line ends read, and an unfinished last line.
    pub lines: u64,
    /// The end of it, `--tail BYTES` long; bytes that are not UTF-8 become U+FFFD.
    pub tail: String,
    /// Whether `tail` lacks the beginning.
    pub truncated: bool,
    /// Whether the tail had bytes that are not UTF-8.
    #[serde(skip_serializing_if = "is_false")]
    pub lossy: bool,
    /// Whether someone still held the stream open when heeler stopped reading.
    pub held_open_by_strays: bool,
}

/// What the dialogue did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Dialogue {
    /// The steps that were reached, in order.
    pub steps: Vec<StepRecord>,
    /// The rules and watches that fired.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRecord>,
    /// Named captures: text, null for a group that took no part, or a list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub captures: BTreeMap<String, Capture>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Bytes that left the window before they could be matched.
    #[serde(skip_serializing_if = "is_zero")]
    pub window_dropped_bytes: u64,
}

/// A capture's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Capture {
    /// What the group matched, or null when it took no part.
    Text(Option<String>),
    /// One entry a match.
    List(Vec<String>),
}

/// One step of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StepRecord {
    /// Its name or number.
    pub step: String,
    /// `matched`, `acted`, `failed`, `skipped` or `waiting`.
    pub state: String,
    /// The pattern that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// When it was decided, since the attempt began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// How long it waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
    /// Where in the stream the match ended, in raw bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// A rule or watch that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RuleRecord {
    /// Its pattern, as written.
    pub pattern: String,
    /// How often it fired.
    pub fired: u64,
}

/// Why a dialogue failed, in parts for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// `step_timeout`, `eof`, `exit`, `fail`, `rule_exhausted`, `step_budget`, `secret_echo`, `secret_missing`,
    /// `canonical_limit`, `send`, `retry`, `exec`, `ask`, `interact`, `exit_code`, `loop_exhausted`,
    /// `undefined`, `too_long`, `pattern`, `program`.
    pub reason: String,
    /// One sentence for people.
    pub message: String,
    /// The step that was waiting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The limit that fired, such as `--within 5s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// The patterns that were armed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub armed: Vec<String>,
    /// The last lines of output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// What came close, and what would have matched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near_misses: Vec<String>,
}

/// How the tree was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Containment {
    /// `cgroup` or `subreaper`.
    pub kind: String,
    /// Whether the tree was proven empty at the end.
    pub verified: bool,
    /// Why a better kind was not available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Members that outlived the leader.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strays: Vec<Process>,
    /// Members that could not be ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unkillable: Vec<Process>,
}

/// A process, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// Its name, as the kernel has it.
    pub comm: String,
    /// What became of it: `ended`, `left`, `released`, or why it could not be ended.
    pub fate: String,
}

/// One start of the command within a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attempt {
    /// 1 for the first.
    pub n: u32,
    /// RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// How and why it ended.
    pub outcome: Outcome,
    /// The fate of its leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<Child>,
    /// What heeler did to end it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// Why its dialogue failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The pause before the next attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}
