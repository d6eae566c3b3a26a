//! What `list` and `inspect` say of runs in the background.

use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::detached::{all_gone, detached, end, supervisor};
use crate::harness::{Signal, Test, wait_gone, wait_until};
use crate::report::{conforms, schema};

fn listed(t: &Test, flags: &[&str]) -> Value {
    let args = ["list", "--json"].iter().chain(flags);
    serde_json::from_slice(&t.heeler(args).any_out().check().out).unwrap()
}

fn row(t: &Test, run: &str) -> Value {
    let rows = listed(t, &["--all"]);
    let found = rows.as_array().unwrap().iter().find(|row| row["run"] == run);
    found.unwrap_or_else(|| panic!("{run}: {rows}")).clone()
}

/// The line of a run in the table.
fn line(t: &Test, run: &str, flags: &[&str]) -> String {
    let out = t.heeler(["list"].iter().chain(flags)).any_out().check().out_text();
    out.lines().find(|line| line.starts_with(run)).unwrap_or_else(|| panic!("{out}")).to_owned()
}

/// Who can be attached to is marked, and JSON says where: as long as somebody answers there.
#[test]
fn a_run_in_the_background_is_marked_while_it_answers() {
    let t = Test::new();
    let away = detached(&t, &["--", "cat"]);
    let lost = detached(&t, &["--", "sleep", "1000"]);
    let here = t.run(["--name", "here", "--", "sleep", "1000"]).start();
    wait_until("all run", || listed(&t, &[]).as_array().unwrap().len() == 3);
    assert!(line(&t, &away, &[]).contains("  running (-d)  "), "{}", line(&t, &away, &[]));
    let socket = row(&t, &away)["socket"].as_str().unwrap().to_owned();
    UnixStream::connect(&socket).unwrap();
    // Also where the database is named by a relative path.
    let args = ["inspect", "--db", ".db/heeler.db", &away];
    let inspected: Value = serde_json::from_slice(&t.heeler(args).any_out().check().out).unwrap();
    assert_eq!(inspected["socket"], socket.as_str());
    let run = listed(&t, &[])[2]["run"].as_str().unwrap().to_owned();
    assert_eq!((&row(&t, &run)["name"], &row(&t, &run)["socket"]), (&"here".into(), &Value::Null));
    assert!(line(&t, &run, &[]).contains("  running  "), "{}", line(&t, &run, &[]));

    let pid = supervisor(&t, &lost);
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::KILL)
        .unwrap();
    wait_gone(pid);
    assert!(t.path(format!(".db/heeler.db-runs/{lost}.sock")).exists(), "it was left behind");
    assert_eq!(row(&t, &lost)["socket"], Value::Null);
    assert!(line(&t, &lost, &[]).contains("  orphaned  "));
    end(&t, &away);
    assert_eq!(row(&t, &away)["socket"], Value::Null);
    assert!(line(&t, &away, &["--all"]).contains("  cancelled  "));

    for (name, args) in [
        ("list", vec!["list", "--all", "--json"]),
        ("inspect", vec!["inspect", &lost]),
        ("reap", vec!["reap", "--json"]),
        ("list", vec!["list", "--all", "--json"]),
        ("inspect", vec!["inspect", &lost]),
    ] {
        let printed = t.heeler(&args).any_out().any_err().any_status().finish();
        let value = serde_json::from_slice(&printed.out).unwrap();
        conforms(&schema(&t, name), &value, name);
    }
    here.signal(Signal::TERM);
    here.signaled(15).check();
}

/// Whoever waits learns why, while it runs and long after.
#[test]
fn wait_says_why_heeler_ended_it() {
    let t = Test::new();
    let step =
        ["--expect", "foo", "--expect-timeout", "300ms", "--", "sh", "-c", "echo bar; sleep 5"];
    for (flags, code, why) in [
        (&step[..], 122, "step 1: `foo` did not appear within 300ms"),
        (&["--timeout", "300ms", "--", "sleep", "5"], 124, "timed out (--timeout); "),
    ] {
        let run = detached(&t, flags);
        let told = format!("heeler: run {run}: {why}");
        let now = t.heeler(["wait", &run]).err_has(&told).exit(code).check();
        assert_eq!(now.err_text().lines().count(), 1, "{}", now.err_text());
        all_gone(&t);
        for verb in ["wait", "attach"] {
            t.heeler([verb, &run]).err_has(&told).exit(code).any_out().check();
        }
        t.heeler(["wait", "--json", &run]).any_out().exit(code).check();
    }
}
