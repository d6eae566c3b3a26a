//! What the engine and the runtime do for scripts, through the real binary.

use std::time::Duration;

use crate::harness::{Signal, Test};

fn script(t: &Test, text: &str) {
    t.write("s.toml", format!("version = 1\n{text}"));
}

const RUN: [&str; 5] = ["--pipe", "-q", "--script", "s.toml", "--"];

/// A command on the host sees the captures, its output is a variable, its status a condition.
#[test]
fn exec_sees_captures_and_gives_its_output() {
    let t = Test::new();
    script(
        &t,
        r#"
[[step]]
expect = '/id=(?<id>\d+);/'
[[step]]
exec = { shell = 'echo "$((id + 1))"; exit 3', into = "next", else = "next" }
[[step]]
when = "status == 3"
line = "${next}"
[[step]]
expect = "got 42"
"#,
    );
    let line = "echo 'id=41;'; read x; echo got $x";
    let done = t.run(RUN.into_iter().chain(["sh", "-c", line])).report().check();
    done.has("/dialogue/captures/next", "42").has("/exit_code", 0);
}

/// It is no stray, and nothing of it is left: neither when it ends nor when its limit ends it.
#[test]
fn nothing_of_exec_is_left_behind() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    script(
        &t,
        r#"
[[step]]
exec = 'exec 9>life; sleep 1000 & echo $!'
[[step]]
within = "200ms"
exec = 'exec 9>life; sleep 1000 & sleep 1000'
"#,
    );
    let done = t.run(RUN.into_iter().chain(["sleep", "1000"])).report().any_err().exit(122).check();
    life.wait_gone();
    done.has("/dialogue/failure/reason", "step_timeout")
        .has("/dialogue/failure/clock", "within 200ms")
        .has("/containment/verified", true);
    assert!(done.at("/containment").get("strays").is_none(), "{}", done.at("/containment"));
}

/// The command is read while the host's command runs, and rules answer.
#[test]
fn reading_goes_on_during_exec_and_sleep() {
    let t = Test::new();
    t.fifo("gate");
    script(
        &t,
        r#"
[[rule]]
on = "more?"
line = "y"
[[step]]
exec = "cat gate"
[[step]]
sleep = "10ms"
[[step]]
wait_exit = 7
"#,
    );
    // A megabyte goes through, and an answer, before the host's command can end.
    let line = "head -c 1000000 /dev/zero; echo 'more?'; read x; echo $x >gate; exit 7";
    // What nobody captures goes to our stderr, where it cannot be taken for the command's output.
    t.run(RUN.into_iter().chain(["sh", "-c", line])).err("y\n").exit(7).check();
}

/// A secret is in no environment and in no argument of a command on the host.
#[test]
fn exec_never_gets_a_secret() {
    let t = Test::new();
    script(
        &t,
        r#"
[secrets.pw]
env = "DB_PASSWORD"
[[step]]
expect = '/said (?<word>\w+)/'
[[step]]
exec = { shell = 'env | grep -c hunter2; echo "word=$word"', into = "seen" }
"#,
    );
    let line = "echo said hunter2; read x; exit 5";
    let done = t
        .run(RUN.into_iter().chain(["sh", "-c", line]))
        .env("DB_PASSWORD", "hunter2")
        .report()
        .any_err()
        .exit(5)
        .check();
    done.has("/dialogue/captures/seen", "0\nword=***");
}

/// The cleanup is done before the ladder, after a limit too, and a second request skips it.
#[test]
fn the_cleanup_comes_before_the_ladder() {
    let t = Test::new();
    script(
        &t,
        "[[step]]\nexpect = \"never\"\n[[cleanup]]\nline = \"exit\"\n[[cleanup]]\nwait_exit = true\n",
    );
    let line = "trap 'echo termed' TERM; read x; echo got $x";
    let words = ["--pipe", "--timeout", "200ms", "--script", "s.toml", "--", "sh", "-c", line];
    let done = t.run(words).report().out("got exit\n").any_err().exit(124).check();
    done.has("/outcome", "timeout").has("/child/exit_code", 0);

    let t = Test::new();
    script(&t, "[[cleanup]]\nexpect = \"never\"\n");
    let words = ["--pipe", "--script", "s.toml", "--", "sh", "-c", "echo ready; exec sleep 1000"];
    let run = t.run(words).report().any_err().start();
    run.wait_out("ready\n");
    run.signal(Signal::TERM);
    run.signal(Signal::TERM);
    let done = run.finish().any_out().signaled(15).check();
    done.has("/outcome", "cancelled");
}

/// After its end the command is not needed for what is done on the host.
#[test]
fn the_end_waits_for_exec() {
    let t = Test::new();
    script(
        &t,
        "[[step]]\nwait_exit = 3\n[[step]]\nexec = { shell = \"sleep 0.2; echo $status\", into = \"x\" }\n",
    );
    let done = t.run(RUN.into_iter().chain(["sh", "-c", "exit 3"])).report().exit(3).check();
    done.has("/dialogue/captures/x", "3");
}

