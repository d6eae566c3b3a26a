//! The documentation is true: every line of README.md's console blocks is run, every example script works.

use std::fmt::Write as _;
use std::path::Path;

use heeler::cli::exit_codes;

use crate::harness::Test;
use crate::real::need;

const README: &str = include_str!("../../README.md");

/// What the shell prints between the commands of the tour.
const MARK: &str = "\u{1}end of command\u{1}";

/// One command of a console block, and what it prints.
#[derive(Debug, Default)]
struct Shown {
    command: String,
    output: String,
}

/// The ```console blocks: `$ ` begins a command, `> ` continues it, all else is output.
fn console(text: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    let mut continues = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(kind) => inside = kind == "console",
            None if !inside => {}
            None => {
                if let Some(command) = line.strip_prefix("$ ") {
                    all.push(Shown { command: format!("{command}\n"), output: String::new() });
                    continues = true;
                    continue;
                }
                let last = all.last_mut().expect("a console block begins with a command");
                if let Some(more) = line.strip_prefix("> ").filter(|_| continues) {
                    let _ = writeln!(last.command, "{more}");
                } else {
                    continues = false;
                    let _ = writeln!(last.output, "{line}");
                }
            }
        }
    }
    all
}

/// Whether `got` is what was documented: `[..]` is anything within a line, a line `...` any lines.
fn fits(documented: &[&str], got: &[&str]) -> bool {
    match documented.split_first() {
        None => got.is_empty(),
        Some((&"...", rest)) => (0..=got.len()).any(|skip| fits(rest, &got[skip..])),
        Some((line, rest)) => got
            .split_first()
            .is_some_and(|(first, others)| fits_line(line, first) && fits(rest, others)),
    }
}

fn fits_line(documented: &str, got: &str) -> bool {
    match documented.split_once("[..]") {
        None => documented == got,
        Some((before, rest)) => got.strip_prefix(before).is_some_and(|behind| {
            let ends = behind.char_indices().map(|(at, _)| at).chain([behind.len()]);
            ends.into_iter().any(|at| fits_line(rest, &behind[at..]))
        }),
    }
}

#[test]
fn placeholders_fit_what_they_stand_for() {
    assert!(fits(&["a [..] c", "...", "z"], &["a b c", "x", "y", "z"]));
    assert!(fits(&["...", "z"], &["z"]) && fits(&["[..]([..])"], &["sleep (17)"]));
    assert!(!fits(&["a"], &["b"]) && !fits(&["a", "b"], &["a"]) && !fits(&["[..]c"], &["ab"]));
}

/// The tour, in one shell, in a fresh directory; stdout and stderr are one, as on a terminal.
#[test]
fn the_tour_in_the_readme_is_true() {
    need("bash");
    let t = Test::new();
    let tour = console(README);
    assert!(tour.len() > 15, "only {} commands were found", tour.len());
    let mut script = String::from("exec 2>&1\n");
    for shown in &tour {
        // The mark keeps $? as the next command of the tour is to see it.
        let _ = writeln!(script, "{}code=$?; printf '%s' '{MARK}'; (exit $code)", shown.command);
    }
    t.write(".tour.sh", &script);
    let done = t.program("bash", [".tour.sh"]).any_out().any_status().finish().check();
    let text = done.out_text().replace("\r\n", "\n");
    let got: Vec<&str> = text.split(MARK).collect();
    for (shown, got) in tour.iter().zip(&got) {
        let documented: Vec<&str> = shown.output.lines().collect();
        assert!(
            fits(&documented, &got.lines().collect::<Vec<_>>()),
            "README.md says that\n$ {}prints\n{}but it prints\n{got}",
            shown.command,
            shown.output,
        );
    }
    assert_eq!(got.len(), tour.len() + 1, "the tour ended early:\n{text}");
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    for (code, when) in exit_codes::TABLE {
        let row = format!("| {code} | {when} |");
        assert!(README.lines().any(|line| line == row), "README.md lacks the row\n{row}");
    }
}

/// Every outcome is in the README, every flag that it names exists.
#[test]
fn the_readme_names_outcomes_and_flags_that_exist() {
    let t = Test::new();
    let schema = t.heeler(["schema", "report"]).any_out().check().out_text();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let text = schema.to_string();
    for word in
        ["outcome", "success", "child", "stop", "streams", "dialogue", "containment", "attempts"]
    {
        assert!(text.contains(&format!("\"{word}\"")), "the schema lacks {word}");
    }
    let help: String = ["run", "send", "expect", "logs", "wait", "list", "attach"]
        .map(|command| t.heeler([command, "--help"]).any_out().check().out_text())
        .concat();
    let known = |flag: &str| {
        ["--release", "--locked", "--path", "--target", "--help"].contains(&flag)
            || help
                .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .any(|word| word == flag)
    };
    for word in README.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        let is_flag = word
            .strip_prefix("--")
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
        assert!(
            !is_flag || known(word),
            "README.md names {word}, which `heeler run --help` does not"
        );
    }
}

