//! Attempts and the pauses between them.

use std::io::Read;
use std::time::Duration;

use crate::children::sh;
use crate::harness::{Done, PATIENCE, Signal, Test};
use crate::pipe::pipe;

/// Counts its starts in the file `n`, writes the number, and exits with $2 from the $1st on, before with 75.
const FLAKY: &str = "n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n > n; echo try $n; [ $n -ge $1 ] && exit $2; exit 75";

fn attempts(done: &Done) -> usize {
    done.at("/attempts").as_array().map_or(0, Vec::len)
}

fn flaky<'a>(flags: &[&'a str], from: &'a str, code: &'a str) -> Vec<&'a str> {
    let mut args = flags.to_vec();
    args.extend(["--", "sh", "-c", FLAKY, "sh", from, code]);
    args
}

/// supervisors 69
#[test]
fn it_is_tried_so_many_times_more() {
    let t = Test::new();
    let done = t.run(flaky(&["--retries", "2", "--retry-delay", "10ms"], "99", "0")).report();
    let done = done
        .exit(75)
        .out("try 1\ntry 2\ntry 3\n")
        .err("heeler: attempt 1 of 3 exited with 75; the next in 10ms\nheeler: attempt 2 of 3 exited with 75; the next in 20ms\n")
        .check();
    assert_eq!(attempts(&done), 3);
    for n in 0..3 {
        done.has(&format!("/attempts/{n}/n"), n + 1);
        done.has(&format!("/attempts/{n}/outcome"), "exited");
        done.has(&format!("/attempts/{n}/child/exit_code"), 75);
    }
    done.has("/attempts/0/delay_ms", 10)
        .has("/attempts/1/delay_ms", 20)
        .has("/attempts/2/delay_ms", ());
    done.has("/flaky", ()).has("/success", false).has("/exit_code", 75);
}

/// supervisors 76
#[test]
fn a_success_after_a_failure_is_flaky() {
    let t = Test::new();
    let done = t.run(flaky(&["--retries", "5", "--retry-delay", "0"], "2", "0")).report();
    let done = done.out("try 1\ntry 2\n").any_err().check();
    assert_eq!(attempts(&done), 2);
    done.has("/flaky", true).has("/success", true).has("/exit_code", 0);
    // A success at once is not, and has one attempt.
    let t = Test::new();
    let done = t.run(["--retries", "5", "--", "true"]).report().check();
    done.has("/flaky", ());
    assert_eq!(attempts(&done), 1);
}

/// supervisors 70
#[test]
fn pauses_grow_to_a_cap() {
    let t = Test::new();
    let flags = [
        "--retries",
        "4",
        "--retry-delay",
        "10ms",
        "--retry-backoff",
        "3",
        "--retry-max-delay",
        "50ms",
    ];
    let done = t.run(flaky(&flags, "99", "0")).report().exit(75).any_out().any_err().check();
    let delays: Vec<u64> =
        (0..4).map(|n| done.at(&format!("/attempts/{n}/delay_ms")).as_u64().unwrap()).collect();
    assert_eq!(delays, [10, 30, 50, 50]);
    done.took_between(Duration::from_millis(140), PATIENCE);
    // Jitter shortens, never lengthens.
    let t = Test::new();
    let flags = [
        "--retries",
        "8",
        "--retry-delay",
        "20ms",
        "--retry-backoff",
        "1",
        "--retry-jitter",
        "0.5",
    ];
    let done = t.run(flaky(&flags, "99", "0")).report().exit(75).any_out().any_err().check();
    for n in 0..8 {
        let delay = done.at(&format!("/attempts/{n}/delay_ms")).as_u64().unwrap();
        assert!((10..=20).contains(&delay), "{delay}");
    }
}

