//! What takes a script: loops, branches, variables, questions to a person.

use super::*;

/// With this script, on a terminal or over pipes, and a report.
fn run<'t>(t: &'t Test, mode: &str, text: &str, command: &[&str]) -> Cmd<'t> {
    t.write("s.toml", format!("version = 1\n{text}"));
    let words = [mode, "--script", "s.toml", "--"];
    t.run(words.iter().chain(command)).report().any_out().any_err()
}

fn sh<'t>(t: &'t Test, mode: &str, text: &str, line: &str) -> Cmd<'t> {
    run(t, mode, text, &["sh", "-c", line])
}

/// `${before}` begins right behind the match before.
#[test]
fn s12_the_text_before_a_match_is_there() {
    let t = Test::new();
    let script = r#"
[[step]]
expect = "50"
[[step]]
expect = "99"
set = { between = "${before}" }
"#;
    let done = sh(&t, "--pipe", script, "seq -s, 1 100").check();
    let numbers: Vec<String> = (51..99).map(|n| n.to_string()).collect();
    done.has("/dialogue/captures/between", format!(",{},", numbers.join(",")));
}

/// A step that ran into its limit has consumed nothing.
#[test]
fn s14_a_limit_loses_nothing() {
    let t = Test::new();
    let script = r#"
[[step]]
expect = "absent"
within = "100ms"
optional = true
[[step]]
expect = "here it is"
line = ""
"#;
    let done = sh(&t, "--pipe", script, "echo here it is; read x").check();
    done.has("/dialogue/steps/0/state", "skipped").has("/dialogue/steps/1/state", "matched");
}

/// Rows are gathered until the end.
#[test]
fn s25_rows_are_gathered_until_the_end() {
    let t = Test::new();
    let script = r#"
[[step]]
name = "rows"
  [[step.on]]
  match = '/^(?<disk>\S+) +(?<used>\d+)%$/'
  append = "rows"
  then = "again"
  [[step.on]]
  match = "@eof"
"#;
    let line = "printf 'Name Use\\n'; for i in 1 2 3 4 5; do printf 'disk%s  %s0%%\\n' $i $i; done";
    let done = sh(&t, "--pipe", script, line).check();
    assert_eq!(done.at("/dialogue/captures/rows").as_array().unwrap().len(), 5);
    done.has("/dialogue/captures/rows/4", "disk5\t50");
}

const ALL: &str = r#"
[[step]]
within = "20s"
all = true
  [[step.on]]
  match = "one;"
  append = "came"
  [[step.on]]
  match = "two;"
  append = "came"
  [[step.on]]
  match = "three;"
  append = "came"
[[step]]
expect = "end"
"#;

/// Three lines in any order; not without one of them, and each counts once.
#[test]
fn s26_s35_all_of_several_in_any_order() {
    let t = Test::new();
    for order in [
        "one two three",
        "one three two",
        "two one three",
        "two three one",
        "three one two",
        "three two one",
    ] {
        let line = format!("for w in {order}; do echo \"$w;\"; done; echo end");
        let done = sh(&t, "--pipe", ALL, &line).check();
        let came = done.at("/dialogue/captures/came");
        let came: Vec<&str> =
            came.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert_eq!(came.join(" ").replace(';', ""), order);
    }
    let done = sh(&t, "--pipe", ALL, "echo 'one; one; two; end'").exit(122).check();
    done.has("/dialogue/failure/message", "the output ended before step 1 (`three;`) was met")
        .has("/dialogue/captures/came/1", "two;");
    let late = ALL.replace("20s", "100ms");
    let done = sh(&t, "--pipe", &late, "echo 'two;'; sleep 1000").exit(122).check();
    done.has(
        "/dialogue/failure/message",
        "step 1: `one;` and `three;` did not appear within 100ms (within 100ms)",
    );
}

