//! Runs in the background: a conversation through short-lived clients, keys through `attach`, and what such a
//! run costs while nothing happens.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::Scale;
use crate::group::{Contender, Figure, Group, How, Mark, Unit};
use crate::peers::Peers;
use crate::tools::Tools;

const MEDIAN: &str = "Taken, at the median";
const LAST: &str = "Taken, at the 99th percentile";
const SWITCHES: &str = "Context switches in two seconds";

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    vec![trips(tools, peers, scale), keys(tools, peers, scale), quiet(tools, peers)]
}

/// A contender that is a script of sh; `$0` and what follows are `words`.
fn script(name: &str, script: &str, words: &[&str]) -> Contender {
    Contender::new(name, [&["sh", "-c", script], words].concat())
}

fn both() -> Vec<Figure> {
    let figure =
        |title: &str, share| Figure { title: title.to_owned(), unit: Unit::MicrosAt(share) };
    vec![figure(MEDIAN, 0.5), figure(LAST, 0.99)]
}

fn trips(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let (program, count, notes) =
        (tools.c("trips"), scale.rounds(500).to_string(), tools.file("notes"));
    let heeler = "run=$($0 run -d --pty -- cat) &&
        $1 $2 $3 $0 send $run --line @ -- $0 expect $run --on @
        code=$?; $0 signal $run KILL; exit $code";
    let sexpect = "export SEXPECT_SOCKFILE=$3.sock; rm -f $3.sock; $0 spawn -nohup -ttl 100 cat &&
        $1 $2 $3 $0 send -cr @ -- $0 expect -t 10 -ex @
        code=$?; $0 kill -kill; exit $code";
    let with =
        |name: &str, text: &str, path: &str| script(name, text, &[path, &program, &count, &notes]);
    let mut contenders = vec![Contender { ours: true, ..with("heeler", heeler, &tools.heeler) }];
    contenders.extend(peers.path("sexpect").map(|path| with("sexpect", sexpect, path)));
    Group {
        name: "control",
        title: "A line sent to a cat in the background and waited for, both clients included"
            .to_owned(),
        figures: both(),
        rounds: scale.rounds(9),
        block: 1,
        contenders,
        prepare: None,
        marks: vec![Mark::times(MEDIAN, "heeler", "sexpect", 1.0)],
        headline: Some(("A line sent and waited for in the background", vec!["sexpect"])),
    }
}

/// From a key to its echo, by way of whoever stands between.
fn keys(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let (program, count, notes) =
        (tools.c("keys"), scale.rounds(3000).to_string(), tools.file("notes"));
    let typed = [program.as_str(), "type", &count, &notes];
    let directly = |name: &str, command: &[&str]| {
        Contender::new(name, [&typed, command, &[&program, "echo"]].concat())
    };
    let attach = "run=$($0 run -d --pty -- $1 echo) && $1 type $2 $3 $0 attach $run
        code=$?; $0 signal $run KILL; exit $code";
    let interact =
        "export SEXPECT_SOCKFILE=$3.sock; rm -f $3.sock; $0 spawn -nohup -ttl 100 $1 echo &&
        $1 type $2 $3 $0 interact
        code=$?; $0 kill -kill; exit $code";
    let with =
        |name: &str, text: &str, path: &str| script(name, text, &[path, &program, &count, &notes]);
    let mut contenders = vec![
        Contender { ours: true, ..with("heeler attach", attach, &tools.heeler) },
        directly("C: nobody between", &[]),
        directly("C: raw relay", &[&program, "relay"]),
    ];
    if let Some(path) = peers.path("script") {
        let echo = format!("{program} echo");
        let command = [&typed[..], &[path, "-qec", &echo, "/dev/null"]].concat();
        contenders.push(Contender::new("script", command));
    }
    let sexpect = |path| with("sexpect interact", interact, path);
    contenders.extend(peers.path("sexpect").map(sexpect));
    Group {
        name: "attach",
        title: "A key typed at a program that echoes".to_owned(),
        figures: both(),
        rounds: scale.rounds(7),
        block: 1,
        contenders,
        prepare: None,
        marks: vec![Mark::beyond(MEDIAN, "heeler attach", "C: raw relay", 200.0)],
        headline: Some(("A key echoed through attach", vec!["C: raw relay", "script"])),
    }
}

