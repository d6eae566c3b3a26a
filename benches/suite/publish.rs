//! Tables: on the terminal, in BENCHMARKS.md, in README.md, and the raw figures as JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::ending::LEFT;
use crate::figures::number;
use crate::group::{Outcome, Table, Than, Verdict};
use crate::peers::Peers;
use crate::plot;
use crate::tools::Tools;

const BEGIN: &str = "<!-- bench -->";
const END: &str = "<!-- /bench -->";

/// What a figure cannot say of itself, by the name of its group.
const WHY: &[(&str, &str)] = &[
    (
        "line-writes",
        "The first C loop blocks in read. Once anybody has waited for a pipe with poll, the kernel looks at each write \
         to it for somebody to wake up (`poll_usage` in fs/pipe.c), which costs whoever writes a line at a time more than \
         a tenth: the second C loop differs in nothing else. Who watches two streams, signals and limits with one thread \
         has no other way to wait.",
    ),
    (
        "ending",
        "`cgroup.kill` is one write, and init collects the dead. heeler sends TERM to each first, which a program may \
         handle, proves whom it signals, and collects every one of them.",
    ),
];

/// For the terminal.
pub fn plain(outcome: &Outcome) -> String {
    let mut text = String::new();
    for table in &outcome.tables {
        let unit = table.figure.unit.name();
        let _ = writeln!(text, "  {}, {unit}", table.figure.title);
        for column in &table.columns {
            let _ = writeln!(text, "    {:<28} {}", column.name, column.spread().text());
        }
        for (ours, theirs, ratio) in ratios(table) {
            let _ = writeln!(text, "    {:<28} {}", format!("{ours} / {theirs}"), ratio.text());
        }
    }
    for verdict in outcome.verdicts() {
        let _ = writeln!(text, "  {}: {}", claim(&verdict), result(&verdict));
    }
    text
}

/// What is claimed, in words.
fn claim(verdict: &Verdict) -> String {
    let Verdict { mark, more, unit, .. } = verdict;
    let most = if *more { "at least" } else { "at most" };
    let limit = number(mark.limit);
    match mark.than {
        Than::Itself => format!("{} {most} {limit} {unit}", mark.of),
        Than::Times(other) => format!("{} {most} {limit} × {other}", mark.of),
        Than::Beyond(other) => format!("{} {most} {limit} {unit} over {other}", mark.of),
    }
}

fn result(verdict: &Verdict) -> String {
    let word = match (verdict.met, verdict.missed) {
        (true, _) => "met",
        (false, false) => "not met, within the noise",
        (false, true) => "missed",
    };
    format!("{} {word}", verdict.got.text())
}

type Ratio<'a> = (&'a str, &'a str, crate::figures::Spread);

/// Each heeler against each of the others.
fn ratios(table: &Table) -> Vec<Ratio<'_>> {
    let ours = table.columns.iter().filter(|column| column.ours);
    ours.flat_map(|ours| {
        let others = table.columns.iter().filter(|column| !column.ours);
        others.map(|theirs| (ours.name.as_str(), theirs.name.as_str(), ours.ratio(theirs)))
    })
    .collect()
}

/// Writes the raw figures below the target directory.
pub fn json(outcomes: &[Outcome], peers: &Peers, tools: &Tools) -> Result<PathBuf, String> {
    let groups: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let tables: Vec<Value> = outcome.tables.iter().map(table_json).collect();
            let group = &outcome.group;
            json!({ "name": group.name, "title": group.title, "rounds": group.rounds, "tables": tables })
        })
        .collect();
    let all = json!({
        "schema": "heeler.bench/1",
        "version": env!("CARGO_PKG_VERSION"),
        "machine": machine(),
        "peers": peers.versions(),
        "missing": peers.missing(),
        "groups": groups,
    });
    let path = tools.scratch.with_file_name("results.json");
    std::fs::write(&path, format!("{all:#}\n")).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

fn table_json(table: &Table) -> Value {
    let columns: Vec<Value> = table
        .columns
        .iter()
        .map(|column| {
            let spread = column.spread();
            json!({ "name": column.name, "ours": column.ours, "median": spread.median,
                    "min": spread.min, "max": spread.max, "values": column.values })
        })
        .collect();
    let ratios: Vec<Value> = ratios(table)
        .into_iter()
        .map(|(ours, theirs, ratio)| {
            json!({ "of": ours, "to": theirs, "median": ratio.median, "min": ratio.min, "max": ratio.max })
        })
        .collect();
    let (title, unit) = (&table.figure.title, table.figure.unit.name());
    json!({ "title": title, "unit": unit, "contenders": columns, "ratios": ratios })
}

