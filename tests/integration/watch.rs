//! `heeler list --watch`, in a real terminal.

use crate::attach::{detached, end, gone};
use crate::harness::{Signal, Test, wait_until};
use crate::tmux::Tmux;

#[test]
fn it_needs_a_terminal() {
    let t = Test::new();
    t.heeler(["list", "--watch"]).exit(125).err_has("heeler list --json is for programs").check();
    t.heeler(["list", "--watch", "--json"]).exit(125).any_err().check();
}

/// State, age, silence and the last line of the runs; keys that choose, attach, stop; 80x24 is kept, and the
/// shell's screen is there again.
#[test]
fn a_live_table() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    detached(&t, "web", &["sh", "-c", "echo listening on 80; while read x; do echo got $x; done"]);
    detached(&t, "db", &["sh", "-c", "echo up; exec sleep 1000"]);
    tmux.line("stty -g > before; echo be''fore; heeler list --watch; echo rc=$?; stty -g > after");
    let shown = tmux.wait("2 running, 0 orphaned");
    assert!(!shown.contains("before"), "{shown}");
    for part in ["web", "listening on 80", "db", "up", "running", "q quit"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The older one is chosen; its command is shown.
    assert!(shown.contains("sh -c 'echo listening on 80;"), "{shown}");
    tmux.keys(&["?"]);
    tmux.wait("any key goes back");
    tmux.keys(&["x", "j"]);
    tmux.wait("exec sleep 1000");
    tmux.keys(&["k", "a"]);
    tmux.wait_without("q quit");
    tmux.line("word");
    tmux.wait("got word");
    tmux.keys(&["C-p", "C-q"]);
    let shown = tmux.wait("back from");
    assert!(shown.contains("got word"), "{shown}");
    tmux.keys(&["j", "s"]);
    tmux.wait("? y for yes");
    tmux.keys(&["y"]);
    tmux.wait("1 running, 0 orphaned");
    tmux.tell(&["resize-window", "-x", "60", "-y", "10"]);
    tmux.keys(&["x"]);
    tmux.wait("q quit");
    tmux.keys(&["q"]);
    let shown = tmux.wait("rc=0");
    assert!(!shown.contains("q quit"), "the shell's own screen: {shown}");
    wait_until("after", || t.path("after").exists());
    assert_eq!(t.read("after"), t.read("before"));
    end(&t, "web");
}

/// An orphan is reaped from the table.
#[test]
fn an_orphan_is_reaped() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    let mut life = t.lifeline("life");
    let script = "exec 9>life; echo up >&9; exec sleep 1000";
    let run = t
        .run(["--containment", "subreaper", "--", "sh", "-c", script])
        .stdout_to(std::process::Stdio::null())
        .stderr_to(std::process::Stdio::null())
        .start();
    life.wait("up");
    run.signal(Signal::KILL);
    run.signaled(9).check();
    tmux.line("heeler list --watch");
    tmux.wait("0 running, 1 orphaned");
    tmux.keys(&["s"]);
    tmux.wait("r reaps it");
    tmux.keys(&["r", "y"]);
    tmux.wait("0 running, 0 orphaned");
    life.wait_gone();
    tmux.keys(&["C-c"]);
    tmux.wait_without("0 running");
    tmux.line("echo rc=$?");
    tmux.wait("rc=130");
}

/// Signals, a crash and a stop leave the terminal as it was.
#[test]
fn every_end_puts_the_terminal_back() {
    let t = Test::new();
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::HUP, "HUP"),
        (Signal::SEGV, "SEGV"),
        (Signal::ABORT, "ABRT"),
    ] {
        let script = "echo go; read go; exec heeler list --watch";
        let mut watch = t.sh(script).terminal(80, 24).start();
        watch.wait_out("go\r\n");
        let before = format!("{:?}", watch.modes());
        watch.type_in("\r");
        watch.wait_out("q quit");
        assert_ne!(format!("{:?}", watch.modes()), before);
        watch.signal(signal);
        let done = watch.signaled(signal.as_raw()).any_out().check();
        assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before), "{name}");
        let out = done.out_text();
        let left = out.rfind("\x1b[?25h\x1b[?1049l").unwrap_or_else(|| panic!("{name}: {out:?}"));
        assert!(!out[left..].contains("q quit"), "{name}");
    }
    gone(&t);
}

/// Ctrl-Z and `kill -TSTP`, then `fg`: in between the terminal and the screen are the shell's.
#[test]
fn it_is_stopped_and_goes_on() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    tmux.line("stty -g > before; echo be''fore; heeler list --watch");
    tmux.wait("q quit");
    for how in ["key", "signal"] {
        if how == "key" {
            tmux.keys(&["C-z"]);
        } else {
            t.program("pkill", ["-TSTP", "-P", tmux.shell().as_str(), "heeler"]).check();
        }
        let shown = tmux.wait("Stopped");
        assert!(shown.contains("before") && !shown.contains("q quit"), "{shown}");
        tmux.line(&format!("stty -g > {how}; fg"));
        tmux.wait("q quit");
        assert_eq!(t.read(how), t.read("before"), "{how}");
    }
    // With `bg` it stops again: the terminal is the shell's.
    tmux.keys(&["C-z"]);
    tmux.wait("Stopped");
    tmux.line("bg; wait %1; stty -g > background; fg");
    tmux.wait("q quit");
    assert_eq!(t.read("background"), t.read("before"));
    tmux.keys(&["q"]);
    tmux.wait_without("q quit");
    tmux.line("stty -g > after; echo do''ne");
    tmux.wait("done");
    assert_eq!(t.read("after"), t.read("before"));
}
