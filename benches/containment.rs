//! The marks of containment, measured: `cargo bench --bench containment`.
//!
//! - Ending 1,000 processes (200 in sessions of their own, 200 double-forked): at most 1.5 times a bare
//!   `cgroup.kill` with a cgroup, twice that without; nobody is left (the subreaper's ECHILD and the cgroup are
//!   in the report as `verified`).
//! - A stop is at most 20 ms late at the 95th percentile, on an idle machine.
//! - `heeler list` with 10,000 rows in under 50 ms.
//!
//! Prints a line for each and exits 1 when a mark is missed. On a busy machine compare the ratios.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark starts processes, reads files and clocks"
)]
#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use heeler::core::outcome::Outcome;
use heeler::store::{LeaderFacts, Policy, RunEnd, RunStart, Tracker, id};
use heeler::sys::cgroup::Leaf;
use heeler::sys::poll::{Want, poll};

const HEELER: &str = env!("CARGO_BIN_EXE_heeler");
const ROUNDS: usize = 7;

/// As in the fault tests: prints `ready` when all 1,000 are there.
const TREE: &str = r"
import os, signal
read, write = os.pipe()
def live():
    os.write(write, b'x')
    while True:
        signal.pause()
for i in range(999):
    if i % 5 == 1:
        between = os.fork()
        if between == 0:
            if os.fork() == 0:
                os.setsid()
                live()
            os._exit(0)
        os.waitpid(between, 0)
    elif os.fork() == 0:
        if i % 5 == 0:
            os.setsid()
        live()
seen = 0
while seen < 999:
    seen += len(os.read(read, 65536))
print('ready', flush=True)
while True:
    signal.pause()
";

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let mut missed = false;
    let mut mark = |what: &str, got: Duration, most: Duration| {
        let word = if got <= most { "ok" } else { "MISSED" };
        missed |= got > most;
        println!("{what}: {:.1} ms, at most {:.1} ms: {word}", ms(got), ms(most));
    };
    // In turns, so that whatever else the machine does falls on all of them.
    let (mut bare, mut cgroup, mut subreaper) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.extend(bare_cgroup_kill());
        cgroup.push(stop_of_a_thousand(dir.path(), "auto"));
        subreaper.push(stop_of_a_thousand(dir.path(), "subreaper"));
    }
    if let Some(bare) = middle(&mut bare) {
        println!("bare cgroup.kill of 1,000: {:.1} ms", ms(bare));
        let cgroup = middle(&mut cgroup).unwrap_or_default();
        let subreaper = middle(&mut subreaper).unwrap_or_default();
        mark("heeler with a cgroup", cgroup, bare.mul_f64(1.5));
        mark("heeler without", subreaper, bare * 2);
    } else {
        println!("no cgroup can be made here: nothing to compare with");
    }
    let mut late: Vec<_> = (0..60).map(|_| lateness(dir.path())).collect();
    late.sort();
    println!("a stop is late by {:.1} ms in the middle", ms(late[late.len() / 2]));
    mark("a stop is late, 95th percentile", late[late.len() * 95 / 100], Duration::from_millis(20));
    fill(dir.path(), 10_000);
    for (args, rows) in [(vec!["list"], 1), (vec!["list", "--all"], 10_000)] {
        let mut took: Vec<_> = (0..ROUNDS).map(|_| list(dir.path(), &args, rows)).collect();
        let took = middle(&mut took).unwrap_or_default();
        mark(&format!("{} with 10,000 rows", args.join(" ")), took, Duration::from_millis(50));
    }
    std::process::exit(i32::from(missed));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn middle(all: &mut [Duration]) -> Option<Duration> {
    all.sort();
    all.get(all.len() / 2).copied()
}

fn heeler(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(HEELER);
    command.args(args).env("HEELER_DB", dir.join("h.db")).stdin(Stdio::null());
    command
}

/// From the signal to heeler's end, tree proven gone and report written.
fn stop_of_a_thousand(dir: &Path, containment: &str) -> Duration {
    let report = dir.join("report.json");
    let mut run = heeler(dir, &["run", "--pipe", "--containment", containment, "--report"])
        .arg(&report)
        .args(["--", "python3", "-S", "-E", "-c", TREE])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_ready(run.stdout.take().unwrap());
    let began = Instant::now();
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    run.wait().unwrap();
    let took = began.elapsed();
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("\"verified\":true"), "{report}");
    took
}

fn wait_ready(stdout: impl std::io::Read) {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
}

/// From the write to `populated 0`; nothing where no cgroup can be made.
fn bare_cgroup_kill() -> Option<Duration> {
    let leaf = Leaf::create(&format!("heeler-bench-{}", std::process::id())).ok()?;
    // The shell goes in by itself, then becomes the tree.
    let script = "echo $$ > \"$1\" && exec python3 -S -E -c \"$2\"";
    let procs = leaf.path().join("cgroup.procs");
    let mut tree = Command::new("sh");
    tree.args(["-c", script, "sh"]).arg(procs).arg(TREE).stdout(Stdio::piped());
    let mut tree = tree.spawn().unwrap();
    wait_ready(tree.stdout.take().unwrap());
    let began = Instant::now();
    leaf.kill().unwrap();
    while leaf.populated() {
        poll(&[(leaf.events(), Want::Change)], None, &mut Vec::new()).unwrap();
    }
    let took = began.elapsed();
    tree.wait().unwrap();
    leaf.remove();
    Some(took)
}

/// How much later than its limit a run ends, from its own start to its own end by its own report; starting
/// and ending heeler are in it.
fn lateness(dir: &Path) -> Duration {
    const LIMIT: Duration = Duration::from_millis(100);
    let began = Instant::now();
    heeler(dir, &["run", "--timeout", "100ms", "--", "sleep", "1000"])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    began.elapsed().saturating_sub(LIMIT)
}

/// Ends of runs in the database.
fn fill(dir: &Path, rows: usize) {
    let db = dir.join("h.db");
    for n in 0..rows {
        let run = id::new_run_id().unwrap();
        let start = RunStart {
            run,
            name: Some(format!("row-{n}")),
            argv: vec!["make".into(), "-j8".into()],
            ..RunStart::default()
        };
        let (mut tracker, _) = Tracker::begin(&db, Policy::Auto, &start).unwrap();
        tracker.spawned(&LeaderFacts {
            attempt: 1,
            pid: 99_999,
            start_ticks: Some(1),
            pidfs_ino: None,
            pgid: 99_999,
            sid: 99_999,
            started_ms: 0,
            cgroup: None,
        });
        tracker.finished(&RunEnd {
            outcome: Outcome::Exited,
            exit_code: 0,
            ended_ms: heeler::reaper::wall_ms(),
            left_members: false,
            left: Vec::new(),
            report_json: "{}".into(),
        });
    }
}

fn list(dir: &Path, args: &[&str], rows: usize) -> Duration {
    let began = Instant::now();
    let out = heeler(dir, args).output().unwrap();
    let took = began.elapsed();
    // The heading is one more.
    assert!(out.stdout.split(|byte| *byte == b'\n').count() > rows);
    took
}
