//! What is wrong with a script, and where.

use super::source::{Source, Span, snippet};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot run.
    Error,
    /// It can run, and probably not as meant.
    Warning,
}

/// Something that is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of mistake, for programs: `unknown-key`, `shadowed` ...
    pub code: &'static str,
    /// Where.
    pub span: Span,
    /// What, in one line.
    pub message: String,
    /// What helps.
    pub hint: Option<String>,
    /// The line is not to be shown: what stands there may be a secret.
    pub hide: bool,
}

impl Finding {
    /// One line: place, message, hint.
    pub fn headline(&self, sources: &[Source]) -> String {
        let place = sources.get(self.span.source).map_or_else(String::new, |source| {
            let at = source.position(self.span.start);
            format!("{}:{}:{}: ", source.name, at.line, at.column)
        });
        let warning = if self.severity == Severity::Warning { "warning: " } else { "" };
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{place}{warning}{}{hint}", self.message)
    }

    /// The line and its caret, where they may be shown.
    pub fn lines(&self, sources: &[Source]) -> Vec<String> {
        match sources.get(self.span.source) {
            Some(source) if !self.hide && !among_secrets(source, self.span) => {
                snippet(source, self.span).to_vec()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether the place is in a `[secrets]` table: what is wrong there may be a secret written out.
fn among_secrets(source: &Source, span: Span) -> bool {
    let before = source.text.get(..span.end).unwrap_or_default();
    let header = before.lines().rev().map(str::trim_start).find(|line| line.starts_with('['));
    header.is_some_and(|header| header.trim_start_matches(['[', ' ', '"']).starts_with("secrets"))
}

/// How many errors are told; a script with more has one cause that hides the others.
pub const MOST: usize = 50;

/// Findings on their way. It bounds them, and keeps them in the order of the text at the end.
#[derive(Clone, Debug, Default)]
pub struct Log {
    found: Vec<Finding>,
    errors: usize,
}

impl Log {
    /// Something that keeps the script from running.
    pub fn error(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.errors += 1;
        self.push(Severity::Error, code, span, message.into())
    }

    /// Something that is probably not meant.
    pub fn warn(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.push(Severity::Warning, code, span, message.into())
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Span,
        message: String,
    ) -> &mut Finding {
        let finding = Finding { severity, code, span, message, hint: None, hide: false };
        if self.found.len() >= 10 * MOST {
            self.found.pop();
        }
        self.found.push(finding);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Whether there is one of this code in this text.
    pub fn has(&self, source: usize, code: &str) -> bool {
        self.found.iter().any(|finding| finding.span.source == source && finding.code == code)
    }

    /// Drops all findings in this text but those of this code.
    pub fn keep(&mut self, source: usize, code: &str) {
        self.found.retain(|finding| finding.span.source != source || finding.code == code);
        self.errors = self.found.iter().filter(|f| f.severity == Severity::Error).count();
    }

    /// Whether anything keeps the script from running.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// All of them, in the order of the text, each once, the first [`MOST`] of a kind.
    pub fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| (finding.span, finding.severity));
        self.found.dedup();
        let mut left = [MOST; 2];
        self.found.retain(|finding| {
            let left = &mut left[usize::from(finding.severity == Severity::Warning)];
            let keep = *left > 0;
            *left = left.saturating_sub(1);
            keep
        });
        self.found
    }
}

impl Finding {
    /// Adds what helps.
    pub fn help(&mut self, hint: impl Into<String>) -> &mut Finding {
        self.hint = Some(hint.into());
        self
    }

    /// Offers the nearest of the known names, or lists them where they are few.
    pub fn nearest<'a>(
        &mut self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> &mut Finding {
        let known: Vec<&str> = known.into_iter().collect();
        self.hint = match crate::expect::names::nearest(name, known.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if known.is_empty() => self.hint.take(),
            None if known.len() <= 12 => Some(format!("there are: {}", known.join(", "))),
            None => self.hint.take(),
        };
        self
    }
}