/// The command tells who holds it: its parent.
fn quiet(tools: &Tools, peers: &Peers) -> Group {
    let held = ["sh", "-c", "echo $$ > \"$0\"; exec sleep 1000", &tools.file("pid")];
    let waits = |name: &str, path: &str, args: &[&str]| Contender {
        how: How::Switches,
        ..Contender::new(name, [&[path], args, &held[..]].concat())
    };
    let heeler =
        |name: &str, args: &[&str]| Contender { ours: true, ..waits(name, &tools.heeler, args) };
    let socket = tools.file("quiet.sock");
    let mut contenders = vec![
        heeler("heeler run -d", &["run", "-d", "--"]),
        heeler("heeler run -d --pty", &["run", "-d", "--pty", "--"]),
        heeler(
            "heeler run -d --pty with limits and a rule",
            &[
                "run",
                "-d",
                "--pty",
                "--timeout=1h",
                "--idle-timeout=1h",
                "--on=x",
                "--line=y",
                "--",
            ],
        ),
    ];
    if let Some(path) = peers.path("sexpect") {
        contenders.push(waits("sexpect", path, &["-sock", &socket, "spawn", "-nohup"]));
    }
    if let Some(path) = peers.path("tmux") {
        let args = ["-S", &socket, "-f", "/dev/null", "new-session", "-d"];
        contenders.push(waits("tmux", path, &args));
    }
    let ours = contenders.iter().filter(|contender| contender.ours);
    let names =
        ["heeler run -d", "heeler run -d --pty", "heeler run -d --pty with limits and a rule"];
    assert!(ours.map(|contender| &*contender.name).eq(names));
    Group {
        name: "quiet",
        title: "Who holds a command that sleeps in the background".to_owned(),
        figures: vec![Figure { title: SWITCHES.to_owned(), unit: Unit::Count }],
        rounds: 3,
        block: 1,
        contenders,
        prepare: None,
        marks: names.map(|of| Mark::itself(SWITCHES, of, 0.0)).into(),
        headline: None,
    }
}

/// How often the parent of what `command` leaves in the background runs within two seconds, after one in which
/// it may finish what it is at.
pub fn switches(tools: &Tools, command: &[String]) -> Result<u64, String> {
    let file = tools.file("pid");
    let _ = std::fs::remove_file(&file);
    let _ = std::fs::remove_file(tools.file("quiet.sock"));
    let status = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env("HEELER_DB", tools.file("runs.db"))
        .env("TERM", "xterm")
        .status()
        .map_err(|error| format!("{}: {error}", command[0]))?;
    let began = Instant::now();
    let pid = loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(pid) = text.strip_suffix('\n') {
            break pid.to_owned();
        }
        if !status.success() || began.elapsed() > Duration::from_secs(10) {
            return Err(format!("{} did not start its command", command.join(" ")));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let holder = numbers(&format!("/proc/{pid}/status"), "PPid:")?;
    std::thread::sleep(Duration::from_secs(1));
    let before = switched(holder)?;
    std::thread::sleep(Duration::from_secs(2));
    let count = switched(holder)? - before;
    let ended = Command::new("kill").args(["-KILL", &pid]).status();
    ended.map_err(|error| format!("kill: {error}")).map(|_| count)
}

/// All context switches of all threads.
fn switched(pid: u64) -> Result<u64, String> {
    let dir = format!("/proc/{pid}/task");
    let threads = std::fs::read_dir(&dir).map_err(|error| format!("{dir}: {error}"))?;
    let of = |thread: std::fs::DirEntry| {
        numbers(&thread.path().join("status").display().to_string(), "ctxt_switches:")
    };
    threads.flatten().map(of).sum()
}

/// The sum of the numbers on the lines of `path` whose names end in `name`.
fn numbers(path: &str, name: &str) -> Result<u64, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let values = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.next()?.ends_with(name).then(|| words.next()?.parse::<u64>().ok())?
    });
    Ok(values.sum())
}
