//! Scripts that run: against stand-ins for the programs that they drive.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::Test;

const SSH: &str = r#"#!/bin/sh
printf 'The authenticity of host %s is not known (yes/no)? ' "$1"
read -r answer
[ "$answer" = yes ] || exit 254
stty -echo
printf 'Password: '
read -r password
stty echo
echo
[ "$password" = "hunter2" ] || { echo "Permission denied"; sleep 60; exit 255; }
echo 'WARNING: the disk is full'
echo 'WARNING: again'
printf '$ '
read -r line
echo ' 10:00:00 up 1 day, load average: 0.42, 0.30, 0.20'
printf '$ '
read -r line
[ "$line" = exit ]
"#;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { dir: tempfile::tempdir().expect("a directory") }
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("it is written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
        path
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        let binary = Path::new(env!("CARGO_BIN_EXE_heeler")).parent().expect("a directory");
        let path = format!("{}:{}:/usr/bin:/bin", self.dir.path().display(), binary.display());
        command
            .args(words)
            .env_clear()
            .env("PATH", path)
            .env("DB_PASSWORD", "hunter2")
            .env("HEELER_DB", self.dir.path().join("db"))
            .current_dir(self.dir.path())
            .stdin(std::process::Stdio::null());
        command
    }

    fn heeler(&self, words: &[&str]) -> Output {
        self.command(Path::new(env!("CARGO_BIN_EXE_heeler")), words).output().expect("it starts")
    }

    fn report(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.dir.path().join("report")).expect("it was written");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// Runs a script, and gives the report.
    fn run(&self, script: &str, words: &[&str]) -> (serde_json::Value, Output) {
        self.file("script.toml", script, 0o600);
        let mut line = vec!["run", "--report", "report", "--script", "script.toml"];
        line.extend(words);
        let output = self.heeler(&line);
        (self.report(), output)
    }
}

fn said(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams.map(|stream| String::from_utf8_lossy(stream).into_owned()).join("\n---\n")
}

/// The script that the documentation shows.
fn login() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scripts/good/login.toml");
    std::fs::read_to_string(path).expect("it is there")
}

