//! Runs in the background when something is wrong: with their heeler, with what is asked, with our stdout.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::detached::{Client, all_gone, detached, end, socket, supervisor};
use crate::harness::{Signal, Test, proc_state, wait_gone, wait_until};

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
    client.wait_clients(3);
    let mut status = || client.ask(&json!({ "op": "status" }));
    // Connected, they sleep when they have asked; what was asked before two answers was served by then.
    wait_until("both wait", || [&long, &logs].iter().all(|one| proc_state(one.pid()) == Some('S')));
    status();
    status();
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

/// Nobody would learn the id: nothing is started. The null device takes it.
#[test]
fn nothing_is_started_without_a_stdout() {
    let t = Test::new();
    t.sh("heeler run -d -- touch started >&-").err_has("stdout is closed").exit(125).check();
    assert!(!t.path("started").exists() && !t.db().exists());
    t.sh("heeler run -d -- touch started >/dev/null").check();
    t.wait_file("started", |_| true);
    t.wait_alone();
}

/// A script that is under way as its heeler is stopped is not held either: not by what it types, and what does not
/// come in time is not the command's fault.
#[test]
fn a_stopped_heeler_holds_no_script() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let pid = supervisor(&t, &run);
    let why = format!("kill -CONT {pid}");
    // More than a socket holds.
    let much = "x".repeat(2 << 20);
    let now = "version = 1\n[[step]]\nexpect = \"now\"\n";
    let never = "[[step]]\nexpect = \"never\"\nwithin = \"300ms\"\n";
    let scripts = [
        ("waits.toml", never.to_owned()),
        ("signals.toml", "[[step]]\nsignal = \"WINCH\"\n".to_owned()),
        ("types.toml", format!("[[step]]\nsend = \"{much}\"\n{never}")),
    ];
    let players = scripts.map(|(name, steps)| {
        t.write(name, format!("{now}{steps}"));
        t.heeler(["run-script", &run, name]).start()
    });
    let client = &mut Client::new(&t, &run);
    client.wait_clients(4);
    let mut status = || client.ask(&json!({ "op": "status" }));
    // They have what they wait for, and see it when nobody answers any more.
    for player in &players {
        player.signal(Signal::STOP);
    }
    t.heeler(["send", &run, "--line", "now"]).any_out().check();
    wait_until("it is passed on", || status()["offset"] == 4);
    kill(pid, Signal::STOP);
    for player in &players {
        player.signal(Signal::CONT);
    }
    for player in players {
        player.err_has(&why).exit(125).check();
    }
    kill(pid, Signal::CONT);
    // The same without a stop: it is the command that says nothing.
    t.write("plain.toml", format!("version = 1\n{never}"));
    t.heeler(["run-script", &run, "plain.toml"]).err_has("never").exit(122).check();
    end(&t, &run);
}

/// A command that asks on and on and does not read makes a script fail before it takes all memory.
#[test]
fn a_script_does_not_answer_without_end() {
    let t = Test::new();
    let asks = "import os, time\nwhile True:\n os.write(1, b'go?\\n' * 500)\n time.sleep(.001)";
    let run = detached(&t, &["--pipe", "--", "python3", "-c", asks]);
    t.write("s.toml", "version = 1\n[[rule]]\non = \"go?\"\nline = \"y\"\n");
    let script = t.heeler(["run-script", &run, "s.toml"]).err_has("left too many of them unread");
    let done = script.any_err().exit(122).check();
    done.took_between(Duration::ZERO, Duration::from_secs(20));
    t.heeler(["signal", &run, "KILL"]).check();
    t.heeler(["wait", &run]).exit(137).check();
    all_gone(&t);
}

/// What a script with a run that lives cannot do is told before anything is sent.
#[test]
fn a_script_that_needs_more_is_refused() {
    let t = Test::new();
    let run = detached(&t, &["--", "cat"]);
    let steps = [
        ("exec = \"true\"", "step last is `exec`"),
        ("ask = { prompt = \"who? \", into = \"who\" }", "step last is `ask`"),
        ("interact = true", "step last is `interact`"),
    ];
    for (step, why) in steps {
        t.write(
            "more.toml",
            format!("version = 1\n[[step]]\nline = \"sent\"\n[[step]]\nname = \"last\"\n{step}\n"),
        );
        let args = ["run-script", &run, "more.toml"];
        t.heeler(args).err_has(why).err_has("nothing was sent").exit(125).check();
    }
    t.heeler(["send", &run, "--key", "eof"]).any_out().check();
    t.heeler(["wait", &run]).check();
    t.heeler(["logs", &run]).check();
    all_gone(&t);
}