/// A question is put again and again until the answer is the right one, and not for ever.
#[test]
fn s29_status_is_asked_until_it_is_ready() {
    let t = Test::new();
    let script = |times: u32| {
        format!(
            r#"
[[step]]
  [step.loop]
  times = {times}
  until_match = "ready"
  [[step.loop.step]]
  line = "status"
  [[step.loop.step]]
  expect = "state:"
  [[step.loop.step]]
  sleep = "1ms"
[[step]]
close_stdin = true
"#
        )
    };
    let line = "n=0; while read q; do n=$((n+1)); test $n -ge 4 && echo state: ready || echo state: busy; done";
    sh(&t, "--pipe", &script(100), line).check();
    let done = sh(&t, "--pipe", &script(3), line).exit(122).check();
    done.has("/dialogue/failure/reason", "loop_exhausted");
}

/// What was captured stands for itself in the next pattern, signs of a regex included.
#[test]
fn s32_a_captured_name_is_awaited() {
    let t = Test::new();
    let script = r#"
[[step]]
expect = '/^host (?<host>\S+)$/'
line = "go"
[[step]]
expect = '/^${host}(?<sign>[#>])/'
"#;
    let line = "echo 'host r.1(a)'; read x; echo 'rX1(a)#'; echo 'r.1(a)>'";
    sh(&t, "--pipe", script, line).check().has("/dialogue/captures/sign", ">");
}

/// Characters come one by one, with a pause between them.
#[test]
fn s52_typing_at_a_pace() {
    let t = Test::new();
    let flags =
        "--expect ready --pace 20ms --line 012345678 --expect 'got 012345678' --pace 0 --line x";
    let line = "echo ready; read x; echo got $x; read x; test $x = x";
    let done = pipe(&t, &format!("{flags} -- sh -c '{line}'")).check();
    let at = |step| done.at(&format!("/dialogue/steps/{step}/at_ms")).as_u64().unwrap();
    // Nine pauses between ten characters.
    assert!(at(1) - at(0) >= 180, "{}", done.at("/dialogue/steps"));
    // A script says the same, and its steps go on behind it.
    let script = "[[step]]\npace = \"5ms\"\nline = \"äöü\"\n[[step]]\nexpect = \"got äöü\"\n";
    sh(&t, "--pipe", script, "read x; echo got $x").check();
}

/// A program that throws away what is typed right after its prompt: the line is typed again until it shows.
#[test]
fn s54_what_is_lost_is_typed_again() {
    let t = Test::new();
    t.write(
        "deaf.py",
        // Read away, not flushed: a flush that meets a line being typed can leave the kernel's terminal stuck.
        "import os, select, sys, time\nsys.stdout.write('login: ')\nsys.stdout.flush()\n\
         until = time.monotonic() + 0.3\n\
         while (left := until - time.monotonic()) > 0:\n\
         \x20   if select.select([0], [], [], left)[0]: os.read(0, 1024)\n\
         print('hello ' + input())\n",
    );
    let script = r#"
[[step]]
expect = "login: "
[[step]]
  [step.loop]
  times = 1000
  until_match = "hello alice"
  [[step.loop.step]]
  line = "alice"
  [[step.loop.step]]
  sleep = "50ms"
"#;
    run(&t, "--pty", script, &["python3", "deaf.py"]).check();
}

/// No output: Enter is pressed, and then it goes on.
#[test]
fn s61_s62_silence_is_prodded() {
    let t = Test::new();
    let script = r#"
[[step]]
  [[step.on]]
  match = "login"
  [[step.on]]
  match = "@idle:100ms"
  line = ""
  max = 3
  then = "again"
"#;
    let done = sh(&t, "--pty", script, "read x; echo login").check();
    done.has("/dialogue/steps/0/pattern", "login");
    // Never more often than it may.
    let done = sh(&t, "--pty", script, "sleep 1000").exit(122).check();
    done.has("/dialogue/failure/reason", "rule_exhausted");
}

