//! Output passing through: over pipes and terminals, much at once and a line at a time; and the memory it
//! takes.

use crate::Scale;
use crate::group::{Contender, Figure, Group, Mark, Unit};
use crate::peers::Peers;
use crate::tools::{Sink, Tools};

/// The groups of this file.
pub fn groups(tools: &Tools, peers: &Peers, scale: Scale) -> Vec<Group> {
    vec![
        pipe(tools, peers, scale, Sink::Null),
        pipe(tools, peers, scale, Sink::Pipe),
        pipe(tools, peers, scale, Sink::File),
        lines(tools, peers, scale),
        terminal(tools, peers, scale, "log"),
        terminal(tools, peers, scale, "y"),
        matching(tools, scale, "--pipe", "made"),
        matching(tools, scale, "--pipe", "log"),
        matching(tools, scale, "--pty", "log"),
        flat(tools, scale),
    ]
}

/// The least that the job can cost.
const LIMIT: &str = "C: read and write";

/// heeler where nothing looks at the output: the command writes straight into our stdout.
const INHERITS: &str = "heeler (inherits)";

/// heeler where nobody looks at the output or is told of it, but `--pipe` was asked for.
const UNSEEN: &str = "heeler --pipe --track off";

/// The generator, and nobody between it and the reader.
const ALONE: &str = "nobody between";

fn through(of: &'static str, to: &'static str, limit: f64) -> Mark {
    Mark::times("Throughput", of, to, limit)
}

/// Looking for what does not come. Over a pipe, the mark is about a program that makes its lines, some 850 MiB a
/// second; beside it stands one that only writes, several times as fast, to show what is left.
fn matching(tools: &Tools, scale: Scale, flag: &'static str, kind: &'static str) -> Group {
    let pty = flag == "--pty";
    // A terminal is slow, and takes turns of many milliseconds for better and worse: there, many short rounds say
    // more than a few long ones.
    let (mib, rounds, block) = if pty { (32, 45, 3) } else { (512, 9, 1) };
    let bytes = scale.bytes(mib);
    let generate = [tools.c("gen"), bytes.to_string(), kind.to_owned()];
    let heeler = |name: &str, patterns: usize| {
        let rules = (0..patterns).flat_map(|i| {
            [
                "--on".to_owned(),
                format!("no such line, number {i}"),
                "--line".to_owned(),
                "x".to_owned(),
            ]
        });
        let args = [flag, "--track", "off"].map(str::to_owned).into_iter();
        let args: Vec<String> =
            args.chain(rules).chain(["--".to_owned()]).chain(generate.clone()).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Contender::heeler(tools, name, &args)
    };
    let names = ["1 pattern", "10 patterns", "100 patterns"];
    let (name, what, marks) = match (pty, kind) {
        (true, _) => ("match-pty", "log lines", &[0.97; 3][..]),
        (false, "made") => ("match-pipe", "log lines as they are made", &[0.95, 0.8, 0.8][..]),
        (false, _) => ("match-flood", "log lines made beforehand", &[][..]),
    };
    let mut figures = both(bytes);
    if pty {
        figures.insert(1, cpu());
    }
    Group {
        name,
        title: format!("Matching, {flag}: {} of {what}, to /dev/null", size(bytes)),
        figures,
        rounds: scale.rounds(rounds),
        block,
        contenders: vec![
            heeler("no pattern", 0),
            heeler(names[0], 1),
            heeler(names[1], 10),
            heeler(names[2], 100),
        ],
        prepare: None,
        marks: names
            .iter()
            .zip(marks)
            .map(|(of, limit)| through(of, "no pattern", *limit))
            .collect(),
        headline: None,
    }
}

fn both(bytes: u64) -> Vec<Figure> {
    vec![
        Figure { title: "Throughput".to_owned(), unit: Unit::MibPerSecond(bytes) },
        Figure { title: "Peak memory".to_owned(), unit: Unit::PeakMib },
    ]
}

