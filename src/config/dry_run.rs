//! The plan as JSON, for `--dry-run`: schema `heeler.plan/1`. Absent rather than null, as in the report.
//! The values of secrets are masked wherever else they stand in the plan, as far as they are known: nobody
//! is asked, and nothing is run to get one.

mod program;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::core::foreground::{Place, place};
use crate::core::retry::{Condition, RetryPolicy};
use crate::expect::mask::Mask;
use crate::report::model::Mode;
use crate::sys::names;

use super::plan;
use super::plan::{Plan, ReportTo, Secret, Track};
use super::surroundings::Surroundings;

/// What a run would do.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DryRun {
    /// `heeler.plan/1`.
    schema: &'static str,
    /// The command and its arguments; bytes that are not UTF-8 are U+FFFD.
    argv: Vec<String>,
    /// Its working directory.
    cwd: String,
    mode: Mode,
    /// What decided that, for people.
    mode_reason: &'static str,
    /// Whether it has a terminal of its own.
    uses_pty: bool,
    /// Who gets Ctrl-C: `child` (the terminal in front of it is its own), `shared` (it has ours, as it would have
    /// without us), `heeler` (which passes it on once).
    ctrl_c_owner: &'static str,
    /// The group it runs in: `own`, `ours`, or a `session` of its own.
    process_group: &'static str,
    /// Whether heeler puts our terminal back as it was, in the end.
    restore_terminal: bool,
    stdin: Stdin,
    /// Of a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<Size>,
    /// `TERM`, of a terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<String>,
    /// Whether a terminal echoes at first.
    #[serde(skip_serializing_if = "Option::is_none")]
    echo: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nice: Option<i32>,
    /// Octal.
    #[serde(skip_serializing_if = "Option::is_none")]
    umask: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rlimits: Vec<Rlimit>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignore_signals: Vec<String>,
    output: Output,
    limits: Limits,
    /// What flags and script amount to, resolved. For people: its form is not promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialogue: Option<Value>,
    /// Their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<String>,
    /// The ladder, rung after rung.
    stop: Vec<Rung>,
    strays: Strays,
    drain_ms: Ms,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
    /// Exit codes that are a success.
    ok_exit: Vec<Range>,
    /// `auto`, `require` or `off`.
    track: &'static str,
    /// The tracking database.
    #[serde(skip_serializing_if = "Option::is_none")]
    db: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

/// Where the command's input comes from.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Stdin {
    /// Ours.
    Inherit,
    /// The null device.
    Null,
    /// A pipe that only rules, steps and clients write to.
    Open,
    /// This file.
    File(String),
    /// So many bytes that were given.
    Bytes(usize),
}

/// Of a terminal.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Size {
    columns: u16,
    rows: u16,
    /// Whether it follows ours.
    follow: bool,
}

/// `--rlimit`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Rlimit {
    resource: &'static str,
    limit: Limit,
}

/// A number, or `unlimited`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Limit {
    Number(u64),
    None(&'static str),
}

/// What becomes of the output.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Output {
    #[serde(skip_serializing_if = "is_false")]
    quiet: bool,
    #[serde(skip_serializing_if = "is_false")]
    merge: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr: Option<String>,
    /// Both.
    #[serde(rename = "output", skip_serializing_if = "Option::is_none")]
    combined: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    timestamps: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    tail_bytes: usize,
}

/// Where the report goes: a file (`-` is stdout), or a descriptor.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Report {
    File(String),
    Descriptor { fd: i32 },
}

/// Absent is none.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<Ms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<Ms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_timeout_ms: Option<Ms>,
    /// The process that it is tied to.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_pid: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until_idle_ms: Option<Ms>,
}

/// A rung of the ladder.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Rung {
    signal: String,
    grace_ms: Ms,
}

/// What becomes of members that outlive the leader.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "policy", rename_all = "snake_case")]
enum Strays {
    Reap { grace_ms: Ms },
    Wait,
    Leave,
    Release,
    Fail,
}

