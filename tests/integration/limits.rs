//! Limits of time, silence and output.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use crate::children::{self, python, sh};
use crate::harness::{PATIENCE, Test, whole};

const MODES: [&str; 3] = ["--pipe", "--pty", "--inherit"];

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// supervisors 16; seeds 91
#[test]
fn a_timeout_ends_the_run() {
    for mode in MODES {
        let t = Test::new();
        let done = t.run([mode, "--timeout", "0.3", "--", "sleep", "1000"]).report();
        let done = done.exit(124).err("heeler: timed out after 300ms (--timeout)\n").check();
        done.took_between(ms(300), PATIENCE / 4);
        done.has("/outcome", "timeout")
            .has("/stop/reason", "timeout")
            .has("/child/signal_name", "SIGTERM");
        done.has("/stop/signals/0/signal", "SIGTERM").has("/stop/signals/1", ());
        done.has("/stop/by_caller", false).has("/stop/interrupts", 0).has("/success", false);
        assert!(done.at("/stop/signals/0/at_ms").as_u64().unwrap() >= 300);
    }
}

/// seeds 91: never silent, and ended all the same.
#[test]
fn a_chatterer_is_timed_out() {
    let t = Test::new();
    let done =
        t.run(["--pipe", "--timeout", "300ms", "--idle-timeout", "10s", "--", "yes"]).report();
    done.exit(124).any_out().any_err().check().has("/outcome", "timeout");
}

/// supervisors 24, 67
#[test]
fn none_tiny_and_huge() {
    for mode in MODES {
        let t = Test::new();
        for off in ["0", "0s", "0ms"] {
            t.run([mode, "--timeout", off, "--", "sh", "-c", "exit 3"]).exit(3).check();
        }
        for tiny in ["1ns", "0.000000001"] {
            let done = t.run([mode, "--timeout", tiny, "--", "sleep", "1000"]).report();
            done.exit(124).any_err().check().has("/outcome", "timeout");
        }
        for huge in ["100y", "999999999999999999999999y", "18446744073709551615"] {
            t.run([mode, "--timeout", huge, "--", "sh", "-c", "exit 3"]).exit(3).check();
        }
    }
    let t = Test::new();
    for off in ["--idle-timeout", "--total-timeout", "--max-output", "--until-idle"] {
        t.run([off, "0", "--", "sh", "-c", "echo hi; exit 3"]).out("hi\n").exit(3).check();
    }
}

/// seeds 90, 80; supervisors 20, 21
#[test]
fn silence_ends_the_run() {
    for mode in ["--pipe", "--pty"] {
        let t = Test::new();
        let done = t.run([mode, "--idle-timeout", "300ms", "--", "sleep", "1000"]).report();
        let done = done.exit(124).err("heeler: silent for 300ms (--idle-timeout)\n").check();
        done.has("/outcome", "idle").has("/stop/reason", "idle");
        done.took_between(ms(300), PATIENCE / 4);
    }
}

/// seeds 80, 79; supervisors 20, 21: output on either stream is activity.
#[test]
fn chatter_is_no_silence() {
    let t = Test::new();
    let runs = ["", ">&2"].map(|to| {
        let start = |limit, script: &str| {
            let args = ["--pipe", "--idle-timeout", limit, "--", "sh", "-c", script];
            t.run(args).report().any_out().any_err().start()
        };
        let chatter = format!("for i in 1 2 3 4 5 6 7 8 9 10; do echo $i {to}; sleep 0.2; done;");
        let quiet = format!("for i in 1 2 3 4 5; do echo $i {to}; sleep 0.1; done; sleep 1000");
        (start("1500ms", &format!("{chatter} exit 5")), start("1s", &quiet))
    });
    for (chatter, quiet) in runs {
        chatter.exit(5).check().has("/outcome", "exited").has("/stop", ());
        // Silent for so long after its last word.
        let done = quiet.exit(124).check();
        done.has("/outcome", "idle").took_between(ms(1400), PATIENCE / 4);
    }
}

/// supervisors 22: echo of our own input is not the command's doing; input that was sent is activity.
#[test]
fn a_command_that_only_reads() {
    let t = Test::new();
    let done =
        t.run(["--pty", "--idle-timeout", "1s", "--", "sleep", "1000"]).input_open().report();
    let mut run = done.start();
    run.type_in("x\n");
    run.exit(124).any_out().any_err().check().has("/outcome", "idle");
}

/// seeds 77
#[test]
fn until_idle_is_a_success() {
    let t = Test::new();
    let runs = ["--pipe", "--pty"].map(|mode| {
        let script = "echo one; echo two; sleep 1000";
        t.run([mode, "--until-idle", "1s", "--", "sh", "-c", script]).report().start()
    });
    for run in runs {
        let done = run.any_out().check();
        done.has("/outcome", "until").has("/success", true).has("/exit_code", 0);
        done.has("/stop/reason", "until");
    }
}

