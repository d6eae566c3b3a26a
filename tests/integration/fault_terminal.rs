//! Our terminal after a fault of heeler or a violent end of its command: modes, screen, mouse and cursor are as
//! they were, whoever had changed them.

use crate::attach::{detached, end, gone};
use crate::children::python;
use crate::harness::{Done, Running, Signal, Test, wait_until};

/// Everything on, nothing ever off.
const MESSY: &str = r"
import os, signal, sys, tty
tty.setraw(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.write(1, b'\x1b[?1049h\x1b[?25l\x1b[?1002;1006h\x1b[?2004h\x1b[?1h\x1b=\x1b[2;9r\x1b[31mready\x1b(0')
while True: signal.pause()
";

/// What it takes to undo that.
const OFF: [&str; 9] = [
    "\x1b[?1049l",
    "\x1b[?25h",
    "\x1b[?1006l",
    "\x1b[?1002l",
    "\x1b[?2004l",
    "\x1b[?1l",
    "\x1b>",
    "\x1b(B",
    "\x1b[m",
];

/// `heeler ARGS` on a terminal, with this fault; it ends with `code`, 0 for a signal. Gives how the modes were.
fn on_terminal(t: &Test, args: &[&str], fault: Option<&str>) -> (Running, String) {
    let words = [["-c", "echo go; read go; exec heeler \"$@\"", "sh"].as_slice(), args].concat();
    let program = t.program("sh", words);
    let program = match fault {
        Some(fault) => program.env("HEELER_FAULT", fault),
        None => program,
    };
    let mut run = program.terminal(80, 24).start();
    run.wait_out("go\r\n");
    let before = format!("{:?}", run.modes());
    run.type_in("\r");
    (run, before)
}

fn is_as_before(done: &Done, before: &str, what: &str) {
    assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")).as_deref(), Some(before));
    let out = done.out_text();
    let on = out.find("ready").unwrap_or_else(|| panic!("{what}: {out:?}"));
    for off in OFF {
        assert!(out[on..].contains(off), "{what}: {off:?} is not in {:?}", &out[on..]);
    }
}

/// A panic, an abort and an overflow of `attach`; the run lives on.
#[test]
fn a_fault_of_attach() {
    if !cfg!(debug_assertions) {
        return;
    }
    let t = Test::new();
    detached(&t, "it", &python(MESSY, &[])[1..]);
    t.heeler(["expect", "it", "--on", "ready"]).any_out().check();
    for fault in ["attach", "attach:abort", "attach:overflow"] {
        let (run, before) = on_terminal(&t, &["attach", "it"], Some(fault));
        let run = match fault {
            "attach" => run.exit(125),
            "attach:abort" => run.signaled(6),
            _ => run.signaled(11),
        };
        let done = run.any_out().check();
        is_as_before(&done, &before, fault);
        if fault == "attach" {
            assert!(done.out_text().contains("heeler: internal error: "), "{}", done.out_text());
        }
        t.heeler(["list"]).any_out().check();
    }
    t.heeler(["signal", "it", "KILL"]).check();
    t.heeler(["wait", "it"]).exit(137).check();
    gone(&t);
}

/// The same of `run --pty`, which takes its command with it.
#[test]
fn a_fault_of_run() {
    for fault in ["close", "close:abort", "close:overflow"] {
        if !cfg!(debug_assertions) {
            return;
        }
        let t = Test::new();
        let args = ["run", "--pty", "--stop", "KILL", "--timeout", "1s"];
        let args = [&args[..], &python(MESSY, &[])].concat();
        let (run, before) = on_terminal(&t, &args, Some(fault));
        let done = run.any_status().any_out().check();
        is_as_before(&done, &before, fault);
        t.heeler(["reap"]).any_out().any_err().check();
    }
}

/// And of the live table.
#[test]
fn a_fault_of_the_live_table() {
    for fault in ["watch", "watch:abort"] {
        if !cfg!(debug_assertions) {
            return;
        }
        let t = Test::new();
        let (run, before) = on_terminal(&t, &["list", "--watch"], Some(fault));
        let done = if fault == "watch" { run.exit(125) } else { run.signaled(6) };
        let done = done.any_out().check();
        assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before));
        let out = done.out_text();
        let left = out.rfind("\x1b[?25h\x1b[?1049l").unwrap_or_else(|| panic!("{fault}: {out:?}"));
        assert!(!out[left..].contains("q quit"), "{fault}: {out:?}");
    }
}

