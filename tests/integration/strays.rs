//! What the command leaves behind.

use std::time::Duration;

use crate::children::{self, python, sh};
use crate::harness::{PATIENCE, Signal, Test, is_dead, proc_state, wait_gone, wait_until};

const MODES: [&str; 3] = ["--pipe", "--pty", "--inherit"];

/// The default: they are ended, and said.
/// supervisors 31; seeds 99; D4
#[test]
fn they_are_ended() {
    for mode in MODES {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let mut args = vec![mode];
        args.extend(sh(children::LEAVER, &["life", "3"]));
        let done = t.run(args).report().any_out().any_err().exit(3).check();
        life.wait_gone();
        done.has("/outcome", "exited")
            .has("/child/exit_code", 3)
            .has("/containment/verified", true);
        let strays = done.at("/containment/strays");
        assert_eq!(strays.as_array().unwrap().len(), 1, "{mode}: {strays}");
        assert_eq!(strays[0]["fate"], "ended");
        let pid = strays[0]["pid"].to_string();
        assert!(done.err_text().contains(&pid), "{mode}: it is said");
        done.has("/stop/reason", "strays").has("/stop/signals/0/signal", "SIGTERM");
    }
    // Without heeler it lives on.
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    t.program("sh", ["-c", "exec 9>life; setsid sleep 1000 >/dev/null 2>&1 & echo hi"])
        .out("hi\n")
        .check();
    assert!(!life.is_gone());
}

/// supervisors 32, 15; seeds 99; D6
#[test]
fn a_daemon_is_found() {
    for mode in MODES {
        let t = Test::new();
        let mut life = t.lifeline("life");
        t.fifo("gate");
        let mut args = vec![mode];
        args.extend(python(children::DAEMON, &["life"]));
        let done = t.run(args).report().any_out().any_err().check();
        life.wait_gone();
        done.has("/containment/verified", true).has("/exit_code", 0);
    }
}

/// supervisors 40: it has no environment to be recognised by, and another directory.
#[test]
fn a_stray_without_environment() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; cd /; env -i setsid sleep 1000 >/dev/null 2>&1 & echo hi";
    let done = t.run(["--", "sh", "-c", script]).report().out("hi\n").any_err().check();
    life.wait_gone();
    done.has("/containment/strays/0/comm", "sleep");
}

/// supervisors 34; trap 7: scans miss it, the proof of emptiness does not.
#[test]
fn a_process_that_keeps_forking_is_ended() {
    for mode in ["--pipe", "--inherit"] {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let mut args = vec![mode, "--strays", "reap:200ms"];
        args.extend(python(children::REFORKER, &["life"]));
        let done = t.run(args).report().any_out().any_err().check();
        let text = life.wait_gone();
        done.has("/containment/verified", true).has("/exit_code", 0);
        assert!(!text.contains("beat 19950"), "it was ended, not waited for");
    }
}

/// supervisors 35
#[test]
fn two_hundred_sessions() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe"];
    args.extend(python(children::MANY_SESSIONS, &["200", "life"]));
    let done = t.run(args).report().out("ready\n").any_err().check();
    life.wait_gone();
    assert_eq!(done.at("/containment/strays").as_array().unwrap().len(), 200);
    done.has("/containment/verified", true);
    // The message names some of them, not two hundred.
    assert!(done.err.len() < 1000, "{}", done.err_text());
}

/// A stray that ignores TERM is killed after the grace.
#[test]
fn a_stubborn_stray() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script =
        "exec 9>life; (trap '' TERM; echo x >&9; sleep 1000; sleep 1000) & read y < go; exit 0";
    t.fifo("go");
    let run = t.run(["--strays", "reap:200ms", "--", "sh", "-c", script]).report().start();
    life.wait("x");
    std::fs::write(t.path("go"), "go\n").unwrap();
    let done = run.any_err().check();
    life.wait_gone();
    done.has("/stop/signals/1/signal", "SIGKILL").has("/containment/verified", true);
}

