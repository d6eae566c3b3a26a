//! What is known of runs afterwards, and what is found again.

use rustix::process::Pid;
use serde_json::Value;

use crate::children::{self, sh};
use crate::detached::{detached, supervisor};
use crate::detached_owner::inspected;
use crate::harness::{Running, Signal, Test, is_dead, wait_gone};

fn list(t: &Test, flags: &[&str]) -> Vec<Value> {
    let mut args = vec!["list", "--json"];
    args.extend(flags);
    let done = t.heeler(args).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

/// Kills heeler, so that nothing of its is cleaned up.
fn kill(run: &Running) {
    run.signal(Signal::KILL);
    wait_gone(run.pid());
}

/// seeds 107; supervisors 90
#[test]
fn a_run_is_listed_while_it_runs() {
    let t = Test::new();
    let args = ["--pipe", "--name", "web", "--tag", "a=b", "-c", "echo ready; exec sleep 1000"];
    let run = t.run(args).report().start();
    run.wait_out("ready");
    let runs = list(&t, &[]);
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["name"], "web");
    assert_eq!(runs[0]["state"], "running");
    assert_eq!(runs[0]["mode"], "pipe");
    assert_eq!(runs[0]["supervisor_pid"], run.pid());
    assert_eq!(runs[0]["members"].as_array().unwrap().len(), 1);
    run.signal(Signal::TERM);
    let done = run.any_out().signaled(15).check();
    done.has("/run", runs[0]["run"].clone()).has("/child/pid", runs[0]["pid"].clone());
    assert_eq!(list(&t, &[]), Vec::<Value>::new());
    let ended = list(&t, &["--all"]);
    assert_eq!(ended[0]["state"], "exited");
}

/// seeds 106; supervisors 67, 84; D1
#[test]
fn what_a_killed_heeler_leaves_is_listed_and_reaped() {
    for mode in ["--pipe", "--inherit"] {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let script = "exec 9>life; setsid sleep 1000 & echo ready >&9; sleep 1000";
        let run = t.run([mode, "--", "sh", "-c", script]).start();
        life.wait("ready");
        kill(&run);
        drop(run);
        assert!(!life.is_gone());
        let runs = list(&t, &[]);
        assert_eq!(runs[0]["state"], "orphaned");
        assert!(!runs[0]["members"].as_array().unwrap().is_empty());
        t.heeler(["reap", "--dry-run"]).any_out().any_err().exit(1).check();
        assert!(!life.is_gone(), "a dry run ends nothing");
        t.heeler(["reap"]).any_out().any_err().check();
        life.wait_gone();
        t.heeler(["reap"]).any_out().any_err().check();
        assert_eq!(list(&t, &[]), Vec::<Value>::new());
    }
}

/// What is known of how an attempt ended stays, whoever writes the run down once more.
#[test]
fn reaping_keeps_how_attempts_ended() {
    let t = Test::new();
    // The end of the first is written with the start of the second.
    let script =
        "exec 9>life; echo >> x; [ $(wc -l < x) = 3 ] || exit 3; echo ready >&9; exec sleep 1000";
    let mut life = t.lifeline("life");
    let args = ["--track", "require", "--retries", "2", "--retry-delay", "0", "-c", script];
    let run = t.run(args).start();
    life.wait("ready");
    kill(&run);
    drop(run);
    let id = list(&t, &[])[0]["run"].as_str().unwrap().to_owned();
    let attempts = || {
        let done = t.heeler(["inspect", &id]).any_out().check();
        serde_json::from_slice::<Value>(&done.out).unwrap()["attempts"].clone()
    };
    let before = attempts();
    assert_eq!((&before[0]["outcome"], &before[0]["exit_code"]), (&"exited".into(), &3.into()));
    t.heeler(["reap"]).any_out().any_err().check();
    life.wait_gone();
    assert_eq!(attempts(), before);
}

/// What a reap tells to stop ends by its own ladder: what it needs for its cleanup is longer than any patience of reap.
#[test]
fn reap_leaves_a_living_run_to_its_own_ladder() {
    let t = Test::new();
    t.write(
        "slow.sh",
        "trap 'sleep 7.5; echo saved; exit' TERM; echo up; while :; do sleep .1; done",
    );
    let run = detached(&t, &["--", "sh", "slow.sh"]);
    t.heeler(["expect", &run, "--on", "up"]).any_out().check();
    let told = format!("waiting for {run}: its own ladder ends it (--grace bounds that)");
    t.heeler(["reap", &run]).any_out().err(format!("heeler: {told}\n")).check();
    let record = inspected(&t, &run);
    assert_eq!(record.pointer("/report/streams/stdout/tail").unwrap(), "up\nsaved\n");
    assert_eq!(record.pointer("/report/stop/interrupts").unwrap(), 1, "{record}");
}

#[test]
fn reap_with_a_grace_bounds_the_ladder_and_wakes_a_heeler_that_is_stopped() {
    let t = Test::new();
    let run = detached(
        &t,
        &[
            "--stop",
            "TERM:1h,KILL",
            "--",
            "sh",
            "-c",
            "trap '' TERM; echo up; while :; do sleep .1; done",
        ],
    );
    t.heeler(["expect", &run, "--on", "up"]).any_out().check();
    t.heeler(["reap", &run, "--grace", "300ms"]).any_out().check();
    assert_eq!(inspected(&t, &run).pointer("/report/stop/interrupts").unwrap(), 2);

    let run = detached(&t, &["--", "sleep", "1000"]);
    stop(supervisor(&t, &run));
    t.heeler(["reap", &run]).any_out().any_err().check();
    assert_eq!(inspected(&t, &run).pointer("/report/outcome").unwrap(), "cancelled");
}