/// What the numbers were measured on; never who or where.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, v)| v.trim().to_owned())
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let release = read("/proc/sys/kernel/osrelease");
    let release: String =
        release.trim().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    format!("{cpu}, {cores} cores, Linux {}", release.trim_end_matches('.'))
}

/// How the figures were taken.
#[derive(Clone, Copy, Debug)]
pub struct Taking<'a> {
    /// Our own arguments.
    pub args: &'a [String],
    /// Whether less was measured than could be.
    pub quick: bool,
    /// How long it took.
    pub took: Duration,
}

impl Taking<'_> {
    /// The command that does it again. Where a target was named, cargo puts the program below its name.
    fn command(self) -> String {
        let program = std::env::current_exe().unwrap_or_default();
        let dir = program.ancestors().nth(3).and_then(Path::file_name).unwrap_or_default();
        let target = dir.to_str().filter(|dir| dir.starts_with(std::env::consts::ARCH));
        let target = target.map(|target| format!(" --target {target}")).unwrap_or_default();
        let args = if self.args.is_empty() { "" } else { " -- " };
        format!("cargo bench{target} --bench suite{args}{}", self.args.join(" "))
    }

    /// Of what run and what program the figures are.
    fn kind(self) -> String {
        let run =
            if self.quick { "a quick run (a fifth of rounds and volume)" } else { "a full run" };
        let library = if cfg!(target_env = "musl") { "musl" } else { "glibc" };
        format!("{run} of the program for {library}")
    }
}

