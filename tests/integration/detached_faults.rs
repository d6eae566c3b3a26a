//! Runs in the background when something is wrong: with their heeler, with what is asked, with our stdout.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::detached::{Client, detached, end, supervisor};
use crate::harness::{Signal, Test, wait_until};

fn kill(pid: i32, signal: Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Whoever asks a heeler that is stopped is told so, at its limit where it gave one. Who waits for a run is
/// not told so while its heeler is well.
#[test]
fn a_stopped_heeler_holds_nobody() {
    let t = Test::new();
    let run = detached(&t, &["--pty", "--", "cat"]);
    let pid = supervisor(&t, &run);
    let long = t.heeler(["wait", &run]).start();
    let logs = t.heeler(["logs", "-f", &run]).start();
    t.heeler(["send", &run, "--line", "up"]).any_out().check();
    logs.wait_out("up");
    let client = &mut Client::new(&t, &run);
    wait_until("both wait", || client.ask(&json!({ "op": "status" }))["clients"] == 3);
    kill(pid, Signal::STOP);
    let limited: [&[&str]; 3] = [
        &["send", &run, "--line", "x", "--timeout", "300ms"],
        &["expect", &run, "--on", "x", "--timeout", "300ms", "--print", "label"],
        &["wait", &run, "--timeout", "300ms"],
    ];
    let unlimited: [&[&str]; 7] = [
        &["send", &run, "--line", "x"],
        &["expect", &run, "--on", "x"],
        &["wait", &run],
        &["screen", &run],
        &["signal", &run, "TERM"],
        &["resize", &run, "90x20"],
        &["attach", &run],
    ];
    let why = format!("kill -CONT {pid}");
    let began = Instant::now();
    let clients = limited.map(|args| t.heeler(args).start());
    let others = unlimited.map(|args| t.heeler(args).start());
    for client in clients {
        client.err_has(&why).exit(124).check();
    }
    for other in others {
        other.err_has(&why).exit(125).check();
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(!long.has_ended() && !logs.has_ended(), "they were answered already");
    kill(pid, Signal::CONT);
    t.heeler(["screen", &run]).any_out().check();
    end(&t, &run);
    long.any_err().any_status().check();
    logs.any_out().check();
}
