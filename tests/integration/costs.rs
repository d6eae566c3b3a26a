//! What a run costs in things that can be counted, and so are the same on every machine and under any load:
//! system calls, allocations, instructions. Times are the business of `cargo bench --bench suite`, with the
//! release build; here is the guard that a change does not make heeler dearer without anyone noticing.

use std::path::PathBuf;
use std::process::Command;

use super::children::python;
use super::fault::CONTAINMENTS;
use super::fault_trees::MIXED;
use super::harness::Test;

const MIB: u64 = 1 << 20;

/// Compiles `benches/c/NAME.c`.
fn compile(t: &Test, name: &str, flags: &[&str]) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let made = t.path(name);
    let status = Command::new("cc")
        .args(flags)
        .arg("-o")
        .args([&made, &root.join("benches/c").join(name).with_extension("c")])
        .status()
        .unwrap();
    assert!(status.success(), "{name} does not compile");
    made.into_os_string().into_string().unwrap()
}

/// `heeler run FLAGS -- gen BYTES log`, and what counts it in front.
fn passing(t: &Test, counter: &[&str], flags: &[&str], bytes: u64) {
    let generator = t.path("gen").display().to_string();
    let bytes = bytes.to_string();
    let run = [env!("CARGO_BIN_EXE_heeler"), "run", "--track", "off"];
    let command = [counter, &run, flags, &["--", &generator, &bytes, "log"]].concat();
    t.program(command[0], &command[1..])
        .stdout_to(std::fs::File::create("/dev/null").unwrap())
        .check();
}

/// How many system calls heeler itself makes: what it starts is not followed.
fn calls(t: &Test, run: impl FnOnce(&[&str])) -> u64 {
    let table = t.path("calls").display().to_string();
    run(&["strace", "-c", "-U", "calls,name", "-o", &table, "--"]);
    let text = t.read("calls");
    let total = text.lines().find(|line| line.ends_with("total"));
    total.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect(&text)
}

#[test]
fn a_run_of_true_makes_few_system_calls() {
    let t = Test::new();
    let run = |flags: &[&str]| {
        calls(&t, |strace| {
            let heeler = [env!("CARGO_BIN_EXE_heeler"), "run"];
            let command = [strace, &heeler, flags, &["--", "true"]].concat();
            t.program(command[0], &command[1..]).check();
        })
    };
    // The first makes the database. Once in a while a run also writes down there what others have left to it:
    // the least of three is what one costs.
    run(&["--track", "require"]);
    for (flags, most) in
        [(&[][..], 245), (&["--track", "off"], 200), (&["--pipe"], 260), (&["--pty"], 285)]
    {
        let made = (0..3).map(|_| run(flags)).min().unwrap();
        assert!(
            made <= most,
            "{flags:?}: {made} system calls, at most {most}\n{}",
            t.read("calls")
        );
    }
}

/// A handle, a question to it and two signals; `/proc` is not asked who it is. How often the lists are read depends on
/// who forks on the machine, and how often it is tried to collect on how quickly they end.
#[test]
fn ending_a_process_takes_few_system_calls() {
    for containment in CONTAINMENTS {
        let t = Test::new();
        let traced = "trace=open,openat,pidfd_open,ioctl,pidfd_send_signal";
        let counter = ["-e", traced, "-o", "calls", "--", env!("CARGO_BIN_EXE_heeler")];
        let flags = ["run", "--track", "off", "--pipe", "--until", "ready", "--containment"];
        let tree = python(MIXED, &["200", "/dev/null"]);
        t.program("strace", [&counter[..], &flags, &[containment, "--"], &tree[1..]].concat())
            .any_out()
            .check();
        let calls = t.read("calls");
        let count = |what: &str| calls.lines().filter(|line| line.contains(what)).count();
        let handles = count("pidfd_") + count("ioctl(");
        assert!((800..830).contains(&handles), "{containment}: {handles}");
        // Before Linux 6.13 a handle cannot be asked.
        let told = calls.lines().any(|line| line.contains("ioctl(") && line.ends_with("= 0"));
        assert!(!told || count("/stat\"") < 10, "{containment}: {calls}");
    }
}

