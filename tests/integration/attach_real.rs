//! `heeler attach` as people and scripts use it: a mouse, pastes, other heelers, descriptors that are closed.

use std::path::Path;

use crate::attach::{detached, end, gone, is_attached};
use crate::children::python;
use crate::harness::{Signal, Test, command_line, count, wait_until};
use crate::tmux::Tmux;

/// Shows each piece that it reads.
const SHOWS: &str = r"
import os, tty
tty.setraw(0)
os.write(1, b'\x1b[?1002;1006;2004hready\r\n')
while True:
    got = os.read(0, 65536)
    os.write(1, repr(got).encode() + b'\r\n')
";

/// A click and a paste in a terminal that has a mouse reach the command as they would without us; when it is
/// left, the terminal has neither any more.
#[test]
fn a_mouse_and_a_paste() {
    let t = Test::new();
    let Some(tmux) = Tmux::start(&t, 80, 24) else { return };
    tmux.tell(&["set", "-g", "mouse", "on"]);
    tmux.tell(&["set", "-g", "status", "off"]);
    detached(&t, "it", &python(SHOWS, &[])[1..]);
    // A person: a client of tmux, at whose terminal we sit.
    let socket = t.path("tmux");
    let args = ["-S", socket.to_str().unwrap(), "attach"];
    let program = t.program("/usr/bin/tmux", args).env("TERM", "xterm-256color");
    let mut person = program.terminal(80, 24).start();
    person.wait_out("sh>");
    tmux.line("clear; heeler attach it");
    tmux.wait("ready");
    tmux.wait_that("it asks for the mouse", |screen| screen.ends_with("1\n"));
    person.type_in("\x1b[<0;10;5M\x1b[<0;10;5m");
    tmux.wait(r"\x1b[<0;10;5M");
    tmux.wait(r"\x1b[<0;10;5m");
    tmux.tell(&["set-buffer", "päste\nline"]);
    tmux.tell(&["paste-buffer", "-p"]);
    tmux.wait(r"\x1b[200~p\xc3\xa4ste\rline\x1b[201~");
    person.type_in("\x10\x11");
    tmux.wait("detached from");
    tmux.wait("sh>");
    assert!(tmux.screen().ends_with(" 0 1 0 0\n"), "{}", tmux.screen());
    tmux.tell(&["detach-client"]);
    person.any_out().check();
    end(&t, "it");
}

/// A character that comes in parts is passed on in parts: nothing waits, nothing is replaced. The same the other
/// way.
#[test]
fn characters_in_parts() {
    let t = Test::new();
    detached(&t, "it", &python(SHOWS, &[])[1..]);
    let mut client = t.heeler(["attach", "it"]).terminal(80, 24).start();
    client.wait_out("ready");
    for (part, shown) in [
        (b"\xe6".as_slice(), r"b'\xe6'"),
        (b"\x97", r"b'\x97'"),
        (b"\xa5\x1b[<0;1", r"b'\xa5\x1b[<0;1'"),
        (b"0;5M", "b'0;5M'"),
    ] {
        client.type_in(part);
        client.wait_out(shown);
    }
    client.type_in("\x10\x11");
    client.any_out().check();
    end(&t, "it");
    let child = "import os\nfor part in b'\\xe6', b'\\x97', b'\\xa5', b'!':\n    os.read(0, 9); os.write(1, part)\nos.read(0, 9)";
    let child = python(child, &[]);
    let quiet = "stty -echo -icanon; printf ready; exec \"$@\"";
    detached(&t, "it", &[&["sh", "-c", quiet, "sh"], &child[1..]].concat());
    let mut client = t.heeler(["attach", "it"]).terminal(80, 24).start();
    client.wait_out("ready");
    for part in [b"\xe6".as_slice(), b"\xe6\x97", "日".as_bytes(), "日!".as_bytes()] {
        client.type_in("x");
        client.wait_out_that("the part", |out| out.ends_with(part));
    }
    client.type_in("\x10\x11");
    client.any_out().check();
    end(&t, "it");
}

/// A script drives an attach: it answers, and leaves by the keys; the run has not noticed.
#[test]
fn a_script_attaches_and_leaves() {
    let t = Test::new();
    detached(&t, "it", &["sh", "-c", "printf 'name? '; read n; echo hello $n; read x; exit 5"]);
    let script = r#"
version = 1
[command]
argv = ["heeler", "attach", "it"]
pty = true
[[step]]
expect = "name? "
line = "ada"
[[step]]
expect = "hello ada"
key = "ctrl-p"
[[step]]
key = "ctrl-q"
[[step]]
expect = "detached from"
[[step]]
wait_exit = 0
"#;
    t.write("script.toml", script);
    t.run(["--script", "script.toml"]).any_out().check();
    t.heeler(["send", "it", "--line", ""]).any_out().check();
    t.heeler(["wait", "it"]).exit(5).check();
    t.wait_alone();
}

/// A program that redraws only what changes, on a terminal within a terminal within a terminal.
#[test]
fn top_within_heeler_within_tmux() {
    let t = Test::new();
    // There are more processes than these rows can show.
    let Some(tmux) = Tmux::start(&t, 80, 10) else { return };
    if !Path::new("/usr/bin/top").exists() {
        return;
    }
    // It does not draw by itself while we look.
    let args = ["-d", "--pty", "--size", "80x10", "--name", "it", "--", "top", "-d", "9999"];
    t.run(args).any_out().check();
    tmux.line("clear; heeler run --pty -- heeler attach it; echo left $?");
    let last = "cursor 80,9 0 0 1 0\n";
    let before =
        tmux.wait_that(last, |screen| screen.contains("PID USER") && screen.ends_with(last));
    tmux.keys(&["C-p", "C-q"]);
    tmux.wait("left 0");
    tmux.line("clear; heeler run --pty -- heeler attach it; echo left $?");
    tmux.wait_that(&format!("top as it was:\n{before}"), |screen| screen == before);
    tmux.keys(&["q"]);
    tmux.wait("left 0");
    gone(&t);
    t.heeler(["list", "--json"]).out("[]\n").check();
}