fn cpu() -> Figure {
    Figure { title: "CPU time, with the command's".to_owned(), unit: Unit::CpuMs }
}

fn size(bytes: u64) -> String {
    let mib = bytes >> 20;
    if mib >= 1024 && mib.is_multiple_of(1024) {
        format!("{} GiB", mib >> 10)
    } else {
        format!("{mib} MiB")
    }
}

fn pipe(tools: &Tools, peers: &Peers, scale: Scale, sink: Sink) -> Group {
    let bytes = scale.bytes(if sink == Sink::File { 1024 } else { 2048 });
    let count = bytes.to_string();
    let generate = [tools.c("gen"), count, "log".to_owned()];
    let copy = |mode: &str| [tools.c("copy"), mode.to_owned()].into_iter().chain(generate.clone());
    let heeler = |name: &str, flags: &[&str]| {
        let words = flags.iter().copied().chain(["--"]);
        let args: Vec<&str> = words.chain(generate.iter().map(String::as_str)).collect();
        Contender::heeler(tools, name, &args)
    };
    let mut contenders = vec![
        heeler("heeler --pipe", &["--pipe"]),
        Contender::new("C: read and write", copy("rw")),
        Contender::new("C: splice", copy("splice")),
    ];
    for (name, args) in [("cat", &[][..]), ("tee", &[][..]), ("pv", &["-q"][..])] {
        if let Some(path) = peers.path(name) {
            let command = [path].into_iter().chain(args.iter().copied());
            contenders.push(Contender::new(name, command).fed(bytes, "log"));
        }
    }
    // What a run is that nobody has to look at; into the null device, that is the time of the generator alone.
    contenders.insert(1, heeler(INHERITS, &["--inherit"]));
    if sink != Sink::File {
        contenders.insert(1, heeler(UNSEEN, &["--pipe", "--track", "off"]));
    }
    if sink == Sink::Pipe {
        contenders.push(Contender::new(ALONE, generate.clone()));
    }
    let mut marks = vec![through("heeler --pipe", LIMIT, 0.9)];
    match sink {
        Sink::Null => marks.push(through(UNSEEN, "C: splice", 0.9)),
        // Splice is ahead of that, too: over two pipes the writer and the reader never want the same one.
        Sink::Pipe => {
            marks.push(through(INHERITS, ALONE, 0.9));
            marks.push(through(UNSEEN, "C: splice", 0.9));
        }
        Sink::File => {}
    }
    let (name, to) = match sink {
        Sink::Null => ("pipe", "/dev/null"),
        Sink::Pipe => ("pipe-pipe", "a 1 MiB pipe"),
        Sink::File => ("pipe-file", "a file"),
    };
    Group {
        name,
        title: format!("Pipe mode: {} of log lines to {to}", size(bytes)),
        figures: both(bytes),
        rounds: scale.rounds(9),
        block: 1,
        contenders: contenders.into_iter().map(|contender| contender.into(sink)).collect(),
        prepare: None,
        marks,
        headline: (sink == Sink::Null).then(|| {
            ("Log lines over a pipe of 1 MiB (cat's: 64 KiB)", vec!["cat", "C: read and write"])
        }),
    }
}

fn lines(tools: &Tools, peers: &Peers, scale: Scale) -> Group {
    let bytes = scale.bytes(256);
    let generate = [tools.c("gen"), bytes.to_string(), "lines".to_owned()];
    let args: Vec<&str> =
        ["--pipe", "--"].into_iter().chain(generate.iter().map(String::as_str)).collect();
    let copy = |mode: &str| [tools.c("copy"), mode.to_owned()].into_iter().chain(generate.clone());
    let mut contenders = vec![
        Contender::heeler(tools, "heeler --pipe", &args),
        Contender::new(LIMIT, copy("rw")),
        // Once anybody has waited with poll for a pipe, the kernel makes each write to it dearer; who watches two
        // streams, limits and signals has no other way to wait.
        Contender::new("C: the same, waiting with poll", copy("poll")),
    ];
    if let Some(path) = peers.path("cat") {
        contenders.push(Contender::new("cat", [path]).fed(bytes, "lines"));
    }
    Group {
        name: "line-writes",
        title: format!("Pipe mode: {} of log lines, one write each, to a pipe", size(bytes)),
        figures: both(bytes),
        rounds: scale.rounds(27),
        block: 3,
        contenders: contenders.into_iter().map(|contender| contender.into(Sink::Pipe)).collect(),
        prepare: None,
        marks: vec![through("heeler --pipe", LIMIT, 0.95)],
        headline: None,
    }
}

