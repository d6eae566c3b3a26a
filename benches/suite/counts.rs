//! What does not depend on the machine's mood: system calls.

use std::process::{Command, Stdio};

use crate::group::{Contender, Figure, Group, How, Unit};
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
    let group = |name, title: &str, contenders| Group {
        name,
        title: title.to_owned(),
        figures: vec![Figure { title: "System calls".to_owned(), unit: Unit::Count }],
        rounds: 3,
        block: 1,
        contenders,
        headline: None,
    };
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
        group("calls-start", "System calls of a run of true", start),
        group("calls-pipe", "System calls a MiB, pipe mode", per_mib(1024, "--pipe", "rw")),
        group("calls-pty", "System calls a MiB, terminal mode", per_mib(64, "--pty", "pty")),
    ]
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
