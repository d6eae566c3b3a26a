//! The programs that heeler is compared with: whichever are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::Tools;

/// A peer, and where to get it.
#[derive(Debug)]
struct Peer {
    name: &'static str,
    source: &'static str,
    path: Option<String>,
    version: String,
}

/// All of them.
#[derive(Debug)]
pub struct Peers {
    programs: Vec<Peer>,
    /// A Python that has pexpect.
    pub pexpect: Option<String>,
}

const KNOWN: [(&str, &str); 11] = [
    ("timeout", "Debian package coreutils"),
    ("script", "Debian package bsdutils"),
    ("expect", "Debian package expect"),
    (
        "sexpect",
        "Debian package sexpect (13 and later), or HEELER_BENCH_SEXPECT=DIR with a copy of github.com/clarkwang/sexpect",
    ),
    ("tini", "Debian package tini"),
    ("pv", "Debian package pv"),
    ("cat", "Debian package coreutils"),
    ("tee", "Debian package coreutils"),
    ("strace", "Debian package strace"),
    ("tmux", "Debian package tmux"),
    ("sqlite3", "Debian package sqlite3"),
];

const PEXPECT: &str = "PyPI package pexpect (python3 -m pip install pexpect, in a venv)";

impl Peers {
    /// Looks for them, in `HEELER_BENCH_PEERS` before `PATH`; builds what it has the source of.
    pub fn find(tools: &Tools) -> Result<Peers, String> {
        let sexpect = std::env::var_os("HEELER_BENCH_SEXPECT");
        let mut built =
            sexpect.map(|dir| build_sexpect(Path::new(&dir), &tools.bin)).transpose()?;
        let programs = KNOWN
            .map(|(name, source)| {
                let path = built.take_if(|_| name == "sexpect").or_else(|| find(name));
                let version = path.as_deref().map(version).unwrap_or_default();
                Peer { name, source, path, version }
            })
            .into();
        // The interpreter itself, not a wrapper that finds it: its start-up would be measured too.
        let pexpect = Command::new("python3")
            .args(["-c", "import pexpect, sys; print(sys.executable)"])
            .stderr(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        Ok(Peers { programs, pexpect })
    }

    /// Where `name` is, if it is installed.
    pub fn path(&self, name: &str) -> Option<&str> {
        self.programs.iter().find(|peer| peer.name == name)?.path.as_deref()
    }

    /// What is not installed, and where to get it.
    pub fn missing(&self) -> Vec<String> {
        let pexpect = self.pexpect.is_none().then(|| format!("pexpect: {PEXPECT}"));
        self.programs
            .iter()
            .filter(|peer| peer.path.is_none())
            .map(|peer| format!("{}: {}", peer.name, peer.source))
            .chain(pexpect)
            .collect()
    }

    /// What is installed, with versions.
    pub fn versions(&self) -> Vec<String> {
        let found = self.programs.iter().filter(|peer| peer.path.is_some());
        found.map(|peer| format!("{} {}", peer.name, peer.version)).collect()
    }
}

fn find(name: &str) -> Option<String> {
    ["HEELER_BENCH_PEERS", "PATH"]
        .into_iter()
        .filter_map(std::env::var_os)
        .flat_map(|dirs| std::env::split_paths(&dirs).collect::<Vec<_>>())
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .map(|file| file.display().to_string())
}

/// Compiles the sources in `dir`; gives the path of the program.
fn build_sexpect(dir: &Path, bin: &Path) -> Result<String, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let sources: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "c")).collect();
    let program = bin.join("sexpect");
    let made = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
        .args(["-O2", "-w", "-D_XOPEN_SOURCE=600", "-D_DEFAULT_SOURCE", "-o"])
        .arg(&program)
        .args(sources)
        .status();
    if made.is_ok_and(|status| status.success()) {
        Ok(program.display().to_string())
    } else {
        Err(format!("{} does not compile", dir.display()))
    }
}

/// The first number with a dot in what it says about its version.
fn version(path: &str) -> String {
    let said = |flag: &str| {
        let output = Command::new(path).arg(flag).stdin(Stdio::null()).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&text)
            .split(|c: char| c.is_whitespace() || c == ',' || c == '(')
            .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
            .map(str::to_owned)
    };
    said("--version").or_else(|| said("-V")).or_else(|| said("-v")).unwrap_or_default()
}
