//! Scripts: TOML or JSON in, a model out, with every mistake at its place.
//!
//! Text becomes a tree with places ([`toml`], [`json`]), the tree becomes tables ([`read`], [`model`]),
//! the tables become a [`crate::expect::program::Program`] and settings. Pure: no file is read here; the
//! texts of includes are handed in.

pub mod actions;
pub mod finding;
mod json;
pub mod learn;
pub mod model;
pub mod names;
mod node;
pub mod read;
pub mod source;
mod toml;

use self::finding::Log;
use self::model::Script;
use self::read::Read;

/// How a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

/// Reads a text; `source` is its number in places.
pub fn parse(format: Format, source: usize, text: &str, log: &mut Log) -> Script {
    let node = match format {
        Format::Toml => toml::parse(source, text, log),
        Format::Json => json::parse(source, text, log),
    };
    let mut script = Script::read(&node, log).unwrap_or_default();
    script.at.end = script.at.start;
    script
}
