//! Secrets: from where they are to [`Secret`], without a word about what they are.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;

use clap_lex::OsStrExt;

use crate::expect::mask::Mask;
use crate::expect::program::{Action, Program};
use crate::sys;

use super::error::{ConfigError, ErrorKind};
use super::launch::reason;
use super::plan::Secret;
use super::surroundings::Surroundings;

/// Nobody types more than this into a prompt; more is a wrong file.
const LIMIT: u64 = 64 << 10;

const HELP: &str = "use NAME=env:VAR, file:PATH, fd:N, cmd:COMMAND or ask";

/// In front of a source that need not be there unless the secret is typed.
pub(super) const OPTIONAL: &str = "optional:";

/// `NAME=SOURCE`, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Given<'a> {
    name: &'a str,
    source: Source<'a>,
    optional: bool,
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source<'a> {
    Env(&'a str),
    File(&'a Path),
    Fd(i32),
    Cmd(&'a OsStr),
    Ask,
}

/// Whether the values are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Read them.
    Values,
    /// Nothing is going to be started: only check how they are written. Those that can be had without
    /// asking, waiting or running anything are read nevertheless, so that they can be masked.
    Names,
}

/// The variables that are sources of secrets.
pub(super) fn variables(flags: &[OsString]) -> impl Iterator<Item = &str> {
    flags.iter().filter_map(|flag| match parse(flag) {
        Ok(Given { source: Source::Env(name), .. }) => Some(name),
        _ => None,
    })
}

/// Names and sources as they are written; what is no source may be the secret itself and is refused.
pub(super) fn sources(flags: &[OsString]) -> Result<Vec<(String, String)>, ConfigError> {
    let one = |flag: &OsString| {
        let name = parse(flag)?.name;
        let source = flag.to_str().and_then(|flag| flag.split_once('='));
        let source = source
            .ok_or_else(|| ConfigError::usage(format!("--secret {name}: it is not UTF-8")))?;
        Ok((name.to_owned(), source.1.to_owned()))
    };
    flags.iter().map(one).collect()
}

/// The names of secrets.
pub(super) fn names(flags: &[OsString]) -> impl Iterator<Item = &str> {
    flags.iter().filter_map(|flag| parse(flag).ok().map(|given| given.name))
}

/// Reads the secrets, after checking that all that the program names are there.
pub(super) fn read(
    flags: &[OsString],
    program: &Program,
    want: Want,
    around: &Surroundings,
) -> Result<BTreeMap<String, Secret>, ConfigError> {
    let mut sources = BTreeMap::new();
    for flag in flags {
        let given = parse(flag)?;
        if sources.insert(given.name.to_owned(), given).is_some() {
            let twice = format!("--secret {} is given twice", given.name);
            return Err(ConfigError::usage(twice));
        }
    }
    if let Some(name) = used(program).find(|name| !sources.contains_key(*name)) {
        return Err(ConfigError::usage(format!(
            "--send-secret {name}: no such secret; add --secret {name}=env:VAR (or file:PATH, fd:N, cmd:COMMAND, ask)"
        )));
    }
    let value = |(name, given): (String, Given<'_>)| {
        let secret = match want {
            Want::Names => quietly(given, around).unwrap_or(Secret::new(Vec::new())),
            Want::Values => match missing(given, around) {
                Some(why) => Secret::missing(why),
                None => Secret::new(value(&name, given.source, around)?),
            },
        };
        Ok((name, secret))
    };
    sources.into_iter().map(value).collect()
}

/// Those that can be had without asking, waiting or running anything: to mask what is said before the
/// secrets are read.
pub(super) fn at_hand(flags: &[OsString], around: &Surroundings) -> Mask {
    let sources = flags.iter().filter_map(|flag| parse(flag).ok());
    let found: Vec<Secret> = sources.filter_map(|given| quietly(given, around)).collect();
    Mask::new(found.iter().map(Secret::bytes))
}

/// Why an optional secret is not there. What is there and cannot be read is a mistake all the same.
fn missing(given: Given<'_>, around: &Surroundings) -> Option<String> {
    let why = match given.source {
        Source::Env(name) if !around.env.contains_key(OsStr::new(name)) => {
            format!("the variable {name} is not set")
        }
        Source::File(path) if !around.absolute(path).exists() => {
            format!("there is no file '{}'", path.display())
        }
        _ => return None,
    };
    given.optional.then_some(why)
}

fn quietly(given: Given<'_>, around: &Surroundings) -> Option<Secret> {
    let Given { name, source, .. } = given;
    let still = match source {
        Source::Env(_) => true,
        Source::File(path) => around.absolute(path).is_file(),
        Source::Fd(_) | Source::Cmd(_) | Source::Ask => false,
    };
    still.then(|| value(name, source, around).ok()).flatten().map(Secret::new)
}

fn used(program: &Program) -> impl Iterator<Item = &str> {
    // What a script asks a person for on the way is a secret that has no source here.
    let asked: Vec<&str> = program.asked_secrets().collect();
    let named = program.all_actions().filter_map(|action| match action {
        Action::Secret { name, .. } => Some(name.as_str()),
        _ => None,
    });
    named.filter(move |name| !asked.contains(name))
}

/// Reads `NAME=SOURCE`. What is no source may be the secret itself: it is never repeated.
fn parse(flag: &OsStr) -> Result<Given<'_>, ConfigError> {
    let split = flag.split_once("=").and_then(|(name, source)| Some((name.to_str()?, source)));
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !name.is_empty() && name.chars().all(fits)
    };
    let Some((name, source)) = split.filter(|(name, _)| is_name(name)) else {
        return Err(ConfigError::usage(format!("--secret: {HELP}")));
    };
    let (source, optional) = match source.strip_prefix(OPTIONAL) {
        Some(source) => (source, true),
        None => (source, false),
    };
    let source = if source == "ask" {
        Some(Source::Ask)
    } else if let Some(name) = source.strip_prefix("env:") {
        name.to_str().filter(|name| !name.is_empty()).map(Source::Env)
    } else if let Some(path) = source.strip_prefix("file:") {
        (!path.is_empty()).then_some(Source::File(Path::new(path)))
    } else if let Some(fd) = source.strip_prefix("fd:") {
        fd.to_str().and_then(|fd| fd.parse().ok()).filter(|fd| *fd == 0 || *fd > 2).map(Source::Fd)
    } else {
        source.strip_prefix("cmd:").filter(|line| !line.is_empty()).map(Source::Cmd)
    };
    // The others say only when they are used whether they are there.
    let can_miss = |source: &Source<'_>| matches!(source, Source::Env(_) | Source::File(_));
    let source = source.filter(|source| !optional || can_miss(source)).ok_or_else(|| {
        ConfigError::usage(format!(
            "--secret {name}: what follows = is no source (it is not shown here, and never belongs on a command line); {HELP}"
        ))
    })?;
    Ok(Given { name, source, optional })
}

