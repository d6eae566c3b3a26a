//! The plan as JSON, for `--dry-run`: schema `heeler.plan/1`. Absent rather than null, as in the report.
//! The values of secrets are masked wherever else they stand in the plan, as far as they are known: nobody
//! is asked, and nothing is run to get one.

mod program;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::core::foreground::{Place, place};
use crate::core::retry::{Condition, RetryPolicy};
use crate::expect::mask::Mask;
use crate::report::model::Mode;
use crate::sys::names;

use super::plan::{Launch, Output, Plan, ReportTo, Secret, Stdin, Strays, Track};
use super::surroundings::Surroundings;

/// The plan as one JSON object, for people and programs.
pub fn json(plan: &Plan, around: &Surroundings) -> Value {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    let (launch, limits) = (&plan.launch, &plan.limits);
    put("schema", Some(json!("heeler.plan/1")));
    put("argv", Some(launch.argv.iter().map(|word| text(word)).collect()));
    put("cwd", Some(path(&launch.cwd)));
    put("mode", Some(json!(launch.mode)));
    put("mode_reason", Some(json!(launch.mode_reason)));
    put("uses_pty", Some(json!(launch.mode == Mode::Pty)));
    let place = placed(plan, around);
    put("ctrl_c_owner", Some(json!(ctrl_c_owner(launch.mode, place))));
    put("process_group", Some(json!(process_group(launch.mode, place))));
    put("restore_terminal", Some(json!(restores_terminal(launch, place, around))));
    put("stdin", Some(stdin(&launch.stdin)));
    if launch.mode == Mode::Pty {
        let (columns, rows) = launch.size;
        let size = json!({"columns": columns, "rows": rows, "follow": launch.follow_size});
        put("size", Some(size));
        let term = launch.env.iter().find(|(name, _)| name == "TERM");
        put("term", term.map(|(_, value)| text(value)));
        put("echo", Some(json!(!launch.no_echo)));
    }
    put("nice", launch.nice.map(|nice| json!(nice)));
    put("umask", launch.umask.map(|mask| json!(format!("{mask:04o}"))));
    put("rlimits", some(rlimits(&launch.rlimits)));
    let ignored = launch.ignore_signals.iter().map(|signal| json!(names::signal_name(*signal)));
    put("ignore_signals", some(ignored.collect()));
    put("output", Some(output(&plan.output)));
    put(
        "limits",
        Some(compact([
            ("timeout_ms", limits.timeout.map(ms)),
            ("idle_timeout_ms", limits.idle.map(ms)),
            ("total_timeout_ms", limits.total.map(ms)),
            (
                "owner_pid",
                plan.detach.as_ref().and_then(|detach| detach.owner).map(|pid| json!(pid)),
            ),
            ("max_output_bytes", limits.max_output.map(|bytes| json!(bytes))),
            ("until_idle_ms", limits.until_idle.map(ms)),
        ])),
    );
    put("dialogue", (!plan.program.is_empty()).then(|| program::program(&plan.program)));
    put("secrets", some(plan.secrets.keys().map(|name| json!(name)).collect()));
    let rungs = plan.stop.ladder.rungs().iter();
    let rung = |rung: &crate::core::ladder::Rung| json!({"signal": names::signal_name(rung.signal), "grace_ms": ms(rung.grace)});
    put("stop", Some(rungs.map(rung).collect()));
    put("strays", Some(strays(plan.stop.strays)));
    put("drain_ms", Some(ms(plan.stop.drain)));
    put("retry", (plan.retry.retries > 0).then(|| retry(&plan.retry)));
    put("ok_exit", Some(plan.ok_exit.iter().copied().map(range).collect()));
    put("track", Some(json!(track(plan.track))));
    put("db", plan.db.as_deref().filter(|_| plan.track != Track::Off).map(path));
    put("name", plan.name.as_ref().map(|name| json!(name)));
    put("tags", (!plan.tags.is_empty()).then(|| tags(&plan.tags)));
    masked(Value::Object(object), &Mask::new(plan.secrets.values().map(Secret::bytes)))
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
    let reads = launch.stdin == Stdin::Inherit && around.terminals[0] && !plan.program.types();
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

fn restores_terminal(launch: &Launch, place: Place, around: &Surroundings) -> bool {
    match place {
        _ if launch.mode == Mode::Pty => launch.stdin == Stdin::Inherit && around.terminals[0],
        Place::Lent => true,
        Place::Ours => around.front.is_some_and(|front| !front.piped),
        Place::Apart => false,
    }
}

fn stdin(stdin: &Stdin) -> Value {
    match stdin {
        Stdin::Inherit => json!("inherit"),
        Stdin::Null => json!("null"),
        Stdin::Open => json!("open"),
        Stdin::File(file) => json!({"file": path(file)}),
        Stdin::Bytes(bytes) => json!({"bytes": bytes.len()}),
    }
}

fn rlimits(limits: &[(i32, u64)]) -> Vec<Value> {
    let limit = |(number, limit): &(i32, u64)| {
        let name = names::RESOURCES.iter().find(|(_, known)| known == number);
        let limit = if *limit == names::unlimited() { json!("unlimited") } else { json!(limit) };
        json!({"resource": name.map_or("?", |(name, _)| name), "limit": limit})
    };
    limits.iter().map(limit).collect()
}

fn output(output: &Output) -> Value {
    let file = |file: &Option<std::path::PathBuf>| file.as_deref().map(path);
    compact([
        ("quiet", output.quiet.then(|| json!(true))),
        ("merge", output.merge.then(|| json!(true))),
        ("stdout", file(&output.stdout)),
        ("stderr", file(&output.stderr)),
        ("output", file(&output.combined)),
        ("timestamps", output.timestamps.then(|| json!(true))),
        (
            "report",
            output.report.as_ref().map(|report| match report {
                ReportTo::Stdout => json!("-"),
                ReportTo::File(file) => path(file),
                ReportTo::Fd(fd) => json!({"fd": fd}),
            }),
        ),
        ("events", file(&output.events)),
        ("record", file(&output.record)),
        ("tail_bytes", Some(json!(output.tail))),
    ])
}

fn strays(strays: Strays) -> Value {
    match strays {
        Strays::Reap(grace) => json!({"policy": "reap", "grace_ms": ms(grace)}),
        Strays::Wait => json!({"policy": "wait"}),
        Strays::Leave => json!({"policy": "leave"}),
        Strays::Release => json!({"policy": "release"}),
        Strays::Fail => json!({"policy": "fail"}),
    }
}

fn retry(policy: &RetryPolicy) -> Value {
    let on = policy.on.iter().map(|condition| match condition {
        Condition::Exit => json!("exit"),
        Condition::Codes(codes) => json!({"exit": codes}),
        Condition::Signal => json!("signal"),
        Condition::Timeout => json!("timeout"),
        Condition::Idle => json!("idle"),
        Condition::Dialogue => json!("dialogue"),
        Condition::Match(note) => json!({"match": note}),
        Condition::Any => json!("any"),
    });
    compact([
        ("retries", Some(json!(policy.retries))),
        ("delay_ms", Some(ms(policy.delay))),
        ("backoff", Some(json!(policy.backoff))),
        ("max_delay_ms", Some(ms(policy.max_delay))),
        ("jitter", Some(json!(policy.jitter))),
        ("on", Some(some(on.collect()).unwrap_or_else(|| json!(["any"])))),
    ])
}

fn track(track: Track) -> &'static str {
    match track {
        Track::Auto => "auto",
        Track::Require => "require",
        Track::Off => "off",
    }
}

fn tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>().into()
}

fn range((first, last): (i32, i32)) -> Value {
    if first == last { json!(first) } else { json!(format!("{first}-{last}")) }
}

/// Milliseconds: a whole number where it is one.
fn ms(duration: Duration) -> Value {
    let nanos = duration.as_nanos();
    match u64::try_from(nanos / 1_000_000) {
        Ok(whole) if nanos.is_multiple_of(1_000_000) => json!(whole),
        _ => json!(nanos as f64 / 1e6),
    }
}

/// Text from a command line need not be UTF-8; what is not becomes U+FFFD, as in the report.
fn text(text: &OsStr) -> Value {
    json!(text.to_string_lossy())
}

fn path(path: &Path) -> Value {
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
