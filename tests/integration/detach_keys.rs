//! `run --detach-keys`: a run that has our terminal until it is left.

use crate::children::python;
use crate::harness::{Running, Signal, Test, wait_gone, wait_until};

/// It takes the whole screen, answers keys, and ends with `q`.
const PROGRAM: &str = r"
import os, tty
tty.setraw(0)
os.write(1, b'\x1b[?1049h\x1b[?25l\x1b[?1000hready')
got = 0
while True:
    key = os.read(0, 1)
    if key == b'q': break
    got += 1
    os.write(1, b'[%d]' % got)
os.write(1, b'\x1b[?1000l\x1b[?25h\x1b[?1049lbye')
os._exit(7)
";

/// On a terminal, once somebody has pressed a key; with how its modes were before.
fn start(t: &Test, args: &[&str]) -> (Running, String) {
    let script = "echo go; read go; exec heeler run --detach-keys ctrl-p,ctrl-q \"$@\"";
    let words = [["-c", script, "sh"].as_slice(), args].concat();
    let mut run = t.program("sh", words).terminal(80, 24).start();
    run.wait_out("go\r\n");
    let before = modes(&run);
    run.type_in("\r");
    (run, before)
}

fn modes(run: &Running) -> String {
    format!("{:?}", run.modes())
}

/// The keys leave it running, with our terminal as it was; it can be attached again, and its end is its own.
#[test]
fn the_keys_leave_it_running() {
    let t = Test::new();
    let args = [&["--name", "it", "--report", "report"], python(PROGRAM, &[]).as_slice()].concat();
    let (mut run, before) = start(&t, &args);
    run.wait_out("ready");
    wait_until("raw", || modes(&run) != before);
    run.type_in("x");
    run.wait_out("[1]");
    run.type_in("\x10\x11");
    let done = run.any_out().check();
    assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before));
    let out = done.out_text();
    let said = out.find("heeler: detached from ").expect("it says so");
    for off in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l"] {
        assert!(out[..said].contains(off), "{off:?} in {out:?}");
    }
    let listed = t.heeler(["list"]).any_out().check().out_text();
    assert!(listed.contains("running") && listed.contains("it"), "{listed}");
    let mut again = t.heeler(["attach", "it"]).terminal(80, 24).start();
    again.wait_out("[1]");
    again.type_in("xq");
    let done = again.exit(7).any_out().check();
    assert!(done.out_text().contains("[2]"), "{}", done.out_text());
    t.heeler(["wait", "it"]).exit(7).check();
    let report: serde_json::Value = serde_json::from_str(&t.read("report")).unwrap();
    assert_eq!((&report["exit_code"], &report["detached"]), (&7.into(), &true.into()), "{report}");
    t.wait_alone();
}

/// Without the keys: exit code, all of the output, messages and report are those of a run in the foreground.
#[test]
fn not_left_it_ends_as_any_run() {
    let table: [(&[&str], i32, &str); 6] = [
        (&["--", "sh", "-c", "seq 3000; exit 3"], 3, "\r\n2999\r\n3000\r\n"),
        (&["--", "echo", "short"], 0, "short\r\n"),
        (&["--", "sh", "-c", "kill -9 $$"], 137, ""),
        (&["--timeout", "100ms", "--", "sleep", "100"], 124, "heeler: timed out after 100ms"),
        (&["--", "/no/such/command"], 127, "heeler: cannot run /no/such/command"),
        (&["--expect", "name?", "--within", "50ms", "--", "cat"], 122, "heeler: "),
    ];
    for (args, code, said) in table {
        let t = Test::new();
        let (run, before) = start(&t, &[&["--report", "report"], args].concat());
        let done = run.exit(code).any_out().check();
        let out = done.out_text();
        assert!(out.contains(said) && !out.contains('\x1b'), "{args:?}: {out}");
        if code == 3 {
            let all = (1..=3000).map(|n| format!("{n}\r\n")).collect::<Vec<_>>().concat();
            assert!(out.ends_with(&all), "{} bytes", out.len());
        }
        assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before), "{args:?}");
        let report: serde_json::Value = serde_json::from_str(&t.read("report")).unwrap();
        assert_eq!(report["exit_code"], code, "{args:?}: {report}");
        t.wait_alone();
    }
}

