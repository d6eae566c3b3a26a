//! Output that nobody looks at and nobody is told of is spliced while much comes at once: the same bytes in the same order,
//! the same waiting for a reader, and reading and writing again where that does not work.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use crate::children::python;
use crate::harness::{PATIENCE, Signal, Test, wait_until};

fn pipe() -> (File, OwnedFd) {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    (File::from(read), write)
}

/// Lines, floods and pieces of every size in turn, the same for the same seed; ends with a sum of all of it.
const MIXED: &str = r"
import os, random, sys
random.seed(int(sys.argv[1]))
block = random.randbytes(1 << 20)
for turn in range(12):
    for size in random.choice([[60] * 400, [1 << 18] * 12, [random.randrange(1, 300000) for _ in range(12)], [4096] * 200]):
        at = random.randrange(len(block) - size)
        piece = block[at:at + size]
        while piece:
            piece = piece[os.write(1, piece):]
";

/// A reader that takes a little, then a lot, and pauses now and then.
const READER: &str = r"
import hashlib, os, random, time
random.seed(7)
whole = hashlib.sha256()
while True:
    part = os.read(0, random.choice([100, 4096, 65536, 1 << 20]))
    if not part:
        break
    whole.update(part)
    if random.randrange(50) == 0:
        time.sleep(0.002)
print(whole.hexdigest())
";

/// How often what `calls` holds tells of this call.
fn calls(t: &Test, name: &str) -> usize {
    t.read("calls").lines().filter(|line| line.starts_with(name)).count()
}

fn spliced(t: &Test) -> usize {
    let text = t.read("calls");
    let moved = |line: &&str| {
        let count = line.rsplit("= ").next().and_then(|count| count.trim().parse::<u64>().ok());
        line.starts_with("splice(") && count.is_some_and(|count| count > 0)
    };
    text.lines().filter(moved).count()
}

/// Passes [`MIXED`] through under `strace OPTIONS` to [`READER`], and compares with what comes without heeler.
fn passes_the_same(t: &Test, seed: u32, strace: &str, flags: &str) {
    t.write("mixed.py", MIXED);
    t.write("reader.py", READER);
    let child = format!("python3 -S -E mixed.py {seed}");
    let direct =
        t.sh(&format!("{child} | sha256sum | cut -d ' ' -f 1")).any_out().check().out_text();
    let heeler = format!("heeler run --pipe {flags} -- {child}");
    t.sh(&format!("strace -o calls {strace} -- {heeler} | python3 -S -E reader.py"))
        .out(&direct)
        .any_err()
        .check();
}

#[test]
fn lines_and_floods_in_turn_arrive_as_they_were_written() {
    for seed in 1..=4 {
        let t = Test::new();
        passes_the_same(&t, seed, "-e trace=splice,write", "--track off");
        assert!(spliced(&t) > 0, "nothing was spliced: seed {seed}");
    }
}

/// A flood, then a line at a time, then a flood: lines are read and written, of which the first is found out by.
#[test]
fn lines_after_a_flood_are_written() {
    let t = Test::new();
    let child = r"
import array, fcntl, os, termios, time
def taken():
    held = array.array('i', [1])
    while held[0]:
        fcntl.ioctl(1, termios.FIONREAD, held)
def flood():
    for _ in range(8):
        os.write(1, b'x' * (1 << 20))
    taken()
flood()
for i in range(50):
    os.write(1, b'line %d\n' % i)
    taken()
flood()
";
    t.write("child.py", child);
    let flags = "-e trace=splice,write -o calls";
    let heeler = "heeler run --pipe --track off -- python3 -S -E child.py";
    t.sh(&format!("strace {flags} -- {heeler} | wc -c")).out("16777606\n").any_err().check();
    let text = t.read("calls");
    let written = |line: &&str| line.starts_with("write(") && line.contains("\"line ");
    let lines = text.lines().filter(written).count();
    assert!((48..=50).contains(&lines), "{lines} lines were written: {text}");
    let after = text.lines().skip_while(|line| !line.contains("line 49")).skip(1);
    assert!(after.filter(|line| line.starts_with("splice(")).count() > 3, "{text}");
}

/// From the first call on, and in the middle.
#[test]
fn where_it_is_refused_output_is_read_and_written() {
    for (error, from) in [("EINVAL", 1), ("ENOSYS", 1), ("EPERM", 3), ("EINVAL", 9), ("EPIPE", 4)] {
        let t = Test::new();
        let inject = format!("-e trace=splice -e inject=splice:error={error}:when={from}+");
        passes_the_same(&t, 2, &inject, "--track off");
        assert_eq!(calls(&t, "splice("), from, "{error}: asked again and again");
    }
}