/// Closed or half-closed: what is missing is not used, what is there is.
#[test]
fn without_some_descriptors() {
    let t = Test::new();
    t.fifo("go");
    let child = "while read x; do echo got $x; done; echo over; exit 6";
    for (redirected, out) in [
        // The end of its input is the command's, as of any pipe; that of nothing is not.
        ("heeler attach it <&- & read go <go; : | heeler attach it >&-; wait $!", "over\r\n"),
        ("printf 'a\\n' | heeler attach it | cat", "got a\r\nover\r\n"),
        ("printf 'a\\n' | heeler attach it >&- 2>&-", ""),
        ("printf 'a\\n' | heeler attach it <&0 2>&-", "got a\r\nover\r\n"),
    ] {
        detached(&t, "it", &["sh", "-c", child]);
        let script = format!("set -o pipefail; {redirected}; echo rc=$?");
        let shell = t.program("bash", ["-c", &script]).start();
        if script.contains("<go") {
            is_attached(&t, &shell);
            t.write("go", "\n");
        }
        let shown = shell.any_out().check().out_text();
        assert!(shown.ends_with(&format!("{out}rc=6\n")), "{redirected}: {shown:?}");
        t.heeler(["wait", "it"]).exit(6).check();
    }
    // A reader that has enough leaves the run alone.
    detached(&t, "it", &["sh", "-c", "while read x; do seq 100; done"]);
    let script = "(echo go; sleep 1000) | heeler attach it | head -3";
    let reader = t.program("bash", ["-c", script]).start();
    reader.wait_out("2\r\n");
    t.heeler(["send", "it", "--line", "more"]).any_out().check();
    t.wait_none(|pid| command_line(pid).starts_with("heeler attach "));
    let mut all = t.processes().into_iter();
    let sleep = all.find(|pid| command_line(*pid).starts_with("sleep ")).expect("the writer");
    t.program("kill", [sleep.to_string()]).check();
    reader.any_out().any_err().any_status().check();
    t.heeler(["expect", "it", "--on", "/^100$/", "--since", "0"]).any_out().check();
    end(&t, "it");
}

/// A run with pipes gets lines, which are edited as ever; the keys leave it at once, with what was typed before
/// them.
#[test]
fn a_run_without_a_terminal() {
    let t = Test::new();
    t.run(["-d", "--name", "it", "--", "sh", "-c", "cat; echo over; exit 3"]).any_out().check();
    for typed in ["one\rtw\x10\x11", "Q9\r", "x\x7f\x04"] {
        let script = "echo go; read go; exec heeler attach it";
        let mut client = t.sh(script).terminal(80, 24).start();
        client.wait_out("go\r\n");
        let before = format!("{:?}", client.modes());
        client.type_in("\r");
        client.wait_out("it gets lines, Ctrl-D ends its input, ctrl-p,ctrl-q leaves it");
        wait_until("its modes", || format!("{:?}", client.modes()) != before);
        client.type_in(typed);
        let done = match typed {
            "Q9\r" => {
                // What is echoed, and what cat says.
                client.wait_out_that("both", |out| count(out, "Q9\r\n") == 2);
                client.type_in("\x03");
                client.signaled(2)
            }
            "x\x7f\x04" => client.exit(3),
            _ => client,
        };
        let done = done.any_out().check();
        assert_eq!(
            done.modes.as_ref().map(|modes| format!("{modes:?}")),
            Some(before),
            "{typed:?}"
        );
        if typed.ends_with('\x11') {
            assert!(done.out_text().contains("^P^Q\r\nheeler: detached"), "{}", done.out_text());
        }
    }
    t.heeler(["logs", "it"]).out("one\ntwQ9\nover\n").check();
    t.wait_alone();
}

/// A client that is killed leaves the run, the others and the size as they should be.
#[test]
fn a_client_is_killed() {
    let t = Test::new();
    let child = r"
import os, signal
def show(*_): os.write(1, b'<%d %d>\r\n' % os.get_terminal_size())
signal.signal(signal.SIGWINCH, show)
os.write(1, b'ready\r\n')
while True: os.write(1, b'got ' + os.read(0, 100))
";
    detached(&t, "it", &python(child, &[])[1..]);
    t.heeler(["expect", "it", "--on", "/ready/"]).any_out().check();
    let mut stays = t.heeler(["attach", "it"]).terminal(100, 30).start();
    stays.wait_out("<100 30>");
    let killed = t.heeler(["attach", "it"]).terminal(50, 10).start();
    stays.wait_out("<50 10>");
    killed.signal(Signal::KILL);
    killed.signaled(9).any_out().check();
    stays.wait_out_that("the size of who is left", |out| {
        let out = String::from_utf8_lossy(out);
        out.rfind("<100 30>") > out.rfind("<50 10>")
    });
    stays.type_in("word\r");
    stays.wait_out("got word");
    stays.type_in("\x10\x11");
    stays.any_out().check();
    end(&t, "it");
}
