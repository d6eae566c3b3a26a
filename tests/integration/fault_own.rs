//! Faults of heeler itself: it panics, crashes, runs out of what it needs, or cannot see. Whatever it was, the
//! tree is ended, the terminal is as it was, and what can be told is told.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rustix::termios::{LocalModes, OutputModes};

use crate::children::{self, sh};
use crate::fault::{CONTAINMENTS, can_unshare, has_cgroup, penned, penned_run, report};
use crate::harness::{Signal, Test, wait_gone};

/// A command with a child in a session of its own, both deaf to TERM, and a lifeline.
const TREE: &str = r#"
trap '' TERM HUP
exec 9>"$1"
setsid sh -c ': > "$1"; while :; do sleep 1000; done' sh "$2" &
read x < "$2"
echo out
while :; do sleep 1000; done
"#;

/// The faults of debug builds can be asked for; the others have none.
fn can_ask() -> bool {
    cfg!(debug_assertions)
}

/// A panic at any place: nobody is left, the report is there, and the exit code is ours.
#[test]
fn a_panic_ends_the_tree_and_is_told() {
    for place in ["spawned", "output", "close", "report"] {
        for mode in ["--pipe", "--pty", "--inherit"] {
            if !can_ask() || (mode, place) == ("--inherit", "output") {
                continue;
            }
            let t = Test::new();
            let mut life = t.lifeline("life");
            t.fifo("up");
            let mut args = vec![mode, "--stop", "TERM:50ms,KILL"];
            if ["close", "report"].contains(&place) {
                args.extend(["--timeout", "1s"]);
            }
            args.extend(sh(TREE, &["life", "up"]));
            let run = penned_run(&t, &args).env("HEELER_FAULT", place);
            let done = run.any_out().any_err().exit(125).check();
            if place != "spawned" {
                life.wait_gone();
            }
            let said = done.err_text();
            assert!(said.contains("heeler: internal error: the fault"), "{mode} {place}: {said}");
            let report = report(&t);
            assert_eq!(report["outcome"], "internal_error", "{mode} {place}: {report}");
            assert_eq!(report["exit_code"], 125);
            assert_eq!(report["error"]["kind"], "internal");
            assert!(report["run"].as_str().is_some_and(|run| run.len() == 12), "{report}");
            if ["spawned", "output"].contains(&place) {
                assert_eq!(report["child"]["signal_name"], "SIGKILL", "{mode} {place}: {report}");
                assert_eq!(report["containment"]["verified"], true, "{report}");
            }
        }
    }
}

/// Whom the command leaves may stay, but not after a fault: then the tree is killed, and nobody is said to have been left.
#[test]
fn a_panic_leaves_nobody() {
    if !can_ask() {
        return;
    }
    for containment in CONTAINMENTS {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let script = "exec 9>life; setsid sleep 1000 & echo out; wait";
        let args = ["--pipe", "--strays", "leave", "--containment", containment, "-c", script];
        let run = penned_run(&t, &args).env("HEELER_FAULT", "output");
        let done = run.any_out().any_err().exit(125).check();
        life.wait_gone();
        assert!(!done.err_text().contains("left running"), "{}", done.err_text());
        let report = report(&t);
        assert_eq!(report["child"]["signal_name"], "SIGKILL", "{report}");
        assert_eq!(report["containment"]["verified"], true, "{report}");
    }
}

/// There is no second attempt after a fault, and a guard's keeper does not mind one.
#[test]
fn a_panic_is_not_retried() {
    if !can_ask() {
        return;
    }
    let t = Test::new();
    let args = ["--retries", "3", "--guard", "--", "sh", "-c", "echo x >> tries; echo out; exit 1"];
    let run = penned_run(&t, &args).env("HEELER_FAULT", "output");
    run.any_out().any_err().exit(125).check();
    assert_eq!(t.read("tries"), "x\n");
    assert_eq!(report(&t)["outcome"], "internal_error");
}

