//! Where the command's input comes from.

use std::io::Write;

use crate::harness::{Test, open_terminal, wait_until};

/// supervisors 52, 38: a loop over lines keeps its lines.
#[test]
fn a_loop_that_reads_lines() {
    let t = Test::new();
    t.write("lines", "a\nb\nc\n");
    let looped = |flags: &str| {
        format!("while read line; do heeler run {flags} -- cat; echo $line; done < lines")
    };
    t.sh(&looped("--stdin null")).out("a\nb\nc\n").check();
    t.sh(&looped("--retries 1")).out("a\nb\nc\n").check();
    t.sh(&looped("--pty --stdin null")).out("a\nb\nc\n").check();
    // Inherited, as without heeler, the command takes what it reads.
    t.sh(&looped("")).out("b\nc\na\n").check();
    t.sh("while read line; do cat; echo $line; done < lines").out("b\nc\na\n").check();
}

/// supervisors 52: a command that does not read takes nothing away, in no mode.
#[test]
fn what_the_command_does_not_read_stays() {
    let t = Test::new();
    t.write("lines", "a\nb\nc\n");
    for flags in ["", "--pipe", "--inherit"] {
        let script =
            format!("while read line; do heeler run {flags} -- true; echo $line; done < lines");
        t.sh(&script).out("a\nb\nc\n").check();
    }
}

/// seeds 17
#[test]
fn null_is_the_end_at_once() {
    let t = Test::new();
    for mode in ["--pipe", "--inherit"] {
        t.run([mode, "--stdin", "null", "--", "cat"]).input("not this").check();
    }
}

#[test]
fn a_file() {
    let t = Test::new();
    t.write("in", "from a file\n");
    t.run(["--pipe", "--stdin", "in", "--", "cat"]).out("from a file\n").check();
    t.run(["--inherit", "--stdin", "in", "--", "cat"]).out("from a file\n").check();
    t.run(["--pty", "--no-echo", "--stdin", "in", "--", "cat"]).out("from a file\r\n").check();
    // The directory of the command does not move it.
    std::fs::create_dir(t.path("sub")).unwrap();
    t.run(["--pipe", "--stdin", "in", "-C", "sub", "--", "cat"]).out("from a file\n").check();
}

#[test]
fn text() {
    let t = Test::new();
    t.run(["--input", "a\\n\n", "--", "cat"]).out("a\\n\n").check();
    t.run(["--input", "-x", "--", "cat"]).out("-x").check();
    let much = "0123456789".repeat(10_000);
    t.run(["--pipe", "--input", &much, "--", "cat"]).out(&much).check();
    // A command that does not want it ends as it likes.
    t.run(["--pipe", "--input", &much, "--", "true"]).check();
}

/// The input is a socket, a file, a device, nothing: nothing hangs, and it is what it was.
#[test]
fn whatever_our_input_is() {
    let t = Test::new();
    t.write("in", "x\n");
    for mode in ["--pipe", "--inherit", "--pty --no-echo"] {
        let end = if mode.starts_with("--pty") { "x\r\n" } else { "x\n" };
        t.sh(&format!("heeler run {mode} -- cat < in")).out(end).check();
        t.sh(&format!("cat in | heeler run {mode} -- cat")).out(end).check();
        t.sh(&format!("heeler run {mode} -- cat < /dev/null")).check();
    }
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let theirs: std::os::fd::OwnedFd = theirs.into();
    drop(ours);
    t.run(["--pipe", "--", "cat"]).input_from(theirs).check();
}

/// A caller that closed descriptor 0, 1 or 2: nothing of ours slips into their place.
#[test]
fn closed_descriptors() {
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"] {
        let t = Test::new();
        for mode in ["--inherit", "--pipe", "--pty"] {
            let script = format!("heeler run {mode} -- sh -c 'echo did > did; exit 9' {closed}");
            t.sh(&script).exit(9).any_err().check();
            assert_eq!(t.read("did"), "did\n", "{mode} {closed}");
            std::fs::remove_file(t.path("did")).unwrap();
        }
        // The database that was opened meanwhile is whole: nothing was printed into it.
        let script = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('pragma integrity_check').fetchone()[0])";
        t.program("python3", ["-c", script, t.db().to_str().unwrap()]).out("ok\n").check();
    }
}

