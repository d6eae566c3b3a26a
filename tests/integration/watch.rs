//! `heeler list --watch`, in a real terminal.

use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::attach::{detached, end, gone};
use crate::harness::{Signal, Test, whole};
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
    assert_eq!(t.wait_file("after", whole), t.read("before"));
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

/// In the background it has no terminal to draw on, and that is no success.
#[test]
fn it_needs_the_foreground() {
    let t = Test::new();
    let watch = t.sh("set -m; heeler list --watch & wait $!; echo rc=$?").terminal(80, 24);
    let done = watch.any_out().any_err().check();
    assert!(done.out_text().contains("needs the foreground"), "{}", done.out_text());
    assert!(done.out_text().contains("rc=125"), "{}", done.out_text());
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
            t.program("pkill", ["-TSTP", "-P", &tmux.shell.to_string(), "heeler"]).check();
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

/// More runs than rows, little room, a command that would clear the screen, one that is in the foreground.
#[test]
fn more_runs_than_rows() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 40, 10) else { return };
    for n in 0..9 {
        t.run([
            "-d",
            "--name",
            &format!("job{n}"),
            "--",
            "sh",
            "-c",
            "echo at work; exec sleep 1000",
        ])
        .any_out()
        .check();
    }
    let odd = "printf 'up\\n\\033[31mevil\\007 \\033]0;title\\007'; exec sleep 1000 # \x1b[2J\u{9b}2J \u{202e}日本";
    t.run(["-d", "--name", "odd", "--", "sh", "-c", odd]).any_out().check();
    let fifo = t.fifo("ready");
    let command = format!("echo up > {}; exec sleep 1000", fifo.display());
    let args = ["--name", "mine", "--pipe", "--", "sh", "-c", &command];
    let mine = t.run(args).start();
    t.program("cat", [fifo.to_str().unwrap()]).any_out().check();
    tmux.line("NO_COLOR=1 heeler list --watch; echo rc=$?");
    let shown = tmux.wait("1-6 of 11");
    assert!(shown.contains("a attach  s stop  r reap  ? help  q quit"), "{shown}");
    tmux.keys(&["G"]);
    tmux.wait("6-11 of 11");
    tmux.keys(&["k"]);
    let shown = tmux.wait("sh -c 'printf");
    for part in ["odd ", "evil", "mine ", "at work"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    tmux.tell(&["resize-window", "-x", "130", "-y", "20"]);
    tmux.wait(r"# \x1b[2J\x9b2J \u{202e}日本");
    tmux.keys(&["j", "a"]);
    tmux.wait("was not started with -d");
    // One that is stopped keeps nobody waiting.
    let listed = t.heeler(["list", "--json"]).any_out().check().out_text();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let heeler = listed[0]["supervisor_pid"].to_string();
    t.program("kill", ["-STOP", &heeler]).check();
    tmux.keys(&["Space"]);
    tmux.wait(" -  -");
    // Also when nobody else can come to it; it is still one to attach to.
    let waiting = fill(listed[0]["socket"].as_str().unwrap());
    tmux.keys(&["Space", "g", "a"]);
    tmux.wait("could not attach");
    drop(waiting);
    // A run with pipes says how it is left.
    tmux.keys(&["g", "j", "a"]);
    tmux.wait("ctrl-p,ctrl-q leaves it");
    tmux.keys(&["C-p", "C-q"]);
    tmux.wait("which goes on");
    t.program("kill", ["-CONT", &heeler]).check();
    tmux.keys(&["q"]);
    tmux.wait("rc=0");
    mine.signal(Signal::TERM);
    mine.any_status().any_out().any_err().check();
    t.heeler(["reap", "--all"]).any_out().any_err().check();
    gone(&t);
}

/// Connections to a socket, until no more can wait there.
fn fill(socket: &str) -> Vec<OwnedFd> {
    let address = SocketAddrUnix::new(socket).unwrap();
    let connect = || {
        let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
        let fd = socket_with(family, kind, SocketFlags::NONBLOCK, None).unwrap();
        connect(&fd, &address).map(|()| fd)
    };
    std::iter::from_fn(|| connect().ok()).collect()
}

/// A run with pipes has no terminal that Ctrl-C would be a key of: it leaves the run, and the table is there again.
#[test]
fn ctrl_c_in_a_run_with_pipes_leaves_it() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    t.run(["-d", "--name", "web", "--", "sleep", "1000"]).any_out().check();
    tmux.line("heeler list --watch; echo rc=$?");
    tmux.wait("1 running, 0 orphaned");
    tmux.keys(&["Enter"]);
    tmux.wait("it gets lines");
    tmux.keys(&["C-c"]);
    tmux.wait("back from");
    tmux.wait("1 running, 0 orphaned");
    tmux.keys(&["q"]);
    let shown = tmux.wait("rc=0");
    assert!(!shown.contains("q quit"), "the shell's own screen: {shown}");
    end(&t, "web");
}
