//! Texts of the command line read by the dialogue's own parsers, with the flag's name before what they say.

use crate::expect::pattern::{Event, Kind, Pattern};
use crate::expect::program::Key;
use crate::expect::{escape, keys};

use super::error::{ConfigError, ErrorKind};

/// A pattern.
pub(super) fn pattern(flag: &str, text: &str) -> Result<Pattern, ConfigError> {
    parse(text)
        .map_err(|error| ConfigError::new(ErrorKind::Pattern, format!("{flag} '{text}': {error}")))
}

fn parse(text: &str) -> Result<Pattern, String> {
    let kind = match text {
        "" => return Err("an empty pattern matches everywhere".to_owned()),
        "@eof" => Kind::Event(Event::Eof),
        "@exit" => Kind::Event(Event::Exit),
        _ => match text.strip_prefix("@idle:") {
            Some(limit) => Kind::Event(Event::Idle(crate::cli::value::duration(limit)?)),
            None => match text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) {
                Some((regex, "")) => Kind::Regex(format!("(?m){regex}")),
                Some((regex, flags)) => Kind::Regex(format!("(?m{flags}){regex}")),
                None => Kind::Text(text.strip_prefix('=').unwrap_or(text).as_bytes().to_vec()),
            },
        },
    };
    Ok(Pattern { source: text.to_owned(), kind })
}

/// A key by name.
pub(super) fn key(name: &str) -> Result<Key, ConfigError> {
    keys::parse(name).map_err(|error| ConfigError::usage(format!("--key {name}: {error}")))
}

/// Text with C escapes.
pub(super) fn unescape(flag: &str, text: &str) -> Result<Vec<u8>, ConfigError> {
    escape::unescape(text).map_err(|error| ConfigError::usage(format!("{flag} '{text}': {error}")))
}