/// supervisors 36, 49
#[test]
fn they_are_left() {
    for mode in MODES {
        for (policy, fate) in [("leave", "left"), ("release", "released")] {
            let t = Test::new();
            t.leaves_processes();
            let mut life = t.lifeline("life");
            let mut args = vec![mode, "--strays", policy, "--drain", "100ms"];
            args.extend(sh(children::LEAVER, &["life"]));
            let run = t.run(args);
            // The stray keeps what it inherited; with inherit that is our own stdout.
            let out = std::fs::File::create(t.path("out")).unwrap();
            let err = std::fs::File::create(t.path("err")).unwrap();
            let done = run.report().stdout_to(out).stderr_to(err).check();
            assert!(!life.is_gone(), "{mode} {policy}");
            let pid = done.at("/containment/strays/0/pid").as_i64().unwrap() as i32;
            assert!(!is_dead(pid));
            done.has("/containment/strays/0/fate", fate);
            done.has("/outcome", "exited").has("/exit_code", 0).has("/containment/verified", false);
            let stream = match mode {
                "--pipe" => "/streams/stdout/held_open_by_strays",
                _ => "/streams/terminal/held_open_by_strays",
            };
            if mode != "--inherit" {
                done.has(stream, true);
            }
            done.took_between(Duration::ZERO, PATIENCE / 4);
        }
    }
}

/// supervisors 37
#[test]
fn they_fail_the_run() {
    for mode in MODES {
        let t = Test::new();
        let mut life = t.lifeline("life");
        let run = |code| {
            let mut args = vec![mode, "--strays", "fail"];
            args.extend(sh(children::LEAVER, &["life", code]));
            t.run(args).report().any_out().any_err()
        };
        let done = run("0").exit(123).check();
        life.wait_gone();
        done.has("/outcome", "strays_failed").has("/child/exit_code", 0).has("/success", false);
        // The command's own failure is the graver news.
        run("5").exit(5).check().has("/outcome", "exited");
        let done = t.run([mode, "--strays", "fail", "--", "true"]).report().check();
        done.has("/outcome", "exited");
    }
}

/// They are waited for, and what they write still comes.
#[test]
fn they_are_waited_for() {
    for mode in MODES {
        let t = Test::new();
        t.fifo("go");
        let mut life = t.lifeline("life");
        let script = "exec 9>life; trap '' HUP; (read x < go; echo late) & echo $$ >&9; exit 4";
        let run = t.run([mode, "--strays", "wait", "--", "sh", "-c", script]).report().start();
        let leader: i32 = life.wait("\n").trim().parse().unwrap();
        wait_gone(leader);
        assert!(!is_dead(run.pid()), "{mode}: it waits");
        std::fs::write(t.path("go"), "go\n").unwrap();
        let end = if mode == "--pty" { "late\r\n" } else { "late\n" };
        let done = run.out(end).exit(4).check();
        done.has("/outcome", "exited").has("/containment/verified", true).has("/stop", ());
    }
}

/// … but limits go on.
#[test]
fn waiting_for_strays_is_limited() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; setsid sleep 1000 & exit 0";
    let done = t.run(["--strays", "wait", "--timeout", "1s", "--", "sh", "-c", script]).report();
    let done = done.any_err().exit(124).check();
    life.wait_gone();
    done.has("/outcome", "timeout").has("/child/exit_code", 0);
}

/// supervisors 49; trap 34: the pipes are held open, and closed by us after the drain time.
#[test]
fn held_open_pipes_are_given_up() {
    let t = Test::new();
    t.leaves_processes();
    let mut args = vec!["--pipe", "--strays", "leave"];
    args.extend(sh("sleep 1000 & echo hi", &[]));
    let done = t.run(args).report().out("hi\n").any_err().check();
    done.has("/streams/stdout/held_open_by_strays", true);
    done.has("/streams/stderr/held_open_by_strays", true);
    done.took_between(Duration::from_millis(500), PATIENCE / 4);
    // What does not hold them does not delay either.
    let quick = sh("sleep 1000 >/dev/null 2>&1 & echo hi", &[]);
    let mut args = vec!["--pipe", "--strays", "leave", "--drain", "1h"];
    args.extend(quick);
    let done = t.run(args).report().out("hi\n").any_err().check();
    done.has("/streams/stdout/held_open_by_strays", false);
}

/// trap 34: what comes within the drain time is read.
#[test]
fn what_strays_write_within_the_drain_time_is_read() {
    let t = Test::new();
    let script = "(sleep 0.1; echo late) & echo early";
    t.run(["--pipe", "--drain", "20s", "--", "sh", "-c", script]).out("early\nlate\n").check();
    t.run(["--pty", "--drain", "20s", "--", "sh", "-c", &format!("trap '' HUP; {script}")])
        .any_out()
        .check();
}

