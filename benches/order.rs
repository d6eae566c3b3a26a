//! The order of functions in the program: those that usual runs call come first, in the order of their first calls.
//!
//! ```text
//! CARGO_PROFILE_RELEASE_STRIP=none cargo bench --target x86_64-unknown-linux-musl --bench order -- --write
//! ```
//!
//! A program of 6 MiB is read from the page cache in pieces of 64 KiB, and a start of heeler touched two of three of
//! them for a few functions each: a quarter of what a start cost. `build.rs` has the linker put what
//! `link/often.ld` names into one place. It names sections by patterns, because mangled names end in hashes that
//! change with the compiler; a name that fits nothing does nothing, so an old file costs speed and no more. The
//! mark on peak memory in the group `start` shows when it is time to write it anew.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, outside the layers: it starts processes, writes files and prints"
)]

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use regex::Regex;

const HEELER: &str = env!("CARGO_BIN_EXE_heeler");

/// What is usual. One that is over at once comes first: it is the start that counts.
const RUNS: [&[&str]; 8] = [
    &["run", "--timeout", "10", "--", "true"],
    &["run", "--timeout", "10", "--pipe", "--", "echo", "a line"],
    &["run", "--pty", "--expect", "name", "--line", "me", "--", "sh", "-c", "echo name; read a"],
    &["run", "--pipe", "--report", "/dev/null", "--", "sh", "-c", "exit 3"],
    &["run", "--timeout", "0.05", "--", "sleep", "3"],
    &["send", "order", "--line", "hello"],
    &["expect", "order", "--on", "hello", "--since", "0"],
    &["wait", "--timeout", "0.05", "order"],
];

/// So much that is not usual may come along by a pattern, in bytes, as far as that is counted: by the functions whose
/// own pattern is the same. The `*` of a linker script spans anything, so it can take along more than those. That costs
/// some of the order, and nothing else.
const ASTRAY: u64 = 1024;

/// A function of the program.
struct Symbol {
    address: u64,
    size: u64,
    name: String,
    pattern: String,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benches too, without the flag that `cargo bench` gives.
    if !args.iter().any(|arg| arg == "--bench") {
        println!("nothing done: cargo bench --bench order [-- --write]");
        return ExitCode::SUCCESS;
    }
    match order(args.iter().any(|arg| arg == "--write")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("order: {error}");
            ExitCode::FAILURE
        }
    }
}

fn order(write: bool) -> Result<(), String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("order");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let _ = std::fs::remove_dir_all(&home);
    std::fs::create_dir_all(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    let symbols = symbols()?;
    let text: String = symbols.iter().fold(String::new(), |mut text, symbol| {
        let _ = writeln!(text, "{:x}", symbol.address);
        text
    });
    let (calls, addresses, reached) =
        (home.join("calls"), home.join("addresses"), home.join("reached"));
    std::fs::write(&addresses, text).map_err(|e| e.to_string())?;
    let heeler = |program: &Path| {
        let mut command = Command::new(program);
        command.env("HEELER_DB", home.join("runs.db")).env_remove("HEELER_RUN");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    done(Command::new(cc).args(["-O2", "-o"]).arg(&calls).arg(root.join("benches/c/calls.c")))?;
    done(heeler(HEELER.as_ref()).args(["run", "-d", "--ttl", "60", "--name", "order", "cat"]))?;

    let mut often: Vec<&Symbol> = Vec::new();
    let mut known = HashSet::new();
    for run in RUNS {
        // How it ends is its own affair: some fail, as runs do.
        let output = heeler(&calls)
            .arg(&reached)
            .args([addresses.as_os_str(), HEELER.as_ref()])
            .args(run)
            .stdout(Stdio::piped())
            .output();
        let met = std::fs::read_to_string(&reached).map_err(|e| e.to_string())?;
        if output.is_err() || met.is_empty() {
            return Err(format!("{run:?} called nothing; is it x86-64, with a fixed address?"));
        }
        for address in met.lines().filter_map(|line| u64::from_str_radix(line, 16).ok()) {
            let found = symbols.iter().filter(|symbol| symbol.address == address);
            often.extend(found.filter(|symbol| known.insert(symbol.name.as_str())));
        }
    }
    done(heeler(HEELER.as_ref()).args(["signal", "order", "KILL"]))?;

    let bytes: u64 = often.iter().map(|symbol| symbol.size).sum();
    let mut script = String::from(
        "/* What usual runs call, in the order of their first calls. Written by benches/order.rs; do not edit. */\n\
         SECTIONS\n{\n  .text.often :\n  {\n",
    );
    let mut said = HashSet::new();
    for symbol in &often {
        let astray: u64 = symbols
            .iter()
            .filter(|other| other.pattern == symbol.pattern && !known.contains(other.name.as_str()))
            .map(|other| other.size)
            .sum();
        let pattern = if astray <= ASTRAY { &symbol.pattern } else { &symbol.name };
        if said.insert(pattern) {
            let _ = writeln!(script, "    *(.text.{pattern})");
        }
    }
    script += "  }\n}\nINSERT BEFORE .text;\n";
    println!("{} of {} functions, {} KiB", often.len(), symbols.len(), bytes >> 10);
    if write {
        std::fs::write(root.join("link/often.ld"), script).map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// The functions of the program.
fn symbols() -> Result<Vec<Symbol>, String> {
    let output =
        Command::new("nm").args(["-S", HEELER]).output().map_err(|e| format!("nm: {e}"))?;
    // Hashes of the compiler's: of a crate (in names of version 0, which .cargo/config.toml asks for), and of a part
    // that was split off; and references to what stands before them in a name, which count the letters of the hashes.
    let rules =
        [(r"Cs[0-9A-Za-z]+_", "Cs*_"), (r"B[0-9A-Za-z]*_", "B*_"), (r"\.llvm\.[0-9]+", ".llvm.*")]
            .map(|(hash, any)| (Regex::new(hash).expect("it is a regex"), any));
    let symbols: Vec<Symbol> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let [address, size, kind, name] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let pattern = rules.iter().fold(name.to_owned(), |name, (hash, any)| {
                hash.replace_all(&name, *any).into_owned()
            });
            let hex = |text| u64::from_str_radix(text, 16).ok();
            let symbol =
                Symbol { address: hex(address)?, size: hex(size)?, name: name.to_owned(), pattern };
            "tTwW".contains(kind).then_some(symbol)
        })
        .collect();
    if symbols.is_empty() {
        return Err(format!(
            "{HEELER} has no symbols: CARGO_PROFILE_RELEASE_STRIP=none builds it with them"
        ));
    }
    Ok(symbols)
}

fn done(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("{command:?}: {other:?}")),
    }
}
