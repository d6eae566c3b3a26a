//! The stage on which the ports in `examples/expect` play: for each what it needs in an empty directory, its
//! arguments, and how one sees that it did its work. The tests play heeler's scripts, `benches/examples.rs`
//! those of Expect and pexpect too; what they are held to is the same.

#![expect(
    clippy::disallowed_methods,
    reason = "a stage makes files, starts servers and reads what was left"
)]

mod accounts;
mod files;
mod network;
mod programs;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A script that people write with Expect or pexpect, and heeler's.
#[derive(Clone, Copy)]
pub struct Port {
    /// The name of its files.
    pub name: &'static str,
    /// What it does, for the table.
    pub about: &'static str,
    /// What it is called with.
    pub args: &'static [&'static str],
    /// What those of Expect and pexpect are called with, where that differs.
    pub expect_args: Option<&'static [&'static str]>,
    /// Secrets, and the like.
    pub env: &'static [(&'static str, &'static str)],
    /// Makes what it needs.
    pub prepare: fn(&mut Stage),
    /// Says what is wrong with what it left; it gets what it printed.
    pub effect: fn(&Stage, &str) -> Result<(), String>,
}

/// All of them, in the order of the table.
pub fn ports() -> Vec<Port> {
    [accounts::PORTS, network::PORTS, files::PORTS, programs::PORTS]
        .into_iter()
        .flatten()
        .copied()
        .collect()
}

/// The directory in which one of them plays.
pub struct Stage {
    dir: PathBuf,
    env: BTreeMap<String, String>,
    args: [Vec<String>; 2],
    servers: Vec<Child>,
    own_etc: bool,
}

impl Stage {
    /// Prepares `dir`, which is empty, for `port`. `heeler` is the program that is found by that name.
    pub fn new(port: &Port, dir: &Path, heeler: &Path) -> Stage {
        let mut stage = Stage {
            dir: dir.to_owned(),
            env: BTreeMap::new(),
            args: [port.args, port.expect_args.unwrap_or(port.args)]
                .map(|args| args.iter().map(|&arg| arg.to_owned()).collect()),
            servers: Vec::new(),
            own_etc: false,
        };
        std::fs::create_dir_all(stage.path("bin")).unwrap();
        std::fs::create_dir_all(stage.path("home")).unwrap();
        let ours = heeler.parent().unwrap().display();
        let bin = stage.path("bin");
        let path = format!("{}:{ours}:/usr/bin:/bin:/usr/sbin:/sbin", bin.display());
        stage.set("PATH", &path);
        stage.set("HOME", stage.path("home").to_str().unwrap());
        stage.set("HEELER_DB", stage.path("runs.db").to_str().unwrap());
        for (name, value) in [("LC_ALL", "C.UTF-8"), ("TERM", "xterm"), ("USER", "root")] {
            stage.set(name, value);
        }
        for (name, value) in port.env {
            stage.set(name, value);
        }
        (port.prepare)(&mut stage);
        stage
    }

    /// What starts `program` on this stage, as words.
    pub fn command(&self, program: &[&str]) -> Vec<String> {
        let own_etc = [
            "unshare",
            "--mount",
            "sh",
            "-c",
            r#"mount --bind etc /etc && mount --bind home /home && exec "$@""#,
            "sh",
        ];
        let before = if self.own_etc { &own_etc[..] } else { &[] };
        before.iter().chain(program).map(|&word| word.to_owned()).collect()
    }

    /// The arguments of the script in that language.
    pub fn args(&self, extension: &str) -> Vec<&str> {
        self.args[usize::from(extension != "toml")].iter().map(String::as_str).collect()
    }

    /// The environment, all of it.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Whether this machine allows what this stage needs.
    pub fn is_allowed(&self) -> bool {
        let mut probe = Command::new("unshare");
        probe.args(["--mount", "mount", "--bind", "/", "/"]).stderr(Stdio::null());
        !self.own_etc || probe.status().is_ok_and(|status| status.success())
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes a program into `bin`, where it is found first.
    pub fn program(&self, name: &str, text: &str) {
        // Written by another process: a file that we hold open for writing cannot be executed, nor can it
        // be closed in whoever forks meanwhile.
        self.sh(&format!("cat >bin/{name} <<'THE-END'\n{text}\nTHE-END\nchmod 755 bin/{name}"));
    }

    /// Reads a file; empty where there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read(self.path(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Runs a line of shell on the stage, and gives its output.
    pub fn sh(&self, line: &str) -> String {
        self.ask(line).unwrap_or_else(|what| panic!("{what}"))
    }

    /// Runs a line of shell on the stage; its output, or why it failed.
    pub fn ask(&self, line: &str) -> Result<String, String> {
        let words = self.command(&["sh", "-c", line]);
        let output = Command::new(&words[0])
            .args(&words[1..])
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{}: {error}", words[0]))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr);
        output.status.success().then_some(text).ok_or_else(|| format!("{line}: {err}"))
    }

    /// Starts a program of `examples/expect/programs` that serves, and adds the port that it tells to the
    /// arguments.
    pub fn serve(&mut self, name: &str, args: &[&str]) {
        let mut server = Command::new("/usr/bin/python3")
            .arg(programs_dir().join(name))
            .args(args)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
        self.servers.push(server);
        for args in &mut self.args {
            args.push(port.trim().to_owned());
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Where the ports are.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/expect")
}

fn programs_dir() -> PathBuf {
    examples().join("programs")
}

/// `Ok` when `text` has `part` in it.
fn has(text: &str, part: &str) -> Result<(), String> {
    text.contains(part).then_some(()).ok_or_else(|| format!("no `{part}` in:\n{text}"))
}
