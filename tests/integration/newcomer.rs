//! The first mistakes of somebody new: each is refused, or answered with what helps.

use std::os::unix::fs::MetadataExt;

use crate::detached::all_gone;
use crate::harness::{Done, Running, Test, wait_until};
use crate::real::words;

#[track_caller]
fn has(said: &str, part: &str) {
    assert!(said.contains(part), "{said:?} has no {part:?}");
}

/// What is said of a command line that starts nothing.
#[track_caller]
fn refused(t: &Test, line: &str, code: i32, part: &str) -> Done {
    let done = t.heeler(words(line)).any_err().exit(code).check();
    has(&done.err_text(), part);
    done
}

/// What is said of a dialogue that fails.
fn said(t: &Test, flags: &str, code: i32) -> String {
    t.run(words(flags)).any_out().any_err().exit(code).check().err_text()
}

const GREET: &str = "printf 'Name? '; read -r name; echo \"Welcome, $name.\"\n";

#[test]
fn a_report_that_has_no_place_is_refused_before_the_start() {
    let t = Test::new();
    t.write("file", "");
    std::fs::create_dir(t.path("folder")).unwrap();
    for (place, why) in [
        ("nonsuch/r", "its directory: no such file"),
        ("file/r", "is not a directory"),
        ("folder", "it is a directory"),
    ] {
        let line = format!("run --report {place} -- touch started");
        let done = refused(&t, &line, 125, &format!("cannot write to '{place}' (--report): "));
        has(&done.err_text(), why);
        assert_eq!(done.err_text().lines().count(), 1, "{}", done.err_text());
    }
    let line = "exec heeler run --report - -- touch started >&-";
    t.sh(line).err_has("stdout (--report -): it is closed").exit(125).check();
    assert!(!t.path("started").exists());
    // What fails at the end does not change how the command ended.
    let late = t.run(["--report", "/dev/full", "--", "sh", "-c", "exit 3"]);
    late.err_has("warning: cannot write the report").exit(3).check();
}

