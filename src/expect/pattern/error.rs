//! Why a pattern was refused.

use std::fmt;

/// What kind of mistake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternErrorKind {
    /// There is nothing to wait for.
    Empty,
    /// It begins as a regex and does not end as one.
    Unclosed,
    /// A flag that does not exist, or one given twice.
    Flag,
    /// The regex is not well formed.
    Syntax,
    /// Look-ahead or look-behind.
    LookAround,
    /// A back-reference.
    BackReference,
    /// The regex can match nothing but the empty text (`/^$/`), and an empty match is no event.
    NothingToSee,
    /// The regex is too large when compiled.
    TooLarge,
    /// An event that does not exist, or one written wrongly.
    Event,
    /// The duration of `@idle`.
    Duration,
}

/// Why a pattern was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What kind of mistake it is.
    pub kind: PatternErrorKind,
    /// Where, counted in characters from 1, in the text as the user wrote it.
    pub column: usize,
    /// What is wrong, in a line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl PatternError {
    pub(in crate::expect) fn new(
        kind: PatternErrorKind,
        column: usize,
        message: impl Into<String>,
    ) -> PatternError {
        PatternError { kind, column, message: message.into(), hint: None }
    }

    pub(in crate::expect) fn with_hint(mut self, hint: impl Into<String>) -> PatternError {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for PatternError {}
