//! What does not depend on the machine's mood: system calls.

use std::process::{Command, Stdio};

use crate::group::{Contender, Figure, Group, How, Mark, Unit};
use crate::peers::Peers;
use crate::tools::{Sink, Tools};

/// The groups of this file; none without strace.
pub fn groups(tools: &Tools, peers: &Peers) -> Vec<Group> {
    let Some(strace) = peers.path("strace") else { return Vec::new() };
    let table = tools.file(TABLE);
    let counted = |name: &str, per: f64, command: Vec<String>| Contender {
        ours: name.starts_with("heeler"),
        how: How::Calls(per),
        ..Contender::new(name, {
            let before = [strace, "-c", "-U", "calls,name", "-o", &table, "--"];
            before.into_iter().map(str::to_owned).chain(command)
        })
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
    let at_most = |of, limit| Mark::itself("System calls", of, limit);
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
pub fn guards(tools: &Tools) -> Vec<Group> {
    let once = |name, title: &str, figure: &str, unit, contenders, marks| Group {
        name,
        title: title.to_owned(),
        figures: vec![Figure { title: figure.to_owned(), unit }],
        rounds: 1,
        block: 1,
        contenders,
        prepare: None,
        marks,
        headline: None,
    };
    let size =
        Contender { how: How::Size, ours: true, ..Contender::new("heeler", [&tools.heeler]) };
    let figure = "Size, without symbols";
    let marks = vec![Mark::itself(figure, "heeler", 6.0)];
    let binary = once("binary", "The program", figure, Unit::Mib, vec![size], marks);

    let counted = |name: &str, args: &[&str]| Contender {
        how: How::Instructions,
        ..Contender::heeler(tools, name, args)
    };
    let contenders = vec![
        counted("heeler", &["--", "true"]),
        counted("heeler --track off", &["--track", "off", "--", "true"]),
    ];
    let figure = "Instructions in user mode, thousands";
    let marks = vec![
        Mark::itself(figure, "heeler", 450.0),
        Mark::itself(figure, "heeler --track off", 350.0),
    ];
    let (tools, first) = (tools.clone(), contenders[0].command.clone());
    let makes_database = move || tools.measure(&first, Sink::Null, None, 0).map(drop);
    let title = "Instructions of a run of true";
    let instructions = once("instructions", title, figure, Unit::Count, contenders, marks);
    // Three: one run in 32 does some of the others' work at the database.
    let instructions =
        Group { prepare: Some(std::rc::Rc::new(makes_database)), rounds: 3, ..instructions };
    vec![binary, instructions]
}

/// How many thousand instructions `command` executes itself, in user mode, step by step: where a step is slow,
/// as in a virtual machine, ten seconds. Not under callgrind: the valgrind of
/// many a distribution knows no `pidfd_open`, and counts how heeler fails.
pub fn instructions(tools: &Tools, command: &[String]) -> Result<u64, String> {
    let output = Command::new(tools.c("steps"))
        .args(command)
        .stdin(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env_remove(crate::tools::CARGOS)
        .output()
        .map_err(|error| format!("steps: {error}"))?;
    let count = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok();
    let said = String::from_utf8_lossy(&output.stderr);
    count
        .filter(|_| output.status.success())
        .map(|count| count / 1000)
        .ok_or_else(|| format!("steps counted nothing: {said}"))
}

/// Where strace leaves its table.
const TABLE: &str = "strace";

/// How many system calls the command behind the strace that is `command` makes itself, its children left out.
pub fn calls(tools: &Tools, command: &[String]) -> Result<u64, String> {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env_remove(crate::tools::CARGOS)
        .status()
        .map_err(|error| format!("strace: {error}"))?;
    let text = std::fs::read_to_string(tools.file(TABLE)).unwrap_or_default();
    let total = text.lines().find(|line| line.trim_end().ends_with("total"));
    let calls = total.and_then(|line| line.split_whitespace().next()?.parse().ok());
    calls.filter(|_| status.success()).ok_or_else(|| "strace counted nothing".to_owned())
}