fn terminal(tools: &Tools, peers: &Peers, scale: Scale, kind: &'static str) -> Group {
    let bytes = scale.bytes(if kind == "y" { 16 } else { 256 });
    let generate = [tools.c("gen"), bytes.to_string(), kind.to_owned()];
    let text = generate.join(" ");
    let args: Vec<&str> =
        ["--pty", "--"].into_iter().chain(generate.iter().map(String::as_str)).collect();
    let copy = [tools.c("copy"), "pty".to_owned()].into_iter().chain(generate.clone());
    let mut contenders = vec![
        Contender::heeler(tools, "heeler --pty", &args),
        Contender::new("C: read and write", copy),
    ];
    if let Some(path) = peers.path("script") {
        contenders.push(Contender::new("script", [path, "-qec", &text, "/dev/null"]));
    }
    if let Some(path) = peers.path("expect") {
        let script = format!("set timeout -1; spawn -noecho {text}; expect eof");
        contenders.push(Contender::new("expect", [path, "-c", &script]));
    }
    if let Some(python) = &peers.pexpect {
        let script = "import pexpect, sys; out = sys.stdout.buffer\n\
             child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=None)\n\
             try:\n  while True: out.write(child.read_nonblocking(65536, None))\n\
             except pexpect.EOF: pass";
        let command = [python.as_str(), "-c", script].into_iter();
        let command = command.chain(generate.iter().map(String::as_str));
        contenders.push(Contender::new("pexpect", command));
    }
    let mut figures = both(bytes);
    figures.insert(1, cpu());
    let what = if kind == "y" { "lines of one letter" } else { "log lines" };
    Group {
        name: if kind == "y" { "pty-y" } else { "pty" },
        title: format!("Terminal mode: {} of {what} to /dev/null", size(bytes)),
        figures,
        rounds: scale.rounds(5),
        block: 1,
        contenders,
        prepare: None,
        marks: if kind == "log" { vec![through("heeler --pty", LIMIT, 0.97)] } else { Vec::new() },
        headline: (kind == "log")
            .then(|| ("Log lines over a terminal", vec!["script", "expect", "C: read and write"])),
    }
}

/// Ten times as much has to take no more memory.
fn flat(tools: &Tools, scale: Scale) -> Group {
    let run = |name: &str, flag: &str, mib: u64| {
        let count = (scale.bytes(mib)).to_string();
        Contender::heeler(tools, name, &[flag, "--", &tools.c("gen"), &count, "log"])
    };
    Group {
        name: "memory",
        title: "Memory, at a volume and at ten times that".to_owned(),
        figures: vec![Figure { title: "Peak memory".to_owned(), unit: Unit::PeakMib }],
        rounds: 1,
        block: 1,
        contenders: vec![
            run("heeler --pipe, 1 GiB", "--pipe", 1024),
            run("heeler --pipe, 10 GiB", "--pipe", 10240),
            run("heeler --pty, 128 MiB", "--pty", 128),
            run("heeler --pty, 1.25 GiB", "--pty", 1280),
        ],
        prepare: None,
        marks: ["heeler --pipe, 10 GiB", "heeler --pty, 1.25 GiB"]
            .map(|of| Mark::itself("Peak memory", of, 8.0))
            .into(),
        headline: None,
    }
}