/// Where there are retries.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Retry {
    retries: u32,
    delay_ms: Ms,
    backoff: f64,
    max_delay_ms: Ms,
    jitter: f64,
    on: Vec<On>,
}

/// A kind of failure that is worth another attempt.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum On {
    /// `exit`, `signal`, `timeout`, `idle`, `dialogue`, `any`.
    Kind(&'static str),
    /// These exit codes.
    Exit { exit: Vec<i32> },
    /// The watch of this number matched.
    Match { r#match: usize },
}

/// One exit code, or from one to another.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Range {
    One(i32),
    FromTo(String),
}

/// Milliseconds: a whole number where it is one.
#[derive(Debug)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Ms(#[cfg_attr(test, schemars(with = "f64"))] Duration);

impl Serialize for Ms {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let nanos = self.0.as_nanos();
        match u64::try_from(nanos / 1_000_000) {
            Ok(whole) if nanos.is_multiple_of(1_000_000) => to.serialize_u64(whole),
            _ => to.serialize_f64(nanos as f64 / 1e6),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The plan as one JSON object, for people and programs.
pub fn json(plan: &Plan, around: &Surroundings) -> Value {
    let (launch, limits, place) = (&plan.launch, &plan.limits, placed(plan, around));
    let pty = launch.mode == Mode::Pty;
    let term = || launch.env.iter().find(|(name, _)| name == "TERM");
    let (columns, rows) = launch.size;
    let owner = plan.detach.as_ref().and_then(|detach| detach.owner);
    let dry = DryRun {
        schema: "heeler.plan/1",
        argv: launch.argv.iter().map(|word| text(word)).collect(),
        cwd: path(&launch.cwd),
        mode: launch.mode,
        mode_reason: launch.mode_reason,
        uses_pty: pty,
        ctrl_c_owner: ctrl_c_owner(launch.mode, place),
        process_group: process_group(launch.mode, place),
        restore_terminal: restores_terminal(launch, place, around),
        stdin: stdin(&launch.stdin),
        size: pty.then_some(Size { columns, rows, follow: launch.follow_size }),
        term: term().filter(|_| pty).map(|(_, value)| text(value)),
        echo: pty.then_some(!launch.no_echo),
        nice: launch.nice,
        umask: launch.umask.map(|mask| format!("{mask:04o}")),
        rlimits: launch.rlimits.iter().map(rlimit).collect(),
        ignore_signals: launch.ignore_signals.iter().map(|it| names::signal_name(*it)).collect(),
        output: output(&plan.output),
        limits: Limits {
            timeout_ms: limits.timeout.map(Ms),
            idle_timeout_ms: limits.idle.map(Ms),
            total_timeout_ms: limits.total.map(Ms),
            owner_pid: owner,
            max_output_bytes: limits.max_output,
            until_idle_ms: limits.until_idle.map(Ms),
        },
        dialogue: (!plan.program.is_empty()).then(|| program::program(&plan.program)),
        secrets: plan.secrets.keys().cloned().collect(),
        stop: {
            let rungs = plan.stop.ladder.rungs().iter();
            rungs
                .map(|it| Rung { signal: names::signal_name(it.signal), grace_ms: Ms(it.grace) })
                .collect()
        },
        strays: match plan.stop.strays {
            plan::Strays::Reap(grace) => Strays::Reap { grace_ms: Ms(grace) },
            plan::Strays::Wait => Strays::Wait,
            plan::Strays::Leave => Strays::Leave,
            plan::Strays::Release => Strays::Release,
            plan::Strays::Fail => Strays::Fail,
        },
        drain_ms: Ms(plan.stop.drain),
        retry: (plan.retry.retries > 0).then(|| retry(&plan.retry)),
        ok_exit: plan.ok_exit.iter().copied().map(range).collect(),
        track: match plan.track {
            Track::Auto => "auto",
            Track::Require => "require",
            Track::Off => "off",
        },
        db: plan.db.as_deref().filter(|_| plan.track != Track::Off).map(path),
        name: plan.name.clone(),
        tags: plan.tags.clone(),
    };
    // All of it is text, numbers and names.
    let value = serde_json::to_value(dry).unwrap_or_default();
    masked(value, &Mask::new(plan.secrets.values().map(Secret::bytes)))
}

fn masked(value: Value, mask: &Mask) -> Value {
    match value {
        Value::String(text) => Value::String(mask.text(text.as_bytes())),
        Value::Array(all) => all.into_iter().map(|value| masked(value, mask)).collect(),
        Value::Object(all) => {
            all.into_iter().map(|(name, value)| (name, masked(value, mask))).collect()
        }
        other => other,
    }
}

/// Where a command without a terminal of its own would stand.
fn placed(plan: &Plan, around: &Surroundings) -> Place {
    let launch = &plan.launch;
    let reads =
        launch.stdin == plan::Stdin::Inherit && around.terminals[0] && !plan.program.types();
    let front = around.front.filter(|_| plan.detach.is_none());
    place(front, launch.isolate, reads)
}

/// Who gets Ctrl-C: `child` (the terminal in front of it is its own), `shared` (it has ours, as it would
/// have without us), `heeler` (which passes it on once).
fn ctrl_c_owner(mode: Mode, place: Place) -> &'static str {
    match place {
        _ if mode == Mode::Pty => "child",
        Place::Lent => "child",
        Place::Ours => "shared",
        Place::Apart => "heeler",
    }
}

fn process_group(mode: Mode, place: Place) -> &'static str {
    match place {
        _ if mode == Mode::Pty => "session",
        Place::Ours => "ours",
        Place::Lent | Place::Apart => "own",
    }
}