/// seeds 79: it ends before it falls idle.
#[test]
fn an_exit_before_idle_is_an_exit() {
    let t = Test::new();
    let done = t.run(["--until-idle", "20s", "--", "sh", "-c", "echo hi; exit 9"]).report();
    done.out("hi\n").exit(9).check().has("/outcome", "exited").has("/stop", ());
}

#[test]
fn until_a_pattern_is_a_success() {
    let t = Test::new();
    let script = "trap 'exit 7' TERM; echo listening on 80; while :; do sleep 0.01; done";
    let done = t.run(["--pipe", "--until", "listening on", "--", "sh", "-c", script]).report();
    let done = done.out("listening on 80\n").any_err().check();
    done.has("/outcome", "until").has("/success", true).has("/child/exit_code", 7);
}

/// A flood ends the run; what came up to then has been passed on.
#[test]
fn too_much_output() {
    for mode in ["--pipe", "--pty"] {
        let t = Test::new();
        let done =
            t.run([mode, "--max-output", "100KiB", "--", "yes"]).report().any_out().any_err();
        let done = done.exit(124).check();
        done.has("/outcome", "output_limit").has("/stop/reason", "output_limit");
        // What the limit allows passes through, to the byte, and the rest of the flood does not.
        assert_eq!(done.out.len(), 100 << 10, "{mode}");
    }
    let t = Test::new();
    let exactly = ["--pipe", "--max-output", "10", "--", "printf", "0123456789"];
    t.run(exactly).out("0123456789").check();
    let done =
        t.run(["--pipe", "--max-output", "9", "-c", "printf 0123456789; sleep 1000"]).report();
    done.out("012345678").any_err().exit(124).check().has("/outcome", "output_limit");
    // Both streams count together.
    let script = "printf 01234; printf 56789 >&2; sleep 1000";
    let done = t.run(["--pipe", "--max-output", "9", "-c", script]).report();
    done.any_out().any_err().exit(124).check().has("/outcome", "output_limit");
}

/// D2, D3, D4; seeds 92; supervisors 34: who holds the pipes does not hold up the limit.
#[test]
fn the_timeout_does_not_wait_for_pipe_holders() {
    let runs = ["--pipe", "--pty"].map(|mode| {
        let t = Test::new();
        let life = t.lifeline("life");
        let script = "exec 9>life; setsid sleep 1000 & sleep 1000";
        let run = t.run([mode, "--timeout", "1s", "--", "sh", "-c", script]).report().start();
        (t, life, run)
    });
    for (_t, mut life, run) in runs {
        let done = run.exit(124).any_err().check();
        life.wait_gone();
        done.has("/outcome", "timeout").has("/containment/verified", true);
        done.took_between(ms(1000), PATIENCE / 4);
    }
}

/// D2; seeds 92: a success before the limit stays one, whoever holds the output open.
#[test]
fn a_success_with_a_pipe_holder_is_no_timeout() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let mut args = vec!["--pipe", "--timeout", "30s"];
    args.extend(sh(children::PIPE_HOLDER, &["life"]));
    let done = t.run(args).report().out("hi\n").any_err().check();
    life.wait_gone();
    done.has("/outcome", "exited").has("/exit_code", 0).has("/success", true);
    done.has("/stop/reason", "strays").took_between(ms(0), PATIENCE / 4);
}

/// supervisors 17, 61: it ended well within its grace, and a limit ended it: both are told.
#[test]
fn a_clean_exit_within_the_grace_is_still_a_timeout() {
    let t = Test::new();
    let runs = [0, 7].map(|code| {
        let script = format!("trap 'echo bye; exit {code}' TERM; while :; do sleep 0.01; done");
        (code, t.run(["--timeout", "1s", "--", "sh", "-c", &script]).report().start())
    });
    for (code, run) in runs {
        let done = run.exit(124).out("bye\n").any_err().check();
        done.has("/outcome", "timeout").has("/child/exit_code", code).has("/success", false);
        done.has("/stop/signals/1", ());
    }
}

/// The limit and the exit at the same moment: one of the two, whole.
#[test]
fn an_exit_at_the_limit_is_one_or_the_other() {
    let t = Test::new();
    for _ in 0..30 {
        let done = t.run(["--timeout", "20ms", "--", "sleep", "0.02"]).report();
        let done = done.any_err().any_status().check();
        match done.status.code() {
            Some(0) => done.has("/outcome", "exited").has("/child/exit_code", 0).has("/stop", ()),
            Some(124) => done.has("/outcome", "timeout").has("/stop/reason", "timeout"),
            _ => done.fail("neither"),
        };
        done.has("/exit_code", done.status.code().unwrap());
    }
}

