//! What heeler exits with, and what the report says of it.

use std::os::unix::process::ExitStatusExt;

use crate::harness::{Test, lines};

/// supervisors 1, 2, 4, 58; seeds 102
#[test]
fn every_exit_code_is_passed_on() {
    let t = Test::new();
    let script =
        "for i in $(seq 0 255); do heeler run --track off -- sh -c \"exit $i\"; echo $?; done";
    let all = lines(0..256, |code| code.to_string());
    t.sh(script).out(all).check();
}

/// supervisors 2
#[test]
fn an_exit_code_is_a_byte() {
    let t = Test::new();
    t.run(["--", "python3", "-S", "-E", "-c", "import os; os._exit(300)"]).exit(44).check();
}

/// supervisors 4; seeds 102: codes that look like something else are the command's own.
#[test]
fn codes_that_heeler_uses_itself_are_told_apart_in_the_report() {
    for code in [122, 123, 124, 125, 126, 127, 130, 137, 139, 143, 255] {
        let t = Test::new();
        let done = t.run(["--", "sh", "-c", &format!("exit {code}")]).report().exit(code).check();
        done.has("/outcome", "exited").has("/exit_code", code).has("/child/exit_code", code);
        done.has("/child/signal", ()).has("/stop", ()).has("/success", false);
        done.has("/child/summary", format!("exited with code {code}"));
    }
}

/// supervisors 5, 6; seeds 102, 12 (signals are no exit codes)
#[test]
fn every_signal_death_is_128_and_the_signal() {
    let t = Test::new();
    // Those that kill by default: not CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH; 32 and 33 are the C
    // library's own.
    let mut deadly: Vec<i32> =
        (1..=31).filter(|n| ![17, 18, 19, 20, 21, 22, 23, 28].contains(n)).collect();
    deadly.extend(34..=64);
    let list: Vec<String> = deadly.iter().map(ToString::to_string).collect();
    let script = format!(
        "for n in {}; do heeler run --track off --rlimit core=0 --report r.$n -- sh -c 'kill -'$n' $$'; echo $?; done",
        list.join(" ")
    );
    let expected = lines(deadly.iter().copied(), |n| (128 + n).to_string());
    t.sh(&script).out(expected).check();
    for signal in deadly {
        let report: serde_json::Value =
            serde_json::from_str(&t.read(&format!("r.{signal}"))).unwrap();
        assert_eq!(report["outcome"], "signaled", "{signal}");
        assert_eq!(report["child"]["signal"], signal);
        assert_eq!(report["child"]["exit_code"], serde_json::Value::Null, "{signal}");
        assert_eq!(report["child"]["core_dumped"], false, "{signal}");
        assert_eq!(report["exit_code"], 128 + signal);
        assert_eq!(report["success"], false);
        let name = report["child"]["signal_name"].as_str().unwrap();
        let known = [
            (1, "SIGHUP"),
            (2, "SIGINT"),
            (6, "SIGABRT"),
            (9, "SIGKILL"),
            (11, "SIGSEGV"),
            (15, "SIGTERM"),
        ];
        if let Some((_, known)) = known.iter().find(|(number, _)| *number == signal) {
            assert_eq!(name, *known);
        }
        assert!(name.starts_with("SIG"), "{name}");
    }
}

/// supervisors 5: the flag is the kernel's, as without heeler, and heeler does not dump another.
#[test]
fn a_core_dump_is_reported_as_the_kernel_says() {
    let t = Test::new();
    let script = "ulimit -c unlimited; kill -SEGV $$";
    let direct = t.program("sh", ["-c", script]).any_status().check();
    assert_eq!(direct.status.signal(), Some(11));
    let done = t.run(["--", "sh", "-c", script]).report().exit(139).check();
    done.has("/child/signal_name", "SIGSEGV")
        .has("/child/core_dumped", direct.status.core_dumped());
    assert_eq!(
        done.at("/child/summary").as_str().unwrap().contains("core"),
        direct.status.core_dumped()
    );
}

