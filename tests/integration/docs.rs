//! Man pages, completions and help agree with the definitions that parse, and the committed files with what
//! the binary generates.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::ValueEnum;
use heeler::cli;
use heeler::core::outcome;

/// Shell, and the name that its completion file has by custom.
const SHELLS: &[(&str, &str)] = &[
    ("bash", "heeler.bash"),
    ("zsh", "_heeler"),
    ("fish", "heeler.fish"),
    ("elvish", "heeler.elv"),
    ("powershell", "_heeler.ps1"),
];

/// The binary, without a home, a terminal or a database.
fn heeler(words: &[&str]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the binary under test")]
    let output = Command::new(env!("CARGO_BIN_EXE_heeler"))
        .args(words)
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output();
    output.expect("heeler starts")
}

fn stdout(words: &[&str]) -> String {
    let output = heeler(words);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {:?}\n{stderr}", output.status);
    assert_eq!(stderr, "", "{words:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

fn committed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    #[expect(clippy::disallowed_methods, reason = "the committed file is what is tested")]
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn assert_current(file: &str, generated: &str, command: &str) {
    assert!(
        committed(file) == generated,
        "{file} is not what heeler generates; run\n    {command}\nand commit the result"
    );
}

/// Every command of the tree, with itself in front.
fn commands() -> Vec<clap::Command> {
    let mut tree = cli::tree();
    tree.build();
    let mut all = vec![tree.clone()];
    all.extend(tree.get_subcommands().cloned());
    all
}

fn flags(command: &clap::Command) -> Vec<String> {
    command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)).collect()
}

fn page_of(command: &clap::Command) -> String {
    match command.get_name() {
        "heeler" => "man/heeler.1".to_owned(),
        name => format!("man/heeler-{name}.1"),
    }
}

#[test]
fn man_pages_are_current() {
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("made");
    assert_eq!(stdout(&["man", "--out", out.to_str().expect("it is text")]), "");
    let names = |dir: PathBuf| -> BTreeSet<String> {
        let entries = std::fs::read_dir(&dir).expect("it is a directory");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into()).collect()
    };
    let made = names(out.clone());
    let kept = names(Path::new(env!("CARGO_MANIFEST_DIR")).join("man"));
    let command = "cargo run -- man --out man";
    assert_eq!(made, kept, "man/ has other pages than heeler generates; run {command}");
    for name in made {
        #[expect(clippy::disallowed_methods, reason = "what was just generated")]
        let text = std::fs::read_to_string(out.join(&name)).expect("it was made");
        assert_current(&format!("man/{name}"), &text, command);
    }
    assert_eq!(stdout(&["man"]), committed("man/heeler.1"));
}

#[test]
fn completions_are_current() {
    for (shell, file) in SHELLS {
        let command = format!("cargo run -- completions {shell} > completions/{file}");
        assert_current(&format!("completions/{file}"), &stdout(&["completions", shell]), &command);
    }
    let known: Vec<String> = clap_complete::Shell::value_variants()
        .iter()
        .filter_map(|shell| Some(shell.to_possible_value()?.get_name().to_owned()))
        .collect();
    assert_eq!(known.len(), SHELLS.len(), "{known:?}");
}

#[test]
fn every_flag_is_in_the_man_page_and_in_every_completion() {
    for command in commands() {
        let page = committed(&page_of(&command));
        for flag in flags(&command) {
            let shown = format!("\\-\\-{}", flag.replace('-', "\\-"));
            assert!(page.contains(&shown), "--{flag} is not in {}", page_of(&command));
            for (_, file) in SHELLS {
                // fish writes flags without their dashes.
                let written =
                    if *file == "heeler.fish" { format!("-l {flag}") } else { format!("--{flag}") };
                let text = committed(&format!("completions/{file}"));
                assert!(
                    text.contains(&written),
                    "--{flag} of {} is not in {file}",
                    command.get_name()
                );
            }
        }
    }
}

#[test]
fn every_flag_has_help_and_a_heading_in_run() {
    for command in commands() {
        for arg in command.get_arguments() {
            let id = arg.get_id();
            assert!(arg.get_help().is_some(), "{id} of {} has no help", command.get_name());
            let is_flag_of_run =
                command.get_name() == "run" && arg.get_long().is_some() && id != "help";
            assert!(!is_flag_of_run || arg.get_help_heading().is_some(), "--{id} has no heading");
        }
    }
}

#[test]
fn exit_codes_are_documented_where_they_are_looked_for() {
    let codes = [
        outcome::EXIT_DIALOGUE,
        outcome::EXIT_STRAYS,
        outcome::EXIT_LIMIT,
        outcome::EXIT_HEELER,
        outcome::EXIT_NOT_EXECUTABLE,
        outcome::EXIT_NOT_FOUND,
    ];
    let help = stdout(&["--help"]);
    for code in codes.map(|code| code.to_string()).iter().map(String::as_str).chain(["0", "128+n"])
    {
        assert!(cli::exit_codes::TABLE.iter().any(|(known, _)| *known == code), "{code}: no entry");
        assert!(help.contains(&format!("\n  {code} ")), "{code} is not in heeler --help");
        for page in ["man/heeler.1", "man/heeler-run.1"] {
            assert!(committed(page).contains(&format!("\n.B {code}\n")), "{code} is not in {page}");
        }
    }
}

