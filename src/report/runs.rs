//! What `list`, `inspect` and `reap` print as JSON. Field names are the report's where they mean the same;
//! absent rather than null.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::core::identity::Scope;
use crate::core::members::Member;
use crate::core::reap::Subject;

/// One run, in `list --json`: an array of these, oldest first.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunRow {
    /// The run's id.
    pub run: String,
    /// `--name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `--tag K=V`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The run around it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `running`, `orphaned`, `exited`, `gone` or `foreign`.
    pub state: &'static str,
    /// Why it is in that state, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<&'static str>,
    /// The leader of the last attempt, alive or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Its heeler, alive or not.
    pub supervisor_pid: i32,
    /// Its control socket, while it runs in the background: attach, send, expect and the like reach it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<String>,
    /// What is alive of it.
    pub members: Vec<MemberRow>,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// `pty`, `pipe` or `inherit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The command's working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// RFC 3339, UTC, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How long ago it started, by the wall clock.
    pub age_ms: i64,
    /// How and why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// heeler's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

/// A living process of a run.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MemberRow {
    /// Its process id.
    pub pid: i32,
    /// Its name, as the kernel has it.
    pub comm: String,
    /// What it was recognised by: `leader`, `sighting`, `cgroup`, `cookie`, `session`, `group`, `child`.
    pub by: &'static str,
    /// Whether that proves it; what is not proven is never signalled.
    pub proven: bool,
}

impl MemberRow {
    /// `member` for printing.
    pub fn of(member: &Member) -> MemberRow {
        MemberRow {
            pid: member.identity.pid.get(),
            comm: member.comm.clone(),
            by: member.how.word(),
            proven: member.same == crate::core::identity::Same::Yes,
        }
    }
}

impl RunRow {
    /// `subject`, seen from `here` at `now_ms`, with the socket that it has.
    pub fn of(subject: &Subject, here: &Scope, now_ms: i64, socket: Option<&Path>) -> RunRow {
        let (state, state_reason) = subject.state(here);
        let facts = &subject.record.facts;
        let end = subject.record.end.as_ref();
        RunRow {
            run: facts.run.clone(),
            name: facts.name.clone(),
            tags: facts.tags.clone(),
            parent: facts.parent.clone(),
            state: state.word(),
            state_reason,
            pid: subject.record.leader().map(|leader| leader.seen.pid),
            supervisor_pid: facts.supervisor.pid,
            socket: socket.map(|path| path.display().to_string()),
            members: subject.members.iter().map(MemberRow::of).collect(),
            command: facts.command.clone(),
            mode: facts.mode.clone(),
            cwd: facts.cwd.clone(),
            started_at: timestamp(facts.started_ms),
            ended_at: end.map(|end| timestamp(end.ended_ms)),
            age_ms: now_ms.saturating_sub(facts.started_ms).max(0),
            outcome: end.and_then(|end| end.outcome.clone()),
            exit_code: end.and_then(|end| end.exit_code),
        }
    }
}

/// Everything known of one run, in `inspect`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Inspection {
    /// As in `list`.
    #[serde(flatten)]
    pub row: RunRow,
    /// Whose it is.
    pub uid: u32,
    /// Where its numbers mean something.
    pub host: String,
    /// The kernel's id of that boot.
    pub boot: String,
    /// The inode of its PID namespace.
    pub pid_namespace: u64,
    /// Every attempt, in order.
    pub attempts: Vec<InspectedAttempt>,
    /// Every signal that `reap` sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reaped: Vec<SentRow>,
    /// The report that it ended with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<serde_json::Value>,
}

/// One attempt, in `inspect`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct InspectedAttempt {
    /// 1 for the first.
    pub n: u32,
    /// Its leader.
    pub pid: i32,
    /// When the leader started: clock ticks since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ticks: Option<u64>,
    /// RFC 3339, UTC, milliseconds.
    pub started_at: String,
    /// RFC 3339, UTC, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// How and why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The leader's exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The number of the signal that ended the leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The cgroup that held the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
}

/// A signal that `reap` sent, or tried to.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SentRow {
    /// RFC 3339, UTC, milliseconds.
    pub at: String,
    /// To whom.
    pub pid: i32,
    /// Its name at the time.
    pub comm: String,
    /// The signal's number.
    pub signal: i32,
    /// `sent`, `gone`, or why not.
    pub result: String,
}

/// What `reap --json` prints.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReapReport {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// What was, or would be, done about each run; oldest first.
    pub runs: Vec<ReapedRun>,
    /// The signals sent, in order.
    pub signals: Vec<SentRow>,
    /// What is left. Empty is success.
    pub survivors: Vec<SurvivorRow>,
    /// What went wrong besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One run, in `reap --json`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReapedRun {
    /// The run's id.
    pub run: String,
    /// `--name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its state when it was found.
    pub state: &'static str,
    /// `end`, `stop`, `close` or `leave`.
    pub action: &'static str,
    /// Why, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The heeler that is told to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervisor_pid: Option<i32>,
    /// The processes that are ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<MemberRow>,
    /// Processes that may be of it and are spared, because that cannot be proven.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spared: Vec<MemberRow>,
}

/// What is left, in `reap --json`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SurvivorRow {
    /// The run it is of.
    pub run: String,
    /// Its process id; absent where the run was refused as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub comm: String,
    /// Why it is still there.
    pub reason: String,
}

/// Milliseconds since 1970 as RFC 3339, UTC, milliseconds.
pub fn timestamp(ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(ms) {
        Ok(at) => format!("{at:.3}"),
        // Beyond the year 9999: a damaged record.
        Err(_) => format!("@{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_are_utc() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(timestamp(i64::MAX), "@9223372036854775807ms");
    }
}