/// A command that is killed, by heeler or by somebody else, has no chance to put back what it changed.
#[test]
fn a_command_that_is_killed() {
    for how in ["timeout", "killed", "TERM"] {
        let t = Test::new();
        let args = ["run", "--pty", "--stop", "TERM:20ms,KILL"];
        let limit: &[&str] = if how == "timeout" { &["--timeout", "1s"] } else { &[] };
        let args = [&args[..], limit, &python(MESSY, &[])].concat();
        let (run, before) = on_terminal(&t, &args, None);
        run.wait_out("ready");
        match how {
            "TERM" => run.signal(Signal::TERM),
            "killed" => {
                let children = format!("/proc/{0}/task/{0}/children", run.pid());
                let child = std::fs::read_to_string(children).unwrap();
                t.program("kill", ["-KILL", child.trim()]).check();
            }
            _ => {}
        }
        let done = run.any_status().any_out().check();
        is_as_before(&done, &before, how);
        if how == "timeout" {
            let out = done.out_text();
            let said = out.find("heeler: timed out").expect("a message");
            assert!(out.find("\x1b[?1049l").is_some_and(|left| left < said), "{out:?}");
        }
    }
}

/// A command that ends by itself leaves what it wants, as it would without us.
#[test]
fn a_command_that_ends_by_itself() {
    let t = Test::new();
    let (run, _) = on_terminal(&t, &["run", "--pty", "--", "printf", "\x1b[?25l\x1b[31mred"], None);
    let out = run.any_out().check().out_text();
    assert!(out.ends_with("\x1b[?25l\x1b[31mred"), "{out:?}");
    // Attached it is another's terminal that was shown in ours.
    detached(&t, "it", &["sh", "-c", "printf '\x1b[?25l\x1b[31mred'; read x"]);
    let (mut run, _) = on_terminal(&t, &["attach", "it"], None);
    run.wait_out("red");
    run.type_in("\r");
    let out = run.any_out().check().out_text();
    assert!(out.contains("\x1b[?25h") && out.contains("\x1b[m"), "{out:?}");
    end(&t, "it");
    t.wait_alone();
}

/// A shell gives its jobs the foreground. When all are killed, nobody is left in it; the terminal is ours again.
#[test]
fn a_shell_that_is_killed_with_its_jobs() {
    for (shell, fault) in [("", ""), ("set -m; ", ""), ("", "close:abort")] {
        if !fault.is_empty() && !cfg!(debug_assertions) {
            continue;
        }
        let t = Test::new();
        let script = format!(
            "{shell}echo go; read go; PS1='first> ' heeler run --stop KILL -- bash --norc -i; unset HEELER_FAULT; read x; echo got $x"
        );
        let program = t.program("bash", ["-c", &script]).env("HEELER_FAULT", fault);
        let mut run = program.terminal(80, 24).start();
        run.wait_out("go\r\n");
        let before = format!("{:?}", run.modes());
        run.type_in("\r");
        run.wait_out("first> ");
        run.type_in("PS1='second''> ' bash --norc -i\r");
        run.wait_out("second> ");
        assert_ne!(format!("{:?}", run.modes()), before);
        let heeler = t.heeler(["list", "--json"]).any_out().check().out_text();
        let runs: serde_json::Value = serde_json::from_str(&heeler).unwrap();
        let pid = runs[0]["supervisor_pid"].as_i64().unwrap() as i32;
        let heeler = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(heeler, Signal::TERM).unwrap();
        t.wait_none(|other| other == pid);
        wait_until("the modes are put back", || format!("{:?}", run.modes()) == before);
        run.type_in("word\r");
        run.wait_out("got word\r\n");
        run.any_out().check();
        t.heeler(["reap"]).any_out().any_err().check();
    }
}