/// An abort and a stack overflow of ours leave nobody either, in a cgroup or without one.
#[test]
fn a_crash_ends_the_tree() {
    for containment in CONTAINMENTS {
        for (fault, signal) in [("output:abort", 6), ("output:overflow", 11)] {
            if !can_ask() {
                return;
            }
            let t = Test::new();
            let mut life = t.lifeline("life");
            t.fifo("up");
            let mut args = vec!["--pipe", "--containment", containment];
            args.extend(sh(TREE, &["life", "up"]));
            let run = penned_run(&t, &args).env("HEELER_FAULT", fault);
            let done = run.any_out().any_err().exit(128 + signal).check();
            life.wait_gone();
            assert!(done.err_text().contains("its command is killed"), "{}", done.err_text());
            // Its end was not seen; what is left of it is a record.
            t.heeler(["reap"]).any_out().any_err().check();
        }
    }
}

/// Once may be for want of memory just then. For ever, nothing could be watched any more: that is said, and nobody
/// is left.
#[test]
fn waiting_fails() {
    for (mode, containment) in [("--pipe", "auto"), ("--pipe", "subreaper"), ("--pty", "auto")] {
        for (failing, code) in [("1..1", 0), ("2+", 125), ("1+", 125)] {
            let t = Test::new();
            let inject = format!("inject=ppoll:error=ENOMEM:when={failing}");
            let mut args = vec!["-o", "calls", "-e", "trace=ppoll", "-e", &inject, "--"];
            args.extend([env!("CARGO_BIN_EXE_heeler"), "run", "--report", "report"]);
            args.extend([mode, "--retries", "2", "--containment", containment, "--", "sh", "-c"]);
            let script = if code == 0 { "echo out; sleep 0.2" } else { "trap '' TERM; sleep 1000" };
            penned(&t, "strace", &[&args[..], &[script]].concat())
                .any_out()
                .any_err()
                .exit(code)
                .check();
            let (report, calls) = (report(&t), t.read("calls"));
            assert!(calls.contains("INJECTED"), "{calls}");
            if code == 0 {
                assert_eq!(report["stop"], serde_json::Value::Null, "{report}");
                continue;
            }
            assert!(calls.lines().count() < 20, "{mode} {failing}: {calls}");
            assert_eq!(report["outcome"], "internal_error", "{mode} {failing}: {report}");
            assert_eq!(report["error"]["kind"], "internal", "{report}");
            let said = report["error"]["message"].as_str().unwrap_or_default();
            assert!(said.contains("ppoll"), "{said}");
            assert_eq!(report["attempts"].as_array().map(Vec::len), Some(1), "{report}");
            assert_eq!(report["child"]["signal_name"], "SIGKILL", "{report}");
            assert_eq!(report["containment"]["verified"], true, "{report}");
        }
    }
}

/// Our terminal, raw or lent, is as it was.
#[test]
fn the_terminal_is_put_back() {
    for fault in ["output", "output:abort", "spawned", "spawned:abort"] {
        for mode in ["--pty", "--inherit"] {
            if !can_ask() || mode == "--inherit" && fault.starts_with("output") {
                continue;
            }
            let t = Test::new();
            t.fifo("never");
            let args = [mode, "--", "sh", "-c", "stty raw -echo; echo out; read x < never"];
            let run = t.run(args).env("HEELER_FAULT", fault).terminal(80, 24).start();
            let done = run.any_out().any_status().check();
            let after = done.modes.as_ref().expect("a terminal");
            let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
            assert!(after.local_modes.contains(cooked), "{mode} {fault}: {after:?}");
            assert!(after.output_modes.contains(OutputModes::OPOST), "{mode} {fault}: {after:?}");
        }
    }
}

