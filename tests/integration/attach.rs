//! `heeler attach`, in a real terminal (tmux) and inside heeler itself.

use std::path::Path;

use crate::children::python;
use crate::detached::Client;
use crate::harness::{Running, Signal, Test, command_line, find, wait_until, whole};
use crate::tmux::Tmux;

pub fn detached(t: &Test, name: &str, command: &[&str]) -> String {
    let args = ["-d", "--pty", "--name", name, "--"];
    let done = t.run([&args, command].concat()).any_out().check();
    done.out_text().trim().to_owned()
}

/// Ends a run.
pub fn end(t: &Test, name: &str) {
    t.heeler(["reap", name, "--grace", "100ms"]).any_out().any_err().any_status().check();
    gone(t);
}

/// A run has been ended; its heeler is about to go.
pub fn gone(t: &Test) {
    t.wait_none(|pid| command_line(pid).contains(" run -d "));
}

/// Waits until `client` is attached to the run `it`, which shows what it gets: over pipes nothing else tells.
pub fn is_attached(t: &Test, client: &Running) {
    wait_until("what is sent is shown", || {
        t.heeler(["send", "it", "--line", "first"]).any_out().check();
        find(&client.out_so_far(), b"first").is_some()
    });
}

/// A full-screen program that draws boxes and colours, and follows the size, as htop does.
const CURSES: &str = r"
import curses
def main(screen):
    curses.curs_set(0)
    curses.start_color()
    curses.init_pair(1, curses.COLOR_GREEN, curses.COLOR_BLUE)
    typed = ''
    while True:
        rows, columns = screen.getmaxyx()
        screen.erase()
        screen.border()
        screen.addstr(1, 2, 'size %dx%d' % (columns, rows), curses.color_pair(1))
        screen.addstr(2, 2, 'typed ' + typed, curses.A_REVERSE | curses.A_BOLD)
        screen.addstr(3, 2, 'gr\u00fc\u00dfe \u65e5\u672c')
        screen.refresh()
        key = screen.get_wch()
        if key == 'q':
            return
        if key != curses.KEY_RESIZE:
            typed += str(key)
curses.wrapper(main)
";

/// What is typed, and what the screen shows when all of that is drawn.
type Step = (&'static [&'static str], &'static [&'static str]);

/// Full screens, lines, and both halves of a line: by name, command and steps.
const PROGRAMS: [(&str, &[&str], &[Step]); 5] = [
    (
        "vim",
        &["vim", "-u", "NONE", "-N", "text"],
        &[
            (&[], &["\"text\" 199L"]),
            (
                &["G", "i", "x", "Escape", "/", "1", "5", "0", "Enter"],
                &["search hit", "cursor 5,11 1 1"],
            ),
        ],
    ),
    (
        "less",
        &["less", "text"],
        &[
            (&[], &["line 23 of", "cursor 4,23 "]),
            (&["Space", "/", "1", "2", "0", "Enter"], &["\x1b[7m120", "\n:\ncursor 1,23 "]),
        ],
    ),
    (
        "curses",
        &["python3", "-S", "-E", "boxes.py"],
        &[(&[], &["size 80x24", "cursor 12,3 "]), (&["a", "b"], &["typed ab", "cursor 12,3 "])],
    ),
    (
        "bash",
        &["bash", "--norc", "-i"],
        &[
            (&[], &["bash-"]),
            (&["e", "c", "h", "o", "Space", "h", "i", "Enter"], &["\nhi\nbash-"]),
            (&["l", "s"], &[" ls\n"]),
        ],
    ),
    (
        "cat",
        &["sh", "-c", "echo ready; exec cat"],
        &[
            (&[], &["ready\n"]),
            (&["x", "Enter"], &["ready\nx\nx\n"]),
            (&["y"], &["ready\nx\nx\ny\n"]),
        ],
    ),
];

