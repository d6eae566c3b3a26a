//! What heeler costs, beside what its peers and the kernel's own calls cost, in one run:
//!
//! ```text
//! cargo bench --bench suite                        everything; writes BENCHMARKS.md and the table in README.md
//! cargo bench --bench suite -- --quick start pipe  a smaller look at two groups; prints only
//! cargo bench --target x86_64-unknown-linux-musl --bench suite    the program for musl
//! ```
//!
//! A number means nothing on its own: machines differ, and other work disturbs them. So each group runs
//! all its contenders in turn, round after round, and what is claimed is the median over the rounds of a
//! ratio within one round. The smallest and largest ratio stand beside it: they are the noise.
//!
//! Where a mark is set (design: what a job may cost, beside what it is compared with), the suite says whether
//! it is met, and exits with 1 when one is missed by more than the noise: by the better quarter of the rounds
//! too. What does not depend on the machine's mood is also guarded by `tests/integration/costs.rs`.
//!
//! The limits are the small C programs in `benches/c`; the peers are whatever is installed (in the directories of
//! `HEELER_BENCH_PEERS` or of `PATH`) and sexpect, which is built where `HEELER_BENCH_SEXPECT` names a copy of its
//! sources; what is missing is named. Each sample is a process of its own, measured by `benches/c/measure.c`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, outside the layers: it starts processes, writes files and prints"
)]

mod control;
mod counts;
mod dialogue;
mod ending;
mod figures;
mod group;
mod matching;
mod passing;
mod peers;
mod plot;
mod publish;
mod records;
mod starting;
mod tools;

use std::process::ExitCode;

use group::{Group, Outcome};
use peers::Peers;
use tools::Tools;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Rounds and volumes are divided by this.
    less: u64,
}

impl Scale {
    fn rounds(self, full: usize) -> usize {
        (full / self.less as usize).max(3)
    }

    fn bytes(self, mib: u64) -> u64 {
        (mib / self.less).max(16) << 20
    }
}

const USAGE: &str = "\
cargo bench --bench suite [-- [--quick] [--write | --no-write] [--list] [GROUP]...]

  --quick      a fifth of rounds and volume; nothing is written unless --write
  --no-write   leave BENCHMARKS.md and README.md as they are
  --list       the groups
  GROUP        only these (a part of their names); nothing is written unless --write";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, db] = &args[..]
        && flag == records::ROWS
    {
        return ExitCode::from(u8::from(records::read(db).is_err()));
    }
    // `cargo test --all-targets` starts benches too, without the flag that `cargo bench` gives.
    let Some(at) = args.iter().position(|arg| arg == "--bench") else {
        println!("not measured: {}", USAGE.lines().next().unwrap_or_default());
        return ExitCode::SUCCESS;
    };
    args.remove(at);
    match run(&args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            eprintln!("suite: {missed} missed by more than the noise");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("suite: {error}");
            ExitCode::FAILURE
        }
    }
}

/// How many marks were missed.
fn run(args: &[String]) -> Result<usize, String> {
    let flag = |name: &str| args.iter().any(|arg| arg == name);
    let known = ["--quick", "--write", "--no-write", "--list", "--help"];
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    if let Some(odd) =
        args.iter().find(|arg| arg.starts_with("--") && !known.contains(&arg.as_str()))
    {
        return Err(format!("unknown: {odd}\n{USAGE}"));
    }
    if flag("--help") {
        println!("{USAGE}");
        return Ok(0);
    }
    let scale = Scale { less: if flag("--quick") { 5 } else { 1 } };
    let tools = Tools::prepare()?;
    let peers = Peers::find(&tools)?;
    let mut groups: Vec<Group> = Vec::new();
    groups.extend(starting::groups(&tools, &peers, scale));
    groups.extend(passing::groups(&tools, &peers, scale));
    groups.extend(dialogue::groups(&tools, &peers, scale));
    groups.extend(control::groups(&tools, &peers, scale));
    groups.extend(ending::groups(&tools, &peers, scale));
    groups.extend(records::groups(&tools, &peers, scale));
    groups.extend(matching::groups(&tools, &peers, scale));
    groups.extend(counts::groups(&tools, &peers));
    groups.extend(counts::guards(&tools));
    if flag("--list") {
        for group in &groups {
            println!("{:<12} {}", group.name, group.title);
        }
        return Ok(0);
    }
    groups.retain(|group| {
        wanted.is_empty() || wanted.iter().any(|part| group.name.contains(part.as_str()))
    });
    if groups.is_empty() {
        return Err("no such group (--list)".to_owned());
    }
    for missing in peers.missing() {
        println!("missing: {missing}");
    }
    let began = std::time::Instant::now();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for group in groups {
        println!("\n{} ({} rounds)", group.title, group.rounds);
        let outcome = group.run(&tools)?;
        print!("{}", publish::plain(&outcome));
        outcomes.push(outcome);
    }
    let whole = wanted.is_empty() && !flag("--quick");
    let json = publish::json(&outcomes, &peers, &tools)?;
    println!("\nraw figures: {}", json.display());
    if flag("--write") || whole && !flag("--no-write") {
        let taking = publish::Taking { args, quick: flag("--quick"), took: began.elapsed() };
        publish::write(&outcomes, &peers, taking)?;
    }
    Ok(outcomes.iter().flat_map(Outcome::verdicts).filter(|verdict| verdict.missed).count())
}
