//! Patterns: plain text, `/regex/flags`, events.

use std::time::Duration;

/// A pattern, parsed. It keeps how it was written, for messages and the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As written.
    pub source: String,
    /// What it means.
    pub kind: Kind,
}

/// What a pattern means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// These bytes.
    Text(Vec<u8>),
    /// A regular expression, ready for the regex crates: flags folded in as `(?...)`.
    Regex(String),
    /// Something that happens.
    Event(Event),
}

/// Something that happens other than text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The end of the stream.
    Eof,
    /// The leader has exited.
    Exit,
    /// No output for so long.
    Idle(Duration),
}