/// A question, a secret among them, on our terminal.
#[test]
fn a_person_is_asked() {
    let t = Test::new();
    script(
        &t,
        r#"
[[step]]
ask = { prompt = "Code: ", into = "code" }
[[step]]
line = "${code}"
[[step]]
ask = { prompt = "Secret: ", into = "pw", kind = "secret" }
[[step]]
secret = "pw"
[[step]]
expect = "done"
"#,
    );
    let line = "read a; read b; echo \"$a $b\"; echo done";
    let mut run =
        t.run(["--pipe", "--script", "s.toml", "--", "sh", "-c", line]).terminal(80, 24).start();
    run.wait_out("Code: ");
    run.type_in("123\r");
    run.wait_out("Secret: ");
    run.type_in("sesame\r");
    let done = run.finish().any_out().any_err().check();
    let out = String::from_utf8_lossy(&done.out).into_owned();
    assert!(out.contains("123 ***"), "{out:?}");
    assert!(!out.contains("sesame"), "{out:?}");
}

/// Without a terminal that is a clear failure, and with a default none.
#[test]
fn without_a_terminal_nobody_is_asked() {
    let t = Test::new();
    script(&t, "[[step]]\nask = { prompt = \"Code: \", into = \"code\" }\n");
    t.run(RUN.into_iter().chain(["sleep", "1000"]))
        .err_has("there is no terminal to ask on")
        .exit(122)
        .check();
}

/// The person has the terminal until the key.
#[test]
fn the_terminal_is_handed_over() {
    let t = Test::new();
    script(
        &t,
        r#"
[[step]]
expect = "ready"
[[step]]
interact = true
[[step]]
line = "from the script"
[[step]]
expect = "bye"
"#,
    );
    let line = "echo ready; read a; echo \"[$a]\"; read b; echo \"[$b]\"; echo bye";
    let words = ["--pty", "--no-echo", "--script", "s.toml", "--", "sh", "-c", line];
    let mut run = t.run(words).terminal(80, 24).start();
    run.wait_out("ready");
    run.type_in("hello\r");
    run.wait_out("[hello]");
    run.type_in("\x1d");
    run.wait_out("[from the script]");
    run.finish().any_out().any_err().check();
}

/// A rule that takes its time for each of very many matches.
const SLOW: &str = r#"
[[step]]
set = { big = "0123456789abcdef" }
[[step]]
loop.times = 16
[[step.loop.step]]
set = { big = "${big}${big}" }
[[step]]
expect = "never"
within = "1h"
[[rule]]
on = '/[^\n]*\n/'
set = { copy = "${big}" }
"#;

/// A read holds many thousands of them: a limit is not put off by that.
#[test]
fn a_limit_comes_between_matches() {
    let t = Test::new();
    script(&t, SLOW);
    let run = t.run(["--timeout", "1s"].into_iter().chain(RUN).chain(["yes"])).report();
    let done = run.any_err().exit(124).check();
    done.has("/outcome", "timeout").has("/child/signal_name", "SIGTERM");
    done.took_between(Duration::from_secs(1), Duration::from_secs(20));
}

/// Nor is a signal, whether the command lives or is over by then.
#[test]
fn a_signal_comes_between_matches() {
    let t = Test::new();
    script(&t, SLOW);
    let mut life = t.lifeline("life");
    for over in [false, true] {
        let command = if over { "exec 9>life; seq 20000" } else { "seq 100000" };
        let run = t.run(["--pipe", "--script", "s.toml", "--", "sh", "-c", command]);
        let run = run.report().start();
        run.wait_out("\n5000\n");
        if over {
            life.wait_gone();
        }
        run.signal(Signal::TERM);
        assert!(run.ends_within(Duration::from_secs(15)), "it matches on");
        let done = run.any_out().any_err().signaled(15).check();
        done.has("/outcome", "cancelled").has("/stop/caller_signal", "SIGTERM");
    }
}

/// What stands at the end of a read goes on in the pipe, however long the matches of that read take: the command has
/// not paused, it waits until there is room for the rest.
#[test]
fn a_number_is_whole_behind_a_read_full_of_matches() {
    let t = Test::new();
    let text =
        "[[rule]]\non = 'x'\ncount = 'c'\n[[step]]\nexpect = '/n=(?<n>\\d+)/'\nline = 'on'\n";
    script(&t, text);
    let child = r"
import fcntl, os
fcntl.fcntl(1, 1031, 1 << 16) # F_SETPIPE_SZ
text = b'x' * 65531 + b'n=123'
assert os.write(1, text) == len(text) == 1 << 16
os.write(1, b'456\n')
os.read(0, 1)
";
    let run = t.run(["--events", "e"].into_iter().chain(RUN).chain(["python3", "-c", child]));
    let done = run.report().check();
    done.has("/dialogue/captures/c", "65531").has("/dialogue/captures/n", "123456");
}
