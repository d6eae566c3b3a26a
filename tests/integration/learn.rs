//! `heeler learn`: a person at a terminal, and what becomes of it.

use crate::harness::{Running, Test, count};

const PROGRAM: &str = r#"import getpass, sys
name = input("db7 login (pid 4711): ")
password = getpass.getpass("Password: ")
if password != "hunter2":
    sys.exit("wrong")
print("welcome", name, password)
for n in range(3):
    input("Continue? [y/N] ")
sys.stdout.write("> ")
sys.stdout.flush()
for line in sys.stdin:
    print("got", line.strip())
sys.exit(3)
"#;

/// Does it once.
fn session(t: &Test) -> Running {
    t.write("program.py", PROGRAM);
    let words = ["learn", "-o", "s.toml", "--cast", "s.cast", "--", "python3", "program.py"];
    let mut run = t.heeler(words).terminal(80, 24).start();
    run.wait_out("pid 4711): ");
    run.type_in("alixx");
    run.wait_out("alixx");
    run.type_in("\x7f\x7fce\r");
    run.wait_out("Password: ");
    run.type_in("hunter2\r");
    for n in 1..=3 {
        // Typed ahead it would be another session.
        run.wait_out_that("the next question", |out| count(out, "[y/N] ") == n);
        run.type_in("y\r");
    }
    run.wait_out("> ");
    run.type_in("foo\r");
    run.wait_out("got foo");
    run.type_in("\x04");
    run
}

#[test]
fn a_session_becomes_a_script_that_does_the_same() {
    let t = Test::new();
    let done = session(&t).any_out().check();
    let out = done.out_text();
    assert!(out.contains("wrote s.toml: 8 steps, 1 of them asked for as a secret"), "{out}");
    assert!(!out.contains("warning"), "{out}");
    let script = t.read("s.toml");
    let golden = include_str!("../data/scripts/learned.toml");
    assert!(script == golden, "the learned script is another one:\n{script}");
    for file in ["s.toml", "s.cast"] {
        assert!(!t.read(file).contains("hunter2"), "{file}");
    }
    t.heeler(["check", "--strict", "s.toml"]).check();
    let met = t.heeler(["check", "s.toml", "--against", "s.cast"]).any_out().check();
    assert!(met.out_text().contains("7 inputs as recorded"), "{}", met.out_text());

    t.write("live.toml", script.replace("ask = true", "env = \"PW\""));
    let live = t.run(["--script", "live.toml"]).env("PW", "hunter2").any_out().any_err().exit(3);
    let live = live.check();
    assert!(live.out_text().contains("welcome alice ***") && live.out_text().contains("got foo"));
}

#[test]
fn files_are_not_replaced_and_a_terminal_is_needed() {
    let t = Test::new();
    t.write("s.toml", "mine");
    let words = ["learn", "-o", "s.toml", "--", "true"];
    t.heeler(words).err_has("s.toml exists already (-o); --force replaces it").exit(125).check();
    t.heeler(["learn", "-o", "n.toml", "--", "true"])
        .err_has("learn watches a person at a terminal, and stdin is none")
        .exit(125)
        .check();
    assert_eq!(t.read("s.toml"), "mine");
    let forced = t.heeler(["learn", "--force", "-o", "s.toml", "--", "true"]).terminal(80, 24);
    forced.any_out().check();
    assert!(t.read("s.toml").ends_with("[[step]]\nwait_exit = 0\n"), "{}", t.read("s.toml"));
    let missing = t.heeler(["learn", "-o", "m.toml", "--", "no-such-program"]).terminal(80, 24);
    missing.any_out().exit(127).check();
    assert!(!t.path("m.toml").exists());
}