/// What another process sends is a request, whatever the signal is for.
#[test]
fn signals_of_faults_that_somebody_sends() {
    for mode in ["--pipe", "--pty"] {
        for signal in [
            Signal::SEGV,
            Signal::ABORT,
            Signal::BUS,
            Signal::ILL,
            Signal::FPE,
            Signal::TRAP,
            Signal::SYS,
            Signal::XCPU,
        ] {
            let t = Test::new();
            let mut life = t.lifeline("life");
            t.fifo("up");
            let mut args = vec![mode, "--rlimit", "core=0", "--stop", "TERM:1s,KILL"];
            args.extend(sh(TREE, &["life", "up"]));
            let run = t.run(args).report().start();
            run.wait_out("out");
            run.signal(signal);
            let done = run.any_out().any_err().signaled(signal.as_raw()).check();
            life.wait_gone();
            assert!(!done.status.core_dumped(), "no core of ours");
            done.has("/outcome", "cancelled").has("/containment/verified", true);
            done.has("/stop/interrupts", 1);
        }
    }
}

/// A limit on the size of files is like a full disk for heeler, and what it always was for the command.
#[test]
fn a_file_that_may_not_grow() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    t.fifo("up");
    let command = r#"exec 9>life; trap '' TERM; head -c 100000 /dev/zero; head -c 100000 /dev/zero > own; echo "rc $?" >&2; while :; do sleep 1000; done"#;
    let script = format!(
        "ulimit -f 1; exec heeler run --pipe --output copy --report r --timeout 2s --stop TERM:50ms,KILL -- sh -c '{}'",
        command.replace('\'', "'\\''")
    );
    let done = t.sh(&script).any_out().any_err().exit(124).check();
    life.wait_gone();
    assert_eq!(done.out.len(), 100_000, "what passes through is no file");
    let said = done.err_text();
    assert!(said.contains("rc 153"), "the command gets the signal: {said}");
    assert!(said.contains("cannot write the report"), "{said}");
    assert!(said.contains("copy: File too large"), "{said}");
    assert!(!t.path("r").exists(), "whole or not at all");
    assert!(t.read_bytes("copy").len() <= 1024);
}

/// However few descriptors there are, either all is well or nothing runs.
#[test]
fn out_of_descriptors() {
    let t = Test::new();
    let mut refused = 0;
    for limit in 3..40 {
        let _life = t.lifeline(&format!("life{limit}"));
        let script = format!(
            "ulimit -n {limit}; exec {} run --pipe --track off --timeout 1ms --stop KILL -- sh -c 'exec 2>life{limit}; sleep 1000'",
            env!("CARGO_BIN_EXE_heeler")
        );
        let done =
            penned(&t, "sh", &["-c", &script]).any_out().any_err().any_status().start().finish();
        let code = done.status.code();
        // 127: the shell's own redirection, or its loader.
        assert!(matches!(code, Some(124..=127)), "{limit}: {code:?} {}", done.err_text());
        refused += u32::from(code == Some(125));
    }
    assert!(refused > 0);
}

/// A command of the script's own that no descriptor is left for is ended at once, and nobody takes it for the command's.
#[test]
fn what_cannot_be_held_is_ended() {
    let t = Test::new();
    let deaf = r#"trap "" TERM; sleep 1000; sleep 1000"#;
    let steps = format!("[[step]]\nexpect = 'ready'\n[[step]]\nexec = '{deaf}'\n");
    t.write("s.toml", format!("version = 1\n{steps}"));
    // After ours and the leader's.
    let inject = "inject=pidfd_open:error=EMFILE:when=3";
    let mut args = vec!["-o", "calls", "-e", "trace=pidfd_open", "-e", inject, "--"];
    args.extend([env!("CARGO_BIN_EXE_heeler"), "run", "--report", "report", "--script", "s.toml"]);
    args.extend(["--pipe", "--stop", "TERM:2s,KILL", "-c", "echo ready; exec sleep 1000"]);
    let done = t.program("strace", args).any_out().any_err().exit(122).check();
    let why = "cannot run sh: Too many open files";
    assert!(done.err_text().contains(why), "{}", done.err_text());
    let report = report(&t);
    assert!(report["stop"]["signals"][1].is_null(), "nobody waits for its end: {report}");
    assert_eq!(report["containment"]["verified"], true, "{report}");
}

