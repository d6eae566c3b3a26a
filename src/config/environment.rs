//! The command's environment, as a value.
//!
//! Ours (unless `--env-clear`), less `--unset`, then the script's, then `--env-file`, then `-e`: the more
//! specific comes later and wins, and flags win over the script. HEELER_RUN stays whatever is asked for: it is how a
//! tree is found when its heeler is gone.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap_lex::OsStrExt;

use crate::cli;
use crate::report::model::Mode;

use super::error::{ConfigError, ErrorKind};
use super::launch::reason;
use super::secrets;
use super::surroundings::Surroundings;

/// What heeler itself sets for the command.
const OURS: [&str; 2] = ["HEELER_RUN", "HEELER_ATTEMPT"];

type Env = BTreeMap<OsString, OsString>;

/// Composes the environment.
pub(super) fn compose(
    run: &cli::Run,
    mode: Mode,
    around: &Surroundings,
) -> Result<Vec<(OsString, OsString)>, ConfigError> {
    let flags = &run.launch;
    let mut env = if flags.env_clear { Env::new() } else { around.env.clone() };
    for name in &flags.unset {
        if name.is_empty() || name.contains("=") {
            let shown = name.display();
            return Err(ConfigError::usage(format!("--unset: '{shown}' is no variable's name")));
        }
        not_ours("--unset", name)?;
        env.remove(name);
    }
    // A secret must not reach the command by the back door.
    for name in secrets::variables(&run.dialogue.secrets) {
        env.remove(OsStr::new(name));
    }
    let mut given = Env::new();
    for word in &flags.script_env {
        set("env", word, around, &mut given)?;
    }
    for path in &flags.env_file {
        read_file(path, around, &mut given)?;
    }
    for word in &flags.env {
        set("--env", word, around, &mut given)?;
    }
    if mode == Mode::Pty {
        let term = flags.term.as_deref().or(given.get(OsStr::new("TERM")).map(OsString::as_os_str));
        let ours = || around.var("TERM").filter(|_| around.terminals[1]);
        let term = term.or_else(ours).unwrap_or(OsStr::new("xterm-256color"));
        given.insert("TERM".into(), term.to_owned());
    }
    env.extend(given);
    let [outer, attempt] = OURS.map(OsStr::new);
    env.remove(attempt);
    if let Some(outer_run) = around.env.get(outer) {
        env.insert(outer.to_owned(), outer_run.clone());
    }
    Ok(env.into_iter().collect())
}

/// Takes `K=V`, or `K` for ours.
fn set(from: &str, word: &OsStr, around: &Surroundings, env: &mut Env) -> Result<(), ConfigError> {
    let (name, value) = match word.split_once("=") {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, around.env.get(word).cloned()),
    };
    check_name(from, name)?;
    if let Some(value) = value {
        env.insert(name.to_owned(), value);
    }
    Ok(())
}

/// More than POSIX has is allowed, since programs do: `a.b`, `npm_config_@x:y`, `f%%`. Less than the kernel, which
/// takes anything: what begins with a digit or has white space in it is a mistake.
fn check_name(from: &str, name: &OsStr) -> Result<(), ConfigError> {
    let bytes = name.as_encoded_bytes();
    let odd = |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control();
    if bytes.first().is_none_or(u8::is_ascii_digit) || bytes.iter().any(odd) {
        let shown = name.display();
        return Err(ConfigError::usage(format!(
            "{from}: '{shown}' is no variable's name; K=V sets one, K alone passes ours on"
        )));
    }
    not_ours(from, name)
}

fn not_ours(from: &str, name: &OsStr) -> Result<(), ConfigError> {
    let shown = name.display();
    if OURS.iter().any(|ours| name == *ours) {
        return Err(ConfigError::usage(format!(
            "{from}: heeler sets {shown} itself, to find what a run leaves behind; --tag takes your own marks"
        )));
    }
    Ok(())
}

fn read_file(path: &Path, around: &Surroundings, env: &mut Env) -> Result<(), ConfigError> {
    let shown = path.display();
    let wrong = |why: String| {
        ConfigError::new(ErrorKind::Resource, format!("cannot read '{shown}' (--env-file): {why}"))
    };
    #[expect(clippy::disallowed_methods, reason = "files that flags name are read here")]
    let text =
        std::fs::read_to_string(around.absolute(path)).map_err(|error| wrong(reason(&error)))?;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let from = format!("--env-file {shown}, line {}", number + 1);
        if line.contains('\0') {
            return Err(ConfigError::usage(format!("{from}: a NUL byte cannot be in a variable")));
        }
        set(&from, OsStr::new(line), around, env)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(vars: &[(&str, &str)], terminal: bool) -> Surroundings {
        Surroundings {
            env: vars.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            terminals: [terminal; 3],
            ..Surroundings::default()
        }
    }

    fn composed(flags: &[&str], mode: Mode, around: &Surroundings) -> Vec<String> {
        let run = crate::config::tests::run(flags);
        let env = compose(&run, mode, around).expect("it is fine");
        env.iter().map(|(name, value)| format!("{}={}", name.display(), value.display())).collect()
    }

    #[test]
    fn the_more_specific_wins() {
        let ours = around(&[("A", "1"), ("B", "2"), ("C", "3")], false);
        assert_eq!(
            composed(&["--unset", "A", "-e", "B=9", "-e", "D="], Mode::Pipe, &ours),
            ["B=9", "C=3", "D="]
        );
        assert_eq!(composed(&["--env-clear", "-e", "A", "-e", "Z"], Mode::Pipe, &ours), ["A=1"]);
        assert_eq!(composed(&["-e", "A=b=c"], Mode::Pipe, &ours)[0], "A=b=c");
    }

    #[test]
    fn the_mark_of_an_outer_run_stays() {
        let ours = around(&[("HEELER_RUN", "outer"), ("HEELER_ATTEMPT", "3")], false);
        assert_eq!(composed(&["--env-clear"], Mode::Pipe, &ours), ["HEELER_RUN=outer"]);
        assert_eq!(composed(&[], Mode::Pipe, &ours), ["HEELER_RUN=outer"]);
    }

    #[test]
    fn a_secrets_source_does_not_reach_the_command() {
        let ours = around(&[("PW", "hunter2"), ("A", "1")], false);
        assert_eq!(composed(&["--secret", "p=env:PW"], Mode::Pipe, &ours), ["A=1"]);
    }

    #[test]
    fn the_terminals_name() {
        let (dumb, vt) = (around(&[("TERM", "dumb")], false), around(&[("TERM", "vt100")], true));
        assert_eq!(composed(&[], Mode::Pty, &dumb), ["TERM=xterm-256color"]);
        assert_eq!(composed(&[], Mode::Pty, &vt), ["TERM=vt100"]);
        assert_eq!(composed(&["-e", "TERM=ansi"], Mode::Pty, &vt), ["TERM=ansi"]);
        assert_eq!(composed(&["--term", "x", "-e", "TERM=y"], Mode::Pty, &vt), ["TERM=x"]);
        assert_eq!(composed(&[], Mode::Pipe, &dumb), ["TERM=dumb"]);
    }

    #[test]
    fn bad_names_are_refused() {
        for flags in [
            ["-e", "=x"],
            ["-e", ""],
            ["-e", "1A=b"],
            ["-e", "a b"],
            ["--unset", "A=B"],
            ["-e", "HEELER_RUN=x"],
        ] {
            let run = crate::config::tests::run(&flags);
            assert!(compose(&run, Mode::Pipe, &around(&[], false)).is_err(), "{flags:?}");
        }
    }
}