/// The screen after detach and attach is the one before, colours, cursor and modes included.
#[test]
fn programs_survive_detach_and_attach() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    let text = (1..200).map(|n| format!("line {n} of the text\n")).collect::<Vec<_>>().concat();
    t.write("text", text);
    t.write("boxes.py", CURSES);
    for (name, command, steps) in PROGRAMS {
        if !Path::new("/usr/bin").join(command[0]).exists() && command[0] != "python3" {
            continue;
        }
        let attach = format!("clear; heeler attach {name}; echo left $?");
        detached(&t, name, command);
        tmux.line(&attach);
        let mut before = String::new();
        for (keys, marks) in steps {
            if !keys.is_empty() {
                tmux.keys(keys);
            }
            before = tmux.wait_that(&format!("{marks:?}"), |screen| {
                !screen.contains("heeler attach") && marks.iter().all(|mark| screen.contains(mark))
            });
        }
        tmux.keys(&["C-p", "C-q"]);
        tmux.wait("left 0");
        // The terminal is the shell's again, its modes and its cursor too.
        assert!(tmux.screen().ends_with(" 0 1 0 0\n"), "{name}: {}", tmux.screen());
        tmux.line(&attach);
        tmux.wait_that(&format!("{name} as it was:\n{before}"), |screen| screen == before);
        // It is alive, and its own end ends us.
        tmux.keys(&["C-p", "C-q"]);
        tmux.wait("left 0");
        end(&t, name);
    }
}

/// Vim behind attach, left by its own end: what was under it is there again, and we exit as it did.
#[test]
fn attach_exits_as_the_run_does() {
    let t = Test::new();
    let run = detached(&t, "sh", &["sh", "-c", "echo ready; read x; echo bye; exit 7"]);
    let mut client = t.heeler(["attach", &run]).terminal(80, 24).start();
    client.wait_out("ready");
    client.type_in("\r");
    let done = client.exit(7).any_out().check();
    assert!(done.out_text().contains("bye\r\n"), "{}", done.out_text());
    // Also after its end, and with a name that is none.
    t.heeler(["attach", &run]).exit(7).err_has("has ended").check();
    t.heeler(["attach", "nobody"]).exit(125).any_err().check();
    t.heeler(["attach", &run, "--detach-keys", "ctrl-"]).exit(125).err_has("--detach-keys").check();
    gone(&t);
}

fn modes(run: &Running) -> String {
    format!("{:?}", run.modes())
}

/// Every way out leaves the terminal as it was, and the run alive.
#[test]
fn every_way_out_puts_the_terminal_back() {
    let t = Test::new();
    let child = "import signal, tty\ntty.setraw(0)\nprint('\\x1b[?1049h\\x1b[?25l\\x1b[?2004hready', flush=True)\nwhile True: signal.pause()";
    detached(&t, "it", &python(child, &[])[1..]);
    for end in ["keys", "TERM", "HUP", "INT", "QUIT", "SEGV", "ABRT"] {
        let script = "echo go; read go; exec heeler attach it";
        let mut client = t.sh(script).terminal(80, 24).start();
        client.wait_out("go\r\n");
        let before = modes(&client);
        client.type_in("\r");
        client.wait_out("ready");
        wait_until("raw", || modes(&client) != before);
        let signal = match end {
            "keys" => None,
            "TERM" => Some(Signal::TERM),
            "HUP" => Some(Signal::HUP),
            "INT" => Some(Signal::INT),
            "QUIT" => Some(Signal::QUIT),
            "SEGV" => Some(Signal::SEGV),
            _ => Some(Signal::ABORT),
        };
        match signal {
            Some(signal) => client.signal(signal),
            None => client.type_in("\x10\x11"),
        }
        let client = match signal {
            Some(signal) => client.signaled(signal.as_raw()),
            None => client,
        };
        let done = client.any_out().check();
        assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before), "{end}");
        let out = done.out_text();
        for off in ["\x1b[?1049l", "\x1b[?25h", "\x1b[?2004l"] {
            assert!(out.contains(off), "{end}: {off:?} in {out:?}");
        }
    }
    t.heeler(["signal", "it", "KILL"]).check();
    t.heeler(["wait", "it"]).exit(137).check();
    gone(&t);
}