fn stop(pid: i32) {
    rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
}

/// All is killed at once, also by a heeler that reads no signal before it has got all of them, and by one that has a
/// cleanup to do.
#[test]
fn reap_without_a_grace_kills() {
    let script = "trap '' TERM; echo up; while :; do sleep .1; done";
    for (flags, stopped) in
        [(&[][..], false), (&[][..], true), (&["--script", "cleanup.toml"][..], false)]
    {
        let t = Test::new();
        t.write("cleanup.toml", "version = 1\n[[cleanup]]\nexpect = \"never\"\n");
        let flags = [flags, &["--stop", "TERM:1h,KILL", "--", "sh", "-c", script]].concat();
        let run = detached(&t, &flags);
        t.heeler(["expect", &run, "--on", "up"]).any_out().check();
        if stopped {
            stop(supervisor(&t, &run));
        }
        t.heeler(["reap", &run, "--grace", "0"]).any_out().any_err().check();
        let record = inspected(&t, &run);
        assert_eq!(record.pointer("/report/stop/caller_signal").unwrap(), "SIGTERM", "{record}");
    }
}

/// supervisors 36; design 3: strays that were left are for a later reap.
#[test]
fn strays_that_were_left_are_reaped_later() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe", "--strays", "leave", "--drain", "50ms"];
    args.extend(sh(children::LEAVER, &["life"]));
    t.run(args).out("hi\n").any_err().check();
    assert!(!life.is_gone());
    assert_eq!(list(&t, &[])[0]["state"], "orphaned");
    t.heeler(["reap"]).any_out().any_err().check();
    life.wait_gone();
}

/// … and what was released is nobody's business any more.
#[test]
fn what_was_released_is_not_reaped() {
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe", "--strays", "release", "--drain", "50ms"];
    args.extend(sh(children::LEAVER, &["life"]));
    t.run(args).out("hi\n").any_err().check();
    assert_eq!(list(&t, &[]), Vec::<Value>::new());
    t.heeler(["reap"]).any_out().any_err().check();
    assert!(!life.is_gone());
}

/// A living run is not an orphan: `reap` alone leaves it, `reap RUN` tells its heeler to stop it.
#[test]
fn a_living_run_is_told_to_stop() {
    let t = Test::new();
    let run = t.run(["--name", "web", "-c", "echo ready; exec sleep 1000"]).report().start();
    run.wait_out("ready");
    t.heeler(["reap"]).any_out().any_err().check();
    assert!(!is_dead(run.pid()));
    t.heeler(["reap", "web"]).any_out().any_err().check();
    let done = run.any_out().any_err().any_status().check();
    done.has("/outcome", "cancelled").has("/containment/verified", true);
}

/// supervisors 77; seeds 111: many at once, no record lost, nothing said.
#[test]
fn sixty_runs_at_once() {
    let t = Test::new();
    t.sh("for i in $(seq 60); do heeler run --name r$i -- true & done; wait").check();
    let mut names: Vec<String> =
        list(&t, &["--all"]).iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 60);
    assert!(list(&t, &["--all"]).iter().all(|run| run["state"] == "exited"));
}

/// supervisors 75, 76, 81; seeds 111: tracking that fails changes no run.
#[test]
fn a_database_that_cannot_be_used_is_a_warning() {
    let t = Test::new();
    t.write("damaged.db", "this is no database, and long enough to be read as one".repeat(100));
    std::fs::create_dir(t.path("folder.db")).unwrap();
    t.write("file", "");
    for db in ["damaged.db", "folder.db", "file/heeler.db", "/proc/nowhere/heeler.db"] {
        let done =
            t.run(["--db", db, "--", "sh", "-c", "exit 3"]).report().any_err().exit(3).check();
        assert_eq!(done.err_text().lines().count(), 1, "{db}: {}", done.err_text());
        assert!(done.err_text().contains("not tracked"), "{db}: {}", done.err_text());
        done.has("/outcome", "exited").has("/warnings/1", ());
        let args = ["--track", "require", "--db", db, "--", "touch", "started"];
        t.run(args).report().any_err().exit(125).check().has("/child", ());
        assert!(!t.path("started").exists(), "{db}");
        t.run(["--track", "off", "--db", db, "--", "sh", "-c", "exit 3"]).exit(3).check();
    }
}

/// Nowhere to put it (no HOME, as in CI): a warning at most.
#[test]
fn without_a_home() {
    let t = Test::new();
    let run = t.run(["--", "sh", "-c", "exit 3"]).env_remove("HEELER_DB").env_remove("HOME");
    run.any_err().exit(3).check();
}

/// supervisors 7: what was never started leaves no record of a run.
#[test]
fn what_was_not_started_is_not_listed() {
    let t = Test::new();
    t.run(["--", "no-such-program"]).any_err().exit(127).check();
    assert_eq!(list(&t, &[]), Vec::<Value>::new());
    t.heeler(["reap", "--dry-run"]).any_out().any_err().check();
}
