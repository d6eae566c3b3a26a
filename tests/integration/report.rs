//! The report: one object for every way a run can end, whole or not at all, wherever it goes.
//!
//! The golden files in tests/data are reports with what differs from run to run replaced by placeholders.
//! After a change that is meant, write them anew with `HEELER_GOLDEN=write` and read the difference.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::children::sh;
use crate::harness::{Cmd, Done, Signal, Test};

fn golden_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/report-{name}.json"))
}

/// Compares a report with its golden file, and checks it against the schema.
#[track_caller]
fn golden(t: &Test, name: &str, done: &Done) {
    let mut report = done.report();
    conforms(&schema(t, "report"), &report, &format!("report {name}"));
    blur("", &mut report, t.dir().to_str().unwrap());
    let text = format!("{report:#}\n");
    let file = golden_file(name);
    if std::env::var_os("HEELER_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, &text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    if text != expected {
        done.fail(&format!("{} differs; it is now:\n{text}", file.display()));
    }
}

/// Replaces what differs from run to run and from machine to machine.
fn blur(key: &str, value: &mut Value, dir: &str) {
    match value {
        Value::Object(fields) => {
            if key == "containment" {
                // How the tree is held, and why not better, is the machine's business.
                fields.remove("reason");
                fields.insert("kind".to_owned(), "<kind>".into());
            }
            for (key, value) in fields {
                blur(key, value, dir);
            }
        }
        Value::Array(items) => {
            for item in items {
                blur(key, item, dir);
            }
        }
        Value::String(text) => match key {
            "run" if !text.is_empty() => "<run>".clone_into(text),
            "started_at" | "ended_at" => {
                assert!(
                    text.len() == 24 && text.ends_with('Z'),
                    "RFC 3339 with milliseconds: {text}"
                );
                "<time>".clone_into(text);
            }
            "heeler" => "<version>".clone_into(text),
            _ => *text = text.replace(dir, "<dir>"),
        },
        Value::Number(_) if key == "pid" => *value = "<pid>".into(),
        Value::Number(_) if key.ends_with("_ms") && key != "delay_ms" => *value = "<ms>".into(),
        Value::Number(_) if key == "max_rss_bytes" => *value = "<bytes>".into(),
        _ => {}
    }
}

pub fn schema(t: &Test, name: &str) -> Value {
    let done = t.heeler(["schema", name]).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

/// As much of JSON Schema as is needed here, and stricter in one point: no field that it does not name.
#[track_caller]
pub fn conforms(schema: &Value, value: &Value, place: &str) {
    if let Err(error) = check(schema, schema, value, place) {
        panic!("{error}\n{value:#}");
    }
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    if schema == &Value::Bool(true) {
        return Ok(());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        return check(root, target.ok_or("a dangling $ref")?, value, place);
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(options) = schema[several].as_array() {
            let results: Vec<_> =
                options.iter().map(|option| check(root, option, value, place)).collect();
            return results
                .iter()
                .any(Result::is_ok)
                .then_some(())
                .ok_or_else(|| format!("{place}: fits none of {results:?}"));
        }
    }
    if let Some(constant) = schema.get("const")
        && constant != value
    {
        return Err(format!("{place}: {value} is not {constant}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        return Err(format!("{place}: {value} is none of {allowed:?}"));
    }
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => value.is_null(),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    };
    if !fits {
        return Err(format!("{place}: {value} is no {}", schema["type"]));
    }
    if let Some(fields) = value.as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                return Err(format!("{place}: {name} is missing"));
            }
        }
        let none = Map::new();
        let known = schema["properties"].as_object().unwrap_or(&none);
        for (name, value) in fields {
            let place = format!("{place}/{name}");
            let schema = known.get(name).or(schema.get("additionalProperties"));
            check(root, schema.ok_or(format!("{place}: unknown field"))?, value, &place)?;
        }
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{place}/{at}"))?;
    }
    Ok(())
}

