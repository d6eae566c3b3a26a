//! A terminal of the command's own, and ours.

use rustix::termios::LocalModes;

use crate::children::python;
use crate::harness::{Signal, Test, lines, wait_until};

fn pty<'a>(args: &[&'a str], rest: Vec<&'a str>) -> Vec<&'a str> {
    let mut all = vec!["--pty"];
    all.extend(args);
    all.extend(rest);
    all
}

/// seeds 31
#[test]
fn the_command_sees_a_terminal() {
    let t = Test::new();
    let all = "test -t 0 && test -t 1 && test -t 2";
    t.run(["--pty", "--", "sh", "-c", all]).check();
    t.run(["--pipe", "--", "sh", "-c", all]).exit(1).check();
    // It is the controlling terminal, in whose foreground the command is, in a session of its own.
    let script = "echo hi > /dev/tty; ps -o tpgid=,pgid=,sid= -p $$ | tr -s ' ' | tr -d '\\n'";
    let done = t.run(["--pty", "--", "sh", "-c", script]).any_out().check();
    let text = done.out_text();
    let (first, numbers) = text.split_once("\r\n").unwrap();
    assert_eq!(first, "hi");
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    assert!(numbers.len() == 3 && numbers.iter().all(|n| *n == numbers[0]), "{text}");
}

/// seeds 34
#[test]
fn the_size() {
    let t = Test::new();
    t.run(["--pty", "--", "stty", "size"]).out("24 80\r\n").check();
    t.run(["--pty", "--size", "70x20", "--", "stty", "size"]).out("20 70\r\n").check();
    let run = t.run(["--pty", "--", "stty", "size"]).terminal(101, 33).start();
    run.out("33 101\r\n").check();
}

/// --term, else -e, else a terminal that everything knows.
#[test]
fn the_kind_of_terminal() {
    let t = Test::new();
    t.run(["--pty", "-c", "echo $TERM"]).out("xterm-256color\r\n").check();
    t.run(["--pty", "--term", "vt100", "-c", "echo $TERM"]).out("vt100\r\n").check();
    t.run(["--pty", "-e", "TERM=dumb", "-c", "echo $TERM"]).out("dumb\r\n").check();
}

/// seeds 32, 38: what is typed is echoed, unless --no-echo.
#[test]
fn echo() {
    let t = Test::new();
    let script = "read line; echo got $line";
    t.run(["--pty", "--", "sh", "-c", script]).input("x\n").out("x\r\ngot x\r\n").check();
    t.run(["--pty", "--no-echo", "--", "sh", "-c", script]).input("x\n").out("got x\r\n").check();
    t.run(["--pty", "--input", "x\n", "--", "sh", "-c", script]).out("x\r\ngot x\r\n").check();
}

/// supervisors 55, 37: the end of a terminal is EIO, and nothing before it is lost, however short the run.
#[test]
fn three_hundred_short_runs_lose_nothing() {
    let t = Test::new();
    let script = "for i in $(seq 300); do heeler run --pty --track off -- echo line $i; done";
    let expected = lines(1..=300, |i| format!("line {i}\r"));
    t.sh(script).out(expected).check();
}

/// supervisors 55
#[test]
fn sixty_kilobytes_and_exit() {
    let t = Test::new();
    let expected = vec![b'x'; 60_000];
    let done = t
        .run(["--pty", "-c", "head -c 60000 /dev/zero | tr '\\0' x"])
        .report()
        .out(expected)
        .check();
    done.has("/streams/terminal/bytes", 60_000);
}

/// A megabyte, for the kernel's terminal gives it out in small pieces.
#[test]
fn a_megabyte_through_a_terminal() {
    let t = Test::new();
    let expected = lines(1..=150_000, |n| format!("{n}\r"));
    t.run(["--pty", "--", "seq", "150000"]).out(expected).check();
}

/// seeds 41: the end of our input is the terminal's end-of-file character, also in the middle of a line.
#[test]
fn the_end_of_our_input_is_the_end_of_its_input() {
    let t = Test::new();
    t.run(["--pty", "--", "cat"]).input("abc\n").out("abc\r\nabc\r\n").check();
    t.run(["--pty", "--no-echo", "--", "cat"]).input("abc").out("abc").check();
    t.run(["--pty", "--", "cat"]).check();
    t.run(["--pty", "--no-echo", "--input", "x\ny", "--", "cat"]).out("x\r\ny").check();
}

/// Our stdin is relayed as it comes.
#[test]
fn our_input_is_relayed() {
    let t = Test::new();
    let mut run = t
        .run([
            "--pty",
            "--no-echo",
            "--",
            "sh",
            "-c",
            "echo ready; read a; echo a=$a; read b; echo b=$b",
        ])
        .input_open()
        .start();
    run.wait_out("ready\r\n");
    run.type_in("one\n");
    run.wait_out("a=one\r\n");
    run.type_in("two\n");
    run.out("ready\r\na=one\r\nb=two\r\n").check();
}