/// What is typed reaches the command byte for byte: UTF-8, mouse reports, pastes, and a prefix of the keys.
#[test]
fn keys_arrive_as_they_were_typed() {
    let t = Test::new();
    let child = r"
import os, tty
tty.setraw(0)
os.write(1, b'ready')
got = b''
while not got.endswith(b'end'):
    got += os.read(0, 65536)
os.write(1, b'got ' + repr(got).encode() + b'.')
os.read(0, 1)
";
    detached(&t, "it", &python(child, &[])[1..]);
    let mut client = t.heeler(["attach", "it"]).terminal(200, 50).start();
    client.wait_out("ready");
    let typed =
        "ü日\x1b[<0;10;5M\x1b[200~pasted\x10text\x1b[201~\x03\x1a\x1c\x04\x10\x10x\0\x7fend";
    client.type_in(typed);
    let shown = client.wait_out(".");
    let wanted = r"got b'\xc3\xbc\xe6\x97\xa5\x1b[<0;10;5M\x1b[200~pasted\x10text\x1b[201~\x03\x1a\x1c\x04\x10\x10x\x00\x7fend'.";
    assert!(shown.replace("\r\n", "").contains(wanted), "{shown}");
    client.type_in("\x10\x11");
    client.any_out().check();
    end(&t, "it");
}

/// A megabyte through a terminal that is attached, and back: not a byte is lost.
#[test]
fn a_resize_storm_loses_nothing() {
    let t = Test::new();
    let child = r"
import os, signal, sys, tty
tty.setraw(0)
signal.signal(signal.SIGWINCH, lambda *_: None)
def put(bytes):
    # A signal may cut a write to a terminal that is full.
    while bytes: bytes = bytes[os.write(1, bytes):]
put(b'ready')
os.read(0, 1)
for n in range(20000):
    put(b'%06d ' % n)
put(b'done')
def show(*_):
    os.write(1, b'<%d %d>' % os.get_terminal_size())
signal.signal(signal.SIGWINCH, show)
show()
os.read(0, 1)
";
    detached(&t, "it", &python(child, &[])[1..]);
    let mut client = t.heeler(["attach", "it"]).terminal(80, 24).start();
    client.wait_out("ready");
    client.type_in("g");
    for n in 0..200 {
        client.resize(60 + n % 50, 20 + n % 17);
    }
    client.resize(91, 33);
    client.wait_out("done");
    client.wait_out("<91 33>");
    let all = (0..20000).map(|n| format!("{n:06} ")).collect::<Vec<_>>().concat();
    let out = String::from_utf8_lossy(&client.out_so_far()).into_owned();
    assert!(out.contains(&all), "{} bytes", out.len());
    client.type_in("q");
    client.any_out().check();
    gone(&t);
}

/// A hundred times: no descriptor is left open, no byte of the command's output is missing from its log, and
/// what it counts arrives in order.
#[test]
fn a_hundred_times_attach_and_detach() {
    let t = Test::new();
    let child = r"
import os, tty
tty.setraw(0)
got = 0
os.write(1, b'ready')
while True:
    key = os.read(0, 1)
    if key == b'q': break
    got += 1
    os.write(1, b'[%d]' % got)
";
    let run = detached(&t, "it", &python(child, &[])[1..]);
    let listed = t.heeler(["list", "--json"]).any_out().check().out_text();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let heeler = listed[0]["supervisor_pid"].as_i64().unwrap();
    let open = || std::fs::read_dir(format!("/proc/{heeler}/fd")).unwrap().count();
    let mut watcher = Client::new(&t, &run);
    let mut before = 0;
    for n in 1..=100 {
        let mut client = t.heeler(["attach", &run]).terminal(80, 24).start();
        client.wait_out(if n == 1 { "ready".to_owned() } else { format!("[{}]", n - 1) }.as_str());
        client.type_in("x");
        client.wait_out(&format!("[{n}]"));
        client.type_in("\x10\x11");
        client.any_out().check();
        watcher.wait_clients(1);
        if n == 1 {
            before = open();
        }
    }
    assert_eq!(open(), before, "after the last as after the first");
    let log = t.heeler(["logs", &run]).any_out().check().out_text();
    let wanted = (1..=100).map(|n| format!("[{n}]")).collect::<Vec<_>>().concat();
    assert_eq!(log, format!("ready{wanted}"));
    t.heeler(["send", &run, "--send", "q"]).any_out().check();
    t.heeler(["wait", &run]).check();
    gone(&t);
}