/// The terminal hangs up.
#[test]
fn s76_hanging_up() {
    let t = Test::new();
    let script = "[[step]]\nexpect = \"ready\"\nsignal = \"HUP\"\n[[step]]\nwait_exit = true\n";
    let done = sh(&t, "--pty", script, "echo ready; exec sleep 1000").exit(129).check();
    done.has("/child/signal_name", "SIGHUP").has("/outcome", "signaled");
}

/// One result a host, failures gathered: a run of its own for each.
#[test]
fn s107_the_same_on_many_hosts() {
    let t = Test::new();
    t.write("one.toml", "version = 1\n[command]\nargv = [\"sh\", \"host\", \"${host}\"]\n[params.host]\n[[rule]]\non = \"refused\"\nfail = \"refused\"\n[[step]]\nexpect = \"password: \"\nline = \"new\"\n[[step]]\nexpect = \"changed\"\n");
    t.write("host", "test $1 = b && echo refused; printf 'password: '; read x; echo changed\n");
    let script = r#"
[params.hosts]
default = ["a", "b", "c"]
[[step]]
  [step.loop]
  foreach = "hosts"
  as = "host"
  [[step.loop.step]]
  exec = { argv = ["heeler", "run", "--pipe", "--script", "one.toml", "${host}"], else = "next" }
  [[step.loop.step]]
  set = { line = "${host}=${status}" }
  [[step.loop.step]]
  log = "${line}"
"#;
    let done = sh(&t, "--pipe", script, "sleep 0.01").check();
    for line in ["a=0", "b=122", "c=0"] {
        assert!(done.err_text().contains(line), "{}", done.err_text());
    }
}

/// A list of files is captured, and each is fetched.
#[test]
fn s111_what_was_listed_is_fetched() {
    let t = Test::new();
    t.write(
        "ftp.py",
        "while True:\n    words = input('ftp> ').split()\n    if words[0] == 'ls':\n        print('-- a.txt\\n-- b.txt\\n-- c.txt\\ndone')\n\
         \x20   elif words[0] == 'get':\n        print('226 ' + words[1])\n    else:\n        break\n",
    );
    let script = r#"
[[step]]
expect = "ftp> "
line = "ls"
[[step]]
name = "files"
  [[step.on]]
  match = '/^-- (?<file>\S+)$/'
  append = "files"
  then = "again"
  [[step.on]]
  match = "ftp> "
[[step]]
  [step.loop]
  foreach = "files"
  as = "one"
  [[step.loop.step]]
  line = "get ${one}"
  [[step.loop.step]]
  expect = '/226 ${one}/'
  append = "got"
  [[step.loop.step]]
  expect = "ftp> "
[[step]]
line = "bye"
"#;
    let done = run(&t, "--pty", script, &["python3", "ftp.py"]).check();
    assert_eq!(done.at("/dialogue/captures/got").as_array().unwrap().len(), 3);
    done.has("/dialogue/captures/got/2", "226 c.txt");
}

/// Some questions are answered by rules, the others by a person.
#[test]
fn s114_other_questions_go_to_a_person() {
    let t = Test::new();
    let script = r#"
[[rule]]
on = "Salvage? "
line = "y"
[[step]]
expect = "Remove? "
[[step]]
ask = { prompt = "remove it? ", into = "answer" }
line = "${answer}"
[[step]]
expect = "done"
"#;
    let line = "for q in Salvage Remove Salvage; do printf '%s? ' $q; read a; echo \"$q=$a\"; done; echo done";
    let mut running = sh(&t, "--pipe", script, line).terminal(80, 24).start();
    running.wait_out("remove it? ");
    running.type_in("n\r");
    let done = running.check();
    for answer in ["Salvage=y", "Remove=n"] {
        assert!(done.out_text().contains(answer), "{}", done.out_text());
    }
}

