//! Patterns: plain text, `/regex/flags`, events.
//!
//! | written | means |
//! | --- | --- |
//! | `text` | these bytes |
//! | `=text` | these bytes, whatever they look like |
//! | `/regex/flags` | a regex in Rust syntax; flags `i`, `s`, `x` |
//! | `@eof` `@exit` `@idle:2s` | something that happens |
//!
//! What looks like a regex or an event and is not one is refused, rather than waited for as text that can
//! never come: a forgotten slash would otherwise show as a timeout.

mod duration;
mod error;
mod regex;

use std::time::Duration;

use regex_syntax::hir::Hir;

pub use self::duration::parse_duration;
pub use self::error::{PatternError, PatternErrorKind};

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

impl Pattern {
    /// Reads a pattern as a user writes it.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let kind = if let Some(rest) = text.strip_prefix('=') {
            literal(rest, 2)?
        } else if text.starts_with('@') && looks_like_event(text) {
            Kind::Event(event(text)?)
        } else if text.starts_with('/') {
            Kind::Regex(regex::parse(text)?)
        } else {
            literal(text, 1)?
        };
        Ok(Pattern { source: text.to_owned(), kind })
    }

    /// Whether its matches have this group: a number, of which 0 is all of the match, or a name.
    pub fn has_group(&self, group: &str) -> bool {
        match &self.kind {
            Kind::Text(_) => group == "0",
            Kind::Regex(regex) => regex::groups(regex).iter().any(|found| found == group),
            Kind::Event(_) => false,
        }
    }
}

impl Kind {
    /// What the automaton is built of; nothing for an event. `unix_lines`: where it looks, CR LF is LF.
    pub(super) fn hir(&self, unix_lines: bool) -> Result<Option<Hir>, PatternError> {
        match self {
            Kind::Text(text) if unix_lines => Ok(Some(Hir::literal(regex::unix(text)))),
            Kind::Text(text) => Ok(Some(Hir::literal(text.clone()))),
            Kind::Regex(regex) => regex::to_hir(regex, unix_lines).map(Some),
            Kind::Event(_) => Ok(None),
        }
    }
}

fn literal(text: &str, column: usize) -> Result<Kind, PatternError> {
    if text.is_empty() {
        return Err(PatternError::new(
            PatternErrorKind::Empty,
            column,
            "the pattern is empty: it would match at once",
        ));
    }
    Ok(Kind::Text(text.as_bytes().to_vec()))
}

/// `@word` and `@word:...` are taken as events; `@ `, `@@` and the like are text.
fn looks_like_event(text: &str) -> bool {
    let name = text[1..].split(':').next().unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic())
}

