//! What went wrong is said where it went wrong, with what helps.

use crate::harness::{Done, Signal, Test};
use crate::real::words;

/// What `heeler run` says of these flags, and the run.
fn said(t: &Test, flags: &str, code: i32) -> (String, Done) {
    let done = t.run(words(flags)).report().any_out().any_err().exit(code).check();
    (done.err_text(), done)
}

#[track_caller]
fn has(said: &str, part: &str) {
    assert!(said.contains(part), "{said:?} has no {part:?}");
}

/// The limit of the run comes before that of the step: what waits is the secret, not the prompt.
#[test]
fn a_secret_that_waits_for_the_echo_is_what_is_told() {
    let t = Test::new();
    t.write("pw", "sesame");
    let flags = "--pty --timeout 300ms --secret pw=file:pw --expect 'Password: ' --send-secret pw";
    let (said, _) = said(&t, &format!("{flags} -- sh -c 'printf \"Password: \"; sleep 1000'"), 124);
    has(&said, "the secret `pw` still waited for the terminal to stop echoing; `--echo-ok`");
    assert!(!said.contains("before the cursor"), "{said}");
}

/// Everything was answered, and then the command asks once more.
#[test]
fn a_question_after_the_last_step_is_pointed_at() {
    let t = Test::new();
    let line = "sh -c 'echo x; printf \"Proceed? [y/N] \"; sleep 1000'";
    for limit in ["--timeout 300ms", "--idle-timeout 300ms"] {
        let (said, _) = said(&t, &format!("--pty {limit} --expect x -- {line}"), 124);
        has(&said, "the last line looks like a prompt: `Proceed? [y/N] `");
    }
    // One that was answered is none.
    let line = "sh -c 'printf \"ok? \"; stty -echo; read a; sleep 1000'";
    let (said, _) =
        said(&t, &format!("--pty --timeout 500ms --expect 'ok? ' --line y -- {line}"), 124);
    assert!(!said.contains("looks like a prompt"), "{said}");
}

#[test]
fn an_until_that_never_came_is_said() {
    let t = Test::new();
    let warning = "`ready` (--until) had not appeared";
    let (out, done) = said(&t, "--pipe --until ready -- sh -c 'echo almost'", 0);
    has(&out, &format!("warning: {warning}"));
    done.has("/warnings/0", warning).has("/outcome", "exited").has("/success", true);
    let line = "sh -c 'echo READY; sleep 1000'";
    let (out, done) = said(&t, &format!("--pipe --timeout 300ms --until ready -- {line}"), 124);
    has(&out, warning);
    has(&out, "`READY` appeared; your pattern says `ready`; use `/ready/i`");
    done.has("/warnings/0", warning);
    let (out, done) = said(&t, "--pipe --until ready -- sh -c 'echo ready; sleep 1000'", 0);
    assert_eq!(out, "");
    assert!(done.report().get("warnings").is_none());
    t.write("s.toml", "version = 1\n[[watch]]\non = \"ready\"\npass = true\n");
    let (out, _) = said(&t, "--pipe --script s.toml -- true", 0);
    has(&out, "`ready` (a watch) had not appeared");
}

/// Options behind the words of a script are words, and that is no mistake of the script.
#[test]
fn options_go_before_the_words_of_a_script() {
    let t = Test::new();
    t.write("s.toml", "version = 1\n[command]\nargv = [\"echo\", \"${x}\"]\n[params.x]\n");
    let (said, _) = said(&t, "--script s.toml bob --timeout 3s", 125);
    has(&said, "`--timeout` stands behind a word of the script");
    assert!(!said.contains("s.toml:"), "{said}");
}

#[test]
fn a_broken_line_of_a_script_is_one_mistake() {
    let t = Test::new();
    t.write("s.toml", "version = 1\n[[step]\nexpect = \"hi\"\nwihtin = \"3s\"\n");
    let done = t.heeler(["check", "s.toml"]).any_err().exit(125).check();
    assert_eq!(done.err_text().matches("heeler:").count(), 1, "{}", done.err_text());
    has(&done.err_text(), "s.toml:2:");
}

#[test]
fn what_is_not_there_comes_before_what_is_in_it() {
    let t = Test::new();
    t.write("s.toml", "version = 2\n");
    let done = t.heeler(["check", "--against", "no.cast", "s.toml"]).any_err().exit(125).check();
    has(&done.err_text(), "cannot read the recording no.cast");
}

#[test]
fn mistakes_of_the_command_line_name_their_flag() {
    let t = Test::new();
    for (flags, part) in [
        ("--timeout -1s -- true", "'-1s' for '--timeout': it is negative"),
        (
            "--pipe --expect a --within 1s --within 2s -- true",
            "--within is given twice for one --expect",
        ),
        ("--pipe --on a --max 1 --max 2 -- true", "--max is given twice for one --on"),
    ] {
        has(&said(&t, flags, 125).0, part);
    }
    has(&said(&t, "--pipe -- ''", 127).0, "cannot run '': the command's name is empty");
}

/// A terminal that cannot be had is told in the system's words.
#[test]
fn too_few_descriptors_for_a_terminal() {
    let t = Test::new();
    let done =
        t.sh("ulimit -n 8; heeler run --track off --pty -- true").any_err().exit(125).check();
    has(&done.err_text(), "Too many open files");
    assert!(!done.err_text().contains("Os {"), "{}", done.err_text());
}

