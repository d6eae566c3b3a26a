//! Why there is no plan.

use crate::expect::mask::Mask;

/// What kind of mistake it is; the name is `error.kind` of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The command line.
    Usage,
    /// A pattern.
    Pattern,
    /// The working directory.
    BadDirectory,
    /// A script.
    Script,
    /// A file, descriptor, secret or limit that cannot be had.
    Resource,
    /// The report's own place: nothing can be told there.
    Report,
    /// Something that every run needs and the system refuses.
    Internal,
}

impl ErrorKind {
    /// As the report has it.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Usage => "usage",
            ErrorKind::Pattern => "pattern",
            ErrorKind::BadDirectory => "bad_directory",
            ErrorKind::Script => "script",
            ErrorKind::Resource | ErrorKind::Report => "resource",
            ErrorKind::Internal => "internal",
        }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// One line: what was tried, on what, what happened, which flag helps.
    pub message: String,
    /// What belongs to it: the lines of a script with their carets, further mistakes.
    pub details: Vec<String>,
}

impl ConfigError {
    /// A mistake of any kind; control characters in the message are escaped.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> ConfigError {
        let message = crate::cli::error::printable(&message.into());
        ConfigError { kind, message, details: Vec::new() }
    }

    /// Adds lines to it.
    #[must_use]
    pub fn with_details(mut self, lines: &[String]) -> ConfigError {
        self.details = lines.iter().map(|line| crate::cli::error::printable(line)).collect();
        self
    }

    /// The same with secrets masked.
    #[must_use]
    pub fn masked(self, mask: &Mask) -> ConfigError {
        let text = |text: String| mask.text(text.as_bytes());
        ConfigError {
            message: text(self.message),
            details: self.details.into_iter().map(text).collect(),
            ..self
        }
    }

    /// A mistake on the command line.
    pub fn usage(message: impl Into<String>) -> ConfigError {
        ConfigError::new(ErrorKind::Usage, message)
    }
}