/// The scripts in examples/, each with what it promises in its first lines.
mod examples {
    use super::*;

    fn example(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// In a fresh directory, as an executable of its own.
    fn run(t: &Test, name: &str, args: &[&str]) -> crate::harness::Done {
        let script = t.script(name, example(name));
        t.program(script.to_str().unwrap(), args).any_out().any_err().any_status().finish()
    }

    #[test]
    fn every_example_is_tested_here() {
        let here = include_str!("tour.rs");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // The ports have tests of their own: examples.rs.
            assert!(
                name == "expect" || here.contains(&format!("\"{name}\"")),
                "examples/{name} has no test"
            );
        }
    }

    #[test]
    fn flaky_in_ci() {
        let t = Test::new();
        t.script(
            "test-suite",
            "#!/bin/sh\necho x >>tries\ntest $(wc -l <tries) -ge 2 && echo passed\n",
        );
        let done = run(&t, "flaky-in-ci.sh", &["./test-suite"]).exit(0).check();
        assert!(done.out_text().contains("passed"), "{}", done.out_text());
        assert!(done.err_text().contains("it passed, but not at once"), "{}", done.err_text());
        assert!(t.read("result.json").contains("\"flaky\":true"));
    }

    #[test]
    fn new_ssh_key() {
        need("ssh-keygen");
        let t = Test::new();
        let script = t.script("new-ssh-key.sh", example("new-ssh-key.sh"));
        let make = || {
            t.program(script.to_str().unwrap(), ["key"])
                .env("KEY_PASSPHRASE", "open sesame")
                .any_err()
        };
        let done = make().any_out().check();
        assert!(done.out_text().contains("SHA256:"), "{}", done.out_text());
        t.program("ssh-keygen", ["-y", "-P", "open sesame", "-f", "key"]).any_out().check();
        // A key that exists is not overwritten.
        let key = t.read("key");
        let again = make().any_out().any_status().finish();
        assert_eq!(again.status.code(), Some(122));
        assert_eq!(t.read("key"), key);
    }

    #[test]
    fn server_smoke_test() {
        need("python3");
        let t = Test::new();
        t.write("page.html", "hello\n");
        let done = run(&t, "server-smoke-test.sh", &[]).exit(0).check();
        assert!(done.out_text().contains("it came up"), "{}", done.out_text());
        t.script("broken", "#!/bin/sh\necho 'Address already in use' >&2\nexec sleep 1000\n");
        let done = run(&t, "server-smoke-test.sh", &["./broken"]).exit(122).check();
        assert!(done.err_text().contains("Address already in use"), "{}", done.err_text());
        // One that ends well and never came up.
        let done = run(&t, "server-smoke-test.sh", &["true"]).exit(122).check();
        assert!(!done.out_text().contains("it came up"), "{}", done.out_text());
    }

    #[test]
    fn report_on_failure() {
        let t = Test::new();
        let done = run(&t, "report-on-failure.sh", &["sh", "-c", "echo so far so good; exit 3"]);
        let done = done.exit(3).check();
        assert!(done.err_text().contains("exited with code 3"), "{}", done.err_text());
        let fine = run(&t, "report-on-failure.sh", &["true"]).exit(0).check();
        assert_eq!(fine.err_text(), "");
    }

    #[test]
    fn converse() {
        need("bash");
        need("bc");
        let t = Test::new();
        let done = run(&t, "converse.sh", &["10"]).exit(0).check();
        assert!(done.out_text().contains("the sum of 1 to 10 is 55"), "{}", done.out_text());
        t.wait_alone();
    }

    #[test]
    fn converse_over_the_socket() {
        need("python3");
        let t = Test::new();
        let done = run(&t, "converse.py", &[]).exit(0).check();
        let said = "1 + 2 is 3 (sum)\n20 + 22 is 42 (sum)\nit exited with 3\n";
        assert_eq!(done.out_text(), said, "{}", done.err_text());
        t.wait_alone();
    }

    #[test]
    fn answer_installer() {
        let t = Test::new();
        t.script(
            "apt-get",
            "#!/bin/sh\nprintf 'Do you want to continue? [Y/n] '; read -r a\n\
             test \"$a\" = y || exit 1\n\
             printf '*** /etc/hello.conf (Y/I/N/O/D/Z) [default=N] ? '; read -r b\n\
             echo \"Setting up hello (2.10) with conf ${b}\"\n",
        );
        let script = t.script("answer-installer.sh", example("answer-installer.sh"));
        let path = format!(
            "{}:{}",
            t.dir().display(),
            env!("CARGO_BIN_EXE_heeler").rsplit_once('/').unwrap().0
        );
        let done = t
            .program(script.to_str().unwrap(), ["hello"])
            .env("PATH", format!("{path}:/usr/bin:/bin"))
            .any_out()
            .any_err()
            .check();
        assert!(done.out_text().contains("with conf N"), "{}", done.out_text());
    }
}
