//! The ports of Expect scripts in `examples/expect`: what the modules `examples_*` share, and what is true of
//! all of them.

use std::path::{Path, PathBuf};

use crate::harness::{Cmd, Test};
use crate::stage::{Port, Stage, examples, ports};

/// A test's directory with the stage of one port; the stage ends first.
pub struct Scene {
    pub stage: Stage,
    pub test: Test,
    port: Port,
}

impl Scene {
    /// Prepares the stage; nothing where this machine does not allow it, which is said.
    pub fn new(name: &str) -> Option<Scene> {
        Scene::of(ports().into_iter().find(|port| port.name == name).unwrap())
    }

    /// With other arguments than those that work.
    pub fn with(name: &str, args: &'static [&'static str]) -> Option<Scene> {
        let port = ports().into_iter().find(|port| port.name == name).unwrap();
        Scene::of(Port { args, expect_args: None, ..port })
    }

    fn of(port: Port) -> Option<Scene> {
        let test = Test::new();
        let stage = Stage::new(&port, test.dir(), Path::new(env!("CARGO_BIN_EXE_heeler")));
        if !stage.is_allowed() {
            eprintln!(
                "left out: {name} wants an /etc of its own, so root and a mount namespace",
                name = port.name
            );
            return None;
        }
        Some(Scene { stage, test, port })
    }

    /// The port's script in that language, as a program, with flags before its arguments.
    pub fn script(&self, extension: &str, flags: &[&str]) -> Cmd<'_> {
        let script = examples().join(self.port.name).with_extension(extension);
        let mut program = vec![script.to_str().unwrap()];
        program.extend(flags);
        let args = self.stage.args(extension);
        program.extend(&args);
        let words = self.stage.command(&program);
        let mut cmd = self.test.program(&words[0], &words[1..]);
        for (name, value) in self.stage.env() {
            cmd = cmd.env(name, value);
        }
        cmd.any_out().any_err()
    }

    /// heeler's script.
    pub fn heeler(&self) -> Cmd<'_> {
        self.script("toml", &["--report", "report.json"])
    }

    /// A field of heeler's report.
    pub fn told(&self, pointer: &str) -> serde_json::Value {
        let report: serde_json::Value =
            serde_json::from_str(&self.stage.read("report.json")).unwrap();
        report.pointer(pointer).cloned().unwrap_or_default()
    }
}

/// heeler's script does its work, and so do those of Expect and pexpect, each on a stage of its own.
#[track_caller]
pub fn plays(name: &str, exit_code: i32) {
    for extension in ["toml", "exp", "py"] {
        if !examples().join(name).with_extension(extension).is_file() {
            continue;
        }
        let Some(scene) = Scene::new(name) else { return };
        let cmd = if extension == "toml" { scene.heeler() } else { scene.script(extension, &[]) };
        let done = cmd.any_status().finish();
        let out = done.out_text() + &done.err_text();
        if let Err(what) = (scene.port.effect)(&scene.stage, &out) {
            done.fail(&format!("{name}.{extension}: {what}"));
        }
        if extension == "toml" {
            assert_eq!(scene.told("/exit_code"), exit_code, "{name}: {out}");
            for (_, secret) in scene.port.env {
                assert!(
                    !scene.stage.read("report.json").contains(secret),
                    "{name}: a secret is told"
                );
                assert!(!out.contains(secret), "{name}: a secret is shown: {out}");
            }
        } else {
            assert_eq!(done.status.success(), exit_code == 0, "{name}.{extension}: {out}");
        }
    }
}

fn scripts(extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    scripts.sort();
    scripts
}

#[test]
fn each_script_is_a_port_and_passes_the_strict_check() {
    let t = Test::new();
    let scripts = scripts("toml");
    let mut names: Vec<String> = ports().iter().map(|port| port.name.to_owned()).collect();
    names.sort();
    let mut found: Vec<String> =
        scripts.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    found.sort();
    assert_eq!(found, names);
    let paths = scripts.iter().map(|path| path.to_str().unwrap());
    for path in paths {
        t.heeler(["check", "--strict", path]).check();
        assert!(Path::new(path).with_extension("exp").is_file(), "{path} has nothing beside it");
    }
}

/// Every port is in the table of the README there.
#[test]
fn the_table_has_every_port() {
    let readme = std::fs::read_to_string(examples().join("README.md")).unwrap();
    for port in ports() {
        let line = format!("| [{0}]({0}.toml) | {1} |", port.name, port.about);
        assert!(readme.contains(&line), "{line}");
    }
}