fn restores_terminal(launch: &plan::Launch, place: Place, around: &Surroundings) -> bool {
    match place {
        _ if launch.mode == Mode::Pty => {
            launch.stdin == plan::Stdin::Inherit && around.terminals[0]
        }
        Place::Lent => true,
        Place::Ours => around.front.is_some_and(|front| !front.piped),
        Place::Apart => false,
    }
}

fn stdin(stdin: &plan::Stdin) -> Stdin {
    match stdin {
        plan::Stdin::Inherit => Stdin::Inherit,
        plan::Stdin::Null => Stdin::Null,
        plan::Stdin::Open => Stdin::Open,
        plan::Stdin::File(file) => Stdin::File(path(file)),
        plan::Stdin::Bytes(bytes) => Stdin::Bytes(bytes.len()),
    }
}

fn rlimit((number, limit): &(i32, u64)) -> Rlimit {
    let name = names::RESOURCES.iter().find(|(_, known)| known == number);
    let unlimited = *limit == names::unlimited();
    let limit = if unlimited { Limit::None("unlimited") } else { Limit::Number(*limit) };
    Rlimit { resource: name.map_or("?", |(name, _)| name), limit }
}

fn output(output: &plan::Output) -> Output {
    let file = |file: &Option<std::path::PathBuf>| file.as_deref().map(path);
    let report = |report: &ReportTo| match report {
        ReportTo::Stdout => Report::File("-".to_owned()),
        ReportTo::File(file) => Report::File(path(file)),
        ReportTo::Fd(fd) => Report::Descriptor { fd: *fd },
    };
    Output {
        quiet: output.quiet,
        merge: output.merge,
        stdout: file(&output.stdout),
        stderr: file(&output.stderr),
        combined: file(&output.combined),
        timestamps: output.timestamps,
        report: output.report.as_ref().map(report),
        events: file(&output.events),
        record: file(&output.record),
        tail_bytes: output.tail,
    }
}

