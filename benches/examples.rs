//! The ports in `examples/expect`: how long each script is and how long it runs, beside those of Expect and
//! pexpect.
//!
//! ```text
//! cargo bench --bench examples                    all of them; prints the table
//! cargo bench --bench examples -- --write         and puts it into examples/expect/README.md
//! cargo bench --bench examples -- --rounds 3 ftp  these only
//! ```
//!
//! All scripts of a port run in turn, round after round, each on a fresh stage (`tests/stage`), against the
//! same real programs; whoever does not do its work ends it. The time is from the start of the script to its
//! end: mostly what the programs take.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own, outside the layers: it starts processes, writes files and prints"
)]

#[path = "../tests/stage/mod.rs"]
mod stage;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use stage::{Port, Stage, examples, ports};

/// How scripts end, and what they are called.
const LANGUAGES: [&str; 3] = ["toml", "exp", "py"];

const BEGIN: &str = "<!-- table -->\n";
const END: &str = "<!-- /table -->";

/// What is told of a port, by language.
struct Row {
    port: Port,
    lines: [Option<usize>; 3],
    ms: [Option<f64>; 3],
}

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` starts benches too, without the flag that `cargo bench` gives.
    let Some(at) = args.iter().position(|arg| arg == "--bench") else {
        println!("not measured: cargo bench --bench examples");
        return ExitCode::SUCCESS;
    };
    args.remove(at);
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("examples: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut args: Vec<String>) -> Result<(), String> {
    let write = args.iter().position(|arg| arg == "--write").map(|at| args.remove(at)).is_some();
    let rounds = match args.iter().position(|arg| arg == "--rounds") {
        Some(at) => {
            let number = args.drain(at..(at + 2).min(args.len())).next_back().unwrap_or_default();
            number.parse().ok().filter(|n| *n > 0).ok_or("--rounds wants a number")?
        }
        None => 7,
    };
    let mut rows = Vec::new();
    for port in
        ports().into_iter().filter(|port| args.is_empty() || args.contains(&port.name.to_owned()))
    {
        eprintln!("{}", port.name);
        rows.push(measure(port, rounds)?);
    }
    if rows.is_empty() {
        return Err(format!("there is no {}", args.join(", ")));
    }
    let table = table(&rows, rounds);
    print!("{table}");
    if write {
        let path = examples().join("README.md");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let (head, rest) = text.split_once(BEGIN).ok_or("no place for the table in README.md")?;
        let (_, tail) = rest.split_once(END).ok_or("no end of the table in README.md")?;
        std::fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}"))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn measure(port: Port, rounds: usize) -> Result<Row, String> {
    let scripts = LANGUAGES.map(|language| examples().join(port.name).with_extension(language));
    let lines = scripts
        .each_ref()
        .map(|script| std::fs::read_to_string(script).ok().map(|text| count(&text)));
    let mut taken: [Vec<f64>; 3] = Default::default();
    // One round ahead that does not count, and each begins with another, so that nobody is always first.
    for round in 0..=rounds {
        for turn in 0..LANGUAGES.len() {
            let which = (turn + round) % LANGUAGES.len();
            if lines[which].is_none() {
                continue;
            }
            if let Some(ms) = play(&port, LANGUAGES[which], &scripts[which])?
                && round > 0
            {
                taken[which].push(ms);
            }
        }
    }
    Ok(Row { port, lines, ms: taken.map(median) })
}

/// One run in milliseconds; nothing where this machine does not allow it.
fn play(port: &Port, language: &str, script: &Path) -> Result<Option<f64>, String> {
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let stage = Stage::new(port, dir.path(), Path::new(env!("CARGO_BIN_EXE_heeler")));
    if !stage.is_allowed() {
        return Ok(None);
    }
    let mut program = vec![script.to_str().ok_or("a path that is no text")?];
    program.extend(stage.args(language));
    let words = stage.command(&program);
    let said = std::fs::File::create(stage.path("said")).map_err(|error| error.to_string())?;
    let also = said.try_clone().map_err(|error| error.to_string())?;
    // Whoever has used heeler before has a database; the first run of all makes it, which is no script's doing.
    let mut first = Command::new(env!("CARGO_BIN_EXE_heeler"));
    first.args(["run", "--", "true"]).env_clear().envs(stage.env()).stdin(Stdio::null());
    first.status().map_err(|error| error.to_string())?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env_clear().envs(stage.env()).current_dir(stage.dir());
    command.stdin(Stdio::null()).stdout(said).stderr(also);
    let began = Instant::now();
    command.status().map_err(|error| format!("{}: {error}", words[0]))?;
    let ms = began.elapsed().as_secs_f64() * 1e3;
    (port.effect)(&stage, &stage.read("said"))
        .map_err(|what| format!("{}: {what}\n{}", script.display(), stage.read("said")))?;
    Ok(Some(ms))
}

/// Lines that are neither blank nor a comment.
fn count(text: &str) -> usize {
    let lines = text.lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn table(rows: &[Row], rounds: usize) -> String {
    let mut text = String::from(
        "| script | what it does | lines: heeler | Expect | pexpect | ms: heeler | Expect | pexpect |\n\
         | --- | --- | --: | --: | --: | --: | --: | --: |\n",
    );
    for Row { port: Port { name, about, .. }, lines, ms } in rows {
        let _ = write!(text, "| [{name}]({name}.toml) | {about} |");
        for lines in lines {
            let _ = write!(text, " {} |", lines.map(|n| n.to_string()).unwrap_or_default());
        }
        for ms in ms {
            let _ = write!(text, " {} |", ms.map(|ms| format!("{ms:.0}")).unwrap_or_default());
        }
        text.push('\n');
    }
    let sum = |of: usize| rows.iter().filter_map(|row| row.lines[of]).sum::<usize>();
    let faster =
        rows.iter().filter(|row| matches!(row.ms, [Some(ours), Some(theirs), _] if ours <= theirs));
    let _ = writeln!(
        text,
        "\n{} scripts: {} lines for heeler, {} for Expect, blank lines and comments left out; {} of them run no\n\
         longer than Expect's. Medians of {rounds} rounds.",
        rows.len(),
        sum(0),
        sum(1),
        faster.count(),
    );
    text
}