/// Handles on parents are kept until it is their children's turn, but not when there is no room for others: TERM
/// reaches everybody, so that nobody waits for KILL. Where the kernel tells nothing of a handle (before Linux 6.13) a
/// new one needs a second descriptor to be proven, so that one is refused; else it is the lists that cannot be read.
/// (What a shell starts once it has had TERM is left to its handler, so each is up when it has started its own.)
#[test]
fn a_large_tree_with_few_descriptors() {
    let tells_nothing = "strace -e trace=ioctl,?open,openat -e inject=ioctl:error=ENOTTY -o calls";
    for kernel in ["", tells_nothing] {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let script = format!(
            "ulimit -n 24; exec {kernel} {} run --report report --pipe --track off --containment subreaper --until ready \
             --stop TERM:20s,KILL -- sh -c 'exec 9>life; \
             for i in $(seq 60); do (trap \"wait; exit\" TERM; while :; do sleep 1000 & echo >>ups; wait; done) & done; \
             until [ $(wc -l <ups) = 60 ]; do sleep 0.05; done; echo ready; wait'",
            env!("CARGO_BIN_EXE_heeler"),
        );
        let run = penned(&t, "sh", &["-c", &script]).any_out();
        // strace remarks on whom it has not started.
        let run = if kernel.is_empty() { run } else { run.any_err() };
        run.check();
        life.wait_gone();
        let sent = &report(&t)["stop"]["signals"];
        assert_eq!(sent.as_array().map(Vec::len), Some(1), "{kernel}: {sent}");
        if !kernel.is_empty() {
            let short = |call: &str| call.contains("/stat\"") && call.contains("EMFILE");
            assert!(t.read("calls").lines().any(short), "there were too few");
        }
    }
}

/// Without /proc, and so without a cgroup: the group is ended, what is not known is said, and not called
/// clean.
#[test]
fn without_proc() {
    let t = Test::new();
    if !can_unshare(&t, &["-m"]) {
        return;
    }
    let hidden = |args: &[&str]| {
        let mut all = vec!["-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh"];
        all.extend([env!("CARGO_BIN_EXE_heeler"), "run", "--report", "report"]);
        all.extend(args);
        t.program("unshare", all)
    };
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe", "--timeout", "500ms", "--stop", "TERM:100ms,KILL"];
    args.extend(sh(children::STUBBORN, &["life"]));
    hidden(&args).any_out().any_err().exit(124).check();
    life.wait_gone();
    assert_eq!(report(&t)["containment"]["verified"], true, "{}", report(&t));
    // What is typed as Ctrl-C reaches the group.
    let script = "trap 'echo int; exit 3' INT; echo ready; while :; do sleep 0.01; done";
    let args = ["--pipe", "--expect", "ready", "--do", "interrupt", "-c", script];
    hidden(&args).out("ready\nint\n").any_err().exit(3).check();
    // A member that has left the group.
    t.leaves_processes();
    let mut args = vec!["--pipe", "--strays", "fail"];
    args.extend(sh(children::LEAVER, &["life"]));
    let done = hidden(&args).any_out().any_err().exit(123).check();
    let report = report(&t);
    assert_eq!(report["outcome"], "strays_failed", "{report}");
    assert_eq!(report["containment"]["verified"], false, "{report}");
    assert!(report["warnings"][0].as_str().unwrap().contains("/proc"), "{report}");
    assert!(done.err_text().contains("warning: processes were left behind: /proc"));
    done.took_between(Duration::from_secs(5), Duration::from_secs(30));
}

