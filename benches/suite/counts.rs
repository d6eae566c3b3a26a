//! What does not depend on the machine's mood: system calls.

use std::process::{Command, Stdio};

use crate::group::{Contender, Figure, Group, How, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

/// The groups of this file; none without strace.
pub fn groups(tools: &Tools, peers: &Peers) -> Vec<Group> {
    if peers.path("strace").is_none() {
        return Vec::new();
    }
    let counted = |name: &str, per: f64, command: Vec<String>| Contender {
        ours: name.starts_with("heeler"),
        how: How::Calls(per),
        ..Contender::new(name, command)
    };
    let heeler = |name: &str, per: f64, args: &[&str]| {
        counted(name, per, Contender::heeler(tools, name, args).command)
    };
    let group = |name, title: &str, contenders, marks| Group {
        prepare: None,
        marks,
        name,
        title: title.to_owned(),
        figures: vec![Figure { title: "System calls".to_owned(), unit: Unit::Count }],
        rounds: 3,
        block: 1,
        contenders,
        headline: None,
    };
    let at_most = |of, limit| Mark { figure: "System calls", of, to: None, limit };
    let mut start = vec![
        heeler("heeler", 1.0, &["--", "true"]),
        heeler("heeler --track off", 1.0, &["--track", "off", "--", "true"]),
    ];
    if let Some(path) = peers.path("timeout") {
        start.push(counted("timeout", 1.0, [path, "10", "true"].map(str::to_owned).into()));
    }
    let per_mib = |mib: u64, flag: &str, mode: &str| {
        let (per, generate) = (mib as f64, tools.c("gen"));
        let count = (mib << 20).to_string();
        let name = format!("heeler {flag}");
        let args = [flag, "--track", "off", "--", &generate, &count, "log"];
        let c = [&tools.c("copy"), mode, &generate, &count, "log"].map(str::to_owned);
        vec![heeler(&name, per, &args), counted("C: read and write", per, c.into())]
    };
    vec![
        group(
            "calls-start",
            "System calls of a run of true",
            start,
            vec![at_most("heeler", 160.0), at_most("heeler --track off", 125.0)],
        ),
        group(
            "calls-pipe",
            "System calls a MiB, pipe mode",
            per_mib(256, "--pipe", "rw"),
            vec![at_most("heeler --pipe", 40.0)],
        ),
        group(
            "calls-pty",
            "System calls a MiB, terminal mode",
            per_mib(64, "--pty", "pty"),
            vec![at_most("heeler --pty", 400.0)],
        ),
    ]
}

/// What a start costs in user mode, and how large the program is: the same on every day.
pub fn guards(tools: &Tools, peers: &Peers) -> Vec<Group> {
    let size =
        Contender { how: How::Size, ours: true, ..Contender::new("heeler", [&tools.heeler]) };
    let mut groups = vec![Group {
        name: "binary",
        title: "The program".to_owned(),
        figures: vec![Figure { title: "Size, without symbols".to_owned(), unit: Unit::Mib }],
        rounds: 1,
        block: 1,
        contenders: vec![size],
        prepare: None,
        marks: vec![Mark { figure: "Size, without symbols", of: "heeler", to: None, limit: 6.0 }],
        headline: None,
    }];
    if peers.path("valgrind").is_some() {
        let counted = |name: &str, args: &[&str]| Contender {
            how: How::Instructions,
            ..Contender::heeler(tools, name, args)
        };
        let figure = "Instructions in user mode, thousands";
        let at_most = |of, limit| Mark { figure, of, to: None, limit };
        groups.push(Group {
            name: "instructions",
            title: "Instructions of a run of true".to_owned(),
            figures: vec![Figure { title: figure.to_owned(), unit: Unit::Count }],
            // The first makes the database.
            rounds: 3,
            block: 1,
            contenders: vec![
                counted("heeler", &["--", "true"]),
                counted("heeler --track off", &["--track", "off", "--", "true"]),
            ],
            prepare: None,
            marks: vec![at_most("heeler", 750.0), at_most("heeler --track off", 680.0)],
            headline: None,
        });
    }
    groups
}

/// How many thousand instructions `command` executes itself, in user mode.
pub fn instructions(tools: &Tools, command: &[String]) -> Result<u64, String> {
    let out = format!("--callgrind-out-file={}", tools.file("callgrind"));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &out, "--"])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env_remove(crate::tools::CARGOS)
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse::<u64>().ok());
    count.map(|count| count / 1000).ok_or_else(|| format!("valgrind counted nothing: {text}"))
}

/// How many system calls `command` makes itself, its children left out.
pub fn calls(tools: &Tools, command: &[String]) -> Result<u64, String> {
    let table = tools.scratch.join("strace");
    let status = Command::new("strace")
        .args(["-c", "-U", "calls,name", "-o"])
        .arg(&table)
        .arg("--")
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env_remove(crate::tools::CARGOS)
        .status()
        .map_err(|error| format!("strace: {error}"))?;
    let text = std::fs::read_to_string(&table).unwrap_or_default();
    let total = text.lines().find(|line| line.trim_end().ends_with("total"));
    let calls = total.and_then(|line| line.split_whitespace().next()?.parse().ok());
    calls.filter(|_| status.success()).ok_or_else(|| "strace counted nothing".to_owned())
}