fn value(name: &str, source: Source<'_>, around: &Surroundings) -> Result<Vec<u8>, ConfigError> {
    let wrong = |why: String| {
        ConfigError::new(ErrorKind::Resource, format!("cannot read the secret '{name}' {why}"))
    };
    let bytes = match source {
        Source::Env(variable) => match around.env.get(OsStr::new(variable)) {
            Some(value) => value.as_encoded_bytes().to_vec(),
            None => return Err(wrong(format!("from the variable {variable}: it is not set"))),
        },
        Source::File(path) => file(&around.absolute(path))
            .map_err(|error| wrong(format!("from '{}': {}", path.display(), reason(&error))))?,
        Source::Fd(fd) => sys::descriptor::read_descriptor(fd, LIMIT + 1)
            .map_err(|error| wrong(format!("from descriptor {fd}: {}", reason(&error))))?,
        Source::Cmd(line) => {
            command(line).map_err(|why| wrong(format!("from its command: {why}")))?
        }
        Source::Ask => sys::ask::ask(&format!("{name}: ")).map_err(|error| {
            wrong(format!("from the terminal: {}; use env:, file: or fd:", reason(&error)))
        })?,
    };
    if bytes.is_empty() {
        return Err(wrong("as there is nothing in it".to_owned()));
    }
    if bytes.len() as u64 > LIMIT {
        return Err(wrong(format!("as it is longer than {LIMIT} bytes")));
    }
    Ok(bytes).map(
        |bytes| if matches!(source, Source::Env(_) | Source::Ask) { bytes } else { line(bytes) },
    )
}

/// Without the line end that editors and `echo` add.
fn line(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    bytes
}

/// Room for any secret: a buffer that grows leaves copies behind that nobody wipes.
fn room() -> Vec<u8> {
    Vec::with_capacity(LIMIT as usize + 2)
}

