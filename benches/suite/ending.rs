//! Ending a tree of 1,000 processes, of which 200 have a session of their own and 200 were forked twice: how
//! long it takes, and how many are left.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use heeler::sys::cgroup::Leaf;

use crate::Scale;
use crate::group::{Contender, Figure, Group, How, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

/// Prints `ready` when all of them are there.
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

/// Ends its child as pexpect does, when it is told to.
const PEXPECT: &str = "import pexpect, signal, sys\n\
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n\
    child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=60, preexec_fn=lambda:\n\
    \x20   signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM]))\n\
    child.expect('ready')\n\
    print('ready', flush=True)\n\
    signal.sigwait([signal.SIGTERM])\n\
    child.close(force=True)";

/// Who belongs to the tree has this in its environment.
const MARKER: &str = "HEELER_BENCH_TREE";

/// An argument that stands for a fresh cgroup.
const CGROUP: &str = "@cgroup";

const TOOK: &str = "From TERM to the end";
/// How many outlived it.
pub const LEFT: &str = "Left alive";

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    let tree = ["python3", "-S", "-E", "-c", TREE];
    let new = |name: &str, before: &[&str]| Contender {
        how: How::Ending,
        ..Contender::new(name, [before, &tree].concat())
    };
    let report = tools.file("report.json");
    let heeler = |name: &str, containment: &str| Contender {
        ours: true,
        ..new(
            name,
            &[
                &tools.heeler,
                "run",
                "--pipe",
                "--containment",
                containment,
                "--report",
                &report,
                "--",
            ],
        )
    };
    let end = tools.c("end");
    let mut contenders = vec![
        heeler("heeler", "auto"),
        heeler("heeler --containment subreaper", "subreaper"),
        new("C: killed one by one", &[&end, "subreaper"]),
    ];
    if leaf().is_some_and(|leaf| leaf.remove()) {
        contenders.push(new("C: cgroup.kill", &[&end, "cgroup", CGROUP]));
    }
    if let Some(path) = peers.path("timeout") {
        contenders.push(new("timeout", &[path, "1000"]));
    }
    if let Some(python) = &peers.pexpect {
        contenders.push(new("pexpect", &[python, "-c", PEXPECT]));
    }
    vec![Group {
        name: "ending",
        title: "Ending 1,000 processes, 200 of them setsid, 200 double-forked".to_owned(),
        figures: vec![
            Figure { title: TOOK.to_owned(), unit: Unit::Ms },
            Figure { title: LEFT.to_owned(), unit: Unit::Count },
        ],
        rounds: scale.rounds(7),
        block: 1,
        contenders,
        prepare: None,
        marks: vec![
            Mark::times(TOOK, "heeler", "C: cgroup.kill", 1.2),
            Mark::times(TOOK, "heeler --containment subreaper", "C: killed one by one", 1.2),
            Mark::itself(LEFT, "heeler", 0.0),
            Mark::itself(LEFT, "heeler --containment subreaper", 0.0),
        ],
        headline: Some(("1,000 processes ended", vec!["C: cgroup.kill", "timeout"])),
    }]
}

fn leaf() -> Option<Leaf> {
    Leaf::create(&format!("heeler-bench-{}", std::process::id())).ok()
}

/// From TERM to the contender's end in nanoseconds, and how many of the tree are alive then.
pub fn end(tools: &Tools, contender: &Contender) -> Result<(u64, usize), String> {
    let failed = |what: &str| format!("{}: {what}", contender.name);
    let leaf = contender.command.iter().any(|word| word == CGROUP).then(leaf).flatten();
    let place = leaf.as_ref().map(|leaf| leaf.path().display().to_string()).unwrap_or_default();
    let words = contender.command.iter().map(|word| if word == CGROUP { &place } else { word });
    let words: Vec<&String> = words.collect();
    let mark = format!("{MARKER}={}", std::process::id());
    let mut run = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env(MARKER, std::process::id().to_string())
        .env_remove(crate::tools::CARGOS)
        .spawn()
        .map_err(|error| failed(&error.to_string()))?;
    let mut line = String::new();
    let said = run.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
    if !matches!(said, Some(Ok(_))) || line.trim_end() != "ready" {
        return Err(failed("the tree did not start"));
    }
    let began = Instant::now();
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)
        .map_err(|error| failed(&error.to_string()))?;
    run.wait().map_err(|error| failed(&error.to_string()))?;
    let took = began.elapsed().as_nanos() as u64;
    let left = alive(&mark);
    // Whoever forks while we look is found by the next look.
    while alive(&mark).iter().any(|pid| kill(*pid)) {}
    if let Some(leaf) = leaf {
        leaf.remove();
    }
    let report = std::fs::read_to_string(tools.file("report.json")).unwrap_or_default();
    if contender.ours && !report.contains("\"verified\":true") {
        return Err(failed(&format!("the report does not say that the tree is gone: {report}")));
    }
    Ok((took, left.len()))
}

fn kill(pid: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(pid);
    pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok())
}

/// Who has `mark` in the environment: none that has ended has one.
fn alive(mark: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let marked = |entry: &std::fs::DirEntry| {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    entries.filter(marked).filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