fn ends<'t>(t: &'t Test, args: &[&str], script: &str) -> Cmd<'t> {
    t.run(args).arg("--").arg("sh").arg("-c").arg(script).report().any_err().any_out()
}

#[test]
fn exited() {
    let t = Test::new();
    let args = ["--pipe", "--name", "build", "--tag", "a=b", "--tag", "c=d"];
    golden(&t, "exited", &ends(&t, &args, "echo out; echo err >&2; exit 3").exit(3).check());
}

#[test]
fn exited_on_a_terminal() {
    let t = Test::new();
    golden(&t, "terminal", &ends(&t, &["--pty"], "echo out").check());
}

#[test]
fn exited_with_inherited_streams() {
    let t = Test::new();
    golden(&t, "inherit", &ends(&t, &["--inherit"], "echo out").check());
}

#[test]
fn signaled() {
    let t = Test::new();
    let args = ["--pipe", "--rlimit", "core=0"];
    golden(&t, "signaled", &ends(&t, &args, "kill -SEGV $$").exit(139).check());
}

#[test]
fn killed() {
    let t = Test::new();
    golden(&t, "killed", &ends(&t, &["--pipe"], "kill -KILL $$").exit(137).check());
}

#[test]
fn timeout() {
    let t = Test::new();
    let args = ["--pipe", "--timeout", "1s", "--stop", "INT:50ms,TERM:1h"];
    let script = "trap '' INT; sleep 0.05; while :; do sleep 0.01; done";
    golden(&t, "timeout", &ends(&t, &args, script).exit(124).check());
}

#[test]
fn idle() {
    let t = Test::new();
    let args = ["--pipe", "--idle-timeout", "1s"];
    golden(&t, "idle", &ends(&t, &args, "echo a; exec sleep 1000").exit(124).check());
}

#[test]
fn total_timeout() {
    let t = Test::new();
    let args = ["--pipe", "--total-timeout", "1s", "--retries", "1", "--retry-delay", "1h"];
    golden(&t, "total-timeout", &ends(&t, &args, "exit 1").exit(124).check());
}

#[test]
fn output_limit() {
    let t = Test::new();
    let args = ["--pipe", "--max-output", "5"];
    golden(
        &t,
        "output-limit",
        &ends(&t, &args, "printf 123456; exec sleep 1000").exit(124).check(),
    );
}

#[test]
fn until() {
    let t = Test::new();
    let args = ["--pipe", "--until", "/port (?<port>\\d+)$/"];
    golden(&t, "until", &ends(&t, &args, "echo port 80; exec sleep 1000").check());
}

#[test]
fn dialogue() {
    let t = Test::new();
    let args = [
        "--pipe",
        "--expect",
        "name: ",
        "--line",
        "bob",
        "--expect",
        "/hi (?<who>\\w+)(?<title>, sir)?/",
        "--on",
        "more?",
        "--line",
        "y",
    ];
    let script = "printf 'name: '; read n; printf 'more?'; read m; echo hi $n";
    let done = ends(&t, &args, script).check();
    golden(&t, "dialogue", &done);
}

#[test]
fn dialogue_failed() {
    let t = Test::new();
    let args = ["--pipe", "--expect", "Password:", "--within", "1s", "--line", "x"];
    let done = ends(&t, &args, "echo 'password:'; exec sleep 1000").exit(122).check();
    golden(&t, "dialogue-failed", &done);
}

#[test]
fn strays() {
    let t = Test::new();
    let script = "setsid sh -c ': > up; exec sleep 1000' & read x < up; exit 0";
    t.fifo("up");
    let done = ends(&t, &["--pipe", "--strays", "fail"], script).exit(123).check();
    golden(&t, "strays-failed", &done);
}

#[test]
fn cancelled() {
    let t = Test::new();
    let run = ends(&t, &["--pipe"], "echo ready; exec sleep 1000").start();
    run.wait_out("ready");
    run.signal(Signal::TERM);
    golden(&t, "cancelled", &run.signaled(15).check());
}

