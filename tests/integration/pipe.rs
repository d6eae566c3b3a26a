//! Pipes: byte for byte, whatever comes and however slowly it is taken.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use crate::children::{self, python, sh};
use crate::harness::{Signal, Test, is_dead, lines, wait_gone, whole};

/// Both ends of a pipe.
pub fn pipe() -> (File, OwnedFd) {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (read, write) = rustix::pipe::pipe_with(flags).unwrap();
    (File::from(read), write)
}

/// The most memory that heeler may have used, whatever went through it (a debug build, 12 MiB of it code).
const MEMORY: u64 = 48 << 20;

/// Prints the peak memory of the child's parent, which is heeler, to stderr.
const PEAK: &str = "grep VmHWM /proc/$PPID/status >&2";

fn peak(err: &str) -> u64 {
    let line = err.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("no VmHWM");
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

/// seeds 1, 2
#[test]
fn each_stream_is_its_own() {
    let t = Test::new();
    let done = t.run(["--pipe", "--", "sh", "-c", "echo out; echo err >&2"]).report();
    let done = done.out("out\n").err("err\n").check();
    done.has("/streams/stdout/bytes", 4).has("/streams/stderr/tail", "err\n").has("/mode", "pipe");
    done.has("/streams/terminal", ());
    for key in ["/started_at", "/ended_at", "/duration_ms"] {
        assert!(!done.at(key).is_null(), "{key}");
    }
}

/// A small one is made larger, for speed; one that is as large, or larger where somebody may make such, is left alone.
#[test]
fn our_readers_pipe_only_grows() {
    use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
    for small in [true, false] {
        let t = Test::new();
        let (read, write) = pipe();
        let _ = fcntl_setpipe_size(&read, if small { 4096 } else { 1 << 20 });
        let _ = fcntl_setpipe_size(&read, if small { 4096 } else { 4 << 20 });
        let before = fcntl_getpipe_size(&read).unwrap();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", read.as_raw_fd())).unwrap();
        let heeler = env!("CARGO_BIN_EXE_heeler");
        let args =
            ["-y", "-o", "calls", "-e", "trace=fcntl", "--", heeler, "run", "--pipe", "true"];
        t.program("strace", args).stdout_to(write).check();
        let after = fcntl_getpipe_size(&read).unwrap();
        let (calls, pipe) = (t.read("calls"), format!("<{}>", link.display()));
        let sets = |line: &str| line.contains(&pipe) && line.contains("F_SETPIPE_SZ");
        assert_eq!(calls.lines().any(sets), small || before < 1 << 20, "{calls}");
        assert!(if small { after > before } else { after >= before }, "{before}, then {after}");
    }
}

/// seeds 4, 5, 7; supervisors 54
#[test]
fn every_byte_comes_as_it_was_written() {
    let all: Vec<u8> = (0..=255).collect();
    for (name, bytes) in [
        ("every byte", all.as_slice()),
        ("no text", b"bad:\xff\n"),
        ("line ends", b"first\r\nsecond\rthird\n"),
        ("empty lines", b"a\n\n\nb\n"),
        ("no line end", b"no line end"),
        ("nothing", b""),
        ("escapes", b"\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b[6n"),
        ("NUL", b"\0\0\0"),
    ] {
        let t = Test::new();
        t.write("out", bytes);
        t.write("err", bytes.iter().rev().copied().collect::<Vec<u8>>());
        let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
        let done = t.run(["--pipe", "--", "sh", "-c", "cat out; cat err >&2"]).report();
        let done = done.out(bytes).err(reversed).check();
        done.has("/streams/stdout/bytes", bytes.len());
        assert_eq!(done.at("/outcome"), "exited", "{name}");
    }
}

/// seeds 7: lines are counted as they were written.
#[test]
fn lines_are_counted() {
    for (text, lines) in
        [("a\\n\\n\\nb\\n", 4), ("a", 1), ("", 0), ("a\\nb", 2), ("a\\r\\nb\\r\\n", 2)]
    {
        let t = Test::new();
        let done = t.run(["--pipe", "--", "printf", text]).report().any_out().check();
        done.has("/streams/stdout/lines", lines);
    }
}

/// seeds 6: a CR LF that is cut by a pause.
#[test]
fn a_pause_within_a_line_end_changes_nothing() {
    let t = Test::new();
    t.run(["--pipe", "--", "sh", "-c", "printf 'a\\r'; sleep 0.1; printf '\\nb'"])
        .out("a\r\nb")
        .check();
}

/// seeds 9, 10; supervisors 51 (bounded memory)
#[test]
fn fifty_megabytes_without_a_line_end() {
    let t = Test::new();
    let child = t.write("flood.py", children::FLOOD);
    let flood = format!("python3 -S -E {} 50000000", child.display());
    let direct = t.sh(&format!("{flood} | cksum")).any_out().check().out_text();
    let script = format!("heeler run --pipe --report r -- sh -c '{flood}; {PEAK}' | cksum");
    let done = t.sh(&script).out(&direct).any_err().check();
    assert!(peak(&done.err_text()) < MEMORY, "{}", done.err_text());
    let report: serde_json::Value = serde_json::from_str(&t.read("r")).unwrap();
    assert_eq!(report["streams"]["stdout"]["bytes"], 50_000_000);
    assert_eq!(report["streams"]["stdout"]["tail"].as_str().unwrap().chars().count(), 4096);
    assert_eq!(report["streams"]["stdout"]["truncated"], true);
}

/// seeds 12, 20: what is not passed on is not kept.
#[test]
fn quiet_keeps_nothing_but_the_tail() {
    let t = Test::new();
    t.write("flood.py", children::FLOOD);
    let script = format!("python3 -S -E flood.py 20000000; {PEAK}; exit 3");
    let done = t.run(["--pipe", "--quiet", "--tail", "1MiB", "--", "sh", "-c", &script]).report();
    let done = done.exit(3).check();
    done.has("/streams/stdout/bytes", 20_000_000);
    assert!(peak(done.at("/streams/stderr/tail").as_str().unwrap()) < MEMORY);
}

/// supervisors 51; seeds 11, 36
#[test]
fn ten_megabytes_on_both_streams_alternately() {
    let t = Test::new();
    let child = r"
import os
chunk = [b'o' * 65536, b'e' * 65536]
for i in range(320):
    part = chunk[i % 2]
    while part:
        part = part[os.write(1 + i % 2, part):]
";
    let mut args = vec!["--pipe"];
    args.extend(python(child, &[]));
    let size = 160 * 65536;
    t.run(args).out(vec![b'o'; size]).err(vec![b'e'; size]).check();
}

/// seeds 11
#[test]
fn a_flood_on_stderr_alone() {
    let t = Test::new();
    let lines = lines(1..=20000, |n| n.to_string());
    t.run(["--pipe", "--", "sh", "-c", "seq 20000 >&2"]).err(lines).check();
}

/// One pipe for both: the order of writing.
#[test]
fn merged_streams_keep_the_order_of_writing() {
    let t = Test::new();
    let child = "i=0; while [ $i -lt 500 ]; do echo o$i; echo e$i >&2; i=$((i+1)); done";
    let expected = lines(0..500, |i| format!("o{i}\ne{i}"));
    let done =
        t.run(["--pipe", "--merge", "--", "sh", "-c", child]).report().out(&expected).check();
    done.has("/streams/stdout/bytes", expected.len()).has("/streams/stderr", ());
}

/// Nobody reads: the command is stopped, not our memory filled. Then somebody does, and nothing is missing.
#[test]
fn a_reader_that_does_not_read_stops_the_command() {
    let t = Test::new();
    // Writes until nothing has been taken for 300 ms, says how much that was, and ends.
    let child = r"
import os, select
os.set_blocking(1, False)
total = 0
while True:
    if not select.select([], [1], [], 0.3)[1]:
        break
    try:
        total += os.write(1, b'x' * 65536)
    except BlockingIOError:
        pass
with open('total', 'w') as file:
    file.write(str(total))
with open('/proc/%d/status' % os.getppid()) as status:
    print([line for line in status if 'VmHWM' in line][0], file=open('peak', 'w'))
";
    let (mut read, write) = pipe();
    let mut args = vec!["--pipe"];
    args.extend(python(child, &[]));
    let run = t.run(args).stdout_to(write).start();
    t.wait_file("peak", whole);
    let mut all = Vec::new();
    read.read_to_end(&mut all).unwrap();
    run.check();
    let total: usize = t.read("total").parse().unwrap();
    assert_eq!(all.len(), total);
    assert!(total < 16 << 20, "{total} bytes were taken though nobody reads");
    assert!(peak(&t.read("peak")) < MEMORY);
}

/// A reader that takes its time, longer than the drain time after the command's end, still gets everything.
#[test]
fn what_was_written_before_the_end_is_not_lost_to_a_slow_reader() {
    slow_reader(&[]);
}

/// The same, with `flags`.
pub fn slow_reader(flags: &[&str]) {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let (mut read, write) = pipe();
    // More than our reader's pipe takes, so that heeler has to keep some of it.
    let child = "echo $$ > life; head -c 1900000 /dev/zero";
    let rest = ["--pipe", "--drain", "100ms", "--", "sh", "-c", child];
    let run = t.run(flags.iter().copied().chain(rest)).stdout_to(write).start();
    let pid: i32 = life.wait("\n").trim().parse().unwrap();
    wait_gone(pid);
    // Three times the drain time, unless it ends before, which it must not.
    assert!(!run.ends_within(Duration::from_millis(300)), "it ended without giving on what it had");
    let mut all = Vec::new();
    read.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 1_900_000);
    run.check();
}