/// supervisors 72
#[test]
fn only_what_is_worth_it() {
    for (on, script, tries) in [
        ("exit:75", "exit 75", 2),
        ("exit:75", "exit 1", 1),
        ("exit:70-80", "exit 75", 2),
        ("exit", "exit 1", 2),
        ("exit", "kill -TERM $$", 1),
        ("signal", "kill -TERM $$", 2),
        ("signal", "exit 1", 1),
        ("timeout", "sleep 1000", 2),
        ("idle", "sleep 1000", 1),
        ("exit:75,timeout", "exit 1", 1),
        ("exit:75,timeout", "exit 75", 2),
        ("any", "sleep 1000", 2),
        ("any", "exit 1", 2),
        ("match:not now", "echo not now; exit 1", 2),
        ("match:not now", "echo never; exit 1", 1),
    ] {
        let t = Test::new();
        let script = format!("echo x >> starts; {script}");
        let limit = if script.contains("sleep") { "500ms" } else { "50s" };
        let args = [
            "--retries",
            "1",
            "--retry-delay",
            "0",
            "--retry-on",
            on,
            "--timeout",
            limit,
            "-c",
            &script,
        ];
        t.run(args).any_out().any_err().any_status().check();
        assert_eq!(t.read("starts").lines().count(), tries, "{on}: {script}");
    }
    let t = Test::new();
    let args =
        ["--retries", "1", "--retry-delay", "0", "--retry-on", "idle", "--idle-timeout", "700ms"];
    t.run(args).arg("-c").arg("echo x >> starts; sleep 1000").exit(124).any_err().check();
    assert_eq!(t.read("starts"), "x\nx\n");
}

/// A failed dialogue is a failure like others.
#[test]
fn a_failed_dialogue_is_tried_again() {
    let t = Test::new();
    let script = "echo x >> starts; echo hello; sleep 1000";
    let args =
        ["--retries", "1", "--retry-delay", "0", "--retry-on", "dialogue", "--expect", "goodbye"];
    let done = t.run(args).arg("--expect-timeout").arg("700ms").arg("-c").arg(script).report();
    let done = done.exit(122).any_out().any_err().check();
    assert_eq!(attempts(&done), 2);
    done.has("/attempts/0/failure/reason", "step_timeout");
    assert_eq!(t.read("starts"), "x\nx\n");
}

/// supervisors 71
#[test]
fn what_cannot_be_started_is_not_tried_again() {
    for (args, code) in [
        (&["--", "no-such-program"][..], 127),
        (&["--", "./plain"], 126),
        (&["-C", "nowhere", "--", "true"], 125),
    ] {
        let t = Test::new();
        t.write("plain", "");
        let mut all = vec!["--retries", "3", "--retry-delay", "1h"];
        all.extend(args);
        let done = t.run(all).report().exit(code).any_err().check();
        assert_eq!(done.err_text().lines().count(), 1, "{}", done.err_text());
        done.has("/outcome", "spawn_failed");
    }
    // The command's own 127 is most often a shell's "not found", and treated as such.
    let t = Test::new();
    let args = ["--retries", "1", "--retry-delay", "0", "-c", "echo x >> starts; exit 127"];
    t.run(args).exit(127).any_err().check();
    assert_eq!(t.read("starts"), "x\n");
}

/// supervisors 75
#[test]
fn the_attempt_is_in_the_environment() {
    let t = Test::new();
    let script = "echo $HEELER_ATTEMPT ${HEELER_RUN}; [ $HEELER_ATTEMPT = 3 ]";
    let done = t.run(["--retries", "5", "--retry-delay", "0", "-c", script]).report();
    let done = done.any_out().any_err().check();
    let run = done.at("/run").as_str().unwrap().to_owned();
    assert_eq!(done.out_text(), format!("1 {run}\n2 {run}\n3 {run}\n"));
}

/// supervisors 74
#[test]
fn the_total_limit_ends_a_pause() {
    let t = Test::new();
    let args = [
        "--retries",
        "5",
        "--retry-delay",
        "1h",
        "--retry-max-delay",
        "1h",
        "--total-timeout",
        "1s",
    ];
    let done = t.run(args).arg("--").arg("false").report().exit(124).any_err().check();
    done.has("/outcome", "total_timeout").took_between(Duration::from_secs(1), PATIENCE / 4);
    assert_eq!(attempts(&done), 1);
}

