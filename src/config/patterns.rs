//! Texts of the command line read by the dialogue's own parsers, with the flag's name before what they say.

use crate::expect::pattern::Pattern;
use crate::expect::program::Key;
use crate::expect::{escape, keys};

use super::error::{ConfigError, ErrorKind};

/// A pattern.
pub(super) fn pattern(flag: &str, text: &str) -> Result<Pattern, ConfigError> {
    Pattern::parse(text)
        .map_err(|error| ConfigError::new(ErrorKind::Pattern, format!("{flag} '{text}': {error}")))
}

/// A key by name.
pub(super) fn key(name: &str) -> Result<Key, ConfigError> {
    keys::parse(name).map_err(|error| ConfigError::usage(format!("--key {name}: {error}")))
}

/// Text with C escapes.
pub(super) fn unescape(flag: &str, text: &str) -> Result<Vec<u8>, ConfigError> {
    escape::unescape(text).map_err(|error| ConfigError::usage(format!("{flag} '{text}': {error}")))
}