/// supervisors 50: a command substitution ends when heeler ends, for no stray has its pipe.
#[test]
fn a_command_substitution_ends() {
    let t = Test::new();
    t.leaves_processes();
    let mut life = t.lifeline("life");
    let script = "x=$(heeler run --pipe --strays leave -- sh -c 'exec 9>life; setsid sleep 1000 & echo hi' 2>/dev/null); echo got $x";
    t.sh(script).out("got hi\n").check();
    assert!(!life.is_gone(), "the stray lives; it has its own pipe, not the substitution's");
}

/// supervisors 41: heeler in heeler.
#[test]
fn nested() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let inner = "heeler run --report inner -- sh -c 'exec 9>life; setsid sleep 1000 & echo hi'";
    let done = t.run(["--pipe", "--", "sh", "-c", inner]).report().out("hi\n").any_err().check();
    life.wait_gone();
    done.has("/containment/strays", ());
    let inner: serde_json::Value = serde_json::from_str(&t.read("inner")).unwrap();
    assert_eq!(inner["containment"]["strays"][0]["comm"], "sleep");
}

/// supervisors 41: the inner one is killed; the outer one ends what it left.
#[test]
fn a_killed_inner_heeler() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let inner = "heeler run -- sh -c 'exec 9>life; echo ready >&9; setsid sleep 1000 & sleep 1000' & echo $! >&2; wait $!; exit 6";
    let run = t.run(["--pipe", "--", "sh", "-c", inner]).report().start();
    life.wait("ready");
    let pid = run.wait_err("\n");
    t.program("kill", ["-KILL", pid.trim()]).check();
    let done = run.any_err().exit(6).check();
    life.wait_gone();
    done.has("/containment/verified", true);
    assert!(!done.at("/containment/strays/0").is_null());
}

/// A stopped stray does not keep the run from its end.
#[test]
fn a_stopped_stray() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script =
        "exec 9>life; sh -c 'echo $$ >&9; kill -STOP $$; sleep 1000' & read x < go; exit 0";
    t.fifo("go");
    let run = t.run(["--", "sh", "-c", script]).report().start();
    let pid: i32 = life.wait("\n").trim().parse().unwrap();
    wait_until("it has stopped", || proc_state(pid) == Some('T'));
    std::fs::write(t.path("go"), "go\n").unwrap();
    let done = run.any_err().check();
    life.wait_gone();
    done.has("/stop/signals/1", ());
}

/// Zombies of double forks are collected while the command runs.
#[test]
fn orphans_are_collected() {
    let t = Test::new();
    t.fifo("go");
    let child = r"
import os
for i in range(50):
    pid = os.fork()
    if pid == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.waitpid(pid, 0)
print('ready', flush=True)
open('go').readline()
";
    let run = t.run(python(child, &[])).start();
    run.wait_out("ready");
    let children = || {
        let path = format!("/proc/{0}/task/{0}/children", run.pid());
        std::fs::read_to_string(path).unwrap().split_whitespace().count()
    };
    wait_until("only the leader is left", || children() == 1);
    std::fs::write(t.path("go"), "go\n").unwrap();
    run.out("ready\n").check();
}

/// Someone who only finishes what the command started is no stray (a process substitution).
#[test]
fn a_process_substitution_is_no_stray() {
    let t = Test::new();
    let script = "exec > >(sed s/^/x/); echo a; echo b";
    let done = t.run(["--pipe", "--", "bash", "-c", script]).report().out("xa\nxb\n").check();
    done.has("/containment/strays", ()).has("/stop", ());
}

/// The signal of the caller reaches what has no parent any more.
#[test]
fn a_daemon_of_a_living_command_is_ended_too() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script = "exec 9>life; (setsid sh -c 'echo up >&9; sleep 1000' &) ; echo ready; sleep 1000";
    let run = t.run(["--pipe", "--", "sh", "-c", script]).report().start();
    life.wait("up");
    run.wait_out("ready");
    run.signal(Signal::TERM);
    run.any_out().any_err().signaled(15).check().has("/containment/verified", true);
    life.wait_gone();
}