/// A user who is not root, where the tests are run as root: that one may write anywhere.
#[test]
fn a_report_that_may_not_be_written_is_refused_before_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let t = Test::new();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let set = |name: &str, mode| {
        std::fs::set_permissions(t.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set("", 0o755);
    std::fs::create_dir(t.path("closed")).unwrap();
    t.write("closed/open", "old");
    set("closed/open", 0o666);
    t.program("cp", [env!("CARGO_BIN_EXE_heeler"), "heeler"]).check();
    let run = |place: &str| {
        let line = format!(
            "--reuid=65534 --regid=65534 --clear-groups ./heeler run --track off --report {place} -- echo started"
        );
        t.program("setpriv", words(&line))
    };
    run("closed/r").err_has("cannot write to 'closed/r' (--report)").exit(125).check();
    // A file that is there is written to, where it cannot be replaced.
    run("closed/open").out("started\n").check();
    has(&t.read("closed/open"), "\"outcome\":\"exited\"");
}

/// A full disk (a limit on files is like one): what is left is not another run's report.
#[test]
fn an_old_report_is_not_taken_for_this_runs() {
    let t = Test::new();
    t.write("r", "of yesterday");
    let script = "ulimit -f 0; exec heeler run --track off --report r -- true";
    t.sh(script).err_has("warning: cannot write the report").check();
    assert!(!t.path("r").exists());
}

/// What a user who is not root may not reach is told with its name, and once.
#[test]
fn what_may_not_be_reached_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let t = Test::new();
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let set = |name: &str, mode| {
        std::fs::set_permissions(t.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    t.script("closed/true", "#!/bin/sh\n");
    t.write("closed.txt", "old");
    t.program("cp", [env!("CARGO_BIN_EXE_heeler"), "heeler"]).check();
    t.run(["--db", "db/h.db", "--", "true"]).check();
    for (name, mode) in
        [("", 0o755), ("closed", 0o700), ("closed.txt", 0o600), ("db", 0o755), ("db/h.db", 0o644)]
    {
        set(name, mode);
    }
    let nobody = |line: &str| {
        let line = format!("--reuid=65534 --regid=65534 --clear-groups ./heeler {line}");
        t.program("setpriv", words(&line))
    };
    let reach = "cannot run closed/true: a directory on the way to it may not be entered";
    nobody("run --track off -- closed/true").err(format!("heeler: {reach}\n")).exit(126).check();
    let input = "heeler: cannot read input from 'closed.txt' (--stdin): permission denied; it is inherit, null or a file\n";
    nobody("run --track off --stdin closed.txt -- cat").err(input).exit(125).check();
    for command in ["list", "reap", "inspect x", "wait x"] {
        let done = nobody(&format!("{command} --db db/h.db")).any_err().exit(125).check();
        has(&done.err_text(), "db/h.db for tracking: it belongs to another user");
        assert_eq!(done.err_text().lines().count(), 1, "{}", done.err_text());
    }
}

/// An unset variable in a script is no success.
#[test]
fn heeler_alone_explains_itself_and_fails() {
    let t = Test::new();
    let done = t.sh("heeler $UNSET").any_err().exit(125).check();
    has(&done.err_text(), "Usage: heeler <COMMAND>");
}

#[test]
fn a_directory_is_no_database() {
    let t = Test::new();
    let folder = t.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let folder = folder.display().to_string();
    let why = format!(
        "{folder} is a directory, and --db and HEELER_DB name a file, such as {folder}/heeler.db"
    );
    let tracked = |line: &str| t.heeler(words(line)).env("HEELER_DB", &folder).any_err();
    tracked("run --guard -- true").err_has(format!("warning: not tracked: {why}")).check();
    tracked("run --track require -- touch started").err_has(&why).exit(125).check();
    tracked("run -d -- touch started").err_has(&why).exit(125).check();
    for command in ["list", "inspect x", "reap", "wait x", "logs x", "send x --line y"] {
        let done = tracked(command).exit(125).check();
        assert_eq!(done.err_text(), format!("heeler: {why}\n"), "{command}");
    }
    assert!(!t.path("started").exists());
    assert!(!t.path("folder-runs").exists(), "{}", t.listing());
}

/// `--db` with a typo; what HEELER_DB names comes into being with the first run.
#[test]
fn a_database_in_a_directory_that_is_not_there_is_a_typo() {
    let t = Test::new();
    let why = "there is no tracking database nonsuch/typo.db: its directory does not exist (--db)";
    for command in ["list", "reap", "inspect x", "wait x"] {
        refused(&t, &format!("{command} --db nonsuch/typo.db"), 125, why);
    }
    t.heeler(["list", "--db", "new.db"]).any_out().check();
    t.heeler(["list"]).any_out().check();
    assert!(!t.db().parent().unwrap().exists());
}

#[test]
fn what_cannot_be_tracked_names_what_was_given() {
    let t = Test::new();
    t.write("file", "");
    let done = t.run(["--db", "file/x.db", "--", "true"]).any_err().check();
    let db = t.path("file/x.db");
    has(&done.err_text(), &format!("cannot use {0} ({0}-runs) for tracking", db.display()));
}

#[test]
fn a_closed_stdout_is_as_good_as_a_full_one() {
    let t = Test::new();
    let started = t.run(["-d", "--name", "web", "--ttl", "1m", "--", "sh", "-c", "echo hi"]);
    started.any_out().check();
    t.heeler(["wait", "web"]).check();
    t.write("s.toml", "version = 1\n");
    t.write("c.cast", "{\"version\": 2, \"width\": 80, \"height\": 24}\n[0.1, \"o\", \"$ \"]\n");
    for command in [
        "list",
        "list --json",
        "inspect web",
        "logs web",
        "man",
        "help",
        "--version",
        "schema report",
        "completions bash",
        "doctor",
        "check --json s.toml",
        "replay c.cast",
    ] {
        for to in ["&-", "/dev/full"] {
            let done = t.sh(&format!("exec heeler {command} >{to}")).any_err().exit(125).check();
            assert!(!done.err_text().is_empty(), "{command} >{to}");
        }
    }
    all_gone(&t);
}

#[test]
fn a_list_tells_a_timeout_from_an_exit_code() {
    let t = Test::new();
    t.run(words("--name late --timeout 50ms -- sleep 1000")).any_err().exit(124).check();
    t.run(words("--name own -- sh -c 'exit 124'")).exit(124).check();
    let list = t.heeler(["list", "--all"]).any_out().check().out_text();
    let state = |name: &str| {
        let row = list.lines().find(|row| row.contains(name)).unwrap();
        row.split_whitespace().skip(2).take(2).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((state("late"), state("own")), ("timeout 124".to_owned(), "exited 124".to_owned()));
}

#[test]
fn what_is_no_variable_is_refused() {
    let t = Test::new();
    t.write("vars", "A=1\n \n# PATHH\n\nPATHH oops\n");
    refused(
        &t,
        "run --env-file vars -- true",
        125,
        "--env-file vars, line 5: 'PATHH oops' is no variable's name",
    );
    refused(&t, "run -e 1A=b -- true", 125, "--env: '1A' is no variable's name");
    t.write("fine", "HOME\n  \na.b=1\nnpm_config_@x:y=2\n");
    let env = t.run(words("--env-file fine -- env")).any_out().check().out_text();
    assert!(env.contains("a.b=1") && env.contains("@x:y=2") && env.contains("HOME="), "{env}");
}

#[test]
fn a_name_that_is_taken_is_told_at_the_start() {
    let t = Test::new();
    let first = t.run(words("-d --name dup --ttl 1m -- sleep 1000")).any_out().check().out_text();
    let why = format!("warning: run {} is alive and called dup too", first.trim());
    t.run(words("-d --name dup --ttl 1m -- sleep 1000")).any_out().err_has(why.clone()).check();
    t.run(words("--name other -- true")).check();
    t.heeler(["reap", "--all"]).any_out().any_err().check();
    t.run(words("--name dup -- true")).check();
    all_gone(&t);
}

/// The first mistake of everybody who comes from Expect.
#[test]
fn a_dialogue_without_a_terminal_is_told_of_pty() {
    let t = Test::new();
    let hint = "the command has no terminal, and many programs ask only on one: try --pty";
    let wait = "--expect '>>> ' --line 'print(1)' -- sh -c 'exec sleep 1000'";
    has(
        &said(
            &t,
            &format!("--within 50ms {wait}")
                .replace("--within 50ms --expect '>>> '", "--expect '>>> ' --within 50ms"),
            122,
        ),
        hint,
    );
    has(&said(&t, &format!("--timeout 50ms {wait}"), 124), hint);
    has(
        &said(&t, "--expect x -- sh -c 'echo the input device is not a TTY >&2; exit 1'", 122),
        hint,
    );
    // It has one; it asked; it ended for reasons of its own.
    for other in [
        "--pty --expect '>>> ' --within 50ms -- sleep 1000",
        "--expect '>>> ' --within 50ms -- sh -c 'printf \"Name: \"; sleep 1000'",
    ] {
        let said = said(&t, other, 122);
        assert!(!said.contains("--pty"), "{said}");
    }
    assert!(!said(&t, "--expect foo -- sh -c 'echo bar'", 122).contains("--pty"));
}

#[test]
fn a_limit_of_the_run_explains_the_step_that_waits() {
    let t = Test::new();
    t.write("greet.sh", GREET);
    let said = said(&t, "--pty --timeout 300ms --expect 'name: ' --line x -- sh greet.sh", 124);
    has(&said, "timed out after 300ms (--timeout)");
    has(&said, "step 1 (`name: `) was still waited for");
    has(&said, "the last line looks like a prompt: `Name? `");
    has(&said, "  | Name? ");
}

#[test]
fn how_the_command_ended_is_told_where_that_ended_the_dialogue() {
    let t = Test::new();
    let said = |line: &str| said(&t, line, 122);
    has(&said("--expect foo -- sh -c 'exit 3'"), "(`foo`) was met; the command exited with 3");
    has(&said("--expect foo -- sh -c 'kill -9 $$'"), "; the command was killed by SIGKILL");
    has(&said("--pty --expect foo -- sh -c 'echo bar'"), "; the command exited with 0");
}

#[test]
fn a_prompt_for_a_password_wants_a_secret() {
    let t = Test::new();
    let line = "--pty --expect nothing --within 100ms -- sh -c 'printf \"Password: \"; sleep 1000'";
    has(&said(&t, line, 122), "--on 'Password:' --send-secret NAME`");
}

#[test]
fn the_flag_of_a_limit_is_the_one_that_was_given() {
    let t = Test::new();
    t.run(words("-d --ttl 300ms --name tl -- sleep 1000")).any_out().check();
    t.heeler(["wait", "tl"]).exit(124).any_out().any_err().check();
    has(&t.heeler(["inspect", "tl"]).any_out().check().out_text(), "total_timeout");
    let run = t.run(words("--detach-keys ctrl-p --ttl 300ms -- sleep 1000")).terminal(80, 24);
    has(&run.any_out().exit(124).check().out_text(), "out of time after 300ms (--ttl)");
    all_gone(&t);
}

#[test]
fn flags_of_other_programs_are_told_as_ours() {
    let t = Test::new();
    for (line, code, part) in [
        ("run --ttl 5s -- true", 125, "--ttl goes with -d or --detach-keys"),
        ("run --key q -- true", 125, "a character is sent as text (--send q"),
        ("run --retry 3 -- true", 125, "--retries N"),
        ("run -s KILL 5 sleep 10", 125, "--stop KILL"),
        ("run -k 5 5 sleep 10", 125, "--stop TERM:5s,KILL"),
        ("sleep 10", 125, "; to run a command: heeler run -- sleep 10"),
        ("5s sleep 10", 125, "; to run a command: heeler run --timeout 5s -- sleep 10"),
        ("version", 125, "did you mean heeler --version?"),
        ("help run-scrip", 125, "did you mean run-script?"),
        ("help detache", 125, "did you mean detached?"),
        ("run 5 sleep 10", 127, "a limit is --timeout 5\n"),
        ("run -t 5s sleep 1", 127, "a limit is --timeout 5s (-t is --pty)"),
        ("run A=1 env", 127, "a variable is -e A=1\n"),
        ("run cd /", 127, "-C DIR starts it in a directory"),
        ("run source x", 127, "source is a shell's own"),
        ("run 'ls -l'", 127, "is for a shell: -c"),
        ("run -d -- 5s sleep 10", 127, "a limit is --timeout 5s"),
        ("run good.toml", 127, "a script is --script good.toml"),
        ("check s.cast", 125, "s.cast is a recording (--against s.cast plays a script against it)"),
        ("run -- /tmp", 126, "cannot run /tmp: it is a directory"),
    ] {
        let done = t.heeler(words(line)).any_out().any_err().exit(code).check();
        has(&(done.err_text() + &done.out_text()), part);
        assert!(!done.err_text().contains("similar"), "{line}: {}", done.err_text());
    }
}

#[test]
fn a_run_in_the_foreground_is_told_how_to_end() {
    let t = Test::new();
    let run = t.run(words("--name fg -- sh -c 'echo ready; exec sleep 1000'")).start();
    run.wait_out("ready");
    for command in ["send fg --line x", "signal fg TERM"] {
        refused(&t, command, 125, "cannot be talked to; `heeler reap` with the run stops it");
    }
    t.heeler(["reap", "fg"]).any_out().any_err().check();
    run.any_out().any_err().any_status().check();
}

#[test]
fn a_script_that_is_a_program_wants_words() {
    let t = Test::new();
    t.write("s.toml", "version = 1\n[command]\nargv = [\"echo\", \"${sums}\"]\n[params.sums]\n");
    refused(
        &t,
        "run --script s.toml",
        125,
        "give it as a word of the command line, or with --set sums=VALUE",
    );
    let done = refused(&t, "run --script s.toml -- cat", 125, "give it with --set sums=VALUE");
    assert!(!done.err_text().contains("as a word"), "{}", done.err_text());
}

/// It is found before somebody does everything once.
#[test]
fn learn_looks_first_whether_it_can_write() {
    let t = Test::new();
    for (flags, part) in [("-o nonsuch/l.toml", "(-o)"), ("-o l.toml --cast nonsuch/l", "(--cast)")]
    {
        let line = format!("learn {flags} -- touch started");
        let done = t.heeler(words(&line)).terminal(80, 24).any_out().exit(125).check();
        has(&done.out_text(), part);
        assert!(!done.out_text().contains("learning"), "{}", done.out_text());
    }
    assert!(!t.path("started").exists());
}

/// less reads every key and draws what was typed itself: a search is no password, however it was typed.
#[test]
fn learn_takes_a_search_for_what_it_is() {
    for keys in [&["/", "N", "a", "m", "e", "\r"][..], &["/Name", "\r"], &["/Name\r"]] {
        let t = Test::new();
        t.write("greet.sh", GREET);
        let line = ["learn", "-o", "s.toml", "--", "less", "greet.sh"];
        let mut run = t.heeler(line).env("TERM", "xterm").terminal(80, 24).start();
        run.wait_out("(END)");
        let ends = |run: &Running, end: &str| {
            run.wait_out_that("the keys are drawn", |out| out.ends_with(end.as_bytes()));
        };
        ends(&run, "\u{1b}[27m\u{1b}[K");
        for key in keys {
            run.type_in(key);
            // less draws a letter, goes back, and draws it again.
            match key.chars().last() {
                Some('\r') => drop(run.wait_out("\u{1b}[7mName")),
                Some('/') => ends(&run, "/"),
                last => ends(&run, &format!("{0}\u{8}{0}", last.unwrap())),
            }
        }
        ends(&run, "\u{1b}[27m\u{1b}[K");
        run.type_in("q");
        run.any_out().check();
        let script = t.read("s.toml");
        assert!(script.contains("line = \"/Name\"") && !script.contains("[secrets"), "{script}");
    }
}

/// A script that has to ask a person cannot do so in the background, where nobody would see how it fails.
#[test]
fn a_script_that_needs_a_person_is_not_sent_to_the_background() {
    let t = Test::new();
    for (step, part) in [
        (
            "ask = { prompt = \"Code: \", into = \"code\" }",
            "step 1 is `ask`, and in the background",
        ),
        ("interact = true", "`heeler attach` gives a person the command's (-d)"),
    ] {
        t.write("s.toml", format!("version = 1\n[[step]]\n{step}\n"));
        refused(&t, "run -d --script s.toml -- touch started", 125, part);
    }
    assert!(!t.path("started").exists());
    // One that can do without a person may run there.
    let ask = "ask = { prompt = \"Code: \", into = \"code\", default = \"x\" }";
    t.write("s.toml", format!("version = 1\n[[step]]\n{ask}\n"));
    t.run(words("-d --name it --script s.toml -- sleep 0")).any_out().check();
    t.heeler(["wait", "it"]).check();
    all_gone(&t);
}

#[test]
fn keys_of_terminals_are_refused_over_pipes() {
    let t = Test::new();
    for (key, part) in [
        (
            "ctrl-c",
            "`--do interrupt` and `heeler signal` send INT; --send '\\x03' types its bytes all the same",
        ),
        ("ctrl-d", "`--key eof` ends the input"),
        ("ctrl-z", "the key ctrl-z means something to a terminal, and pipes have none (--pty)"),
        ("up", "(--pty); --send '\\e[A' types its bytes all the same"),
    ] {
        refused(&t, &format!("run --expect ready --key {key} -- touch started"), 125, part);
    }
    t.write("s.toml", "version = 1\n[[step]]\nexpect = \"x\"\nkey = \"ctrl-c\"\n");
    refused(&t, "run --pipe --script s.toml -- touch started", 125, "(--pty)");
    assert!(!t.path("started").exists());
    // Bytes are bytes, and other keys type such.
    let args = words("--pipe --send '\\x03' --key esc --key tab --key enter --key eof -- cat");
    t.run(args).out("\x03\x1b\t\r").check();
    t.run(words("-d --pipe --name it -- cat")).any_out().check();
    for key in ["ctrl-c", "up"] {
        refused(&t, &format!("send it --key {key}"), 125, "pipes have none (--pty)");
    }
    refused(
        &t,
        "run-script it s.toml",
        125,
        "(--pty); `--do interrupt` and `heeler signal` send INT",
    );
    t.heeler(words("send it --send '\\x03' --key tab --key eof")).any_out().check();
    t.heeler(["wait", "it"]).check();
    t.heeler(["logs", "it"]).out("\x03\t").check();
    all_gone(&t);
}

/// Also without a dialogue.
#[test]
fn a_limit_tells_of_a_question_that_nobody_answered() {
    let t = Test::new();
    let ask = "-- sh -c 'printf \"Continue? [y/n] \"; exec sleep 1000'";
    let hint = "the last line looks like a prompt: `Continue? [y/n] `";
    for flags in [
        "--pty --timeout 300ms",
        "--pty --idle-timeout 300ms",
        "--pipe --timeout 300ms --report r",
        "--pipe --idle-timeout 300ms",
    ] {
        has(&said(&t, &format!("{flags} {ask}"), 124), hint);
    }
    // Nobody is told who could have answered.
    let run = t.run(words(&format!("--pty --timeout 300ms {ask}"))).terminal(80, 24);
    let said = run.any_out().exit(124).check().out_text();
    assert!(said.contains("timed out") && !said.contains("looks like"), "{said}");
}

/// What stands on the screen is what was typed.
#[test]
fn an_echo_is_told_from_output() {
    let t = Test::new();
    let flags = "--pty --expect a --line hello --expect hello --within 200ms";
    let hint = "`hello` appeared as the echo of what was typed, which is no output";
    let script = "-- sh -c 'echo a; read x; exec sleep 1000'";
    has(&said(&t, &format!("{flags} {script}"), 122), hint);
    let silent = said(&t, &format!("--no-echo {flags} {script}"), 122);
    assert!(!silent.contains("echo of what"), "{silent}");
}

/// It cannot be asked, but its heeler ends when it does.
#[test]
fn a_run_in_the_foreground_can_be_waited_for() {
    let t = Test::new();
    t.fifo("go");
    let script = "-- sh -c 'echo ready; read x <go; exit 3'";
    let run = t.run(words(&format!("--pipe --name fg {script}"))).start();
    run.wait_out("ready");
    let late = t.heeler(words("wait fg --timeout 100ms")).exit(124);
    has(&late.any_err().check().err_text(), "has not ended yet (--timeout)");
    let waits = t.heeler(["wait", "fg"]).start();
    // It holds the heeler.
    let holds = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", waits.pid())).unwrap();
        let mut to = fds.flatten().flat_map(|fd| std::fs::read_link(fd.path()));
        to.any(|to| to.to_string_lossy().contains("pidfd"))
    };
    wait_until("it waits", holds);
    t.write("go", "\n");
    run.any_out().exit(3).check();
    waits.exit(3).check();
    // There is no log to point at.
    let over = t.heeler(["attach", "fg"]).any_err().exit(3).check().err_text();
    assert!(over.contains("has ended") && !over.contains("logs"), "{over}");
}