/// A consumer that takes little at a time.
#[test]
fn a_slow_consumer_gets_everything() {
    let t = Test::new();
    let reader = r"
import os, sys, time
total = 0
while True:
    part = os.read(0, 4096)
    if not part:
        break
    total += len(part)
    time.sleep(0.0005)
print(total)
";
    t.write("reader.py", reader);
    t.sh("heeler run --pipe -- head -c 2000000 /dev/zero | python3 -S -E reader.py")
        .out("2000000\n")
        .check();
}

/// seeds 30; supervisors 14, 40: `heeler … | head -1`
#[test]
fn a_reader_that_goes_away_does_not_end_the_command() {
    let t = Test::new();
    let script = "heeler run --pipe --report r -- sh -c 'seq 1000000; echo end > end; exit 3' | head -1; cat end";
    let done = t.sh(script).out("1\nend\n").any_err().check();
    assert_eq!(done.err_text().lines().count(), 1, "one warning: {}", done.err_text());
    let report: serde_json::Value = serde_json::from_str(&t.read("r")).unwrap();
    assert_eq!(report["exit_code"], 3);
    assert_eq!(report["streams"]["stdout"]["bytes"], 6_888_896);
    assert_eq!(report["warnings"].as_array().unwrap().len(), 1);
    // Without heeler the command is killed before it has done its work.
    t.sh("sh -c 'seq 1000000 && echo end > end2' 2>/dev/null | head -1; test -f end2")
        .out("1\n")
        .exit(1)
        .check();
}

