//! Our own terminal: raw while a command has it, and as it was after every end of that.

use std::os::unix::process::ExitStatusExt;

use heeler::runtime::terminal::RawMode;
use rustix::termios::{LocalModes, Termios};

use crate::children::python;
use crate::harness::{Running, Signal, Test, proc_state, wait_until, whole};

fn is_raw(run: &Running) -> bool {
    !run.modes().local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG)
}

/// As `stty -g` would have it.
fn all(modes: &Termios) -> String {
    format!("{modes:?}")
}

/// A command that says `ready`, takes nothing for an order, and lives until it is killed.
const STUBBORN: &str = r"
import signal, tty
for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(s, signal.SIG_IGN)
tty.setraw(0)
print('ready', end='', flush=True)
while True:
    signal.pause()
";

fn on_a_terminal<'a>(t: &'a Test, args: &[&'a str], child: &'a str) -> Running {
    let args = [args, &["--pty", "--stop", "TERM:50ms,KILL"]].concat();
    let run = t.run([args, python(child, &[])].concat()).terminal(80, 24).start();
    run.wait_out("ready");
    run
}

#[test]
fn every_signal_leaves_the_terminal_as_it_was() {
    let calm = "import signal\nprint('ready', flush=True)\nsignal.pause()";
    for signal in [
        Signal::TERM,
        Signal::INT,
        Signal::HUP,
        Signal::QUIT,
        Signal::ABORT,
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::FPE,
        Signal::SYS,
        Signal::TRAP,
        Signal::USR2,
        Signal::ALARM,
    ] {
        let t = Test::new();
        let mut before = None;
        let args = ["--pty", "--stop", "TERM:50ms,KILL"];
        let script = "echo go; read go; exec heeler run \"$@\"";
        let words = [["-c", script, "sh"].as_slice(), &args, &python(calm, &[])].concat();
        let mut run = t.program("sh", words).terminal(80, 24).start();
        run.wait_out("go\r\n");
        before.replace(all(&run.modes()));
        run.type_in("\r");
        run.wait_out("ready");
        wait_until("raw", || is_raw(&run));
        run.signal(signal);
        let done = run.any_out().any_status().check();
        assert_eq!(done.status.signal(), Some(signal.as_raw()), "{signal:?}");
        assert_eq!(done.modes.as_ref().map(all), before, "{signal:?}");
    }
}

/// Ends and panics in a process of its own, on a terminal of its own.
#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    const ROLE: &str = "TERMINAL_TEST_PANICS";
    if std::env::var_os(ROLE).is_some() {
        let raw = RawMode::enter().expect("a terminal in whose foreground we are");
        assert!(raw.is_raw());
        panic!("first line\nsecond line");
    }
    let t = Test::new();
    let us = std::env::current_exe().unwrap();
    let name = "terminal::a_panic_leaves_the_terminal_as_it_was";
    let script = "echo go; read go; exec \"$@\"";
    let args = ["-c", script, "sh", us.to_str().unwrap(), "--exact", name, "--nocapture"];
    let mut run = t.program("sh", args).env(ROLE, "1").terminal(80, 24).start();
    run.wait_out("go\r\n");
    let before = all(&run.modes());
    run.type_in("\r");
    let done = run.any_out().exit(101).check();
    assert_eq!(done.modes.as_ref().map(all), Some(before));
    // The message is printed after the terminal was put back, or its lines would not return.
    assert!(done.out_text().contains("first line\r\nsecond line\r\n"), "{}", done.out_text());
}