#[test]
fn the_script_of_the_documentation_logs_in() {
    let place = Place::new();
    place.file("ssh", SSH, 0o755);
    let (report, output) = place.run(&login(), &["db1"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(report["command"], serde_json::json!(["ssh", "db1"]));
    let captures = &report["dialogue"]["captures"];
    assert_eq!(captures["load"], "0.42", "{report}");
    assert_eq!(captures["warnings"], serde_json::json!(["the disk is full", "again"]), "{report}");
    assert!(!said(&output).contains("hunter2") && !report.to_string().contains("hunter2"));
}

#[test]
fn a_rule_gives_the_reason_of_the_failure() {
    let place = Place::new();
    place.file("ssh", SSH, 0o755);
    place.file("script.toml", &login(), 0o600);
    let mut command = place.command(
        Path::new(env!("CARGO_BIN_EXE_heeler")),
        &["run", "--report", "report", "--script", "script.toml", "--stop", "KILL", "db1"],
    );
    let output = command.env("DB_PASSWORD", "wrong").output().expect("it starts");
    assert_eq!(output.status.code(), Some(122), "{}", said(&output));
    let message = place.report()["dialogue"]["failure"]["message"].to_string();
    assert!(message.contains("login failed: Permission denied"), "{message}");
}

#[test]
fn a_shebang_makes_it_a_program() {
    let place = Place::new();
    place.file("ssh", SSH, 0o755);
    let text = format!("#!/usr/bin/env -S heeler run --script\n{}", login());
    let program = place.file("login.toml", &text, 0o755);
    let output = place.command(&program, &["db1"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = place.command(&program, &[]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains("the param `host` is required"), "{}", said(&output));
}

#[test]
fn procs_loops_and_variables() {
    let place = Place::new();
    let script = r#"
version = 1
[command]
argv = ["cat"]
pipe = true
[params]
names = { default = ["ann", "bob"] }

[[step]]
[step.loop]
foreach = "names"
as = "name"
  [[step.loop.step]]
  call = "say"
  args = { what = "hello ${name}" }

[[step]]
set = { n = 0 }

[[step]]
loop = { until = "n >= 3", step = [{ count = "n" }] }

[[step]]
exec = 'echo "n is $n"'

[[step]]
exec = { argv = ["printf", "%s!", "${last}"], into = "shouted" }

[[step]]
key = "eof"

[[step]]
wait_exit = 0

[proc.say]
args = ["what"]
[[proc.say.step]]
line = "${what}"
[[proc.say.step]]
expect = '/^hello (?<last>\w+)$/'
append = "all"
"#;
    let (report, output) = place.run(script, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let captures = &report["dialogue"]["captures"];
    assert_eq!(captures["all"], serde_json::json!(["ann", "bob"]), "{report}");
    assert_eq!(captures["shouted"], "bob!", "{report}");
    assert_eq!(captures["n"], "3", "{report}");
}

#[test]
fn the_same_in_json_and_from_stdin() {
    let place = Place::new();
    let json = r#"{"version": 1, "command": {"argv": ["echo", "one two"], "pipe": true},
        "step": [{"expect": "/one (?<w>\\w+)/"}]}"#;
    place.file("script.json", json, 0o600);
    for file in ["script.json", "-"] {
        let mut command = place.command(
            Path::new(env!("CARGO_BIN_EXE_heeler")),
            &["run", "--report", "report", "--script-json", file],
        );
        let input = std::fs::File::open(place.dir.path().join("script.json")).expect("it is there");
        let output = command.stdin(input).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(place.report()["dialogue"]["captures"]["w"], "two");
    }
}

#[test]
fn what_is_emitted_runs() {
    let place = Place::new();
    let flags = ["--pipe", "--expect", "/a(?<x>.)/", "--line", "q${x}", "--until", "q${x}"];
    let mut line = vec!["run", "--emit"];
    line.extend(flags);
    line.extend(["--", "sh", "-c", "echo ab; read -r l; echo \"$l\"; sleep 60"]);
    let output = place.heeler(&line);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let script = String::from_utf8(output.stdout).expect("it is text");
    let (report, output) = place.run(&script, &["--stop", "KILL"]);
    assert_eq!(output.status.code(), Some(0), "{script}{}", said(&output));
    assert_eq!(report["outcome"], "until");
    assert_eq!(report["dialogue"]["captures"]["x"], "b");
}

/// A list is as many words of the command as it has, given with commas or word by word.
#[test]
fn a_list_becomes_words() {
    let t = Test::new();
    let script = r#"
version = 1
command = { argv = ["printf", "<%s>", "${files...}", "${to}"], pipe = true }
params = { files = { type = "list" }, to = {} }
"#;
    t.write("s.toml", script);
    let run = |words: &str| t.run(["--script", "s.toml"].into_iter().chain(words.split(' ')));
    run("a b,c d to").out("<a><b,c><d><to>").check();
    run("a,b to").out("<a><b><to>").check();
    run("--set files=a,b --set files=c to").out("<a,b><c><to>").check();
    run("--set files= to").out("<to>").check();
    run("--set files=a to more").exit(125).err_has("`more` is one word too many").check();
    for (bad, why) in [
        (script.replace("${to}", "${to...}"), "there is no param `to` that is a list"),
        (script.replace("\"${files...}\"", "\"x${files...}\""), "is several words"),
        (script.to_owned() + "[[step]]\nline = '${files...}'", "is several words"),
    ] {
        t.write("bad.toml", bad);
        t.heeler(["check", "bad.toml"]).exit(125).err_has(why).check();
    }
}

/// What is appended may be a text of the script's own, also from a watch.
#[test]
fn a_text_is_appended() {
    let t = Test::new();
    let script = r#"
version = 1
command = { shell = "echo one; echo two", pipe = true }
watch = [{ on = '/^(?<seen>\w+)$/', append = { watched = "saw ${seen}" } }]
step = [
  { loop = { foreach = ["one", "two"], as = "word", step = [
    { expect = "${word}", append = { met = "${word}!" } },
  ] } },
]
"#;
    t.write("s.toml", script);
    let done = t.run(["--script", "s.toml"]).out("one\ntwo\n").report().check();
    assert_eq!(done.at("/dialogue/captures/met"), serde_json::json!(["one!", "two!"]));
    let watched = serde_json::json!(["saw one", "saw two"]);
    assert_eq!(done.at("/dialogue/captures/watched"), watched);
}

/// What the command line has wrong stands in no line of the script.
#[test]
fn what_is_wrong_on_the_command_line_is_no_line_of_the_script() {
    let t = Test::new();
    let script = "version = 1\n[params.host]\ndefault = \"x\"\n[[step]]\nexpect = \"y\"\n";
    t.write("s.toml", script);
    t.run(["--script", "s.toml", "--set", "hsot=1", "--", "true"])
        .err("heeler: --set hsot: the script has no such param; did you mean `host`?\n")
        .exit(125)
        .check();
    t.run(["--script-json", "s.toml", "--", "true"])
        .err_has("a script in TOML is read by --script")
        .exit(125)
        .check();
}