/// A shell reads every key itself and shows what it likes.
#[test]
fn a_shell() {
    let t = Test::new();
    let words = ["learn", "-o", "s.toml", "--cast", "s.cast", "--"];
    let shell = ["env", "PS1=[\\u@\\h:\\w]$ ", "bash", "--norc", "--noprofile"];
    let mut run = t.heeler(words.into_iter().chain(shell)).terminal(80, 24).start();
    run.wait_out("]$ ");
    run.type_in("echo a-$((40+2))");
    run.wait_out("echo a-$((40+2))");
    run.type_in("\r");
    run.wait_out("a-42");
    run.wait_out("]$ ");
    run.type_in("exit 5\r");
    let out = run.any_out().check().out_text();
    assert!(!out.contains("warning"), "{out}\n{}", t.read("s.toml"));
    let script = t.read("s.toml");
    assert!(
        script.contains("line = 'echo a-$((40+2))'")
            || script.contains("line = \"echo a-$((40+2))\""),
        "{script}"
    );
    assert!(script.contains("line = \"exit 5\"") && script.contains("wait_exit = 5"), "{script}");
    t.run(["--script", "s.toml"]).any_out().any_err().exit(5).check();
}

/// Who types ahead answers what is asked later: the script says it at the same places.
#[test]
fn what_is_typed_ahead() {
    let t = Test::new();
    let program = "import sys\nname = input('Name: ')\nsys.stdout.write('Town: ')\nsys.stdout.flush()\n\
                   town = input()\nprint('hello', name, 'of', town)\n";
    t.write("program.py", program);
    let words = ["learn", "-o", "s.toml", "--cast", "s.cast", "--", "python3", "program.py"];
    let mut run = t.heeler(words).terminal(80, 24).start();
    run.wait_out("Name: ");
    run.type_in("alice\rBerlin\r");
    run.any_out().check();
    let script = t.read("s.toml");
    assert!(script.contains("alice") && script.contains("Berlin"), "{script}");
    t.heeler(["check", "s.toml", "--against", "s.cast"]).any_out().any_err().check();
    let done = t.run(["--script", "s.toml"]).any_out().any_err().check();
    assert!(done.out_text().contains("hello alice of Berlin"), "{}\n{script}", done.out_text());
}

/// What is recalled is not waited for, and a Ctrl-C behind a line not typed before that line is done.
#[test]
fn a_line_editor() {
    let t = Test::new();
    let words = ["learn", "-o", "s.toml", "--cast", "s.cast", "--"];
    let shell = ["env", "PS1=> ", "INPUTRC=/dev/null", "bash", "--norc", "--noprofile"];
    let mut run = t.heeler(words.into_iter().chain(shell)).terminal(80, 24).start();
    let prompts = |n| move |out: &[u8]| count(out, "> ") == n;
    run.wait_out_that("a prompt", prompts(1));
    run.type_in("echo $((6*7))\r");
    run.wait_out_that("a prompt", prompts(2));
    run.type_in("\x1b[A");
    run.wait_out_that("the line again", |out| count(out, "echo $((6*7))") == 2);
    run.type_in("\x15");
    run.wait_out("\x1b[K");
    run.type_in("echo $((3*14))\r");
    run.wait_out_that("a prompt", prompts(3));
    run.type_in("\x1b[A");
    run.wait_out_that("the line again", |out| count(out, "echo $((3*14))") == 2);
    run.type_in("\r");
    run.wait_out_that("a prompt", prompts(4));
    run.type_in("sh -c 'echo >there; exec sleep 1000'\r");
    run.wait_out("1000'\r\n");
    t.wait_file("there", |text| text == "\n");
    run.type_in("\x03");
    run.wait_out_that("a prompt", prompts(5));
    run.type_in("exit 5\r");
    let out = run.any_out().check().out_text();
    let script = t.read("s.toml");
    assert!(!out.contains("warning") && !script.contains("secret"), "{out}\n{script}");
    assert!(script.contains("expect = \"@idle:100ms\"\nkey = \"ctrl-c\"\n"), "{script}");
    t.heeler(["check", "s.toml", "--against", "s.cast"]).any_out().check();
    std::fs::remove_file(t.path("there")).unwrap();
    let done = t.run(["--script", "s.toml"]).any_out().any_err().exit(5).check();
    let out = done.out_text();
    assert!(t.path("there").exists() && out.matches("42").count() == 3, "{out}\n{script}");
}