/// Servers are asked in turn, until one knows.
#[test]
fn s117_the_next_server_is_asked() {
    let t = Test::new();
    let script = r#"
[params.servers]
default = ["one", "two", "three"]
[[step]]
  [step.loop]
  foreach = "servers"
  as = "server"
  [[step.loop.step]]
  expect = "> "
  line = "${server}"
  [[step.loop.step]]
    [[step.loop.step.on]]
    match = '/address (?<address>\S+)$/'
    then = "goto found"
    [[step.loop.step.on]]
    match = "unknown"
[[step]]
fail = "nobody knows"
[[step]]
name = "found"
key = "eof"
"#;
    let line = "while printf '> ' && read s; do test $s = two && echo address 10.0.0.2 || echo unknown; done";
    let done = sh(&t, "--pipe", script, line).check();
    done.has("/dialogue/captures/address", "10.0.0.2")
        .has("/dialogue/captures/server", Value::Null);
}

/// Started again until the figure is right.
#[test]
fn s120_tried_again_until_it_is_right() {
    let t = Test::new();
    let script = r#"
[retry]
times = 9
delay = "0"
[[step]]
expect = '/Str: (?<str>\d+)\n/'
[[step]]
when = "str != 18"
retry = "only ${str}"
[[step]]
pass = true
"#;
    let line = "echo x >>tries; echo Str: $((14 + $(wc -l <tries))); sleep 1000";
    let done = sh(&t, "--pipe", script, line).check();
    done.has("/outcome", "until").has("/attempts/3/outcome", "until").has("/flaky", true);
    assert!(done.report().pointer("/attempts/4").is_none());
}

/// One file after the other, up to the first that fails.
#[test]
fn s121_files_one_by_one_until_one_fails() {
    let t = Test::new();
    t.write("crypt", "printf 'Key: '; read k; echo; test $1 != b || exit 3; echo $k $1 >$1.out\n");
    for file in ["a", "b", "c"] {
        t.write(file, "");
    }
    let script = r#"
[params.files]
default = ["a", "b", "c"]
[[step]]
  [step.loop]
  foreach = "files"
  as = "file"
  [[step.loop.step]]
  exec = ["heeler", "run", "--pipe", "-q", "--expect", "Key: ", "--line", "k", "--", "sh", "crypt", "${file}"]
"#;
    let done = sh(&t, "--pipe", script, "sleep 1000").exit(122).check();
    done.has("/dialogue/failure/reason", "exec");
    assert_eq!(t.read("a.out"), "k a\n");
    assert!(!t.path("b.out").exists() && !t.path("c.out").exists());
}

/// A passphrase is read from the terminal while the data comes through a pipe.
#[test]
fn s140_the_terminal_is_not_the_input() {
    let t = Test::new();
    t.write("data", "payload\n");
    t.write("pw", "sesame");
    t.write(
        "enc.py",
        "import getpass, sys\na = getpass.getpass('Pass: ')\nb = getpass.getpass('Again: ')\n\
         print('same' if a == b == 'ses' + 'ame' else 'differ', sys.stdin.read().strip())\n",
    );
    let flags = "--secret pw=file:pw --expect 'Pass: ' --send-secret pw --expect 'Again: ' --send-secret pw --expect 'same payload'";
    pty(&t, &format!("{flags} -- sh -c 'cat data | python3 enc.py'")).check();
}

/// A container's shell: its prompt comes late, and it has the size that was asked for.
#[test]
fn s141_a_shell_whose_prompt_comes_late() {
    let t = Test::new();
    let line = "sleep 0.3; printf '/ # '; while read c; do eval \"$c\"; printf '/ # '; done";
    let flags = "--size 101x33 --expect '# ' --line 'stty size' --expect '/^33 101$/' --expect '# ' --line exit";
    pty(&t, &format!("{flags} -- sh -c '{}'", line.replace('\'', "\""))).check();
}

/// Without output processing, a line feed stays one.
#[test]
fn s105_line_feeds_stay_as_they_are() {
    let t = Test::new();
    let done = pty(&t, "--expect b -- sh -c 'stty -opost; printf \"a\\nb\"'").check();
    assert_eq!(done.out, b"a\nb");
    let done = pty(&t, "--expect b -- sh -c 'printf \"a\\nb\"'").check();
    assert_eq!(done.out, b"a\r\nb");
}