/// Several at once: all see the same, the smallest gives the size, who only looks on gives none and types
/// nothing; with `latest` it is who did something last.
#[test]
fn several_are_attached() {
    let t = Test::new();
    let child = r"
import os, signal
def show(*_):
    size = os.get_terminal_size()
    os.write(1, b'<%d %d>\r\n' % size)
signal.signal(signal.SIGWINCH, show)
os.write(1, b'ready\r\n')
while True:
    line = os.read(0, 100)
    os.write(1, b'got ' + line)
";
    detached(&t, "it", &python(child, &[])[1..]);
    t.heeler(["expect", "it", "--on", "/ready/"]).any_out().check();
    let mut first = t.heeler(["attach", "it"]).terminal(100, 30).start();
    first.wait_out("<100 30>");
    let mut second = t.heeler(["attach", "it"]).terminal(90, 40).start();
    first.wait_out("<90 30>");
    let mut third = t.heeler(["attach", "--read-only", "it"]).terminal(40, 10).start();
    third.wait_out("ready");
    third.type_in("never\r");
    second.type_in("word\r");
    for client in [&first, &second, &third] {
        client.wait_out("got word");
    }
    assert!(!String::from_utf8_lossy(&first.out_so_far()).contains("never"));
    let fourth = t.heeler(["attach", "--size-from", "latest", "it"]).terminal(120, 50).start();
    first.wait_out("<120 50>");
    // Its terminal is raw by then.
    fourth.wait_out("ready");
    first.type_in("again\r");
    second.wait_out("<100 30>");
    for mut client in [second, third, fourth, first] {
        client.type_in("\x10\x11");
        client.any_out().check();
    }
    // With nobody there it stays.
    let status = t.heeler(["screen", "it", "--json"]).any_out().check().out_text();
    let size: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&size["columns"], &size["rows"]), (&100.into(), &30.into()), "{status}");
    end(&t, "it");
}

/// As with `run --until`: what was waited for did not come, though the run ended well.
#[test]
fn attach_until_what_never_comes_says_so() {
    let t = Test::new();
    let script = "heeler run -d --name it -- cat >/dev/null
        heeler attach it --until foo >got </dev/null &
        while ! test -s got; do heeler send it --line x >/dev/null; done
        heeler send it --key eof >/dev/null; wait $!";
    let told = "heeler: warning: `foo` did not appear before the run ended (--until)\n";
    t.sh(script).err(told).check();
    crate::detached::all_gone(&t);
}

/// A script that hands the terminal to a person until something is there.
#[test]
fn attach_until_hands_back() {
    let t = Test::new();
    let run = detached(&t, "it", &["sh", "-c", "while read x; do echo got $x; done"]);
    let script = format!(
        "heeler attach {run} --until 'got it'; echo rc=$?; heeler attach {run} --until 'got more' </dev/null >/dev/null & while kill -0 $!; do heeler send {run} --line more >/dev/null; done 2>/dev/null"
    );
    let mut client = t.sh(&script).terminal(80, 24).start();
    wait_until("raw", || !client.modes().local_modes.contains(rustix::termios::LocalModes::ICANON));
    client.type_in("no\r");
    client.wait_out("got no");
    client.type_in("it\r");
    client.wait_out("rc=0");
    client.any_out().check();
    end(&t, "it");
}

