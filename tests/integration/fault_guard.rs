//! `--guard`: the tree ends with heeler, however heeler ended.

use std::time::Duration;

use crate::children::python;
use crate::fault::{CONTAINMENTS, has_cgroup, leaves_of, penned_run, report};
use crate::harness::{Signal, Test, gone_within, is_dead, proc_status, wait_gone, wait_until};

/// What `heeler list --all --json` says of the only run, but for one called `before`.
fn only_run(t: &Test) -> serde_json::Value {
    let list = t.heeler(["list", "--all", "--json"]).any_out().check().out_text();
    let mut list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    list.retain(|row| row["name"] != "before");
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

/// The keeper of the heeler `pid`: same parent's orphan, named by itself.
fn keeper(t: &Test) -> i32 {
    let is_keeper = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm"))
            .is_ok_and(|comm| comm == "heeler-keeper\n")
    };
    let mut found = None;
    // It names itself, beside heeler, which need not wait for that.
    wait_until("there is a keeper", || {
        // It keeps heeler's environment, which names this test's directory.
        found = t.processes().into_iter().find(is_keeper);
        found.is_some()
    });
    found.unwrap()
}

/// Every one of them, with no `reap` at all; without --guard they live on (stop::kill_to_heeler_leaves_…).
/// trap 24; seeds 106; D1
#[test]
fn a_killed_heeler_takes_its_tree_along() {
    for containment in CONTAINMENTS {
        for mode in ["--pipe", "--pty", "--inherit"] {
            let t = Test::new();
            let mut life = t.lifeline("life");
            // There is a database to close the record in: killed this early, the run may have no row yet.
            t.run(["--name", "before", "--", "true"]).check();
            let script = "exec 9>life; (setsid sleep 1000 >/dev/null 2>&1 &); trap '' HUP; sleep 1000 & echo ready >&9; wait";
            let args = [mode, "--guard", "--containment", containment, "--", "sh", "-c", script];
            let run = t.run(args).start();
            life.wait("ready");
            run.signal(Signal::KILL);
            let done = run.any_out().any_err().signaled(9).check();
            life.wait_gone();
            t.wait_alone();
            let row = only_run(&t);
            assert_eq!(row["state"], "gone", "{mode} {containment}: {}", done.err_text());
            assert!(leaves_of(row["run"].as_str().unwrap()).is_empty());
            t.heeler(["reap"]).out("nothing to reap\n").check();
        }
    }
}

/// It follows the ladder: one TERM, the grace, KILL. The kernel and the keeper do not both send the first.
#[test]
fn it_is_gentle_once() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let child = r"
import os, signal
life = os.open('life', os.O_WRONLY)
def note(number, frame):
    os.write(life, b'got %d\n' % number)
signal.signal(signal.SIGTERM, note)
os.write(life, b'ready\n')
while True:
    signal.pause()
";
        let mut args = vec!["--guard", "--containment", containment, "--stop", "TERM:300ms,KILL"];
        args.extend(python(child, &[]));
        let run = t.run(args).start();
        life.wait("ready\n");
        run.signal(Signal::KILL);
        run.signaled(9).check();
        assert_eq!(life.wait_gone(), "ready\ngot 15\n", "{containment}");
        t.wait_alone();
    }
}

/// Also without a record.
#[test]
fn untracked() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; setsid sleep 1000 & echo ready >&9; sleep 1000";
    let run = t.run(["--guard", "--track", "off", "--", "sh", "-c", script]).start();
    life.wait("ready");
    run.signal(Signal::KILL);
    run.signaled(9).check();
    life.wait_gone();
    t.wait_alone();
}