/// All attempts and pauses together.
#[test]
fn the_total_limit() {
    let t = Test::new();
    let done = t.run(["--total-timeout", "300ms", "--", "sleep", "1000"]).report();
    let done = done.exit(124).any_err().check();
    done.has("/outcome", "total_timeout").has("/stop/reason", "total_timeout");
    let args = ["--retries", "1000", "--retry-delay", "0", "--total-timeout", "700ms"];
    let done = t.run(args).arg("--").arg("sh").arg("-c").arg("sleep 0.05; exit 1").report();
    let done = done.exit(124).any_err().check();
    done.has("/outcome", "total_timeout");
    assert!(done.at("/attempts").as_array().unwrap().len() > 1);
}

/// The gravest of several is told: the whole run's time is over, not just one attempt's.
#[test]
fn total_before_attempt() {
    let t = Test::new();
    let args = ["--timeout", "200ms", "--total-timeout", "200ms", "--", "sleep", "1000"];
    t.run(args).report().exit(124).any_err().check().has("/outcome", "total_timeout");
}

/// The time in which nobody takes our output is the command's time, too: a stalled reader does not suspend
/// the limit.
#[test]
fn a_reader_that_does_not_read_does_not_stop_the_clock() {
    let t = Test::new();
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (read, write) = rustix::pipe::pipe_with(flags).unwrap();
    let done = t.run(["--pipe", "--timeout", "400ms", "--", "yes"]).stdout_to(write).report();
    let done = done.exit(124).any_err().check();
    done.has("/outcome", "timeout").took_between(ms(400), PATIENCE / 4);
    drop(read);
}

/// supervisors 29, 69: nothing is polled; a short limit is short.
#[test]
fn limits_are_on_time() {
    let t = Test::new();
    let mut late = Vec::new();
    for _ in 0..20 {
        let done = t.run(["--timeout", "50ms", "--track", "off", "--", "sleep", "1000"]).report();
        let done = done.exit(124).any_err().check();
        late.push(done.at("/stop/signals/0/at_ms").as_u64().unwrap() - 50);
    }
    late.sort_unstable();
    // The best quarter, because the machine may be busy; a polling loop would be late by half its interval.
    assert!(late[late.len() / 4] <= 50, "{late:?}");
}

/// seeds 84, in part: what is busy without output is idle, unless CPU is asked to count (a later flag).
#[test]
fn without_output_a_busy_command_is_idle() {
    let t = Test::new();
    let mut args = vec!["--pipe", "--idle-timeout", "300ms"];
    args.extend(python("while True: pass", &[]));
    t.run(args).report().exit(124).any_err().check().has("/outcome", "idle");
}

/// A reader of stderr that does not read holds up nothing: not limits, nor signals, nor the next attempt. What there
/// was to say comes when it reads.
#[test]
fn what_heeler_says_holds_up_nothing() {
    let size = 1 << 20;
    for (args, code) in [
        // SIGUSR1, and the last word.
        (vec!["--timeout", "700ms", "--", "sh", "-c", "kill -USR1 $PPID; sleep 1000"], 124),
        // A warning in the midst of it.
        (vec!["--timeout", "700ms", "--", "sh", "-c", "yes e >&2 & exec yes"], 124),
        // A line of the script's own; thousands of them are not all kept.
        (vec!["--timeout", "700ms", "--script", "s.toml", "--", "sh", "-c", "yes; sleep 9"], 124),
        // The words about attempts. Nothing is by force here: they wait.
        (vec!["--retries", "2", "--retry-delay", "10ms", "--", "sh", "-c", "exit 3"], 3),
    ] {
        let t = Test::new();
        t.write("s.toml", "version = 1\n[[rule]]\non = \"y\"\nlog = \"seen\"\n");
        let (mut read, write) = crate::pipe::pipe();
        rustix::pipe::fcntl_setpipe_size(&write, size).unwrap();
        let filled = File::from(write);
        (&filled).write_all(&vec![b'.'; size]).unwrap();
        let (gone, stdout) = crate::pipe::pipe();
        drop(gone);
        let args = [["--pipe", "--stop", "KILL", "--report", "r"].as_slice(), &args].concat();
        let run = t.run(&args).stdout_to(stdout).stderr_to(filled).start();
        if code == 3 {
            t.wait_file("r", whole);
            assert!(!run.ends_within(ms(300)), "there is something left to say");
            let mut all = String::new();
            read.read_to_string(&mut all).unwrap();
            assert!(
                all.contains("heeler: attempt 2 of 3 exited with 3"),
                "{}",
                all.trim_matches('.')
            );
        }
        run.exit(code).check().took_between(ms(0), PATIENCE / 4);
        let report = t.read("r");
        assert!(report.contains("is not read on stderr"), "{report}");
        drop(read);
    }
}