/// A pattern that comes leaves the terminal as it was and the rest to the next client; one that does not come
/// before the run ends leaves the run's exit code.
#[test]
fn what_comes_behind_until_is_for_the_next() {
    let t = Test::new();
    detached(&t, "it", &["sh", "-c", "echo ready; read x; seq 500; read x; exit 9"]);
    let script = "echo go; read go; exec heeler attach it --until '/^250$/'";
    let mut client = t.sh(script).terminal(80, 24).start();
    client.wait_out("go\r\n");
    let before = modes(&client);
    client.type_in("\r");
    client.wait_out("ready");
    wait_until("raw", || modes(&client) != before);
    client.type_in("\r");
    let done = client.any_out().check();
    assert_eq!(done.modes.as_ref().map(|modes| format!("{modes:?}")), Some(before));
    assert!(done.out_text().contains("\r\n250\r\n"), "{}", done.out_text());
    let mut next = t.heeler(["attach", "it", "--until", "never"]).terminal(80, 24).start();
    next.wait_out("500");
    next.type_in("\r");
    next.exit(9).any_out().check();
    let log = t.heeler(["logs", "it"]).any_out().check().out_text();
    let all = (1..=500).map(|n| format!("{n}\r\n")).collect::<Vec<_>>().concat();
    assert!(log.contains(&all), "{log}");
    gone(&t);
}

/// Without a terminal: what is read is typed, and its end is the end of the command's input.
#[test]
fn attach_in_a_pipe() {
    let t = Test::new();
    let args = ["-d", "--pipe", "--name", "it", "--", "sh", "-c", "cat; echo err >&2; exit 3"];
    t.run(args).any_out().check();
    t.heeler(["attach", "it"]).input("one\ntwo\n").out("one\ntwo\n").err("err\n").exit(3).check();
    gone(&t);
}

/// What a program asks its terminal is answered once, by its heeler, however many are attached.
#[test]
fn questions_are_answered_once() {
    let t = Test::new();
    let child = r"
import os, tty
tty.setraw(0)
os.write(1, b'ready\r')
while True:
    if os.read(0, 1) == b'?':
        os.write(1, b'abc\x1b[6n')
        got = b''
        while not got.endswith(b'R'): got += os.read(0, 1)
        os.write(1, b'[' + got[1:] + b']')
        os.write(1, b'more: ' + repr(os.read(0, 100)).encode())
";
    detached(&t, "it", &python(child, &[])[1..]);
    // What is typed before the terminal is raw is thrown away.
    t.heeler(["expect", "it", "--on", "ready", "--since", "0"]).any_out().check();
    t.heeler(["send", "it", "--send", "?"]).any_out().check();
    t.heeler(["expect", "it", "--on", "R=/1;4R/"]).any_out().check();
    let mut client = t.heeler(["attach", "it"]).terminal(80, 24).start();
    client.wait_out("[[1;4R]");
    client.type_in("x");
    client.wait_out("more: b'x'");
    assert!(!client.out_so_far().windows(4).any(|part| part == b"\x1b[6n"));
    client.type_in("\x10\x11");
    client.any_out().check();
    end(&t, "it");
}

/// Inside heeler itself: an attach is a command as any other.
#[test]
fn heeler_attaches_in_heeler() {
    let t = Test::new();
    detached(&t, "it", &["sh", "-c", "printf 'name? '; read n; echo hello $n"]);
    let done = t
        .run([
            "--pty",
            "--expect",
            "name?",
            "--line",
            "ada",
            "--expect",
            "hello ada",
            "--",
            "heeler",
            "attach",
            "it",
        ])
        .any_out();
    done.check();
    gone(&t);
}

/// `kill -TSTP` and `fg`: it leaves the run in between, and draws it again.
#[test]
fn a_stop_leaves_the_run() {
    let t = Test::new();
    detached(&t, "it", &["sh", "-c", "echo ready; while read x; do echo got $x; done"]);
    let mut shell = t.program("bash", ["--norc", "-i"]).env("PS1", "> ").terminal(80, 24).start();
    shell.wait_out("> ");
    shell.type_in("stty -g > before; heeler attach it\r");
    shell.wait_out("ready");
    let children = format!("/proc/{0}/task/{0}/children", shell.pid());
    let client = std::fs::read_to_string(children).unwrap();
    t.program("kill", ["-TSTP", client.trim()]).check();
    shell.wait_out("Stopped");
    shell.type_in("stty -g > during; heeler send it --line while >/dev/null\r");
    t.wait_file("during", whole);
    shell.type_in("fg\r");
    shell.wait_out("got while");
    shell.type_in("after\r");
    shell.wait_out("got after");
    shell.type_in("\x10\x11");
    shell.wait_out("detached");
    shell.type_in("stty -g > after; exit 0\r");
    shell.any_out().check();
    assert_eq!(t.read("during"), t.read("before"));
    assert_eq!(t.read("after"), t.read("before"));
    end(&t, "it");
}

