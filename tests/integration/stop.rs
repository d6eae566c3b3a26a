//! How a run is ended: the ladder, and signals that reach heeler.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::children::{self, python, sh};
use crate::harness::{
    Done, Signal, Test, gone_within, is_dead, proc_state, proc_status, wait_gone, wait_until,
};

const MODES: [&str; 3] = ["--pipe", "--pty", "--inherit"];

fn signals(done: &Done) -> Vec<String> {
    let signals = done.at("/stop/signals");
    let name = |signal: &serde_json::Value| signal["signal"].as_str().unwrap().to_owned();
    signals.as_array().unwrap().iter().map(name).collect()
}

/// seeds 94; D18, D19
#[test]
fn every_rung_in_order_with_its_grace() {
    for mode in ["--pipe", "--pty"] {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let mut args = vec![mode, "--until", "ready", "--stop", "INT:150ms,TERM:150ms,KILL"];
        args.extend(sh(children::STUBBORN, &["life"]));
        let done = t.run(args).report().any_out().any_err().check();
        life.wait_gone();
        assert_eq!(signals(&done), ["SIGINT", "SIGTERM", "SIGKILL"], "{mode}");
        let at = |n: usize| done.at(&format!("/stop/signals/{n}/at_ms")).as_u64().unwrap();
        assert!(at(1) >= at(0) + 150 && at(2) >= at(1) + 150, "{}", done.report());
        done.has("/outcome", "until").has("/child/signal_name", "SIGKILL");
        done.has("/child/possible_oom", false).has("/containment/verified", true);
    }
    // KILL is added where it was not said; the limit is what is told, whatever it took.
    let t = Test::new();
    let mut args = vec!["--inherit", "--timeout", "1s", "--stop", "INT:50ms,TERM:50ms"];
    args.extend(sh(children::STUBBORN, &[]));
    let done = t.run(args).report().any_out().any_err().exit(124).check();
    assert_eq!(signals(&done), ["SIGINT", "SIGTERM", "SIGKILL"]);
    done.has("/outcome", "timeout").has("/stop/reason", "timeout");
}

/// supervisors 19
#[test]
fn a_ladder_of_kill_alone() {
    let t = Test::new();
    let mut args = vec!["--until", "ready", "--stop", "KILL"];
    args.extend(sh(children::STUBBORN, &[]));
    let done = t.run(args).report().any_out().any_err().check();
    assert_eq!(signals(&done), ["SIGKILL"]);
    let mut args = vec!["--until", "ready", "--stop", "TERM:0,KILL"];
    args.extend(sh(children::STUBBORN, &[]));
    let done = t.run(args).report().any_out().any_err().check();
    assert_eq!(signals(&done), ["SIGTERM", "SIGKILL"]);
}

/// Interactive shells ignore TERM; what they end on is the loss of their terminal.
#[test]
fn who_ignores_term_on_a_terminal_gets_hup() {
    let ends = |shell: &[&str], flags: &[&str]| {
        let t = Test::new();
        let args = ["--until", "ready> "].iter().chain(flags).chain(&["--"]).chain(shell);
        // The end of an input would be typed, and end the shell: this one has none.
        let path = t.fifo("input");
        let input = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        let run = t.run(args).env("PS1", "ready> ").input_from(input).report();
        let done = run.any_out().any_err().check();
        (signals(&done), done)
    };
    for shell in [["bash", "--norc", "-i"].as_slice(), &["sh", "-i"]] {
        let (signals, done) = ends(shell, &["--pty"]);
        // One that was about to read gets it again.
        assert!(signals.starts_with(&["SIGTERM".into(), "SIGHUP".into()]), "{}", done.report());
        assert!(!signals.contains(&"SIGKILL".to_owned()), "{}", done.report());
        done.has("/child/signal_name", "SIGHUP");
    }
    // Whoever says how gets it so.
    let stop = ["--pty", "--stop", "TERM:100ms,KILL"];
    let (signals, done) = ends(&["bash", "--norc", "-i"], &stop);
    assert_eq!(signals, ["SIGTERM", "SIGKILL"]);
    let at = |n: usize| done.at(&format!("/stop/signals/{n}/at_ms")).as_u64().unwrap();
    assert!(at(1) >= at(0) + 100, "{}", done.report());
}

/// seeds 96
#[test]
fn whoever_ends_at_term_is_not_killed() {
    for mode in MODES {
        let t = Test::new();
        let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let run = t.run([mode, "--", "sh", "-c", script]).report().start();
        run.wait_out("ready");
        run.signal(Signal::TERM);
        let done = run.any_out().any_err().signaled(15).check();
        assert_eq!(signals(&done), ["SIGTERM"]);
        done.has("/child/exit_code", 7).has("/outcome", "cancelled");
    }
}