/// `kill -TSTP`, then `fg` by a shell with job control: as it was while it is stopped, raw again after it.
#[test]
fn a_stop_gives_the_terminal_back_until_it_is_continued() {
    let t = Test::new();
    let mut run = t.program("bash", ["--norc", "-i"]).env("PS1", "> ").terminal(80, 24).start();
    run.wait_out("> ");
    run.type_in("stty -g > before\r");
    t.wait_file("before", whole);
    run.type_in("heeler run --pty -- sh -c 'stty -echo; echo rea''dy; while read l; do echo got=$l; done'\r");
    run.wait_out("ready");
    wait_until("raw", || is_raw(&run));
    let heeler = heeler_below(run.pid());
    t.program("kill", ["-TSTP".to_owned(), heeler.to_string()]).check();
    run.wait_out("Stopped");
    assert_eq!(proc_state(heeler), Some('T'));
    run.type_in("stty -g > during\r");
    t.wait_file("during", whole);
    // With `bg` it stops again: the terminal is the shell's.
    run.type_in("bg; wait %1; stty -g > background; echo in''background\r");
    run.wait_out("inbackground");
    wait_until("stopped again", || proc_state(heeler) == Some('T'));
    run.type_in("fg\r");
    wait_until("raw again", || is_raw(&run));
    run.type_in("word\r");
    run.wait_out("got=word");
    run.type_in("\x04");
    wait_until("cooked", || !is_raw(&run) || heeler_is_gone(heeler));
    run.type_in("stty -g > after; exit 0\r");
    run.any_out().check();
    let before = t.read("before");
    for when in ["during", "background", "after"] {
        assert_eq!(t.read(when), before, "{when}");
    }
}

fn heeler_is_gone(pid: i32) -> bool {
    proc_state(pid).is_none_or(|state| state == 'Z')
}

fn heeler_below(shell: i32) -> i32 {
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// A command that ignores every key and signal is left by Ctrl-] three times; the keys reach it as well.
#[test]
fn the_keyboard_has_a_way_out() {
    let t = Test::new();
    let mut run = on_a_terminal(&t, &[], STUBBORN);
    run.type_in("\x03\x1c\x04\x1a\x1d\x1dx");
    run.type_in("\x1d\x1d\x1d");
    let told = "heeler: Ctrl-] three times: the command is being stopped (three more kill it)\r\n";
    let done = run.signaled(15).out(format!("ready{told}")).check();
    assert!(done.modes.unwrap().local_modes.contains(LocalModes::ICANON));
    // Not from a pipe: there they are data.
    let echo = r"
import os, tty
tty.setraw(0)
print('ready', end='', flush=True)
got = b''
while len(got) < 6:
    got += os.read(0, 100)
os.write(1, got)
";
    let mut run = t.run([vec!["--pty"], python(echo, &[])].concat()).input_open().start();
    run.wait_out("ready");
    run.type_in("\x1d\x1d\x1d\x1d\x1d\x1d");
    run.out("ready\x1d\x1d\x1d\x1d\x1d\x1d").check();
}

/// Between two attempts nothing runs that could mind the keys: Ctrl-C is for us.
#[test]
fn between_attempts_our_terminal_is_ours() {
    let t = Test::new();
    let args =
        ["--pty", "--retries", "3", "--retry-delay", "1h", "--stdin", "inherit", "-c", "false"];
    let mut run = t.run(args).terminal(80, 24).start();
    run.wait_out("attempt 1");
    wait_until("cooked", || !is_raw(&run));
    run.type_in("\x03");
    run.signaled(2).any_out().check();
}

/// The end of our input is a key where keys mean something, and nothing where every byte is data.
#[test]
fn the_end_of_our_input_on_a_raw_terminal() {
    let t = Test::new();
    let raw = r"
import os, select, sys, tty
tty.setraw(0)
print('ready', end='', flush=True)
got = b''
while not got.endswith(b'x'):
    got += os.read(0, 100)
more, _, _ = select.select([0], [], [], 0.5)
os.write(1, got + (os.read(0, 100) if more else b'.'))
";
    let mut run = t.run([vec!["--pty"], python(raw, &[])].concat()).input_open().start();
    run.wait_out("ready");
    run.type_in("abcx");
    run.close_input();
    run.out("readyabcx.").check();
    // A line editor takes it for the end, as it would from a person.
    let run = t.run(["--pty", "--timeout", "30s", "--", "bash", "--norc", "-i"]);
    let mut run = run.env("PS1", "> ").input_open().start();
    run.wait_out("> ");
    run.type_in("echo $((6*7))\n");
    run.wait_out("42\r\n");
    run.wait_out_that("a second prompt", |out| out.ends_with(b"> "));
    run.close_input();
    run.any_out().check();
}