/// What was ready before a stop was another connection: the new one may have nothing to say, and the keys go on.
#[test]
fn a_stop_beside_output() {
    let t = Test::new();
    let script =
        "read x; echo first; read x <go; echo second; echo >said; read x; echo \"<$x>\"; read x";
    t.fifo("go");
    t.run(["-d", "--pipe", "--name", "it", "--", "sh", "-c", script]).any_out().check();
    // It is late with every wait, so that all that comes meanwhile comes at once.
    let late = ["-o", "trace", "-e", "inject=ppoll:delay_enter=1000000"];
    let words = [&late[..], &["-e", "trace=ppoll,connect", "heeler", "attach", "it"]].concat();
    let mut strace = t.program("strace", words).input_open().start();
    strace.type_in("x\n");
    strace.wait_out("first");
    let children = format!("/proc/{0}/task/{0}/children", strace.pid());
    let client = std::fs::read_to_string(children).unwrap();
    let send = |signal: &str| t.program("kill", [signal, client.trim()]).check();
    t.write("go", "\n");
    send("-TSTP");
    t.wait_file("said", |_| true);
    let stopped = "--- stopped by SIGSTOP ---";
    t.wait_file("trace", |trace| trace.contains(stopped));
    send("-CONT");
    let is_back = |trace: &str| trace.rsplit(stopped).next().unwrap().contains("connect(");
    t.wait_file("trace", is_back);
    strace.type_in("typed\n");
    strace.wait_out("<typed>");
    strace.type_in("x\n");
    strace.any_out().any_err().check();
    gone(&t);
}

/// What the terminal shows, as text, as JSON and as a picture; also after the end.
#[test]
fn a_screen_is_printed() {
    let t = Test::new();
    let script = r"printf '\033]2;title\007\033[1;31mred\033[0m <x>\n\033(0lqk\033(B'; read x";
    let run = detached(&t, "it", &["sh", "-c", script]);
    t.heeler(["expect", &run, "--on", "/lqk/"]).any_out().check();
    t.heeler(["screen", &run]).out("red <x>\n┌─┐\n").check();
    let json = t.heeler(["screen", &run, "--json"]).any_out().check().out_text();
    let screen: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(screen["schema"], "heeler.screen/1");
    assert_eq!(screen["cursor"], serde_json::json!({"row": 1, "column": 3, "visible": true}));
    assert_eq!(screen["title"], "title");
    let red = serde_json::json!({"row": 0, "column": 0, "width": 3, "foreground": 1, "bold": true});
    assert_eq!(screen["styles"][0], red);
    t.heeler(["send", &run, "--key", "enter"]).any_out().check();
    t.heeler(["wait", &run]).check();
    let svg = t.heeler(["screen", &run, "--svg"]).any_out().check().out_text();
    assert!(
        svg.starts_with("<svg ") && svg.contains(">red</text>") && svg.contains("&lt;x&gt;"),
        "{svg}"
    );
    gone(&t);
}

/// CI and cron give the null device: that has nothing to type, not even an end.
#[test]
fn the_null_device_looks_on() {
    for mode in ["--pty", "--pipe"] {
        let t = Test::new();
        t.run(["-d", mode, "--name", "it", "--", "cat"]).any_out().check();
        let client = t.heeler(["attach", "it", "--until", "second"]).start();
        is_attached(&t, &client);
        t.heeler(["send", "it", "--line", "second"]).any_out().check();
        client.any_out().check();
        // The end of a pipe is typed.
        t.heeler(["attach", "it"]).input("third\n").any_out().check();
        gone(&t);
    }
}