/// An input that nobody adds to ends once all steps are done, as it would without a dialogue.
#[test]
fn an_input_that_nobody_adds_to_ends_after_the_steps() {
    let t = Test::new();
    t.write("in", "");
    let greet = "printf 'Name? '; read -r n; echo hi $n; cat";
    for (flags, script, out) in [
        (&["--pipe", "--line", "b"][..], "cat", "b\n"),
        (&["--pipe", "--stdin", "in", "--line", "b"], "cat", "b\n"),
        (&["--pipe", "--input", "x\n", "--line", "b"], "cat", "x\nb\n"),
        (&["--expect", "a", "--line", "b"], "echo a; cat", "a\nb\n"),
        (&["--pty", "--no-echo", "--expect", "Name? ", "--line", "Ada"], greet, "Name? hi Ada\r\n"),
    ] {
        t.run(flags).arg("--").arg("sh").arg("-c").arg(script).out(out).check();
    }
    // Not where more may be typed, nor where the run goes on until something comes.
    let later = "echo a; read -r x; echo more; read -r y; echo $x $y";
    let rule = ["--on", "more", "--line", "c", "--expect", "a", "--line", "b"];
    t.run(rule).arg("--").arg("sh").arg("-c").arg(later).out("a\nmore\nb c\n").check();
    let until = "echo a; read -r x; echo $x; read -r y; echo ended";
    let flags = ["--until", "/^b$/", "--expect", "a", "--line", "b"];
    t.run(flags).arg("--").arg("sh").arg("-c").arg(until).out("a\nb\n").check();
}

/// The end of the input waits for room as everything before it does, behind as much as a terminal holds.
#[test]
fn the_end_of_an_input_that_fills_the_terminal() {
    let text = (["x".repeat(59), "\n".to_owned()].concat()).repeat(2000);
    // How much that is.
    let (mut master, slave) = open_terminal((80, 24));
    let mut modes = rustix::termios::tcgetattr(&slave).unwrap();
    modes.local_modes.remove(rustix::termios::LocalModes::ECHO);
    let now = rustix::termios::OptionalActions::Now;
    rustix::termios::tcsetattr(&slave, now, &modes).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let holds = master.write(text.as_bytes()).unwrap();
    assert!(holds < text.len());
    // It is a little more or less, by how far the kernel has got with the first of it.
    for size in [holds - 1, holds].repeat(10) {
        let t = Test::new();
        t.write("in", &text[..size]);
        let mut go = std::fs::File::options().read(true).write(true).open(t.fifo("go")).unwrap();
        let script = "read x <go; wc -c";
        // What it writes goes to the terminal, and nowhere else.
        let args = ["--track", "off", "--pty", "--no-echo", "--timeout", "20s", "--stdin", "in"];
        let run = t.run(args).arg("--").arg("sh").arg("-c").arg(script).start();
        let written = || {
            let io = std::fs::read_to_string(format!("/proc/{}/io", run.pid())).unwrap();
            let count = io.lines().find_map(|line| line.strip_prefix("wchar: "));
            count.unwrap().parse::<usize>().unwrap()
        };
        wait_until("it is typed", || written() >= size.min(holds));
        go.write_all(b"\n").unwrap();
        run.out(format!("{size}\r\n")).check();
    }
}

/// What was meant for the command did not reach it, which is told where it may be why it was stopped; a loop over
/// lines is right to keep them.
#[test]
fn input_that_was_not_passed_on_is_told_where_it_may_be_why() {
    let t = Test::new();
    let told = "our input was not passed on to the command (--stdin inherit does that)";
    t.write("lines", "select 6*7;\n");
    for input in ["echo 'select 6*7;' |", "<lines"] {
        for flags in ["--on x --line y --timeout 300ms -- sleep 1000", "--expect never -- true"] {
            let done = t.sh(&format!("{input} heeler run {flags}")).any_status().any_err().check();
            assert!(done.err_text().ends_with(&format!("  {told}\n")), "{}", done.err_text());
        }
        t.sh(&format!("{input} heeler run --on x --line y -- true")).check();
        let silent = "heeler run --stdin null --on x --line y --timeout 300ms -- sleep 1000";
        let done = t.sh(&format!("{input} {silent}")).exit(124).any_err().check();
        assert!(!done.err_text().contains(told), "{}", done.err_text());
    }
}
