//! What supervising costs when the command does nothing, and how late a limit fires.

use crate::Scale;
use crate::group::{Contender, Figure, Group, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    vec![start(tools, peers, scale), limit(tools, peers, scale), idle(tools, peers, scale)]
}

/// Who waits for an event spends nothing while there is none.
fn idle(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let quiet = ["sleep", "1"];
    let heeler = |name: &str, flag: &str| {
        Contender::heeler(tools, name, &[&[flag, "--"], &quiet[..]].concat())
    };
    let mut contenders = vec![
        heeler("heeler --pipe", "--pipe"),
        heeler("heeler --pty", "--pty"),
        Contender::new("C: limit", [&tools.c("limit"), "10", quiet[0], quiet[1]]),
    ];
    if let Some(path) = peers.path("timeout") {
        contenders.push(Contender::new("timeout", [path, "10", quiet[0], quiet[1]]));
    }
    if let Some(path) = peers.path("script") {
        contenders.push(Contender::new("script", [path, "-qec", "sleep 1", "/dev/null"]));
    }
    Group {
        name: "idle",
        title: "A command that sleeps for a second".to_owned(),
        figures: vec![Figure {
            title: "CPU time, start-up and the command included".to_owned(),
            unit: Unit::CpuMs,
        }],
        rounds: scale.rounds(5),
        block: 1,
        contenders,
        prepare: None,
        marks: Vec::new(),
        headline: None,
    }
}

const BEYOND: &str = "Time beyond a bare fork and exec";
const PEAK: &str = "Peak memory";
const LATE: &str = "Late by, own start and end included";

fn start(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    // By path, so that nobody has to search for it.
    let command = if std::path::Path::new("/bin/true").exists() { "/bin/true" } else { "true" };
    let heeler = |name: &str, args: &[&str]| {
        let args = [args, &["--", command]].concat();
        Contender::heeler(tools, name, &args)
    };
    let limit = ["--timeout", "10"];
    let mut contenders = vec![
        Contender::new("bare fork and exec", [command]),
        heeler("heeler", &limit),
        heeler("heeler --track off", &[&limit[..], &["--track", "off"]].concat()),
        heeler("heeler --pipe --track off", &["--pipe", "--track", "off"]),
        heeler("heeler --pty --track off", &["--pty", "--track", "off"]),
        Contender::new("C: limit", [&tools.c("limit"), "10", command]),
    ];
    let mut peer = |name: &str, args: &[&str]| {
        if let Some(path) = peers.path(name) {
            contenders.push(Contender::new(name, [path].iter().chain(args).copied()));
        }
    };
    peer("timeout", &["10", command]);
    peer("tini", &["-s", "--", command]);
    peer("script", &["-qec", command, "/dev/null"]);
    peer("expect", &["-c", &format!("spawn -noecho {command}; expect eof; wait")]);
    Group {
        name: "start",
        title: "Start-up: a command that does nothing".to_owned(),
        figures: vec![
            Figure { title: BEYOND.to_owned(), unit: Unit::AddedMs },
            Figure { title: "CPU time, with the command's".to_owned(), unit: Unit::CpuMs },
            Figure { title: PEAK.to_owned(), unit: Unit::PeakMib },
        ],
        rounds: scale.rounds(200),
        block: 20,
        contenders,
        prepare: None,
        marks: vec![
            Mark::times(BEYOND, "heeler", "timeout", 1.25),
            Mark::times(BEYOND, "heeler --track off", "timeout", 1.0),
            // Four where what usual runs call is scattered over the program: see benches/order.rs.
            Mark::itself(PEAK, "heeler", 2.5),
        ],
        headline: Some((
            "Start-up, beyond a bare fork and exec",
            vec!["timeout", "script", "expect"],
        )),
    }
}

fn limit(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let late = ["sleep", "30"];
    let mut contenders = vec![
        Contender::heeler(tools, "heeler", &[&["--timeout", "0.5", "--"], &late[..]].concat()),
        Contender::new("C: limit", [&tools.c("limit"), "0.5", late[0], late[1]]),
    ];
    if let Some(path) = peers.path("timeout") {
        contenders.push(Contender::new("timeout", [path, "0.5", late[0], late[1]]));
    }
    Group {
        name: "limit",
        title: "A limit of 0.5 s on a command that sleeps".to_owned(),
        figures: vec![Figure { title: LATE.to_owned(), unit: Unit::LateMs(500.0) }],
        rounds: scale.rounds(15),
        block: 1,
        contenders: contenders.into_iter().map(|contender| contender.exits(124)).collect(),
        prepare: None,
        marks: vec![Mark::times(LATE, "heeler", "timeout", 1.5)],
        headline: Some(("A 0.5 s limit fires late by", vec!["timeout"])),
    }
}