/// What a shell has in its background ignores INT and QUIT: it gets the ladder's own first signal at once, and
/// nobody waits for the grace.
#[test]
fn who_ignores_the_request_is_asked_otherwise() {
    for containment in CONTAINMENTS {
        for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::QUIT, "SIGQUIT")] {
            let t = Test::new();
            let mut life = t.lifeline("life");
            let script = "exec 9>life; sh -c 'echo ready; exec sleep 1000' & wait";
            let args = ["--rlimit", "core=0", "--stop", "TERM:1h,KILL", "--containment"];
            let run = t.run(args).arg(containment).arg("--").arg("sh").arg("-c").arg(script);
            let run = run.report().start();
            run.wait_out("ready");
            run.signal(signal);
            let done = run.any_out().any_err().signaled(signal.as_raw()).check();
            life.wait_gone();
            done.has("/stop/signals/0/signal", name).has("/stop/signals/1/signal", "SIGTERM");
            done.has("/stop/signals/2", serde_json::Value::Null);
            done.has("/child/signal_name", name).has("/containment/verified", true);
        }
    }
    // Who listens is not disturbed.
    let t = Test::new();
    let script = "trap 'echo int; exit 3' INT; trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done";
    let run = t.run(["--stop", "TERM:1h,KILL", "--", "sh", "-c", script]).report().start();
    run.wait_out("ready");
    run.signal(Signal::INT);
    let done = run.out("ready\nint\n").any_err().signaled(2).check();
    done.has("/child/exit_code", 3).has("/stop/signals/1", serde_json::Value::Null);
}

/// A command that is over when the request comes has its own verdict: heeler is stopped while both happen, so
/// it learns of both at once.
#[test]
fn an_exit_and_a_request_at_once() {
    let t = Test::new();
    t.fifo("go");
    let script = "echo $$ ready; read x < go; exit 5";
    let run = t.run(["--retries", "2", "--", "sh", "-c", script]).report().start();
    let pid = run.wait_out(" ready").split(' ').next().unwrap().parse().unwrap();
    run.signal(Signal::STOP);
    run.wait_stopped();
    std::fs::write(t.path("go"), "go\n").unwrap();
    wait_gone(pid);
    run.signal(Signal::TERM);
    run.signal(Signal::CONT);
    let done = run.any_out().exit(5).check();
    done.has("/outcome", "exited").has("/child/exit_code", 5).has("/exit_code", 5);
}

/// Between the list of our children and the look at each, one ends and leaves its own to us: that one is found, and not
/// killed where it is to stay.
#[test]
fn who_comes_while_nobody_is_found_stays() {
    if !can_ask() {
        return;
    }
    let t = Test::new();
    let mut life = t.lifeline("life");
    let go = t.fifo("go");
    let mut go = std::fs::File::options().read(true).write(true).open(go).unwrap();
    let script = "exec 9>life; setsid sh -c 'echo $$ >&9; read x < go; sh -c \"echo born >&9; read x < go; echo over >&9\" &' & exit 3";
    let args = ["--inherit", "--containment", "subreaper", "--strays", "wait", "-c", script];
    let run = t.run(args).env("HEELER_FAULT", "look:stop").report().start();
    let parent = life.wait("\n").trim().parse().unwrap();
    run.wait_stopped();
    go.write_all(b"go\n").unwrap();
    life.wait("born\n");
    wait_gone(parent);
    run.signal(Signal::CONT);
    assert!(!run.ends_within(Duration::from_millis(300)), "it waits");
    go.write_all(b"go\n").unwrap();
    run.exit(3).check().has("/containment/verified", true).has("/stop", ());
    assert!(life.wait_gone().ends_with("over\n"));
}

/// A stray has the name of what it is now, not of what it was forked from.
#[test]
fn a_stray_is_named_by_what_it_is() {
    let t = Test::new();
    t.leaves_processes();
    let mut args = vec!["--pipe", "--strays", "leave"];
    args.extend(["--", "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & sleep 0.2"]);
    let done = t.run(args).report().any_err().check();
    done.has("/containment/strays/0/comm", "sleep").has("/containment/strays/0/fate", "left");
    t.heeler(["reap"]).any_out().any_err().check();
    assert!(has_cgroup() || done.at("/containment/kind") == "subreaper");
}