/// seeds 42
#[test]
fn the_interrupt_character_interrupts() {
    let t = Test::new();
    let script = "trap 'echo got INT; exit 3' INT; echo ready; while :; do sleep 0.01; done";
    let mut run = t.run(["--pty", "--no-echo", "--", "sh", "-c", script]).input_open().start();
    run.wait_out("ready\r\n");
    run.type_in("\x03");
    run.exit(3).any_out().check();
}

/// seeds 44, 45
#[test]
fn bytes_through_a_terminal_are_kept() {
    let t = Test::new();
    let script = "printf 'first\\rsecond\\n10%%\\r20%%\\r30%%\\rdone\\n\\033[31'; sleep 0.05; printf 'mred\\033[0m\\033]0;ti'; sleep 0.05; printf 'tle\\007\\303'; sleep 0.05; printf '\\244\\377'";
    let mut expected =
        b"first\rsecond\r\n10%\r20%\r30%\rdone\r\n\x1b[31mred\x1b[0m\x1b]0;title\x07".to_vec();
    expected.extend(b"\xc3\xa4\xff");
    t.run(["--pty", "--", "sh", "-c", script]).out(expected).check();
}

/// seeds 47: every byte value, both ways, through a raw terminal.
#[test]
fn a_raw_terminal_is_transparent() {
    let t = Test::new();
    let child = r"
import os, tty
tty.setraw(0)
os.write(1, b'ready')
got = b''
while len(got) < 256 * 400:
    part = os.read(0, 65536)
    os.write(2, part)
    got += part
os.write(1, b'done')
";
    let bytes: Vec<u8> = (0..=255u8).cycle().take(256 * 400).collect();
    let mut run = t.run(pty(&["--no-echo"], python(child, &[]))).input_open().start();
    run.wait_out("ready");
    run.type_in(&bytes);
    run.wait_out("done");
    run.out([b"ready".as_slice(), &bytes, b"done"].concat()).check();
}

/// seeds 49: a line longer than a terminal takes is refused with the reason.
#[test]
fn a_line_too_long_for_a_canonical_terminal() {
    let t = Test::new();
    let long = "x".repeat(6000);
    let done = t.run(["--pty", "--timeout", "30", "--line", &long, "--", "cat"]).report();
    let done = done.exit(122).any_out().any_err().check();
    done.has("/dialogue/failure/reason", "canonical_limit");
    assert!(done.err_text().contains("4095"), "{}", done.err_text());
    // Also where it is put together; not where it was given up or delivered in between.
    let part = &long[..3000];
    let args = ["--pty", "--no-echo", "--timeout", "30", "--send", part];
    let done = t.run([&args[..], &["--send", part, "--key", "enter", "--", "cat"]].concat());
    done.exit(122).any_out().err_has("6000").check();
    for key in ["ctrl-u", "ctrl-d", "enter"] {
        let rest = ["--key", key, "--line", part, "--", "sh", "-c", "cat | tail -c 3001 | wc -c"];
        t.run([&args[..], &rest].concat()).out("3001\r\n").check();
    }
    // Typed by a person or a pipe it is the kernel that cuts it; nothing hangs, and it is said.
    let warning = "longer than the 4095 bytes that a terminal takes";
    let done = t.run(["--pty", "--timeout", "30", "--no-echo", "--", "cat"]);
    let done = done.input(format!("{long}\nend\n")).any_out().err_has(warning).check();
    assert!(done.out_text().ends_with("end\r\n"), "{}", done.out.len());
    t.write("in", format!("{long}\n"));
    let args = ["--pty", "--no-echo", "--stdin", "in", "--", "wc", "-c"];
    t.run(args).out("4096\r\n").err_has(warning).check();
    t.write("in", format!("{part}\n{part}\n"));
    t.run(args).out("6002\r\n").check();
}

/// seeds 50; D14: a child that never reads stalls nobody.
#[test]
fn a_child_that_never_reads() {
    let t = Test::new();
    let child = "import signal, tty; tty.setraw(0); print('ready', flush=True); signal.pause()";
    t.write("much", vec![b'x'; 300_000]);
    let done =
        t.run(pty(&["--stdin", "much", "--total-timeout", "1500ms"], python(child, &[]))).report();
    let done = done.exit(124).any_out().any_err().check();
    done.has("/outcome", "total_timeout").has("/containment/verified", true);
}

/// seeds 51
#[test]
fn a_child_that_closes_its_terminal_lives_on() {
    let t = Test::new();
    let close = "exec </dev/null >/dev/null 2>/dev/null;";
    t.run(["--pty", "-c", &format!("{close} sleep 0.2; exit 7")]).exit(7).check();
    let done = t.run(["--pty", "--timeout", "1s", "-c", &format!("{close} sleep 100")]).report();
    done.exit(124).any_err().check().has("/outcome", "timeout");
}

