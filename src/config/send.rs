//! What `heeler send` types: the flags in their order, with the secrets read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;

use super::error::{ConfigError, ErrorKind};
use super::launch::reason;
use super::plan::Secret;
use super::secrets::Want;
use super::surroundings::Surroundings;
use super::{patterns, secrets};
use crate::cli::detached::{Part, Send};
use crate::expect::program::{Action, Program, Text};

/// The actions, and the secrets that they name.
pub fn resolve(
    send: &Send,
    around: &Surroundings,
) -> Result<(Vec<Action>, BTreeMap<String, Secret>), ConfigError> {
    let mut actions = Vec::new();
    for part in &send.parts {
        let action = match part {
            Part::Send(text) => Action::Send(Text::literal(escaped(text)?)),
            Part::Line(text) => Action::Line(Text::literal(text.as_encoded_bytes().to_vec())),
            Part::Key(name) => Action::Key(patterns::key(name)?),
            Part::Secret(name) => Action::Secret { name: name.clone(), echo_ok: false },
            Part::File(path) => Action::Send(Text::literal(content(path, around)?)),
            Part::EchoOk => match actions.last_mut() {
                Some(Action::Secret { echo_ok, .. }) => {
                    *echo_ok = true;
                    continue;
                }
                _ => {
                    return Err(ConfigError::usage(
                        "--echo-ok belongs directly after the --send-secret that it is about",
                    ));
                }
            },
        };
        actions.push(action);
    }
    if actions.is_empty() {
        return Err(ConfigError::usage(
            "there is nothing to type: give --line, --send, --key, --send-secret or --file",
        ));
    }
    let program = Program { start: actions, ..Program::default() };
    let secrets = secrets::read(&send.secrets, &program, Want::Values, around)?;
    if let Some((name, why)) =
        secrets.iter().find_map(|(name, secret)| Some((name, secret.why_missing()?)))
    {
        let message = format!("cannot read the secret '{name}': {why}");
        return Err(ConfigError::new(ErrorKind::Resource, message));
    }
    Ok((program.start, secrets))
}

fn escaped(text: &OsString) -> Result<Vec<u8>, ConfigError> {
    match text.to_str() {
        Some(text) => patterns::unescape("--send", text),
        None => Err(ConfigError::usage(
            "--send takes UTF-8 text with C escapes; write other bytes as \\xHH",
        )),
    }
}

fn content(path: &Path, around: &Surroundings) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes)
    } else {
        #[expect(clippy::disallowed_methods, reason = "files are read in config")]
        std::fs::read(around.absolute(path)).map(|read| {
            bytes = read;
            0
        })
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let why = reason(&error);
            let message = format!("cannot read '{}' (--file): {why}", path.display());
            Err(ConfigError::new(ErrorKind::Resource, message))
        }
    }
}