/// A heeler that ends in order takes its keeper along before it ends, whatever the end was; the pen sees it.
#[test]
fn it_ends_silently() {
    for (args, code) in [
        (vec!["--", "sh", "-c", "exit 3"], 3),
        (vec!["--", "/nonexistent"], 127),
        (vec!["--timeout", "50ms", "--", "sleep", "1000"], 124),
        (vec!["--retries", "2", "--retry-delay", "1ms", "--", "false"], 1),
        (vec!["--", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &"], 0),
    ] {
        let t = Test::new();
        let mut all = vec!["--guard"];
        all.extend(&args);
        penned_run(&t, &all).any_err().exit(code).check();
        assert!(!t.read("report").is_empty());
    }
    // Those that are left on purpose are left.
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; setsid sleep 1000 >/dev/null 2>&1 & exit 0";
    let args = ["--guard", "--strays", "release", "--", "sh", "-c", script];
    t.run(args).any_err().check();
    assert!(!life.is_gone());
}

/// It is not in the tree, has no terminal of ours, holds nothing of the caller, and sleeps.
#[test]
fn it_stands_beside() {
    let t = Test::new();
    t.fifo("go");
    let run = t.run(["--pipe", "--guard", "--", "sh", "-c", "echo ready; read x < go"]).start();
    run.wait_out("ready\n");
    let keeper = keeper(&t);
    let stat = std::fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
    let fields: Vec<i32> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .skip(1)
        .take(3)
        .map(|field| field.parse().unwrap())
        .collect();
    assert_ne!(fields[0], run.pid(), "no child of heeler");
    assert_eq!(fields[1..], [keeper, keeper], "a session of its own");
    let fds = std::fs::read_dir(format!("/proc/{keeper}/fd")).unwrap().flatten();
    let fds: Vec<_> = fds.map(|fd| std::fs::read_link(fd.path()).unwrap_or_default()).collect();
    assert_eq!(fds.len(), 4, "{fds:?}");
    let pipes = fds.iter().filter(|fd| fd.to_string_lossy().starts_with("pipe:")).count();
    assert_eq!(pipes, 1, "{fds:?}");
    if has_cgroup() {
        let cgroup = std::fs::read_to_string(format!("/proc/{keeper}/cgroup")).unwrap();
        assert!(!cgroup.contains("heeler-"), "not in the leaf: {cgroup}");
    }
    let switches = || proc_status(keeper, "voluntary_ctxt_switches").unwrap();
    let before = switches();
    assert!(!gone_within(keeper, Duration::from_millis(300)), "it stays");
    assert_eq!(switches(), before, "it does not wake up");
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").check();
    assert!(is_dead(keeper));
}

/// Killed itself, it is missed, said, and the kernel still asks the command to end.
#[test]
fn the_keeper_is_killed() {
    let t = Test::new();
    t.fifo("go");
    let script = "echo ready; read x < go; exit 4";
    let run = t.run(["--pipe", "--guard", "--", "sh", "-c", script]).report().start();
    run.wait_out("ready\n");
    let keeper_pid = keeper(&t);
    t.program("kill", ["-KILL", &keeper_pid.to_string()]).check();
    // kill(2) returns before the signal has done its work.
    wait_gone(keeper_pid);
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").err_has("the keeper was killed").exit(4).check();
    // Both of them.
    let mut life = t.lifeline("life");
    let run = t
        .run(["--pipe", "--guard", "--", "sh", "-c", "exec 9>life; echo ready; exec sleep 1000"])
        .start();
    run.wait_out("ready\n");
    let keeper_pid = keeper(&t);
    t.program("kill", ["-KILL", &keeper_pid.to_string(), &run.pid().to_string()]).check();
    life.wait_gone();
    wait_gone(keeper_pid);
    run.any_out().signaled(9).check();
}

/// A heeler in a heeler: the outer keeper ends the inner run too, and the inner one's keeper is no stray.
#[test]
fn nested() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let inner = "heeler run --guard -- sh -c 'exec 9>life; setsid sleep 1000 & echo ready >&9; sleep 1000'";
        let outer = ["--guard", "--containment", containment, "--", "sh", "-c", inner];
        let run = t.run(outer).start();
        life.wait("ready");
        run.signal(Signal::KILL);
        run.any_out().any_err().signaled(9).check();
        life.wait_gone();
        t.wait_alone();
        let args = [
            "--guard",
            "--containment",
            containment,
            "--",
            "heeler",
            "run",
            "--guard",
            "--",
            "sh",
            "-c",
            "exit 6",
        ];
        penned_run(&t, &args).exit(6).check();
        assert!(report(&t)["containment"]["strays"].is_null());
    }
}