/// supervisors 71, 56
#[test]
fn a_signal_ends_a_pause() {
    for signal in [Signal::TERM, Signal::INT] {
        let t = Test::new();
        let args =
            ["--retries", "5", "--retry-delay", "1h", "--retry-max-delay", "1h", "--", "false"];
        let run = t.run(args).report().start();
        run.wait_err("the next in 1h");
        run.signal(signal);
        let done = run.any_err().signaled(signal.as_raw()).check();
        done.has("/outcome", "cancelled").has("/exit_code", 128 + signal.as_raw());
        assert_eq!(attempts(&done), 1);
    }
}

/// supervisors 71: cancelled while it runs, it is not tried again, whatever it makes of it.
#[test]
fn a_cancelled_run_is_not_tried_again() {
    let t = Test::new();
    let script = "echo x >> starts; trap 'exit 75' TERM; echo ready; while :; do sleep 0.01; done";
    let run = t.run(["--retries", "5", "--retry-delay", "0", "-c", script]).report().start();
    run.wait_out("ready");
    run.signal(Signal::TERM);
    run.any_out().any_err().signaled(15).check().has("/outcome", "cancelled");
    assert_eq!(t.read("starts"), "x\n");
}

/// Attempts are separate trees: the next one starts when the last is gone.
#[test]
fn no_attempt_meets_what_the_last_one_left() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    // Fails when something of the attempt before is still there.
    let script = "[ -e pid ] && kill -0 $(cat pid) 2>/dev/null && exit 99
        exec 9>life; setsid sleep 1000 & echo $! > pid; exit 75";
    let done =
        t.run(["--retries", "2", "--retry-delay", "0", "--strays", "reap:200ms", "-c", script]);
    let done = done.report().exit(75).any_err().check();
    life.wait_gone();
    assert_eq!(attempts(&done), 3);
}

/// supervisors 38, 52: a file and a text are read again by every attempt; our own input is not touched.
#[test]
fn input_is_replayed() {
    let t = Test::new();
    t.write("in", "line\n");
    let script = "cat; [ $HEELER_ATTEMPT = 3 ]";
    for flags in [["--stdin", "in"], ["--input", "line\n"]] {
        let mut args = vec!["--retries", "2", "--retry-delay", "0"];
        args.extend(flags);
        args.extend(["-c", script]);
        t.run(args).out("line\nline\nline\n").any_err().check();
    }
    t.run(["--retries", "2", "--retry-delay", "0", "-c", script]).input("mine\n").any_err().check();
}

/// An input that somebody gave us is not passed on, and that is no secret; what is left for the rest of a loop over
/// lines is nobody's loss.
#[test]
fn an_input_that_is_not_replayed_is_told() {
    let t = Test::new();
    t.write("lines", "one\ntwo\nthree\n");
    let told = "our input was not passed on (--retries)";
    // The pipe is filled before the command ends.
    t.script("eat", "#!/bin/sh\nuntil [ -e sent ]; do :; done; rm sent; cat");
    for given in [
        ">sent; heeler run --retries 2 --report r ./eat <lines",
        "{ cat lines; >sent; } | heeler run --retries 2 --report r ./eat",
    ] {
        let done = t.sh(given).err_has(format!("heeler: warning: {told}")).check();
        assert_eq!(done.err_text().matches(told).count(), 1, "{}", done.err_text());
        let report: serde_json::Value = serde_json::from_str(&t.read("r")).unwrap();
        assert!(report["warnings"][0].as_str().unwrap().starts_with(told), "{report}");
        let failed = t.sh(&given.replace(" ./eat", " --expect never --retry-on signal -- ./eat"));
        let failed = failed.err_has(told).any_out().exit(122).check();
        assert_eq!(failed.err_text().matches("not passed on").count(), 1, "{}", failed.err_text());
    }
    let silent = [
        "while read x; do heeler run --retries 2 echo $x; done <lines",
        "cat lines | while read x; do heeler run --retries 2 echo $x; done",
        "heeler run --retries 2 --stdin lines cat <lines",
        "heeler run --retries 2 --stdin inherit cat <lines",
    ];
    for line in silent {
        t.sh(line).out("one\ntwo\nthree\n").check();
    }
    for line in
        ["heeler run --retries 2 cat </dev/null", "heeler run --retries 2 --stdin null cat <lines"]
    {
        t.sh(line).check();
    }
}