/// seeds 97; supervisors 26, 28: a stopped process gets TERM only when it is continued.
#[test]
fn a_stopped_command_is_ended() {
    let runs = MODES.map(|mode| {
        let t = Test::new();
        let life = t.lifeline("life");
        let mut args = vec![mode, "--timeout", "1s"];
        args.extend(sh(children::STOPPER, &["life"]));
        let run = t.run(args).report().any_out().any_err().exit(124).start();
        (t, life, run)
    });
    for (_t, mut life, run) in runs {
        let done = run.check();
        life.wait_gone();
        assert_eq!(signals(&done), ["SIGTERM"], "TERM was enough");
        done.has("/child/signal_name", "SIGTERM");
    }
    // Without CONT it would still be there.
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let run = t.program("sh", ["-c", children::STOPPER, "sh", "life"]).start();
    life.wait("\n");
    run.wait_stopped();
    run.signal(Signal::TERM);
    assert_eq!(proc_state(run.pid()), Some('T'));
}

/// supervisors 25; trap 4: the grace belongs to the tree, not to the leader.
#[test]
fn a_child_that_ignores_term_is_killed_after_its_leader_ended() {
    for mode in MODES {
        let t = Test::new();
        let mut life = t.lifeline("life");
        t.fifo("go");
        let mut args = vec![mode, "--stop", "TERM:200ms,KILL"];
        args.extend(sh(children::STUBBORN_CHILD, &["life", "go"]));
        let run = t.run(args).report().start();
        life.wait("child\n");
        std::fs::write(t.path("go"), "go\n").unwrap();
        run.wait_out("ready");
        run.signal(Signal::TERM);
        let done = run.any_out().any_err().signaled(15).check();
        life.wait_gone();
        assert_eq!(signals(&done), ["SIGTERM", "SIGKILL"], "{mode}");
        done.has("/child/exit_code", 0).has("/containment/verified", true);
    }
}

/// seeds 105; supervisors 56, 60; D1
#[test]
fn a_signal_to_heeler_ends_the_tree_and_then_heeler() {
    for mode in MODES {
        for (signal, name) in [
            (Signal::TERM, "SIGTERM"),
            (Signal::INT, "SIGINT"),
            (Signal::HUP, "SIGHUP"),
            (Signal::QUIT, "SIGQUIT"),
        ] {
            let t = Test::new();
            let mut life = t.lifeline("life");
            let script = "exec 9>life; setsid sleep 1000 & echo ready; sleep 1000";
            // What a shell leaves in its background ignores INT and QUIT, so KILL has to come.
            let args = [mode, "--rlimit", "core=0", "--stop", "TERM:200ms,KILL"];
            let run = t.run(args).arg("--").arg("sh").arg("-c").arg(script).report().start();
            run.wait_out("ready");
            run.signal(signal);
            let done = run.any_out().any_err().signaled(signal.as_raw()).check();
            life.wait_gone();
            assert!(!done.status.core_dumped(), "no core of ours");
            done.has("/outcome", "cancelled").has("/success", false);
            done.has("/exit_code", 128 + signal.as_raw());
            done.has("/stop/caller_signal", name).has("/stop/by_caller", true);
            done.has("/stop/interrupts", 1).has("/stop/signals/0/signal", name);
            done.has("/containment/verified", true);
        }
    }
}

/// supervisors 57; seeds 95: the second one jumps to KILL.
#[test]
fn the_second_interrupt_kills() {
    for mode in MODES {
        let t = Test::new();
        t.fifo("go");
        let mut args = vec![mode];
        args.extend(python(children::COUNT_SIGNAL, &["SIGINT", "go"]));
        let run = t.run(args).report().start();
        run.wait_out("ready");
        run.signal(Signal::INT);
        run.wait_out("first");
        run.signal(Signal::INT);
        let done = run.any_out().any_err().signaled(2).check();
        assert_eq!(signals(&done), ["SIGINT", "SIGKILL"], "{mode}");
        done.has("/stop/interrupts", 2)
            .has("/child/signal_name", "SIGKILL")
            .has("/outcome", "cancelled");
        done.took_between(Duration::ZERO, Duration::from_secs(9));
    }
}