#[test]
fn not_started() {
    let t = Test::new();
    let run = |args: &[&str], code| t.run(args).report().exit(code).any_err().check();
    golden(&t, "not-found", &run(&["--pipe", "--", "no-such-program"], 127));
    t.write("plain", "");
    golden(&t, "not-executable", &run(&["--pipe", "--", "./plain"], 126));
    golden(&t, "bad-directory", &run(&["-C", "nowhere", "--", "true"], 125));
    golden(&t, "invalid", &run(&["--bogus", "--", "true"], 125));
    golden(&t, "invalid-pattern", &run(&["--pipe", "--expect", "/(/", "--", "true"], 125));
    golden(&t, "no-resource", &run(&["--env-file", "nowhere", "--", "true"], 125));
}

#[test]
fn retried() {
    let t = Test::new();
    let args = ["--pipe", "--retries", "2", "--retry-delay", "5ms"];
    golden(&t, "flaky", &ends(&t, &args, "[ $HEELER_ATTEMPT = 2 ]").check());
}

/// Every golden file has its test.
#[test]
fn no_golden_file_is_forgotten() {
    let source = include_str!("report.rs");
    for entry in std::fs::read_dir(golden_file("x").parent().unwrap()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_prefix("report-").and_then(|name| name.strip_suffix(".json"))
        {
            assert!(source.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

fn parse(bytes: &[u8]) -> Value {
    let line = bytes.strip_suffix(b"\n").expect("a line");
    assert!(!line.contains(&b'\n'), "one line");
    serde_json::from_slice(line).unwrap()
}

/// `-` is stdout, and what passes through goes to stderr.
#[test]
fn to_stdout() {
    let t = Test::new();
    for mode in ["--pipe", "--pty"] {
        let args = [mode, "--report", "-", "-c", "echo out; echo err >&2; exit 3"];
        let done = t.run(args).any_out().any_err().exit(3).check();
        assert_eq!(parse(&done.out)["exit_code"], 3);
        let err = done.err_text().replace('\r', "");
        let mut lines: Vec<&str> = err.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["err", "out"], "{mode}");
    }
    let done = t.run(["--report", "-", "--bogus"]).any_out().any_err().exit(125).check();
    assert_eq!(parse(&done.out)["outcome"], "invalid");
}

#[test]
fn to_a_descriptor() {
    let t = Test::new();
    t.sh("heeler run --report-fd 7 -- sh -c 'echo out; exit 3' 7>seven")
        .out("out\n")
        .exit(3)
        .check();
    assert_eq!(parse(&t.read_bytes("seven"))["exit_code"], 3);
    t.sh("heeler run --report-fd 1 -- sh -c 'echo out >&2; exit 3' >one")
        .err("out\n")
        .exit(3)
        .check();
    assert_eq!(parse(&t.read_bytes("one"))["exit_code"], 3);
    // A pipe, with a reader.
    t.sh("heeler run --report-fd 7 -- echo out 7>&1 >/dev/null | grep -c heeler.report/1")
        .out("1\n")
        .check();
}

#[test]
fn to_a_fifo() {
    let t = Test::new();
    t.fifo("pipe");
    let run = t.run(["--report", "pipe", "--", "sh", "-c", "exit 3"]).start();
    let mut text = Vec::new();
    std::fs::File::open(t.path("pipe")).unwrap().read_to_end(&mut text).unwrap();
    run.exit(3).check();
    assert_eq!(parse(&text)["exit_code"], 3);
}

/// Whoever reads the file sees the old one or the new one, whole; links are followed, permissions kept.
#[test]
fn to_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let t = Test::new();
    let file = t.write("r", "old\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("r", t.path("link")).unwrap();
    let old = std::fs::File::open(&file).unwrap();
    t.run(["--report", "link", "--", "true"]).check();
    assert!(t.path("link").is_symlink());
    assert_eq!(parse(&t.read_bytes("r"))["exit_code"], 0);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let mut before = String::new();
    (&old).read_to_string(&mut before).unwrap();
    assert_eq!(before, "old\n", "it was replaced, not written over");
    let left: Vec<String> =
        t.listing().lines().filter(|line| line.contains("tmp")).map(str::to_owned).collect();
    assert_eq!(left, Vec::<String>::new());
}

/// During the run there is no report, and an older one is untouched.
#[test]
fn nothing_before_the_end() {
    let t = Test::new();
    t.write("r", "old\n");
    let run = t.run(["--pipe", "--report", "r", "-c", "echo ready; exec sleep 1000"]).start();
    run.wait_out("ready");
    assert_eq!(t.read("r"), "old\n");
    run.signal(Signal::TERM);
    run.any_out().signaled(15).check();
    assert_eq!(parse(&t.read_bytes("r"))["outcome"], "cancelled");
}

/// supervisors 75, 80: a report that cannot be written is one warning, and changes no exit code.
#[test]
fn a_place_that_fails() {
    for place in ["/dev/full", "gone/r"] {
        let t = Test::new();
        std::fs::create_dir(t.path("gone")).unwrap();
        // The directory goes while the command runs.
        let done = t
            .run(["--report", place, "--", "sh", "-c", "rmdir gone; exit 3"])
            .any_err()
            .any_status()
            .check();
        assert_eq!(done.err_text().lines().count(), 1, "{place}: {}", done.err_text());
        assert_eq!(done.status.code(), Some(3), "{place}: {}", done.err_text());
    }
    let t = Test::new();
    t.sh("heeler run --report - -- sh -c 'exit 3' >/dev/full").any_err().exit(3).check();
    let done =
        t.run(["--report-fd", "99", "--", "sh", "-c", "exit 3"]).any_err().any_status().check();
    assert!(matches!(done.status.code(), Some(3 | 125)));
}

/// Nobody reads the FIFO: the command has run, and the run has to end.
#[test]
fn a_fifo_that_nobody_reads() {
    let t = Test::new();
    t.fifo("pipe");
    let done = t.run(["--report", "pipe", "--", "sh", "-c", "exit 3"]).any_err().exit(3).check();
    assert_eq!(done.err_text().lines().count(), 1, "{}", done.err_text());
}

/// What could not be read back is no report: the names in it are what the command was called with.
#[test]
fn commands_are_told_as_text() {
    let t = Test::new();
    let done =
        t.run(["--pipe", "--", "printf", "%s", "\u{1b}[31m\"\\\n"]).report().any_out().check();
    done.has("/command/2", "\u{1b}[31m\"\\\n");
    let line = done.report().to_string();
    assert!(!line.contains('\u{1b}'), "escaped in JSON");
}

/// Resources of the whole tree.
#[test]
fn usage() {
    let t = Test::new();
    let script =
        "python3 -S -E -c 'x = bytearray(60 << 20)\nfor i in range(2000000): pass'; exit 0";
    let done = ends(&t, &["--pipe"], script).check();
    assert!(done.at("/usage/max_rss_bytes").as_u64().unwrap() > 60 << 20);
    assert!(done.at("/usage/user_ms").as_u64().unwrap() > 10);
}

/// seeds 101: a tree that ended by itself was not stopped.
#[test]
fn nothing_is_said_of_what_was_not_needed() {
    let t = Test::new();
    let mut args = vec!["--pipe"];
    args.extend(sh("true", &[]));
    let done = t.run(args).report().check();
    for key in
        ["/stop", "/error", "/dialogue", "/attempts", "/flaky", "/warnings", "/name", "/tags"]
    {
        done.has(key, ());
    }
    let line = done.report().to_string();
    assert!(!line.contains(":null"), "absent, not null: {line}");
}