#[test]
fn every_field_of_the_report_is_in_the_man_page() {
    let schema: serde_json::Value =
        serde_json::from_str(&stdout(&["schema", "report"])).expect("it is JSON");
    let page = committed("man/heeler-run.1");
    let section = page.split(".SH REPORT").nth(1).expect("it has the section");
    let mut words = BTreeSet::new();
    for word in section.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        words.insert(word);
    }
    let mut fields = Vec::new();
    collect(&schema, &mut fields);
    assert!(fields.len() > 50, "the schema has {} fields", fields.len());
    for field in fields {
        assert!(words.contains(field.as_str()), "the field {field} is not in heeler-run(1)");
    }
}

/// The names of all properties, and the values of all enumerations.
fn collect(schema: &serde_json::Value, fields: &mut Vec<String>) {
    use serde_json::Value;
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                fields.extend(properties.keys().cloned());
            }
            if let Some(Value::String(value)) = object.get("const") {
                fields.push(value.clone());
            }
            object.values().for_each(|value| collect(value, fields));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, fields)),
        _ => {}
    }
}

#[test]
fn help_needs_nothing() {
    let root = stdout(&["-h"]);
    assert!(root.contains("Usage: heeler"), "{root}");
    // The same alone, but that was no command.
    let alone = heeler(&[]);
    assert_eq!(alone.status.code(), Some(outcome::EXIT_HEELER));
    assert_eq!((alone.stdout, String::from_utf8(alone.stderr)), (Vec::new(), Ok(root)));
    for command in commands().iter().skip(1) {
        let name = command.get_name();
        assert_eq!(stdout(&["help", name]), stdout(&[name, "--help"]), "{name}");
        stdout(&[name, "-h"]);
    }
    for topic in cli::topics::NAMES {
        assert!(!stdout(&["help", topic]).is_empty(), "{topic}");
    }
    assert!(stdout(&["--version"]).starts_with("heeler "));
}

#[test]
fn the_examples_of_the_help_parse() {
    let text = cli::topics::RUN.replace("\\\n", " ");
    let examples: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("    heeler ")).collect();
    assert!(examples.len() >= 5, "{examples:?}");
    for example in examples {
        let line = words(&format!("heeler {example}"));
        assert!(cli::parse(&line).is_ok(), "{example}: {:?}", cli::parse(&line).err());
    }
}

/// Words as a shell splits them, single quotes only.
fn words(line: &str) -> Vec<std::ffi::OsString> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.trim().chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("there is one").push(c),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).map(Into::into).collect()
}

#[test]
fn usage_errors_are_one_line_and_125() {
    for line in [
        "run",
        "run --bogus x",
        "run --timeout 5x -- x",
        "bogus",
        "run --pty --pipe x",
        "list --al",
        "run --expect /( x",
        "run --max 1 x",
        "run -C /nowhere/at/all x",
        "help bogus",
        "--bogus",
        "completions tcsh",
        "run --retry-delay 1s x",
    ] {
        let output = heeler(&line.split(' ').collect::<Vec<_>>());
        let stderr = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!(output.status.code(), Some(outcome::EXIT_HEELER), "{line}: {stderr}");
        assert_eq!(output.stdout, b"", "{line}");
        assert!(stderr.starts_with("heeler: "), "{line}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{line}: {stderr}");
    }
}

#[test]
fn a_dry_run_is_json_and_starts_nothing() {
    let line = "run --dry-run --pty --expect x --send-secret pw --secret pw=env:NOPE -- /nowhere a";
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&line.split(' ').collect::<Vec<_>>())).expect("it is JSON");
    assert_eq!(json["schema"], "heeler.plan/1");
    assert_eq!(json["argv"], serde_json::json!(["/nowhere", "a"]));
    assert_eq!(json["mode"], "pty");
    assert_eq!(json["uses_pty"], true);
    assert_eq!(json["ctrl_c_owner"], "child");
    assert_eq!(json["process_group"], "session");
    assert_eq!(json["size"], serde_json::json!({"columns": 80, "rows": 24, "follow": false}));
    assert_eq!(json["dialogue"]["steps"][0]["on"][0]["do"][0]["secret"], "pw");
    assert_eq!(json["stop"][1]["signal"], "SIGKILL");
    assert!(json.get("db").is_none(), "without a home there is no database");
}

/// The names of all tests in a folder, modules of modules too.
fn tests_in(folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests_in(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).unwrap();
            let all = text.split("#[test]").skip(1);
            names.extend(all.filter_map(|rest| {
                let (_, name) = rest.split_once("fn ")?;
                Some(name.split('(').next()?.to_owned())
            }));
        }
    }
}

/// Every scenario has a test that exists, or a sentence that says why not; in order, each once.
#[test]
fn every_scenario_names_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = Vec::new();
    tests_in(&root.join("tests/integration"), &mut tests);
    let text = std::fs::read_to_string(root.join("docs/scenarios.md")).unwrap();
    let mut before = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("- S")) {
        let (number, what) = line.split_once(": ").unwrap();
        let number: u32 = number.parse().unwrap();
        assert!(number > before, "S{number} after S{before}");
        before = number;
        assert!(what.len() > 10, "S{number} says nothing");
        if what.starts_with('`') {
            for name in what.split('`').skip(1).step_by(2) {
                assert!(
                    tests.iter().any(|test| test == name),
                    "S{number}: there is no test {name}"
                );
            }
        }
    }
    assert_eq!(before, 150);
}