/// supervisors 57, 48, 115; seeds 115: Ctrl-C in a terminal is exactly one SIGINT for the command.
#[test]
fn ctrl_c_is_one_interrupt() {
    for mode in ["", "--pipe", "--inherit", "--pty", "--inherit --isolate"] {
        let t = Test::new();
        t.fifo("go");
        let mut args: Vec<&str> = mode.split_whitespace().collect();
        args.extend(["--stop", "INT:1h,KILL"]);
        args.extend(python(children::COUNT_SIGNAL, &["SIGINT", "go"]));
        let mut run = t.run(args).terminal(80, 24).start();
        run.wait_out("ready");
        run.type_in("\x03");
        run.wait_out("first");
        std::fs::write(t.path("go"), "go\n").unwrap();
        let done = run.any_out().any_status().check();
        assert!(done.out_text().contains("count 1\r\n"), "{mode}: {}", done.out_text());
        // Where the command had the terminal, it was its own business; else heeler was asked to stop.
        let expected = if mode.contains("isolate") { None } else { Some(0) };
        assert_eq!(done.status.code(), expected, "{mode}");
    }
}

/// supervisors 60 (the caller's mask), 59, 43, 44, 45
#[test]
fn mask_and_dispositions_are_the_callers() {
    let t = Test::new();
    // Sets signals up, then becomes the rest of its command line.
    let setup = r"
import os, signal, sys
ignored, blocked, rest = sys.argv[1].split(','), sys.argv[2].split(','), sys.argv[3:]
for name in ['SIGPIPE', 'SIGXFSZ']:
    signal.signal(getattr(signal, name), signal.SIG_DFL)
for name in filter(None, ignored):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in filter(None, blocked)])
os.execvp(rest[0], rest)
";
    for (ignored, blocked) in [
        ("", ""),
        ("SIGPIPE", ""),
        ("SIGINT,SIGQUIT", ""),
        ("SIGHUP", "SIGUSR2"),
        ("SIGCHLD,SIGTTIN,SIGTTOU", ""),
        ("", "SIGTERM,SIGCHLD,SIGUSR1,SIGALRM"),
        ("SIGUSR1,SIGPIPE", "SIGINT,SIGPIPE"),
    ] {
        let show = ["sh", "-c", children::SIGNAL_STATE];
        let with = |rest: &[&str]| -> Vec<String> {
            let fixed = ["-S", "-E", "-c", setup, ignored, blocked];
            fixed.iter().chain(rest).map(|s| (*s).to_owned()).collect()
        };
        let direct = t.program("python3", with(&show)).any_out().check().out_text();
        for mode in ["--pipe", "--inherit", "--pty"] {
            let mut rest = vec!["heeler", "run", mode, "--"];
            rest.extend(show);
            let under = t.program("python3", with(&rest)).any_out().check();
            let text = under.out_text().replace("\r\n", "\n");
            assert_eq!(text, direct, "{mode}, ignored {ignored}, blocked {blocked}");
        }
    }
}

/// supervisors 61, 41
#[test]
fn a_caller_that_ignores_child_signals() {
    let t = Test::new();
    for mode in MODES {
        let script = format!("trap '' CHLD; heeler run {mode} -- sh -c 'exit 5'");
        t.sh(&script).exit(5).check();
        let script = format!("trap '' CHLD; exec heeler run {mode} --timeout 200ms -- sleep 1000");
        t.sh(&script).exit(124).any_err().check();
    }
}

/// supervisors 43; trap 43: what the caller ignores (nohup, a background job) does not stop the run.
#[test]
fn what_the_caller_ignores_is_not_taken() {
    let t = Test::new();
    t.fifo("go");
    let script = "trap '' INT HUP; exec heeler run -- sh -c 'echo ready; read x < go; exit 4'";
    let run = t.sh(script).start();
    run.wait_out("ready");
    run.signal(Signal::INT);
    run.signal(Signal::HUP);
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").exit(4).check();
}

/// supervisors 60, 42: a caller that blocks TERM does not keep us from our own limits.
#[test]
fn a_caller_that_blocks_term() {
    let t = Test::new();
    let block = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [15, 14]); os.execvp(sys.argv[1], sys.argv[1:])";
    let args = ["-S", "-E", "-c", block, "heeler", "run", "--report", "r", "--timeout", "200ms"];
    let rest = ["--stop", "TERM:200ms,KILL", "--", "sleep", "1000"];
    t.program("python3", args.iter().chain(&rest)).exit(124).any_err().check();
    let report: serde_json::Value = serde_json::from_str(&t.read("r")).unwrap();
    // The command has TERM blocked as its caller wanted it, so KILL had to come.
    assert_eq!(report["child"]["signal_name"], "SIGKILL");
}