/// Whoever waits for the end of a pipeline is told why it does not come, while it does not.
#[test]
fn a_reader_that_goes_away_is_told_at_once() {
    for (flags, hint) in [
        ("--pipe", " (--inherit lets it end as in any pipeline)"),
        ("--pipe --report r", " (--inherit lets it end as in any pipeline)"),
        ("--pty", ""),
        ("--pipe --on x --line y", ""),
    ] {
        let t = Test::new();
        let script = format!(
            "heeler run {flags} --stdin null -- sh -c 'while :; do echo y; done' | head -1"
        );
        let run = t.sh(&script).start();
        run.wait_err(&format!("and output to it is dropped{hint}\n"));
        let heeler = t.heeler(["list", "--json"]).any_out().check();
        let runs: serde_json::Value = serde_json::from_slice(&heeler.out).unwrap();
        let pid = runs[0]["supervisor_pid"].as_i64().unwrap() as i32;
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::TERM)
            .unwrap();
        let line = format!(
            "heeler: warning: nobody reads stdout any more: the command goes on, and output to it is dropped{hint}\n"
        );
        let done = run.finish().any_out().err_has(&line).check();
        assert_eq!(done.err_text().matches("nobody reads").count(), 1, "{}", done.err_text());
    }
}

/// supervisors 14: closed and full outputs are warnings; the exit code stays.
#[test]
fn outputs_that_cannot_be_written_change_no_exit_code() {
    for redirection in [">&-", ">/dev/full", "2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"] {
        let t = Test::new();
        for mode in ["--pipe", "--pty"] {
            let script = format!(
                "heeler run {mode} --report r -- sh -c 'echo a; echo b >&2; exit 6' {redirection}"
            );
            t.sh(&script).exit(6).any_out().any_err().check();
            let report: serde_json::Value = serde_json::from_str(&t.read("r")).unwrap();
            assert_eq!(report["outcome"], "exited", "{mode} {redirection}");
            let bytes =
                report["streams"][if mode == "--pty" { "terminal" } else { "stdout" }]["bytes"]
                    .as_u64();
            assert_eq!(bytes, Some(if mode == "--pty" { 6 } else { 2 }), "{mode} {redirection}");
        }
    }
}

/// seeds 14: the end of the streams is not the end of the command.
#[test]
fn a_command_that_closes_its_streams_lives_on() {
    let t = Test::new();
    t.run(["--pipe", "--", "sh", "-c", "exec >&- 2>&-; sleep 0.2; exit 7"]).exit(7).check();
}