fn event(text: &str) -> Result<Event, PatternError> {
    let (name, argument) = match text[1..].split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (&text[1..], None),
    };
    match (name, argument) {
        ("eof", None) => Ok(Event::Eof),
        ("exit", None) => Ok(Event::Exit),
        ("idle", Some(limit)) => match parse_duration(limit) {
            Ok(limit) if !limit.is_zero() => Ok(Event::Idle(limit)),
            Ok(_) => Err(PatternError::new(
                PatternErrorKind::Duration,
                7,
                "@idle needs a duration above zero",
            )),
            Err(why) => Err(PatternError::new(PatternErrorKind::Duration, 7, why)),
        },
        ("idle", None) => Err(PatternError::new(
            PatternErrorKind::Duration,
            text.len() + 1,
            "@idle needs a duration, as in @idle:2s",
        )),
        ("eof" | "exit", Some(_)) => Err(PatternError::new(
            PatternErrorKind::Event,
            name.len() + 2,
            format!("@{name} takes nothing after it"),
        )),
        _ => Err(PatternError::new(
            PatternErrorKind::Event,
            1,
            format!("there is no event @{name}; there are @eof, @exit and @idle:DURATION"),
        )
        .with_hint(format!("={text} waits for it as text"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Kind {
        Pattern::parse(text).unwrap_or_else(|why| panic!("{text:?}: {why}")).kind
    }

    fn refused(text: &str) -> PatternError {
        Pattern::parse(text).expect_err(text)
    }

    #[test]
    fn plain_text_is_literal_whatever_is_in_it() {
        for text in ["login: ", ".?[](){}*+", "a/b/", "[sudo] ", "@ ", "@@", "@home.net", "é"] {
            assert_eq!(kind(text), Kind::Text(text.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn a_leading_equals_sign_takes_the_rest_as_it_is() {
        assert_eq!(kind("=/etc/"), Kind::Text(b"/etc/".to_vec()));
        assert_eq!(kind("=@eof"), Kind::Text(b"@eof".to_vec()));
        assert_eq!(kind("==x"), Kind::Text(b"=x".to_vec()));
    }

    #[test]
    fn flags_are_folded_into_the_regex() {
        assert_eq!(kind("/a.b/"), Kind::Regex("(?mR)a.b".to_owned()));
        assert_eq!(kind("/a b/ixs"), Kind::Regex("(?mRixs)a b".to_owned()));
        assert_eq!(kind("/a/b/i"), Kind::Regex("(?mRi)a/b".to_owned()));
        assert_eq!(kind(r"/a\/b/"), Kind::Regex(r"(?mR)a\/b".to_owned()));
    }

    #[test]
    fn events() {
        assert_eq!(kind("@eof"), Kind::Event(Event::Eof));
        assert_eq!(kind("@exit"), Kind::Event(Event::Exit));
        assert_eq!(kind("@idle:2s"), Kind::Event(Event::Idle(Duration::from_secs(2))));
        assert_eq!(kind("@idle:0.5"), Kind::Event(Event::Idle(Duration::from_millis(500))));
    }

    #[test]
    fn what_only_looks_like_a_pattern_is_refused_with_its_column() {
        let table = [
            ("", PatternErrorKind::Empty, 1),
            ("=", PatternErrorKind::Empty, 2),
            ("//", PatternErrorKind::Empty, 2),
            ("/abc", PatternErrorKind::Unclosed, 1),
            ("/", PatternErrorKind::Unclosed, 1),
            ("/etc/passwd", PatternErrorKind::Flag, 6),
            ("/a/ii", PatternErrorKind::Flag, 5),
            ("/a/m", PatternErrorKind::Flag, 4),
            ("/a(b/", PatternErrorKind::Syntax, 3),
            ("/é(b/i", PatternErrorKind::Syntax, 3),
            (r"/ab\p{Nope}/", PatternErrorKind::Syntax, 4),
            ("/x(?=y)/", PatternErrorKind::LookAround, 3),
            ("/x(?!y)/", PatternErrorKind::LookAround, 3),
            ("/(?<=y)x/", PatternErrorKind::LookAround, 2),
            ("/(?<!y)x/", PatternErrorKind::LookAround, 2),
            (r"/(a)\1/", PatternErrorKind::BackReference, 5),
            ("/^$/", PatternErrorKind::NothingToSee, 2),
            ("@eol", PatternErrorKind::Event, 1),
            ("@eof:1", PatternErrorKind::Event, 5),
            ("@idle", PatternErrorKind::Duration, 6),
            ("@idle:x", PatternErrorKind::Duration, 7),
            ("@idle:0", PatternErrorKind::Duration, 7),
        ];
        for (text, kind, column) in table {
            let why = refused(text);
            assert_eq!((why.kind, why.column), (kind, column), "{text}: {why}");
        }
    }

    #[test]
    fn what_has_a_usual_rewrite_names_it() {
        let with_hint = [
            "/x(?=y)/",
            "/x(?!y)/",
            "/(?<=y)x/",
            r"/(a)\1/",
            "/abc",
            "/etc/passwd",
            "@eol",
            "/^$/",
        ];
        for text in with_hint {
            let why = refused(text);
            assert!(why.hint.is_some(), "{text}: {why}");
            assert!(why.to_string().contains(why.hint.as_deref().unwrap()), "{why}");
        }
    }
}