#[test]
fn a_man_page_of_a_command() {
    let t = Test::new();
    let done = t.heeler(["man", "run"]).any_out().check();
    assert!(done.out_text().contains(".TH HEELER\\-RUN 1"), "{}", done.out_text());
    let done = t.heeler(["man", "nope"]).any_err().exit(125).check();
    has(&done.err_text(), "there is no man page of 'nope'");
}

/// Without a pause to wait for, what has come decides at once.
#[test]
fn settle_0_decides_at_once() {
    let t = Test::new();
    let flags = "--pty --settle 0 --expect '/a+/' --line x --expect 'got x'";
    let done = said(&t, &format!("{flags} -- sh -c 'printf aaa; read x; echo got $x'"), 0).1;
    let waited = done.at("/dialogue/steps/0/waited_ms").as_u64().unwrap();
    assert!(waited < 5000, "{waited}");
}

/// What a script cannot have meant is found without running it.
#[test]
fn check_sees_what_cannot_work() {
    let t = Test::new();
    let checked = |text: &str| {
        t.write("s.toml", format!("version = 1\n{text}"));
        t.heeler(["check", "s.toml"]).any_err().any_status().check().err_text()
    };
    let late = "[[step]]\nline = \"${x}\"\n[[step]]\nexpect = '/a=(?<x>\\d+)/'\n";
    has(&checked(late), "`${x}` has no value here: only later steps set it");
    // A way back, a rule, a `set`, or the step itself make it fine.
    for fine in [
        late.replace("/'\n", "/'\nthen = \"goto top\"\n").replacen("line", "name = \"top\"\nline", 1),
        format!("[[rule]]\non = '/(?<x>b)/'\nline = \"y\"\n{late}"),
        format!("[[step]]\nset = {{ x = 1 }}\n{late}"),
        "[[step]]\nexpect = '/a=(?<x>\\d+)/'\nline = \"${x}\"\n".to_owned(),
        "[[step]]\ncall = \"p\"\n[[step]]\nline = \"${x}\"\n[[proc.p.step]]\nexpect = '/(?<x>b)/'\n".to_owned(),
    ] {
        assert!(!checked(&fine).contains("has no value"), "{fine}\n{}", checked(&fine));
    }
    let calls =
        "[[step]]\ncall = \"a\"\n[[proc.a.step]]\ncall = \"b\"\n[[proc.b.step]]\ncall = \"a\"\n";
    has(&checked(calls), "the proc `a` calls itself, and nothing ends that");
    let guarded = calls.replacen("[[proc.b.step]]\n", "[[proc.b.step]]\nwhen = \"defined(x)\"\nset = { x = 1 }\n[[proc.b.step]]\nwhen = 'x == \"1\"'\n", 1);
    assert!(!checked(&guarded).contains("calls itself"), "{}", checked(&guarded));
    let watch = "[[step]]\nexpect = '/a=(?<x>\\d+)/'\n[[watch]]\non = \"bad ${x}\"\nfail = true\n";
    has(&checked(watch), "a watch looks from the start, so only params can stand in its pattern");
}

/// Flags win over the script in the environment too.
#[test]
fn the_environment_of_flags_wins_over_the_scripts() {
    let t = Test::new();
    t.write("s.toml", "version = 1\n[command]\nargv = [\"sh\", \"-c\", \"echo $A $B $C $D\"]\n[command.env]\nA = \"script\"\nB = \"script\"\nC = \"script\"\nD = \"script\"\n");
    t.write("vars", "B=file\nC=file\n");
    let flags = "--pipe --unset A --env-file vars -e C=flag --script s.toml";
    t.run(words(flags)).env("A", "ours").out("file flag script\n").check();
}

/// The command and its output end because the run was stopped: no step and no watch is to blame for that.
#[test]
fn a_stop_from_outside_is_no_failure_of_the_dialogue() {
    let t = Test::new();
    t.write("exit.toml", "version = 1\n[[step]]\nwait_exit = 0\n");
    let dialogues: [&[&str]; 4] = [
        &["--expect", "never"],
        &["--script", "exit.toml"],
        &["--fail-on", "@eof", "--expect", "never"],
        &["--fail-on", "@exit", "--expect", "never"],
    ];
    let limits: [&[&str]; 4] =
        [&["--timeout", "1s"], &["--idle-timeout", "1s"], &["--max-output", "3"], &[]];
    for dialogue in dialogues {
        for limit in limits {
            let args = ["--pipe", "--events", "e"].iter().chain(dialogue).chain(limit);
            let args = args.chain(&["--", "sh", "-c", "echo ready; exec sleep 1000"]);
            let run = t.run(args).report().start();
            let done = if limit.is_empty() {
                run.wait_out("ready");
                run.signal(Signal::TERM);
                run.any_out().signaled(15).err("").check()
            } else {
                run.any_out().any_err().exit(124).check()
            };
            done.has("/dialogue/failure", ()).has("/attempts/0/failure", ());
            done.has("/dialogue/steps/0/state", "waiting");
            assert!(!t.read("e").contains("dialogue_failed"), "{dialogue:?} {limit:?}");
            assert!(!done.err_text().contains("before step"), "{}", done.err_text());
        }
    }
}