/// seeds 100; D6: a grandchild that ignores HUP and keeps the terminal open delays nothing.
#[test]
fn a_grandchild_that_keeps_the_terminal_open() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let script =
        "trap '' HUP; sh -c 'exec 9>life; echo up >&9; sleep 1000' & read x < life2; echo bye";
    t.fifo("life2");
    let run = t.run(["--pty", "-c", script]).report().start();
    life.wait("up");
    std::fs::write(t.path("life2"), "go\n").unwrap();
    let done = run.out("bye\r\n").any_err().check();
    life.wait_gone();
    done.has("/outcome", "exited").has("/containment/verified", true).has("/exit_code", 0);
    assert!(!done.at("/containment/strays/0").is_null());
}

/// seeds 37, 35, 36: the size of our terminal is the size of the command's.
#[test]
fn the_size_follows_ours() {
    let t = Test::new();
    let child = r"
import os, signal
def show(*_):
    size = os.get_terminal_size()
    os.write(1, b'size %d %d\n' % (size.columns, size.lines))
signal.signal(signal.SIGWINCH, show)
print('ready', flush=True)
while True:
    signal.pause()
";
    let run = t.run(pty(&[], python(child, &[]))).terminal(80, 24).start();
    run.wait_out("ready");
    run.resize(100, 30);
    run.wait_out("size 100 30");
    for (columns, rows) in [(101, 30), (98, 30), (98, 28), (105, 28)] {
        run.resize(columns, rows);
    }
    run.wait_out("size 105 28");
    run.signal(Signal::TERM);
    run.signaled(15).any_out().check();
}

/// With --size it stays as it was said.
#[test]
fn a_size_that_was_said_does_not_follow() {
    let t = Test::new();
    let mut run = t
        .run(["--pty", "--size", "50x10", "-c", "echo ready; read x; stty size"])
        .terminal(80, 24)
        .start();
    run.wait_out("ready");
    run.resize(100, 30);
    run.type_in("\r");
    run.out("ready\r\n\r\n10 50\r\n").check();
}

fn cooked(modes: &rustix::termios::Termios) -> bool {
    modes.local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
}

/// seeds 55: our terminal is raw during the run, and as it was after every end of it.
#[test]
fn our_terminal_is_restored() {
    let child = "stty -echo; trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done";
    for end in ["exit", "timeout", "TERM", "HUP", "KILL to the child"] {
        let t = Test::new();
        let mut args = vec!["--pty"];
        if end == "timeout" {
            args.extend(["--timeout", "3s"]);
        }
        let script = if end == "exit" { "echo ready; read x" } else { child };
        args.extend(["--", "sh", "-c", script]);
        let mut run = t.run(args).report().terminal(80, 24).start();
        run.wait_out("ready");
        assert!(!cooked(&run.modes()), "{end}: raw while it runs");
        match end {
            "exit" => run.type_in("\r"),
            "TERM" => run.signal(Signal::TERM),
            "HUP" => run.signal(Signal::HUP),
            "KILL to the child" => {
                let children = format!("/proc/{0}/task/{0}/children", run.pid());
                let pid = std::fs::read_to_string(children).unwrap();
                t.program("kill", ["-KILL", pid.trim()]).check();
            }
            _ => {}
        }
        let done = run.any_out().any_status().check();
        assert!(cooked(done.modes.as_ref().unwrap()), "{end}: as it was");
    }
}

/// seeds 56; supervisors 64: without a terminal of ours nothing is made raw, and nothing fails.
#[test]
fn our_input_need_not_be_a_terminal() {
    let t = Test::new();
    t.run(["--pty", "--", "echo", "hi"]).out("hi\r\n").check();
    t.sh("heeler run --pty -- echo hi <&-").out("hi\r\n").check();
}

/// supervisors 62, 46: in a script on a terminal, the command reads it as it would without us.
#[test]
fn a_command_reads_our_terminal() {
    for mode in ["--pipe", "--inherit", "--pty"] {
        let t = Test::new();
        let script = format!("heeler run --timeout 30 {mode} -- head -1; echo rc=$?");
        let mut run = t.sh(&script).terminal(80, 24).start();
        // On a terminal of its own ours is raw, and what is typed before that is echoed by both.
        wait_until("raw", || mode != "--pty" || !cooked(&run.modes()));
        run.type_in("line\r");
        run.out("line\r\nline\r\nrc=0\r\n").check();
    }
}