#[test]
fn a_mib_of_output_takes_few_system_calls() {
    let t = Test::new();
    compile(&t, "gen", &["-O2"]);
    for (flag, most) in [("--pipe", 40), ("--pty", 400)] {
        // Spliced over a pipe, read for the report's sake, and looked at.
        for looks in [&[][..], &["--report", "r"], &["--on", "no such line", "--line", "x"]] {
            let flags = [&[flag][..], looks].concat();
            let of = |bytes| calls(&t, |strace| passing(&t, strace, &flags, bytes));
            let (little, much) = (of(4 * MIB), of(12 * MIB));
            let made = (much - little) / 16;
            assert!(made <= most, "{flags:?}: {made} system calls a MiB, at most {most}");
        }
    }
}

/// How often heeler asks for memory until `bytes` have passed through.
fn allocations(t: &Test, flags: &[&str], bytes: u64) -> u64 {
    let preload = format!("LD_PRELOAD={}", t.path("allocs").display());
    let counted = format!("COUNT_ALLOCATIONS={}", t.path("count").display());
    passing(t, &["env", &preload, &counted], flags, bytes);
    // `env` is counted too until it becomes heeler, which begins anew.
    u64::from_ne_bytes(t.read_bytes("count").try_into().unwrap())
}

#[test]
fn passing_output_on_allocates_nothing() {
    let t = Test::new();
    compile(&t, "gen", &["-O2"]);
    compile(&t, "allocs", &["-O2", "-shared", "-fPIC"]);
    let rules = |patterns: usize| -> Vec<String> {
        let rule = |n| ["--on".to_owned(), format!("no such line, {n}"), "--line=x".to_owned()];
        (0..patterns).flat_map(rule).collect()
    };
    let flags = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let ways: [Vec<String>; 9] = [
        vec![],
        flags(&["--idle-timeout", "1h", "--timeout", "1h"]),
        flags(&["--output", "all.log", "--report", "report.json"]),
        flags(&["--record", "all.cast"]),
        flags(&["--events", "events.jsonl"]),
        flags(&["--timestamps"]),
        flags(&["--on", "/^no (such|other) line$/", "--line", "x"]),
        rules(1),
        rules(100),
    ];
    for mode in ["--pipe", "--pty"] {
        for way in &ways {
            let flags: Vec<&str> =
                [mode].into_iter().chain(way.iter().map(String::as_str)).collect();
            let counted = || {
                let (little, much) =
                    (allocations(&t, &flags, 2 * MIB), allocations(&t, &flags, 12 * MIB));
                assert!(little > 50, "{little} allocations: they were not counted");
                (little, much)
            };
            // One a read would be 40 over a pipe, 2,000 over a terminal, each time. On a busy machine buffers grow in
            // other steps now and then.
            let mut all = std::iter::repeat_with(counted).take(3);
            let none = |(little, much): (u64, u64)| little.abs_diff(much) <= 20;
            assert!(all.any(none), "{flags:?}: allocations for 2 MiB and 12 MiB: {:?}", counted());
        }
    }
}

/// How many instructions heeler executes in user mode, in thousands.
fn instructions(t: &Test, args: &str) -> u64 {
    let valgrind =
        ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-file=counted", "--"];
    let heeler = [env!("CARGO_BIN_EXE_heeler")].into_iter().chain(args.split(' '));
    t.program("valgrind", valgrind.into_iter().chain(heeler)).any_out().check();
    let text = t.read("counted");
    let count = text.lines().find_map(|line| line.split_once("Collected : "));
    count.and_then(|(_, count)| count.trim().parse::<u64>().ok()).expect(&text) / 1000
}

/// Not a run itself: the valgrind of Debian 12 (3.19) knows no `pidfd_open`, without which nothing is started.
#[test]
fn what_is_asked_for_is_read_in_few_instructions() {
    let t = Test::new();
    for (args, most) in [
        ("run --dry-run -- true", 10_500),
        ("run --pty --timeout 5s --on a --line b --dry-run -- true", 12_500),
        ("list", 2_500),
    ] {
        let made = instructions(&t, args);
        assert!(made <= most, "{args}: {made} thousand instructions, at most {most}");
    }
}