/// Who looks has it read.
#[test]
fn what_somebody_looks_at_is_read() {
    for flags in [
        "",
        "--track off --report r",
        "--track off --output o",
        "--track off --events e",
        "--track off --record c",
        "--track off --max-output 1GiB",
        "--track off --on nothing --line x",
    ] {
        let t = Test::new();
        passes_the_same(&t, 3, "-e trace=splice", flags);
        assert_eq!(calls(&t, "splice("), 0, "{flags}");
    }
}

#[test]
fn limits_on_output_are_exact() {
    let t = Test::new();
    let script = "heeler run --pipe --track off --max-output 3000001 -- cat /dev/zero | wc -c";
    t.sh(script).out("3000001\n").any_err().check();
}

/// Output of a flood is activity; none is not.
#[test]
fn it_is_activity() {
    let t = Test::new();
    let child = r"
import os, time
for i in range(12):
    for _ in range(8):
        os.write(1, b'x' * 262144)
    time.sleep(0.1)
time.sleep(1000)
";
    let mut args = vec!["--pipe", "--track", "off", "--idle-timeout", "700ms"];
    args.extend(python(child, &[]));
    let done = t.run(args).stdout_to(File::create("/dev/null").unwrap()).exit(124).any_err();
    done.check().took_between(Duration::from_millis(1800), PATIENCE / 2);
}

/// `heeler … | head -c 1`: the command goes on to its end.
#[test]
fn a_reader_that_goes_away_does_not_end_the_command() {
    let t = Test::new();
    let child = "head -c 9000000 /dev/zero; echo end > end; exit 3";
    let script = format!(
        "(heeler run --pipe --track off -- sh -c '{child}'; echo $? > code) | head -c 1 | wc -c; cat end code"
    );
    let done = t.sh(&script).out("1\nend\n3\n").any_err().check();
    let text = done.err_text();
    assert!(text.contains("nobody reads stdout any more"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

/// Nobody takes it for longer than the drain time after the command's end, and then everything.
#[test]
fn a_slow_reader_loses_nothing() {
    crate::pipe::slow_reader(&["--track", "off"]);
}

/// Reading has stopped, for the reader was late; what was kept for it is its own as soon as it reads, and that the rest is
/// dropped is said once. Spliced or read, that is the same.
#[test]
fn a_late_reader_gets_what_was_kept() {
    for flags in [&["--track", "off"][..], &[]] {
        let t = Test::new();
        let (mut read, write) = pipe();
        let ours = std::fs::read_link(format!("/proc/self/fd/{}", read.as_raw_fd())).unwrap();
        let child = "import os\nwhile True: os.write(1, b'x' * 262144)";
        let mut args = vec!["--pipe", "--timeout", "2s", "--drain", "1h"];
        args.extend(flags);
        args.extend(python(child, &[]));
        let run = t.run(args).stdout_to(write).start();
        let pipes = || -> BTreeSet<PathBuf> {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", run.pid())).unwrap();
            let targets = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
            targets.filter(|to| to.to_string_lossy().starts_with("pipe:")).collect()
        };
        let command = || t.processes().into_iter().find(|pid| *pid != run.pid());
        let mut stdout = None;
        wait_until("it writes to a pipe of heeler's", || {
            stdout = command().and_then(|pid| std::fs::read_link(format!("/proc/{pid}/fd/1")).ok());
            stdout.as_ref().is_some_and(|to| *to != ours && pipes().contains(to))
        });
        t.wait_none(|pid| pid != run.pid());
        // Whoever asks for the end does not wait for the drain time to be over.
        run.signal(Signal::TERM);
        wait_until("nothing more is read", || !pipes().contains(stdout.as_ref().unwrap()));
        let room = rustix::pipe::fcntl_getpipe_size(&read).unwrap();
        let mut taken = Vec::new();
        read.read_to_end(&mut taken).unwrap();
        let done = run.any_err().exit(124).check();
        assert!(taken.len() > room, "{flags:?}: {} of a pipe of {room}", taken.len());
        let text = done.err_text();
        assert_eq!(text.matches("did not take all of it").count(), 1, "{flags:?}: {text}");
    }
}

/// A reader that does not read keeps no limit waiting, and is told of.
#[test]
fn a_reader_that_never_reads_does_not_stop_the_clock() {
    let t = Test::new();
    let (read, write) = pipe();
    let args = ["--pipe", "--track", "off", "--timeout", "400ms", "--drain", "200ms"];
    let args = args.into_iter().chain(["--", "cat", "/dev/zero"]);
    let done = t.run(args).stdout_to(write).exit(124).any_err().check();
    done.took_between(Duration::from_millis(400), PATIENCE / 4);
    let text = done.err_text();
    assert!(text.contains("did not take all of it in time"), "{text}");
    drop(read);
}