/// A run whose id cannot be printed is not lost: the message names it.
#[test]
fn an_id_that_cannot_be_printed_is_told_with_the_error() {
    let t = Test::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (_, unread) = std::io::pipe().unwrap();
    for stdout in [Stdio::from(full), Stdio::from(unread)] {
        let done = t.heeler(["run", "-d", "--", "sleep", "1000"]).stdout_to(stdout);
        let done = done.any_err().exit(125).check();
        let err = done.err_text();
        let run = err.split("heeler reap ").nth(1).and_then(|rest| rest.split(' ').next());
        let run = run.unwrap_or_else(|| panic!("{err}"));
        end(&t, run);
    }
}

/// What cannot come is refused, not waited for.
#[test]
fn what_cannot_be_expected_is_refused() {
    let t = Test::new();
    let screen = detached(&t, &["--pty", "--", "cat"]);
    let merged = detached(&t, &["--merge", "--", "cat"]);
    let plain = detached(&t, &["--", "cat"]);
    let refused = |run: &str, args: &[&str], why: &str| {
        let args: Vec<&str> = ["expect", run].iter().chain(args).copied().collect();
        t.heeler(args).err_has(why).exit(125).check();
    };
    refused(&screen, &["--on", "x", "--stream", "stderr"], "a terminal is one stream");
    refused(&merged, &["--on", "x", "--stream", "stderr"], "merged output is one stream");
    refused(&plain, &["--on", "x", "--since", "9"], "only 0 bytes");
    let groups = ["--on", "a=/x(?<n>y)/", "--on", "b=z", "--on", "c=@idle:1h", "--print"];
    for group in ["nope", "2"] {
        refused(
            &plain,
            &[&groups[..], &[group]].concat(),
            &format!("no pattern (--on) has a group '{group}'"),
        );
    }
    refused(&plain, &["--on", ""], &format!("run {plain}: column 1: "));
    t.heeler(["send", &plain, "--line", "xy"]).any_out().check();
    t.heeler(["expect", &plain, "--on", "/x(?<n>y)/", "--print", "n"]).out("y\n").check();
    for run in [screen, merged, plain] {
        end(&t, &run);
    }
}

/// An end that nobody saw has no outcome; until a reap the command may live, and that is told.
#[test]
fn an_end_that_nobody_saw_is_unknown() {
    let t = Test::new();
    let run = detached(&t, &["--", "sleep", "1000"]);
    let pid = supervisor(&t, &run);
    kill(pid, Signal::KILL);
    wait_gone(pid);
    let wait = |why: &str| -> Value {
        for verb in ["attach", "wait"] {
            t.heeler([verb, &run]).err_has(why).exit(125).check();
        }
        let done = t.heeler(["wait", &run, "--json"]).any_out().err_has(why).exit(125).check();
        serde_json::from_slice(&done.out).unwrap()
    };
    let orphaned = json!({ "run": run, "outcome": "unknown", "state": "orphaned" });
    assert_eq!(wait("its heeler was killed; `heeler reap` ends what is left of it"), orphaned);
    t.heeler(["reap"]).any_out().any_err().check();
    assert_eq!(wait("nobody saw its end"), json!({ "run": run, "outcome": "unknown" }));
}

#[test]
fn a_long_name_is_not_shown_in_full() {
    let t = Test::new();
    let name = "n".repeat(300);
    let done = t.run(["--name", &name, "--", "true"]).any_err().exit(125).check();
    let err = done.err_text();
    assert!(err.contains(&format!("'{}...'", &name[..100])) && err.len() < 300, "{err}");
}

/// Who comes to a flood sees its end, and what follows.
#[test]
fn a_script_sees_a_flood() {
    let t = Test::new();
    let run = detached(&t, &["--pipe", "--", "yes", "go?"]);
    let client = &mut Client::new(&t, &run);
    while client.ask(&json!({ "op": "status" }))["offset"].as_u64() < Some(4 << 20) {}
    t.write("s.toml", "version = 1\n[[step]]\nexpect = 'go?'\n[[step]]\nexpect = 'go?'\n");
    t.heeler(["run-script", &run, "s.toml"]).any_err().check();
    end(&t, &run);
}

/// Between the end of its listening and that of its lock, a heeler that was killed is not taken for one that
/// was never talked to; nor is one whose socket somebody removed.
#[test]
fn a_socket_without_a_listener_is_told() {
    let t = Test::new();
    let run = detached(&t, &["--", "sleep", "1000"]);
    std::fs::remove_file(socket(&t, &run)).unwrap();
    for args in [["attach", &run], ["wait", &run], ["screen", &run]] {
        t.heeler(args).err_has("nobody listens at its socket").exit(125).check();
    }
    drop(std::os::unix::net::UnixListener::bind(socket(&t, &run)).unwrap());
    let wait = t.heeler(["wait", &run]).start();
    kill(supervisor(&t, &run), Signal::KILL);
    wait.err_has("its heeler was killed").exit(125).check();
    t.heeler(["reap"]).any_out().any_err().check();
    all_gone(&t);
}