/// supervisors 48: a terminal that stays the shell's.
#[test]
fn the_terminal_comes_back_to_the_shell() {
    let t = Test::new();
    for mode in ["--inherit", "--pipe", "--pty"] {
        let script =
            format!("heeler run {mode} -- stty -echo -icanon; echo back; read x; echo got $x");
        let mut run = t.sh(&script).terminal(80, 24).start();
        run.wait_out("back");
        run.type_in("word\r");
        let done = run.any_out().check();
        assert!(done.out_text().contains("got word\r\n"), "{mode}: {}", done.out_text());
        assert!(cooked(done.modes.as_ref().unwrap()), "{mode}: a command leaves no mess");
    }
}

/// seeds 46: what a command asks its terminal is answered where no terminal of ours is there to do it.
#[test]
fn questions_to_the_terminal_are_answered() {
    let child = r"
import os, sys, tty, select
tty.setraw(0)
def ask(question, end):
    os.write(1, question)
    got = b''
    while not got.endswith(end):
        part = os.read(0, 1)
        if not part: break
        got += part
    return got
os.write(1, b'\r\nabc')
got = [ask(b'\x1b[6n', b'R'), ask(b'\x1b[c', b'c'), ask(b'\x1b[5n', b'n'), ask(b'\x1b[?2026$p', b'y')]
os.write(2, repr(got).encode())
";
    let wanted = r"[b'\x1b[2;4R', b'\x1b[?62;22c', b'\x1b[0n', b'\x1b[?2026;0$y']";
    for input in ["inherit", "null"] {
        let t = Test::new();
        let args = pty(&["--stdin", input, "--timeout", "30s"], python(child, &[]));
        let done = t.run(args).any_out().check();
        assert!(done.out_text().ends_with(wanted), "{input}: {}", done.out_text());
    }
    // An answer is not activity, and does not look like output where it is echoed.
    let t = Test::new();
    let script = r"printf '\033[6n'; sleep 0.3; printf x";
    let done = t.run(["--pty", "--timeout", "30s", "--expect", "/^x/", "-c", script]);
    done.out("\x1b[6n^[[1;1Rx").check();
    let script = r"while :; do printf '\033[6n'; read -t 60 x; done";
    let args = ["--pty", "--no-echo", "--idle-timeout", "1s", "--", "bash", "-c", script];
    t.run(args).any_out().any_err().exit(124).check();
}

/// Our own terminal answers by itself, and nobody answers twice.
#[test]
fn questions_to_our_own_terminal_are_its_own() {
    let t = Test::new();
    let child = r"
import os, tty
tty.setraw(0)
os.write(1, b'\x1b[6n')
got = b''
while not got.endswith(b'.'):
    got += os.read(0, 100)
os.write(1, b'got ' + got)
";
    let mut run = t.run(pty(&[], python(child, &[]))).terminal(80, 24).start();
    run.wait_out("\x1b[6n");
    run.type_in("\x1b[7;7R.");
    run.out("\x1b[6ngot \x1b[7;7R.").check();
}

/// vim waits for its terminal's answers; nobody has to be there.
#[test]
fn an_editor_without_a_person() {
    if !std::path::Path::new("/usr/bin/vim").exists() {
        return;
    }
    let t = Test::new();
    let args = ["--pty", "--timeout", "30s", "--", "vim", "-u", "NONE", "-c", "wq", "file"];
    t.write("file", "text\n");
    t.run(args).any_out().check();
}

/// A screen of any size takes no memory to speak of, and limits go on while it is drawn.
#[test]
fn a_screen_has_a_largest_size() {
    let t = Test::new();
    for size in ["65535x65535", "10001x1", "2000x501"] {
        let args = ["--pty", "--size", size, "--expect", "x", "--view", "screen", "--", "true"];
        let done = t.run(args).exit(125).err_has("--view screen draws at most 1000000 cells");
        done.check();
    }
    // Without a screen to draw any size will do.
    t.run(["--pty", "--size", "65535x65535", "stty", "size"]).out("65535 65535\r\n").check();
    let flood = "while :; do printf '%b' '\\033[2J\\033[65535b\\033[999L'; done";
    let args =
        ["--size", "1000x1000", "--timeout", "1s", "--expect", "x", "--view", "screen", "-q"];
    let done = t.run([&["--pty"], args.as_slice(), &["-c", flood]].concat()).report();
    let done = done.exit(124).any_err().check();
    assert!(done.took < std::time::Duration::from_secs(10), "{:?}", done.took);
}

/// What was drawn goes on to come in large pieces once nothing is drawn any more.
#[test]
fn a_limit_ends_a_flood_that_is_drawn() {
    let t = Test::new();
    let args = ["--pty", "--timeout", "300ms", "--expect", "never", "--view", "screen", "-q"];
    let flood = "trap '' TERM HUP; exec yes";
    let done = t.run([&args[..], &["--stop", "TERM:200ms,KILL", "-c", flood]].concat()).report();
    let done = done.exit(124).any_err().check();
    assert_eq!(done.report()["outcome"], "timeout");
}
