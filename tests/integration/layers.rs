//! The house: which folder may import which, and where the platform is (design, section 13).

use std::path::{Path, PathBuf};

/// A folder and what it may name of the crate besides itself; a path allows what is below it.
const MAY: &[(&str, &[&str])] = &[
    ("cli", &[]),
    ("core", &[]),
    ("expect", &[]),
    // What may be written in a flag and in a script is read by the same parsers.
    ("script", &["cli::value", "core", "expect"]),
    ("sys", &[]),
    ("store", &["core", "sys"]),
    ("reaper", &["core", "store", "sys"]),
    ("report", &["core", "expect", "config::plan::ReportTo", "sys"]),
    ("runtime", &["config::plan", "core", "expect", "report", "sys"]),
    (
        "control",
        // It is a part of the run's loop, which knows it by a trait alone.
        &[
            "core",
            "expect",
            "runtime::fault",
            "runtime::outlets",
            "runtime::remote",
            "report::sink",
            "runtime::terminal",
            "store::id",
            "store::lockfile",
            "store::place",
            "sys",
        ],
    ),
    ("config", &["cli", "core", "expect", "report::model", "script", "sys"]),
    (
        "command",
        &[
            "cli", "config", "control", "core", "expect", "reaper", "report", "runtime", "script",
            "store", "sys",
        ],
    ),
];

/// Words that have their place under src/sys.
const PLATFORM: &[&str] =
    &["unsafe ", "unsafe{", "target_os", "cfg(unix", "cfg(windows", "cfg(not(unix", "libc::"];

/// The sources in a folder, but for unit tests in files of their own.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file: without comments, and without its unit tests, which may reach further.
fn code(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// What a file names of the crate: `core::limits::Limits`, with groups taken apart.
fn named(code: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        expand("", rest, &mut names);
    }
    names
}

/// Reads one path, `a::b::{c, d::e}` included, onto `names`. Gives what is behind it.
fn expand<'a>(prefix: &str, text: &'a str, names: &mut Vec<String>) -> &'a str {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (path, mut rest) = text.split_at(end);
    let path = format!("{prefix}{path}");
    if path.ends_with("::") && rest.starts_with('{') {
        rest = &rest[1..];
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if rest.is_empty() {
                return rest;
            }
            rest = expand(&path, rest, names).trim_start();
            // `as name` is of no interest.
            rest = rest.trim_start_matches(|c: char| c != ',' && c != '}');
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
    }
    names.push(path.trim_end_matches("::self").trim_end_matches(':').to_owned());
    rest
}

#[test]
fn no_folder_imports_what_it_may_not() {
    let mut wrong = Vec::new();
    for (folder, may) in MAY {
        for path in sources(&src().join(folder)) {
            let file = path.strip_prefix(src()).unwrap().display().to_string();
            for name in named(&code(&path)) {
                let under =
                    |allowed: &str| name == allowed || name.starts_with(&format!("{allowed}::"));
                if !under(folder) && !may.iter().any(|allowed| under(allowed)) {
                    wrong.push(format!("{file}: crate::{name}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Every folder is in the table, so that a new one gets its line.
#[test]
fn every_folder_has_its_rule() {
    let mut folders: Vec<String> = std::fs::read_dir(src())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    folders.sort();
    let mut known: Vec<&str> = MAY.iter().map(|(folder, _)| *folder).collect();
    known.sort_unstable();
    assert_eq!(folders, known);
}

#[test]
fn the_platform_is_in_one_place() {
    let mut wrong = Vec::new();
    for path in sources(&src()) {
        if path.starts_with(src().join("sys")) {
            continue;
        }
        let file = path.strip_prefix(src()).unwrap().display().to_string();
        let code = code(&path);
        for word in PLATFORM {
            if code.contains(word) {
                wrong.push(format!("{file}: {word}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The reader of imports reads what rustfmt writes.
#[test]
fn imports_are_read() {
    let text = "use crate::core::{\n    limits::{Limits, earliest},\n    outcome::Cause as C,\n};\nlet x = crate::sys::poll::now();\nuse crate::cli;";
    let names = [
        "core::limits::Limits",
        "core::limits::earliest",
        "core::outcome::Cause",
        "sys::poll::now",
        "cli",
    ];
    assert_eq!(named(text), names);
}