fn retry(policy: &RetryPolicy) -> Retry {
    let on = policy.on.iter().map(|condition| match condition {
        Condition::Exit => On::Kind("exit"),
        Condition::Codes(codes) => On::Exit { exit: codes.clone() },
        Condition::Signal => On::Kind("signal"),
        Condition::Timeout => On::Kind("timeout"),
        Condition::Idle => On::Kind("idle"),
        Condition::Dialogue => On::Kind("dialogue"),
        Condition::Match(note) => On::Match { r#match: *note },
        Condition::Any => On::Kind("any"),
    });
    let any = policy.on.is_empty().then_some(On::Kind("any"));
    Retry {
        retries: policy.retries,
        delay_ms: Ms(policy.delay),
        backoff: policy.backoff,
        max_delay_ms: Ms(policy.max_delay),
        jitter: policy.jitter,
        on: on.chain(any).collect(),
    }
}

fn range((first, last): (i32, i32)) -> Range {
    if first == last { Range::One(first) } else { Range::FromTo(format!("{first}-{last}")) }
}

fn ms(duration: Duration) -> Value {
    json!(Ms(duration))
}

/// Text from a command line need not be UTF-8; what is not becomes U+FFFD, as in the report.
fn text(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn path(path: &Path) -> String {
    text(path.as_os_str())
}

fn some(values: Vec<Value>) -> Option<Value> {
    (!values.is_empty()).then(|| Value::Array(values))
}

fn compact<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let mut object = Map::new();
    extend(&mut object, fields);
    Value::Object(object)
}

fn extend<const N: usize>(object: &mut Map<String, Value>, fields: [(&str, Option<Value>); N]) {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    object.extend(given);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;
    use crate::config::tests::run;
    use crate::core::foreground::Front;

    fn plan(flags: &[&str], terminal: bool) -> Value {
        let front = terminal.then_some(Front { leads: true, piped: false });
        let around = Surroundings { terminals: [terminal; 3], front, ..Surroundings::default() };
        let plan = resolve(&run(flags), &around).unwrap_or_else(|e| panic!("{flags:?}: {e}"));
        json(&plan, &around)
    }

    #[test]
    fn who_owns_ctrl_c_and_the_terminal() {
        for (flags, terminal, owner, group, restore) in [
            (vec!["--pty"], true, "child", "session", true),
            (vec!["--pty"], false, "child", "session", false),
            (vec!["--inherit"], true, "child", "own", true),
            (vec!["--inherit"], false, "heeler", "own", false),
            (vec!["--inherit", "--isolate"], true, "heeler", "own", false),
            (vec!["--inherit", "--isolate"], false, "heeler", "own", false),
            (vec!["--pipe"], true, "child", "own", true),
            (vec!["--pipe"], false, "heeler", "own", false),
            (vec!["--pipe", "--stdin", "null"], true, "shared", "ours", true),
            (vec!["--pipe", "--line", "x"], true, "shared", "ours", true),
            (vec!["--retries", "1"], true, "shared", "ours", true),
            (vec!["--retries", "1"], false, "heeler", "own", false),
        ] {
            let plan = plan(&flags, terminal);
            let found = (&plan["ctrl_c_owner"], &plan["process_group"], &plan["restore_terminal"]);
            assert_eq!(found, (&json!(owner), &json!(group), &json!(restore)), "{flags:?}");
        }
    }

    #[test]
    fn limits_that_are_off_are_absent() {
        let plan = plan(&["--timeout=1e-9", "--idle-timeout=0", "--total-timeout=90s"], false);
        assert_eq!(plan["limits"], json!({"timeout_ms": 1e-6, "total_timeout_ms": 90_000}));
    }

    #[test]
    fn no_secret_is_shown() {
        let plan = plan(&["--secret=pw=cmd:echo hunter2", "--send-secret=pw"], false);
        assert!(!plan.to_string().contains("hunter2"));
        assert_eq!(plan["dialogue"]["start"], json!([{"secret": "pw"}]));
    }
}