/// The command is over: a signal that comes now does not change what it did.
#[test]
fn a_signal_after_the_end_changes_nothing() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    t.fifo("go");
    // Its leader is gone, a member holds the output open, and the drain time is long.
    let script = "exec 9>life; (read x < go; sleep 1000) & echo $$ >&9; exit 3";
    let run = t.run(["--pipe", "--drain", "1h", "--", "sh", "-c", script]).report().start();
    wait_gone(life.wait("\n").trim().parse().unwrap());
    assert!(!is_dead(run.pid()));
    run.signal(Signal::TERM);
    let done = run.any_err().any_status().check();
    life.wait_gone();
    done.has("/child/exit_code", 3).has("/containment/verified", true);
    done.has("/outcome", "exited").has("/exit_code", 3);
}

/// supervisors 106 of the seeds, in part: KILL to heeler cannot be handled; what it leaves is for `reap`.
/// The tree is one that heeler would have ended, so the protection is shown by its absence.
#[test]
fn kill_to_heeler_leaves_the_tree_to_reap() {
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let run = t.run(["--", "sh", "-c", "exec 9>life; echo ready; sleep 1000"]).start();
    run.wait_out("ready");
    run.signal(Signal::KILL);
    wait_gone(run.pid());
    assert!(!life.is_gone(), "nothing ended it");
}

/// SIGUSR1 asks how it goes.
#[test]
fn usr1_says_how_it_goes() {
    let t = Test::new();
    t.fifo("go");
    let run = t.run(["--pipe", "--", "sh", "-c", "echo ready; read x < go"]).start();
    run.wait_out("ready");
    run.signal(Signal::USR1);
    run.wait_err("6 bytes of output");
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").any_err().check();
}

/// supervisors 27, 53, 65: time spent stopped by Ctrl-Z does not count, and the whole tree stops.
#[test]
fn ctrl_z_stops_the_tree_and_the_clock() {
    for mode in ["--pipe", "--inherit"] {
        let t = Test::new();
        t.fifo("go");
        // A job-control shell: it gets the terminal back when heeler stops, and `fg` continues it.
        let child = "echo ready $$; read x < go; echo done";
        let script = format!(
            "set -m; heeler run --timeout 2s {mode} -- sh -c '{child}'; echo stopped; read y; fg; echo rc=$?"
        );
        let mut run = t.program("bash", ["-c", &script]).terminal(80, 24).start();
        let text = run.wait_out("ready ");
        let text = format!("{text}{}", run.wait_out("\r\n").split("ready ").last().unwrap());
        let pid: i32 =
            run.wait_out("\r\n").trim().rsplit(' ').next().unwrap().parse().expect(&text);
        run.type_in("\x1a");
        run.wait_out("stopped");
        assert_eq!(proc_state(pid), Some('T'), "{mode}: the command is stopped");
        // Longer than the limit, which must not end it.
        assert!(
            !gone_within(pid, Duration::from_millis(2200)),
            "{mode}: it was ended while it was stopped"
        );
        run.type_in("\r");
        wait_until("it goes on", || proc_state(pid) != Some('T'));
        std::fs::write(t.path("go"), "go\n").unwrap();
        let done = run.any_out().check();
        assert!(done.out_text().contains("rc=0"), "{mode}: {}", done.out_text());
    }
}

/// heeler's own mask and dispositions are not the command's: it has no signal blocked that it took.
#[test]
fn heeler_itself_takes_its_signals() {
    let t = Test::new();
    t.fifo("go");
    let run = t.run(["--", "sh", "-c", "echo ready; read x < go"]).start();
    run.wait_out("ready");
    let blocked = proc_status(run.pid(), "SigBlk").unwrap();
    let blocked = u64::from_str_radix(&blocked, 16).unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::CHILD] {
        assert!(blocked & (1 << (signal.as_raw() - 1)) != 0, "{signal:?} is input to the loop");
    }
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").check();
}

/// Cancelled while a command that does not want to end is stopped: why it was to be stopped is not lost.
#[test]
fn a_failure_is_told_though_the_run_is_cancelled_after_it() {
    let t = Test::new();
    let stays = "trap 'echo asked' TERM; echo bad; while :; do sleep 0.01; done";
    let run = t.run(["--fail-on", "bad", "--", "sh", "-c", stays]).report().start();
    run.wait_out("asked\n");
    run.signal(Signal::TERM);
    let done =
        run.any_out().err_has("heeler: `bad` appeared (--fail-on)").any_err().signaled(15).check();
    done.has("/outcome", "cancelled");
}