/// Writes BENCHMARKS.md, and the short table into README.md.
pub fn write(outcomes: &[Outcome], peers: &Peers, taking: Taking<'_>) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let long = root.join("BENCHMARKS.md");
    std::fs::write(&long, markdown(outcomes, peers, taking))
        .map_err(|e| format!("{}: {e}", long.display()))?;
    println!("written: {}", long.display());
    let plots = root.join("benches/plots");
    std::fs::create_dir_all(&plots).map_err(|e| format!("{}: {e}", plots.display()))?;
    for outcome in outcomes.iter().filter(|outcome| outcome.group.contenders.len() > 1) {
        let path = plots.join(format!("{}.svg", outcome.group.name));
        std::fs::write(&path, plot::svg(outcome))
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    println!("written: {}", plots.display());
    let readme = root.join("README.md");
    let text = std::fs::read_to_string(&readme).unwrap_or_default();
    match between(&text, &short(outcomes, taking)) {
        Some(text) => {
            std::fs::write(&readme, text).map_err(|e| format!("{}: {e}", readme.display()))?;
            println!("written: {}", readme.display());
        }
        None => println!(
            "hint: README.md has no lines {BEGIN} and {END}; the short table goes between them"
        ),
    }
    Ok(())
}

/// `text` with what stands between the markers replaced.
fn between(text: &str, table: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n{table}{END}{tail}"))
}

/// One line a headline: heeler's first row, and each of those it is compared with.
fn short(outcomes: &[Outcome], taking: Taking<'_>) -> String {
    let mut text =
        String::from("\n| | heeler | beside it, in the same run |\n| --- | --- | --- |\n");
    for outcome in outcomes {
        let Some((title, others)) = &outcome.group.headline else { continue };
        let Some(table) = outcome.tables.first() else { continue };
        let Some(ours) = table.columns.iter().find(|column| column.ours) else { continue };
        let unit = table.figure.unit.name();
        let beside: Vec<String> = table
            .columns
            .iter()
            .filter(|column| others.contains(&column.name.as_str()))
            .map(|column| {
                let left = left(outcome, &column.name);
                format!("{} {}{left}", column.name, number(column.spread().median))
            })
            .collect();
        let ours = number(ours.spread().median);
        let _ = writeln!(text, "| {title}, {unit} | {ours} | {} |", beside.join(", "));
    }
    let _ = writeln!(
        text,
        "\nMedians of {} on one machine ({}). [BENCHMARKS.md](BENCHMARKS.md) has the ranges, the ratios, the marks, met or\n\
         missed, and the command that measures.\n",
        taking.kind(),
        machine()
    );
    text
}

/// How many a contender left alive, if any: it was done sooner with less.
fn left(outcome: &Outcome, name: &str) -> String {
    let table = outcome.tables.iter().find(|table| table.figure.title == LEFT);
    let column = table.and_then(|table| table.columns.iter().find(|column| column.name == name));
    let left = column.map_or(0.0, |column| column.spread().median);
    if left > 0.0 { format!(" (leaves {} alive)", number(left)) } else { String::new() }
}

fn markdown(outcomes: &[Outcome], peers: &Peers, taking: Taking<'_>) -> String {
    let mut text = format!(
        "# Benchmarks\n\nWritten by `{}` within {} minutes; do not edit.\n\
         The figures are those of {}. With `-- --list` it names its groups, with `-- GROUP` it measures only some, with `-- --quick` a fifth of it. The peers are those found in\n\
         the directories of `HEELER_BENCH_PEERS` and `PATH`; where `HEELER_BENCH_SEXPECT` names a copy of the sources\n\
         of sexpect (github.com/clarkwang/sexpect), it is built and measured, too.\n\n\
         Machine: {}. heeler {}. Peers: {}.\n\n\
         All contenders of a group run in turn, round after round, and only what was measured in the same\n\
         round is compared: a ratio is the median over the rounds of the ratio within a round, with the\n\
         smallest and the largest in brackets. Rows named `C:` are the least that the job can cost: small\n\
         programs in `benches/c`. heeler and they read from pipes of 1 MiB, cat, tee and pv from one of 64 KiB, as a\n\
         shell makes it. Lines `as they are made` come from a program that formats each, some 850 MiB a\n\
         second at best; all others were made beforehand, and come as fast as a pipe takes them. What can be counted\n\
         is guarded by the tests as well (`tests/integration/costs.rs`). Compare ratios; absolute numbers belong to this machine and this hour.\n",
        taking.command(),
        taking.took.as_secs().div_ceil(60),
        taking.kind(),
        machine(),
        env!("CARGO_PKG_VERSION"),
        peers.versions().join(", "),
    );
    if !peers.missing().is_empty() {
        let _ = writeln!(
            text,
            "\nNot installed here, so not measured: {}.",
            peers.missing().join("; ")
        );
    }
    text.push_str("\n## Marks\n\nWhat is aimed at, and what came of it. One is missed when the better quarter of the rounds misses it too.\n\n| | mark | measured |\n| --- | --- | --- |\n");
    for outcome in outcomes {
        for verdict in outcome.verdicts() {
            let title = format!("{}: {}", outcome.group.title, verdict.mark.figure);
            let _ = writeln!(text, "| {title} | {} | {} |", claim(&verdict), result(&verdict));
        }
    }
    for outcome in outcomes {
        let rounds = outcome.group.rounds;
        let plural = if rounds == 1 { "" } else { "s" };
        let _ = writeln!(text, "\n## {} ({rounds} round{plural})", outcome.group.title);
        if outcome.group.contenders.len() > 1 {
            let _ = writeln!(
                text,
                "\n![{}](benches/plots/{}.svg)",
                outcome.group.title, outcome.group.name
            );
        }
        if let Some((_, why)) = WHY.iter().find(|(name, _)| *name == outcome.group.name) {
            let _ = writeln!(text, "\n{why}");
        }
        for table in &outcome.tables {
            text.push_str(&table_markdown(table));
        }
    }
    text
}

fn table_markdown(table: &Table) -> String {
    let unit = table.figure.unit;
    let ours: Vec<_> = table.columns.iter().filter(|column| column.ours).collect();
    let compared = ours.len() < table.columns.len();
    let better = if unit.more_is_better() { "more is better" } else { "less is better" };
    let mut text =
        format!("\n{}, {} ({better})\n\n| | median (range) |", table.figure.title, unit.name());
    let ratios = if compared { &ours[..] } else { &[] };
    for column in ratios {
        let _ = write!(text, " {} is × |", column.name);
    }
    text.push_str("\n| --- | --- |");
    text.push_str(&" --- |".repeat(ratios.len()));
    text.push('\n');
    for column in &table.columns {
        let _ = write!(text, "| {} | {} |", column.name, column.spread().text());
        for ours in ratios {
            let ratio = if column.ours { "–".to_owned() } else { ours.ratio(column).text() };
            let _ = write!(text, " {ratio} |");
        }
        text.push('\n');
    }
    text
}
