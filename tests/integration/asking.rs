//! A question that is open on our terminal, and what else happens there meanwhile.

use rustix::termios::LocalModes;

use crate::harness::{Running, Signal, Test, proc_state, wait_until};

const ASKS: &str = r#"
version = 1
[[step]]
ask = { prompt = "Key: ", into = "key", kind = "key" }
[[step]]
ask = { prompt = "Code: ", into = "code" }
[[step]]
line = "${key}${code}"
[[step]]
expect = "got"
[[step]]
log = "said"
[[step]]
expect = "@eof"
"#;

const ANSWERS: [&str; 5] = ["--", "sh", "-c", "read x; echo got $x; exec cat", "sh"];

/// Whether a key is asked for: neither lines, as before, nor raw.
fn asks_for_a_key(run: &Running) -> bool {
    let modes = run.modes().local_modes;
    modes.contains(LocalModes::ISIG) && !modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
}

fn children(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap()
}

/// Ctrl-Z at a question of a run that has the terminal raw.
#[test]
fn a_stop_at_a_question_leaves_the_terminal_as_it_was() {
    let t = Test::new();
    t.write("s.toml", ASKS);
    let script = "echo go; read go; exec heeler run --pty --script s.toml \"$@\"";
    let words = [["-c", script, "sh"].as_slice(), &ANSWERS].concat();
    let mut run = t.program("sh", words).terminal(80, 24).start();
    run.wait_out("go\r\n");
    let before = format!("{:?}", run.modes());
    run.type_in("\r");
    run.wait_out("Key: ");
    run.type_in("\x1a");
    run.wait_stopped();
    assert_eq!(format!("{:?}", run.modes()), before);
    run.signal(Signal::CONT);
    wait_until("it asks again", || asks_for_a_key(&run));
    run.type_in("k");
    run.wait_out("Code: ");
    run.type_in("word\r");
    run.wait_out("got kword\r\n");
    run.type_in("\x04");
    run.any_out().check();
}

/// In a shell, where the command shares the terminal: one Ctrl-Z is one stop, and one `fg` brings the question back.
#[test]
fn a_question_is_stopped_once() {
    let t = Test::new();
    t.write("s.toml", ASKS);
    t.write("answers", ANSWERS[3]);
    let mut shell = t.program("bash", ["--norc", "-i"]).env("PS1", "> ").terminal(80, 24).start();
    shell.wait_out("> ");
    shell.type_in("heeler run --pipe --script s.toml -- sh answers\r");
    shell.wait_out("Key: ");
    let heeler: i32 = children(shell.pid()).trim().parse().unwrap();
    let pid = shell.pid();
    let foreground = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit(") ").next().unwrap().split(' ').nth(5).unwrap().parse::<i32>().unwrap()
    };
    for _ in 0..10 {
        wait_until("it asks", || foreground() == heeler && asks_for_a_key(&shell));
        shell.type_in("\x1a");
        let stopped = || foreground() == pid && proc_state(heeler) == Some('T');
        wait_until("it is stopped", stopped);
        shell.type_in("fg\r");
    }
    wait_until("it asks", || foreground() == heeler && asks_for_a_key(&shell));
    shell.type_in("k");
    shell.wait_out("Code: ");
    shell.type_in("word\r");
    shell.wait_out("got kword\r\n");
    shell.type_in("\x04exit\r");
    let done = shell.any_out().any_err().check();
    assert_eq!(done.out_text().matches("Stopped").count(), 10, "{}", done.out_text());
}

/// What is said meanwhile changes nothing about the question, and a line of it is one on a raw terminal too.
#[test]
fn what_is_said_leaves_a_question_open() {
    let t = Test::new();
    t.write("s.toml", ASKS);
    let args = [["--pty", "--script", "s.toml"].as_slice(), &ANSWERS].concat();
    let mut run = t.run(args).terminal(80, 24).start();
    run.wait_out("Key: ");
    run.type_in("k");
    run.wait_out("Code: ");
    run.signal(Signal::USR1);
    run.wait_out("silent for");
    run.type_in("word\r");
    run.wait_out("got kword\r\n");
    run.wait_out("heeler: said\r\n");
    run.type_in("\x04");
    run.any_out().check();
}

/// The end of a run that somebody or a limit ends does not wait for an answer.
#[test]
fn a_question_holds_up_no_end() {
    for (limit, outcome, code) in [
        (["--pty", "--total-timeout", "300ms"], "total_timeout", 124),
        (["--pty", "--idle-timeout", "300ms"], "idle", 124),
        (["--pty", "--timeout", "1h"], "cancelled", 143),
    ] {
        let t = Test::new();
        t.write("s.toml", ASKS);
        let args = [&limit, ["--script", "s.toml", "--"].as_slice(), &["cat"]].concat();
        let run = t.run(args).terminal(80, 24).report().start();
        run.wait_out("Key: ");
        if code == 143 {
            run.signal(Signal::TERM);
        }
        let run = if code == 143 { run.signaled(15) } else { run.exit(code) };
        run.any_out().check().has("/outcome", outcome);
    }
}