/// Who asks us to stop asks the run; the end of our terminal leaves it.
#[test]
fn signals_are_for_the_run() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::HUP] {
        let t = Test::new();
        let args =
            ["--name", "it", "--report", "report", "--", "sh", "-c", "echo ready; sleep 1000"];
        let (run, before) = start(&t, &args);
        run.wait_out("ready");
        wait_until("raw", || modes(&run) != before);
        run.signal(signal);
        let done = run.signaled(signal.as_raw()).any_out().check();
        assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before));
        if signal == Signal::HUP {
            let listed = t.heeler(["list"]).any_out().check().out_text();
            assert!(listed.contains("running"), "{listed}");
            t.heeler(["reap", "it"]).any_out().any_err().check();
            t.heeler(["wait", "it"]).exit(143).check();
        } else {
            let report: serde_json::Value = serde_json::from_str(&t.read("report")).unwrap();
            assert_eq!(report["outcome"], "cancelled", "{report}");
            assert_eq!(report["exit_code"], 128 + signal.as_raw(), "{report}");
        }
        t.wait_alone();
    }
}

/// Ctrl-C is a key of the command's, and its death by that ends a loop of the shell, as in the foreground.
#[test]
fn a_key_that_kills_is_passed_on() {
    let t = Test::new();
    let (mut run, _) = start(&t, &["--", "sh", "-c", "echo ready; exec sleep 1000"]);
    run.wait_out("ready");
    run.type_in("\x03");
    run.signaled(2).any_out().check();
    t.wait_alone();
}

/// What cannot go along is refused before anything starts.
#[test]
fn what_cannot_be_left_is_refused() {
    let t = Test::new();
    t.write("script.toml", "version = 1\n[[step]]\ninteract = true\n");
    let table: [(&[&str], &str); 7] = [
        (&["--report", "-"], "the report of a run in the background goes to a file"),
        (&["--stdin", "inherit"], "--stdin inherit"),
        (&["--script", "script.toml"], "hands over our terminal (`interact`)"),
        (&["--quiet"], "--quiet would not show"),
        (&["--timestamps"], "--timestamps"),
        (&["--track", "off"], "--track off leaves none"),
        (&["-d"], "cannot be used with"),
    ];
    for (args, why) in table {
        let args = [args, &["--", "touch", "started"]].concat();
        let (run, _) = start(&t, &args);
        let done = run.exit(125).any_out().check();
        let out = done.out_text();
        assert!(out.contains(why), "{why}: {out}");
    }
    let keys = ["--detach-keys", "ctrl-p,ctrl-q", "--", "touch", "started"];
    t.run(keys).exit(125).err_has("our stdin or stdout is none; -d starts it").check();
    t.run(["--detach-keys", "up", "true"]).exit(125).err_has("--detach-keys").check();
    assert!(!t.path("started").exists());
}

/// Stopped from outside, it leaves the run, which goes on; `fg` draws it again, and it is still ours.
#[test]
fn a_stop_leaves_the_run_for_a_while() {
    let t = Test::new();
    let mut shell = t.program("bash", ["--norc", "-i"]).env("PS1", "> ").terminal(80, 24).start();
    shell.wait_out("> ");
    let child = "echo rea''dy; while read x; do echo got $x; done; exit 3";
    shell.type_in(format!(
        "stty -g > before; heeler run --name it --detach-keys ctrl-a -- sh -c \"{}\"\r",
        child.replace('$', "\\$")
    ));
    shell.wait_out("ready");
    t.program("pkill", ["-TSTP", "-P", &shell.pid().to_string(), "heeler"]).check();
    shell.wait_out("Stopped");
    shell.type_in("stty -g > during; heeler send it --line while >/dev/null; fg\r");
    shell.wait_out("got while");
    shell.type_in("after\r");
    shell.wait_out("got after");
    let children = format!("/proc/{0}/task/{0}/children", shell.pid());
    let heeler = std::fs::read_to_string(children).unwrap();
    shell.type_in("\x04");
    wait_gone(heeler.trim().parse().unwrap());
    shell.type_in("echo rc''=$?\r");
    shell.wait_out("rc=3");
    shell.type_in("stty -g > after; exit 0\r");
    shell.any_out().check();
    assert_eq!(t.read("during"), t.read("before"));
    assert_eq!(t.read("after"), t.read("before"));
    t.wait_alone();
}

/// A run that can be left ends with its owner, whether it was left or not.
#[test]
fn it_ends_with_its_owner() {
    for left in [false, true] {
        let t = Test::new();
        let owner = t.program("sleep", ["1000"]).start();
        let pid = owner.pid().to_string();
        let args = ["--name", "it", "--owner", &pid, "--", "sh", "-c", "echo up; exec sleep 1000"];
        let (mut run, _) = start(&t, &args);
        run.wait_out("up");
        let run = if left {
            run.type_in("\x10\x11");
            run.any_out().check();
            None
        } else {
            Some(run)
        };
        owner.signal(Signal::KILL);
        owner.signaled(9).check();
        if let Some(run) = run {
            run.exit(124).any_out().check();
        }
        t.heeler(["wait", "it"]).err_has("its owner is gone (--owner)").exit(124).check();
        t.wait_alone();
    }
}
