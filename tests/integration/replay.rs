//! `heeler replay`.

use rustix::termios::LocalModes;

use crate::harness::Test;

const HEADER: &str = "{\"version\":2,\"width\":80,\"height\":24}\n";

/// What comes out of a recording is what went in, byte for byte.
#[test]
fn everything_at_once() {
    let t = Test::new();
    let script = "printf 'a\\303'; printf '\\244\\033[1mb\\r\\n\\000'; seq 3000";
    let done = t.run(["--pty", "--record", "c.cast", "-c", script]).any_out().check();
    let out = done.out_text();
    t.heeler(["replay", "c.cast"]).out(&out).check();
    t.heeler(["replay", "--instant", "c.cast"]).out(&out).check();
    t.heeler(["replay", "-"]).input(t.read_bytes("c.cast")).out(&out).check();
    t.sh("heeler replay c.cast | head -1").any_out().check();
}

#[test]
fn on_a_terminal_it_takes_its_time() {
    let t = Test::new();
    t.write(
        "c.cast",
        format!("{HEADER}[0,\"o\",\"one\"]\n[0.4,\"o\",\"two\"]\n[60,\"o\",\"end\"]\n"),
    );
    let cmd = t.heeler(["replay", "--idle-limit", "300ms", "c.cast"]).terminal(80, 24);
    let done = cmd.out("onetwoend").check();
    done.took_between(std::time::Duration::from_millis(550), std::time::Duration::from_secs(30));
    let fast = t.heeler(["replay", "--speed", "100", "c.cast"]).terminal(80, 24);
    fast.out("onetwoend").check();
}

/// Space pauses, a dot steps, q ends; the terminal is as it was, and nothing is left switched on in it.
#[test]
fn keys() {
    let t = Test::new();
    let hidden = "[0,\"o\",\"\\u001b[?25lone\"]\n[3000,\"o\",\"two\"]\n[3001,\"o\",\"three\"]\n[9000,\"o\",\"x\"]\n";
    t.write("c.cast", format!("{HEADER}{hidden}"));
    let mut run = t.heeler(["replay", "c.cast"]).terminal(80, 24).start();
    run.wait_out("one");
    run.type_in(" ");
    run.type_in(".");
    run.wait_out("two");
    run.type_in(".");
    run.wait_out("three");
    assert!(!run.modes().local_modes.contains(LocalModes::ECHO));
    run.type_in("q");
    run.out("\u{1b}[?25lonetwothree\u{1b}[?25h").check();
}

#[test]
fn ctrl_c_leaves_a_sane_terminal() {
    let t = Test::new();
    t.write("c.cast", format!("{HEADER}[0,\"o\",\"\\u001b[?1049hone\"]\n[3000,\"o\",\"two\"]\n"));
    // The shell has the terminal afterwards, and says how it is.
    let mut run = t
        .program("sh", ["-c", "trap : INT; heeler replay c.cast; echo \"=$?\"; stty -a"])
        .terminal(80, 24)
        .start();
    run.wait_out("one");
    run.type_in("\x03");
    run.wait_out("=130");
    run.wait_out(" echo ");
    let done = run.any_out().any_status().check();
    let out = done.out_text();
    assert!(out.contains("\u{1b}[?1049l") && out.contains(" icanon") && !out.contains("-icanon"));
}

#[test]
fn a_broken_recording_has_a_line() {
    let t = Test::new();
    t.write("c.cast", format!("{HEADER}[0,\"o\",\"one\"]\nnonsense\n"));
    t.heeler(["replay", "c.cast"]).err_has("c.cast: line 3: no JSON").exit(125).check();
    t.write("d.cast", "#!/bin/sh\n");
    t.heeler(["replay", "d.cast"]).err_has("line 1: no header of an asciicast").exit(125).check();
    t.heeler(["replay", "gone.cast"])
        .err_has("cannot read the recording gone.cast")
        .exit(125)
        .check();
    t.heeler(["replay", "--speed", "0", "c.cast"]).err_has("twice as fast").exit(125).check();
}