fn file(path: &Path) -> std::io::Result<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "files that flags name are read here")]
    let file = std::fs::File::open(path)?;
    let mut bytes = room();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a shell command prints. Its stderr is ours, so that it can say what it wants; its stdin is not,
/// because that is the supervised command's.
fn command(line: &OsStr) -> Result<Vec<u8>, String> {
    use std::process::{Command, Stdio};
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends before there is a run that could own it"
    )]
    let child = Command::new("sh")
        .arg("-c")
        .arg(line)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn();
    let mut child = child.map_err(|error| format!("cannot start sh: {}", reason(&error)))?;
    let mut bytes = room();
    let read = child.stdout.take().map(|out| out.take(LIMIT + 1).read_to_end(&mut bytes));
    let status = child.wait().map_err(|error| reason(&error))?;
    read.transpose().map_err(|error| reason(&error))?;
    // One that printed too much is told so by its length, not by the signal that its pipe gave it.
    let too_long = bytes.len() as u64 > LIMIT;
    if status.success() || too_long { Ok(bytes) } else { Err(status.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(flag: &str, around: &Surroundings) -> Result<Vec<u8>, ConfigError> {
        let secrets = read(&[flag.into()], &Program::default(), Want::Values, around)?;
        Ok(secrets["pw"].bytes().to_vec())
    }

    #[test]
    fn sources() {
        for (text, source) in [
            ("pw=env:A", Source::Env("A")),
            ("pw=file:/a=b", Source::File(Path::new("/a=b"))),
            ("pw=fd:3", Source::Fd(3)),
            ("pw=cmd:pass show x", Source::Cmd(OsStr::new("pass show x"))),
            ("pw=ask", Source::Ask),
        ] {
            let given = Given { name: "pw", source, optional: false };
            assert_eq!(parse(OsStr::new(text)), Ok(given), "{text}");
        }
        let given = Given { name: "pw", source: Source::Env("A"), optional: true };
        assert_eq!(parse(OsStr::new("pw=optional:env:A")), Ok(given));
    }

    #[test]
    fn a_literal_secret_is_refused_and_not_repeated() {
        for text in [
            "pw=hunter2",
            "hunter2",
            "pw=",
            "pw=env:",
            "pw=fd:hunter2",
            "=hunter2",
            "pw=fd:1",
            "pw=optional:hunter2",
            "pw=optional:ask",
        ] {
            let error = parse(OsStr::new(text)).expect_err(text);
            assert!(!error.message.contains("hunter2"), "{}", error.message);
            assert!(error.message.contains("env:VAR"), "{}", error.message);
        }
    }

    #[test]
    fn values_and_their_line_ends() {
        let mut around = Surroundings::default();
        around.env.insert("PW".into(), "a b\n".into());
        assert_eq!(read_one("pw=env:PW", &around).expect("it is set"), b"a b\n");
        assert_eq!(read_one("pw=cmd:echo x", &around).expect("it runs"), b"x");
        assert_eq!(read_one("pw=cmd:printf 'x\\n\\n'", &around).expect("it runs"), b"x\n");
        let file = std::env::temp_dir().join(format!("heeler-secret-{}", std::process::id()));
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&file, "y\r\n").expect("it is written");
        let flag = format!("pw=file:{}", file.display());
        assert_eq!(read_one(&flag, &around).expect("it exists"), b"y");
        std::fs::remove_file(&file).expect("it is there");
        for bad in ["pw=env:NOPE", "pw=cmd:exit 3", "pw=cmd:true", &flag, "pw=fd:999999"] {
            let error = read_one(bad, &around).expect_err(bad);
            assert_eq!(error.kind, ErrorKind::Resource, "{bad}");
        }
    }

    #[test]
    fn the_program_must_know_its_secrets() {
        let start = vec![Action::Secret { name: "pw".to_owned(), echo_ok: false }];
        let program = Program { start, ..Program::default() };
        let around = Surroundings::default();
        let error = read(&[], &program, Want::Values, &around).expect_err("there is none");
        assert!(error.message.contains("--secret pw=env:VAR"), "{}", error.message);
        let twice = ["pw=ask".into(), "pw=env:A".into()];
        assert!(read(&twice, &program, Want::Names, &around).is_err());
        let names = read(&["pw=ask".into()], &program, Want::Names, &around).expect("not asked");
        assert!(names["pw"].bytes().is_empty());
    }
}
