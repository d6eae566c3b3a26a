//! What rules cost: how many of them, how much output, and the ways of hurting a matcher that looks at
//! everything anew with each read.

use crate::Scale;
use crate::group::{Contender, Figure, Group, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    let mut groups =
        vec![rules(tools, scale), beside(tools, peers, scale), memory(tools, peers, scale)];
    groups.extend(growth(tools, scale));
    groups
}

/// How many patterns there are where others are compared with.
const PATTERNS: usize = 10;

/// What never comes, with a number: as heeler, Expect and Python all read it.
fn regex(n: usize) -> String {
    format!("(ERROR|FATAL) module{n:03}: (.*)\\n")
}

/// heeler with so many rules, none of which matches, on `bytes` of log lines.
fn heeler(tools: &Tools, name: &str, flags: &[&str], rules: usize, bytes: u64) -> Contender {
    let mut args: Vec<String> =
        flags.iter().chain(&["--track", "off"]).map(|&flag| flag.to_owned()).collect();
    for n in 0..rules {
        args.extend(["--on", &format!("/{}/", regex(n)), "--line", "x"].map(str::to_owned));
    }
    args.extend(["--".to_owned(), tools.c("gen"), bytes.to_string(), "log".to_owned()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    Contender::heeler(tools, name, &args)
}

/// What the others are compared with: not ours, so that the ratio to it is told.
fn base(contender: Contender) -> Contender {
    Contender { ours: false, ..contender }
}

fn rules(tools: &Tools, scale: Scale) -> Group {
    let bytes = scale.bytes(256);
    Group {
        name: "expect-rules",
        title: format!("{} MiB of log lines with rules armed", bytes >> 20),
        figures: vec![
            Figure { title: "CPU time".to_owned(), unit: Unit::CpuMs },
            Figure { title: "Throughput".to_owned(), unit: Unit::MibPerSecond(bytes) },
        ],
        rounds: scale.rounds(9),
        block: 1,
        contenders: vec![
            heeler(tools, "heeler, 100 rules", &["--pipe"], 100, bytes),
            base(heeler(tools, "heeler, 1 rule", &["--pipe"], 1, bytes)),
        ],
        prepare: None,
        marks: Vec::new(),
        headline: Some(("100 rules on log lines, CPU", vec!["heeler, 1 rule"])),
    }
}

/// As the peers do it: on a terminal, and nothing passes through.
const LIKE_OTHERS: [&str; 2] = ["--pty", "--quiet"];

/// The peers look at everything anew with each read: little output is enough.
fn beside(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let bytes = scale.bytes(16);
    let mut contenders = vec![heeler(tools, "heeler", &LIKE_OTHERS, PATTERNS, bytes)];
    contenders.extend(others(tools, peers, bytes));
    Group {
        name: "expect-beside",
        title: format!(
            "{} MiB of log lines on a terminal with {PATTERNS} patterns armed",
            bytes >> 20
        ),
        figures: vec![Figure { title: "Throughput".to_owned(), unit: Unit::MibPerSecond(bytes) }],
        rounds: 3,
        block: 1,
        contenders,
        prepare: None,
        marks: Vec::new(),
        headline: None,
    }
}

/// Expect and pexpect; pexpect with a window, without which it takes the square of the output.
fn others(tools: &Tools, peers: &Peers, bytes: u64) -> Vec<Contender> {
    let (generate, count) = (tools.c("gen"), bytes.to_string());
    let mut found = Vec::new();
    if let Some(path) = peers.path("expect") {
        let patterns: Vec<String> =
            (0..PATTERNS).map(|n| format!("-re {{{}}} {{}}", regex(n))).collect();
        let script = format!(
            "log_user 0; set timeout -1; spawn -noecho {generate} {count} log\nexpect {{\n{}\neof {{}}\n}}",
            patterns.join("\n")
        );
        found.push(Contender::new("expect", [path, "-c", &script]));
    }
    if let Some(python) = &peers.pexpect {
        let patterns: Vec<String> = (0..PATTERNS).map(|n| format!("r'{}'", regex(n))).collect();
        let script = format!(
            "import pexpect, sys\n\
             child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=None, maxread=65536, searchwindowsize=2000)\n\
             child.expect([{}, pexpect.EOF])",
            patterns.join(", ")
        );
        let command = [python.as_str(), "-c", &script, &generate, &count, "log"];
        found.push(Contender::new("pexpect", command));
    }
    found
}

/// Memory does not grow with the output.
fn memory(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let (small, large) = (32 << 20, scale.bytes(512));
    let ours = |name: String, bytes| heeler(tools, &name, &LIKE_OTHERS, PATTERNS, bytes);
    let mut contenders = vec![
        ours(format!("heeler, {} MiB", large >> 20), large),
        base(ours("heeler, 32 MiB".to_owned(), small)),
    ];
    let few = scale.bytes(16);
    let named = |other: Contender| Contender {
        name: format!("{}, {} MiB", other.name, few >> 20),
        ..other
    };
    contenders.extend(others(tools, peers, few).into_iter().map(named));
    Group {
        name: "expect-memory",
        title: format!("Memory with {PATTERNS} patterns armed on a terminal"),
        figures: vec![Figure { title: "Peak memory".to_owned(), unit: Unit::PeakMib }],
        rounds: 3,
        block: 1,
        contenders,
        prepare: None,
        marks: Vec::new(),
        headline: None,
    }
}

/// Twice the output takes twice the time, whatever it looks like.
fn growth(tools: &Tools, scale: Scale) -> Vec<Group> {
    let ways = [
        ("expect-endless", "One endless line", "/a[^x]*b/", "endless", 64),
        ("expect-spanning", "A pattern that spans all lines", "/2026(?s:.*)END/", "log", 64),
        ("expect-bytes", "Writes of one byte", "/error code (\\d+)/", "bytes", 4),
    ];
    let group = |(name, title, pattern, kind, mib): (_, &str, &str, &str, u64)| {
        // Each byte is a call of the writer: less of it is enough.
        let bytes = if mib < 16 { (mib << 20) / scale.less } else { scale.bytes(mib) };
        let run = |name: &str, bytes: u64| {
            let count = bytes.to_string();
            let generate = tools.c("gen");
            let args = ["--pipe", "--track", "off", "--on", pattern, "--line", "x"];
            let command = ["--", &generate, &count, kind];
            let args: Vec<&str> = args.into_iter().chain(command).collect();
            Contender::heeler(tools, name, &args)
        };
        Group {
            name,
            title: format!("{title}: {} KiB, and twice that", bytes >> 10),
            figures: vec![Figure { title: "CPU time".to_owned(), unit: Unit::CpuMs }],
            rounds: scale.rounds(9),
            block: 1,
            contenders: vec![run("heeler, twice", 2 * bytes), base(run("heeler, once", bytes))],
            prepare: None,
            marks: Vec::new(),
            headline: None,
        }
    };
    ways.map(group).into()
}
