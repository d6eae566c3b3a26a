//! `run -d --owner`: a run that ends with the process it is tied to.

use serde_json::{Value, json};

use crate::detached::{Client, all_gone, detached};
use crate::harness::{Running, Signal, Test, wait_gone, wait_until};

/// A process that others can be tied to.
fn owner(t: &Test) -> Running {
    t.program("sleep", ["1000"]).start()
}

fn kill(owner: Running) {
    owner.signal(Signal::KILL);
    owner.signaled(9).check();
}

pub fn inspected(t: &Test, run: &str) -> Value {
    let done = t.heeler(["inspect", run]).any_out().check();
    serde_json::from_slice(&done.out).unwrap()
}

/// The whole tree ends, by the ladder, with a reason of its own.
#[test]
fn it_ends_with_its_owner() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let owner = owner(&t);
    let pid = owner.pid().to_string();
    let script = "trap '' TERM; exec 7>life; sleep 1000 & echo up; wait; sleep 1000";
    let tied =
        detached(&t, &["--owner", &pid, "--stop", "TERM:50ms,KILL", "--", "sh", "-c", script]);
    let free = detached(&t, &["--", "cat"]);
    t.heeler(["expect", &tied, "--on", "up"]).any_out().check();
    kill(owner);
    let done = t.heeler(["wait", "--json", &tied]).any_out().exit(124).check();
    let ended: Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(ended, json!({ "exit_code": 124, "outcome": "owner_gone" }));
    life.wait_gone();
    let report = inspected(&t, &tied)["report"].clone();
    assert_eq!(report["outcome"], "owner_gone");
    assert_eq!(report["stop"]["reason"], "owner_gone");
    assert_eq!(report["stop"]["by_caller"], false);
    let sent: Vec<&Value> =
        report["stop"]["signals"].as_array().unwrap().iter().map(|s| &s["signal"]).collect();
    assert_eq!(sent, ["SIGTERM", "SIGKILL"]);
    // Who is not tied to it goes on.
    t.heeler(["send", &free, "--line", "x", "--key", "eof"]).any_out().check();
    t.heeler(["wait", &free]).check();
    all_gone(&t);
}

/// What most want: a script and what it leaves in the background end together, however the script ends.
#[test]
fn a_script_that_is_killed_takes_it_along() {
    let t = Test::new();
    let script = "heeler run -d --owner $$ -- sleep 1000; sleep 1000";
    let shell = t.sh(script).any_out().start();
    let run = shell.wait_out("\n").trim().to_owned();
    shell.signal(Signal::KILL);
    let gone = "its owner is gone (--owner)";
    t.heeler(["wait", &run]).err_has(gone).exit(124).check();
    t.leaves_processes();
    drop(shell.signaled(9));
}

/// No attempt is started for an owner that is gone: in the pause, or while the last attempt comes to its end.
#[test]
fn there_is_no_further_attempt() {
    let t = Test::new();
    t.fifo("hold");
    for (delay, script) in [("1h", "exit 1"), ("0", "cat hold & exit 1")] {
        let owner = owner(&t);
        let pid = owner.pid().to_string();
        let flags = ["--retries", "5", "--retry-delay", delay, "--drain", "1h", "--owner", &pid];
        let run = detached(&t, &[&flags[..], &["--", "sh", "-c", script]].concat());
        let client = &mut Client::new(&t, &run);
        let mut status = || client.ask(&json!({ "op": "status" }));
        wait_until("its leader is gone", || status()["pid"].is_null());
        kill(owner);
        if delay == "0" {
            // Who asks after the owner's end is answered after it was seen.
            assert_eq!(status()["attempt"], 1);
            t.write("hold", "");
        }
        let gone = "its owner is gone (--owner)";
        t.heeler(["wait", &run]).err_has(gone).exit(124).check();
        let report = inspected(&t, &run)["report"].clone();
        assert_eq!(report["outcome"], "owner_gone", "{report}");
        assert_eq!(inspected(&t, &run)["attempts"].as_array().unwrap().len(), 1, "{report}");
        assert_eq!(report["child"]["exit_code"], 1, "it had ended by itself");
    }
    all_gone(&t);
}

/// Only a process that runs can own something; nothing is started for another.
#[test]
fn an_owner_has_to_run() {
    let t = Test::new();
    let refused = |pid: &str, why: &str| {
        let args = ["run", "-d", "--owner", pid, "--", "touch", "started"];
        t.heeler(args).err_has(why).exit(125).check();
    };
    // It has ended, and we, its parent, have not looked.
    let zombie = t.program("true", [""; 0]).start();
    let pid = zombie.pid();
    wait_gone(pid);
    refused(&pid.to_string(), &format!("no process {pid} runs"));
    zombie.check();
    // More than there can be.
    refused("2147483647", "no process 2147483647 runs");
    for pid in ["0", "-1", "x", "4294967297"] {
        refused(pid, "--owner");
    }
    let foreground = ["run", "--owner", "1", "--", "touch", "started"];
    t.heeler(foreground).err_has("--detach").exit(125).check();
    assert!(!t.path("started").exists());
}

/// Nothing else is asked of the owner: when it outlives the run, it is left as it is.
#[test]
fn an_owner_that_lives_on_is_left_alone() {
    let t = Test::new();
    let owner = owner(&t);
    let run = detached(&t, &["--owner", &owner.pid().to_string(), "--", "sh", "-c", "exit 3"]);
    t.heeler(["wait", &run]).exit(3).check();
    assert!(!owner.has_ended());
    kill(owner);
    all_gone(&t);
}