/// seeds 104; supervisors 6
#[test]
fn only_a_foreign_kill_may_be_for_want_of_memory() {
    let t = Test::new();
    let done = t.run(["--", "sh", "-c", "kill -KILL $$"]).report().exit(137).check();
    done.has("/child/possible_oom", true).has("/stop", ());
    let done = t
        .run(["--timeout", "0.05", "--stop", "KILL", "--", "sleep", "100"])
        .report()
        .any_err()
        .exit(124)
        .check();
    done.has("/child/signal", 9).has("/child/possible_oom", false).has("/outcome", "timeout");
    done.has("/child/summary", "killed by SIGKILL, which heeler sent");
}

/// supervisors 59: the same through a terminal, where libraries lose the signal (D12)
#[test]
fn the_same_on_a_terminal() {
    let t = Test::new();
    for code in [0, 1, 7, 130, 255] {
        t.run(["--pty", "--", "sh", "-c", &format!("exit {code}")]).exit(code).check();
    }
    for signal in [1, 2, 6, 9, 11, 13, 15] {
        let done = t
            .run(["--pty", "--rlimit", "core=0", "--", "sh", "-c", &format!("kill -{signal} $$")])
            .report()
            .exit(128 + signal)
            .check();
        done.has("/child/signal", signal).has("/mode", "pty");
    }
}

/// The codes that count as success.
#[test]
fn ok_exit() {
    let t = Test::new();
    let done =
        t.run(["--ok-exit", "3,10-19", "--", "sh", "-c", "exit 12"]).report().exit(0).check();
    done.has("/success", true).has("/exit_code", 0).has("/child/exit_code", 12);
    let done =
        t.run(["--ok-exit", "3,10-19", "--", "sh", "-c", "exit 20"]).report().exit(20).check();
    done.has("/success", false);
    t.run(["--ok-exit", "3", "--", "true"]).report().exit(0).check().has("/success", true);
    // A signal is no exit code.
    t.run(["--ok-exit", "0-255", "--", "sh", "-c", "kill -TERM $$"]).exit(143).check();
}

/// supervisors 11, 24: nothing is started, the report says invalid.
#[test]
fn wrong_usage_is_125() {
    for args in [
        &["--bogus", "--", "touch", "started"][..],
        &["--timeout", "-1", "--", "touch", "started"],
        &["--timeout", "soon", "--", "touch", "started"],
        &["--nice", "urgent", "--", "touch", "started"],
        &["--size", "80", "--pty", "--", "touch", "started"],
        &["--pty", "--pipe", "--", "touch", "started"],
        &["--stop", "NOSUCH:1s", "--", "touch", "started"],
        &["--ok-exit", "256", "--", "touch", "started"],
        &["--merge", "--pty", "--", "touch", "started"],
        &["--inherit", "--quiet", "--", "touch", "started"],
        &[],
    ] {
        let t = Test::new();
        let done = t.run(args).report().exit(125).any_err().check();
        done.has("/outcome", "invalid").has("/exit_code", 125).has("/success", false);
        done.has("/child", ());
        let message = done.at("/error/message").as_str().unwrap_or_default().to_owned();
        assert_eq!(
            done.err_text(),
            format!("heeler: {message}\n"),
            "{args:?}: one line, as in the report"
        );
        assert!(!t.path("started").exists(), "{args:?}");
    }
}

/// supervisors 14: a command that outlives its reader is supervised to its end.
#[test]
fn a_success_says_nothing() {
    let t = Test::new();
    t.run(["--", "true"]).check();
    t.run(["--pipe", "--", "true"]).check();
    t.run(["--pty", "--", "true"]).check();
    t.run(["--", "false"]).exit(1).check();
}

/// Files that cannot be had: nothing is started either.
#[test]
fn a_file_that_is_not_there_is_125() {
    for args in [["--env-file", "nowhere"], ["--stdin", "nowhere"], ["--output", "no/such/place"]] {
        let t = Test::new();
        let done =
            t.run(args).arg("--").arg("touch").arg("started").report().exit(125).any_err().check();
        done.has("/error/kind", "resource").has("/exit_code", 125).has("/child", ());
        assert!(done.err_text().contains(args[1]), "{}", done.err_text());
        assert!(!t.path("started").exists(), "{args:?}");
    }
}