/// The limit is each attempt's own.
#[test]
fn the_timeout_is_for_each_attempt() {
    let t = Test::new();
    let script = "[ $HEELER_ATTEMPT = 3 ] || sleep 1000";
    let args = ["--retries", "2", "--retry-delay", "0", "--timeout", "1s", "-c", script];
    let done = t.run(args).report().any_err().check();
    done.has("/attempts/0/outcome", "timeout").has("/attempts/1/stop/reason", "timeout");
    done.has("/attempts/2/outcome", "exited").has("/flaky", true).has("/outcome", "exited");
}

/// The dialogue starts anew with every attempt.
#[test]
fn the_dialogue_starts_anew() {
    let t = Test::new();
    let script = "echo name:; read x; echo hi $x; [ $HEELER_ATTEMPT = 2 ]";
    let args = [
        "--pipe",
        "--retries",
        "1",
        "--retry-delay",
        "0",
        "--expect",
        "name:",
        "--line",
        "bob",
        "-c",
        script,
    ];
    t.run(args).out("name:\nhi bob\nname:\nhi bob\n").any_err().check();
}

/// Fills our reader's pipe, of size $1, and writes a little more, which heeler keeps; then it is to fail.
const FULL: &str = "head -c \"$1\" /dev/zero; printf '%04000dEND' 0; exec sleep 1000";
const KEPT: usize = 4003;

/// What a reader has not taken when an attempt ends, it gets in the pause; and if it never takes it, that is said.
#[test]
fn what_is_kept_is_written_in_the_pause() {
    for taken in [true, false] {
        let t = Test::new();
        let (mut read, write) = pipe();
        let _ = rustix::pipe::fcntl_setpipe_size(&read, 1 << 20);
        let room = rustix::pipe::fcntl_getpipe_size(&read).unwrap();
        let size = room.to_string();
        let mut args = vec!["--pipe", "--fail-on", "END", "--drain", "50ms"];
        args.extend(["--retries", "1", "--retry-delay", "1h"]);
        args.extend(sh(FULL, &[&size]));
        let run = t.run(args).stdout_to(write).report().start();
        run.wait_err("the next in 1h");
        if taken {
            let (done, waits) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let mut all = vec![0; room + KEPT];
                let _ = done.send(read.read_exact(&mut all).map(|()| read));
            });
            read = waits.recv_timeout(PATIENCE).expect("all of it comes").unwrap();
        }
        run.signal(Signal::TERM);
        let done = run.any_err().signaled(15).check();
        let said = done.err_text().contains("did not take all of it in time");
        assert_eq!(said, !taken, "{}", done.err_text());
        done.has("/streams/stdout/bytes", room + KEPT);
        // Nobody holds it: the command is gone.
        done.has("/streams/stdout/held_open_by_strays", false).has("/containment/verified", true);
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.len(), if taken { 0 } else { room });
    }
}

/// A limit that comes in the pause is said like any other.
#[test]
fn no_time_is_left_for_another_attempt() {
    let t = Test::new();
    let args = ["--retries", "10", "--retry-delay", "1h", "--total-timeout", "2s", "--", "false"];
    let err = "heeler: attempt 1 of 11 exited with 1; the next in 1h\nheeler: out of time after 2s (--total-timeout)\n";
    t.run(args).report().err(err).exit(124).check().has("/outcome", "total_timeout");
}