/// seeds 15: the end of the command is not the end of the streams.
#[test]
fn a_late_line_is_still_read() {
    let t = Test::new();
    let script = "(sleep 0.2; echo late >&2) & echo early; exit 1";
    t.run(["--pipe", "--drain", "20s", "--", "sh", "-c", script])
        .out("early\n")
        .err("late\n")
        .exit(1)
        .check();
}

/// seeds 19
#[test]
fn a_filter_of_much_input() {
    let t = Test::new();
    t.write("flood.py", children::FLOOD);
    t.sh("python3 -S -E flood.py 20000000 > big").check();
    let sum = t.sh("cksum < big").any_out().check().out_text();
    t.sh("heeler run --pipe -- cat < big | cksum").out(&sum).check();
    t.sh("cat big | heeler run --pipe -- cat | cksum").out(&sum).check();
    t.sh("heeler run --pipe --stdin big -- cat | cksum").out(&sum).check();
}

/// seeds 16: what ends without a line end is complete, and its end is told once.
#[test]
fn an_unfinished_line_at_the_end() {
    let t = Test::new();
    let done = t
        .run(["--pipe", "--events", "e", "--", "sh", "-c", "printf x; exit 4"])
        .out("x")
        .exit(4)
        .check();
    assert_eq!(done.status.code(), Some(4));
    assert_eq!(t.read("e").matches("\"exit\"").count(), 1, "{}", t.read("e"));
}

/// The command has its own ends of the pipes and nothing else of ours; both ends of its input, for one,
/// would keep it from seeing the end of it.
#[test]
fn the_end_of_the_input_is_seen() {
    let t = Test::new();
    t.run(["--pipe", "--", "cat"]).input("abc").out("abc").check();
    t.run(["--pipe", "--input", "abc", "--", "cat"]).out("abc").check();
    let mut run = t.run(sh("cat; echo end", &[])).input_open().start();
    run.type_in("abc");
    run.wait_out("abc");
    assert!(!is_dead(run.pid()));
    run.close_input();
    run.out("abcend\n").check();
}

/// Nothing is polled: while the command is quiet, heeler spends no CPU time. (An event that is reported
/// again and again until it is taken, and is not, would show here and nowhere else.)
#[test]
fn waiting_costs_nothing() {
    let t = Test::new();
    // Fields 14 and 15: user and system time of the parent, which is heeler, in hundredths of a second.
    let script = "sleep 0.5; sed 's/.*) //' /proc/$PPID/stat | cut -d ' ' -f 12,13";
    for mode in ["--pipe", "--pty"] {
        let done = t.run([mode, "--", "sh", "-c", script]).any_out().check();
        let ticks: u64 =
            done.out_text().split_whitespace().map(|n| n.parse::<u64>().unwrap()).sum();
        assert!(ticks < 20, "{mode}: {ticks} hundredths in half a second");
    }
}

/// What the command has written is there when it has ended, and no time that we take to look at it makes it late.
#[test]
fn what_was_written_before_the_end_is_not_lost_to_a_slow_heeler() {
    let t = Test::new();
    for flags in [&[][..], &["--on", "/(y+)z/", "--line", "x"]] {
        // Less than a pipe takes, and more than is read at once.
        let command = ["--", "sh", "-c", "head -c 900000 /dev/zero | tr '\\0' y"];
        let words = ["--pipe", "--drain", "0s"].iter().chain(flags).chain(&command).copied();
        let done = t.run(words).any_out().report().check();
        done.has("/streams/stdout/bytes", 900_000);
        assert_eq!(done.out_text().len(), 900_000, "{flags:?}");
    }
}

/// Who asks for the end a second time does not wait for a reader; that output is lost by that is said.
#[test]
fn output_that_is_given_up_is_said() {
    let t = Test::new();
    let mut life = t.lifeline("life");
    let (mut read, write) = pipe();
    let _ = rustix::pipe::fcntl_setpipe_size(&read, 1 << 20);
    let room = rustix::pipe::fcntl_getpipe_size(&read).unwrap();
    let script = "echo $$ > life; head -c \"$1\" /dev/zero; exec printf '%04000d' 0";
    let size = room.to_string();
    let mut args = vec!["--pipe", "--events", "events"];
    args.extend(sh(script, &[&size]));
    let run = t.run(args).stdout_to(write).report().start();
    wait_gone(life.wait("\n").trim().parse().unwrap());
    run.signal(Signal::TERM);
    t.wait_file("events", |told| told.contains("\"exit\""));
    run.signal(Signal::TERM);
    let done = run.any_err().check();
    assert!(done.err_text().contains("did not take all of it in time"), "{}", done.err_text());
    done.has("/streams/stdout/bytes", room + 4000).has("/warnings/1", ());
    let mut all = Vec::new();
    read.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), room);
}
