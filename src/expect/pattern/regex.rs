//! From `/regex/flags` to what the automaton is built of.
//!
//! A regex always runs with `m` and `R`: `^` and `$` are the ends of lines, and a line ends with LF, CR LF
//! or CR. Unicode is on: `.` and classes take whole UTF-8 characters, and a byte that is not UTF-8 is taken
//! only by `(?-u:...)`. Word boundaries look at ASCII word characters, because what a byte further on would
//! make of the character before it cannot be known while it is still on its way.

use regex_syntax::ast::ErrorKind as AstError;
use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look, Repetition};
use regex_syntax::{Error, Parser, ParserBuilder};

use super::{PatternError, PatternErrorKind};

/// Reads `/regex/flags` and checks it; gives the regex with its flags folded in.
pub(super) fn parse(text: &str) -> Result<String, PatternError> {
    let end = text.rfind('/').filter(|&end| end > 0).ok_or_else(|| {
        PatternError::new(PatternErrorKind::Unclosed, 1, "the regex has no closing /")
            .with_hint(format!("={text} waits for it as text"))
    })?;
    let (body, flags) = (&text[1..end], &text[end + 1..]);
    check_flags(text, end, flags)?;
    if body.is_empty() {
        return Err(PatternError::new(PatternErrorKind::Empty, 2, "the regex is empty"));
    }
    let prefix = format!("(?mR{flags})");
    let folded = format!("{prefix}{body}");
    let hir = parser().parse(&folded).map_err(|why| {
        let lead = prefix.len();
        syntax_error(&why, |offset| {
            2 + body.get(..offset.saturating_sub(lead)).unwrap_or(body).chars().count()
        })
    })?;
    if hir.properties().maximum_len() == Some(0) {
        return Err(PatternError::new(
            PatternErrorKind::NothingToSee,
            2,
            "the regex can only match the empty text, which is everywhere",
        )
        .with_hint(r"an empty line is /^\n/"));
    }
    Ok(folded)
}

/// The groups of a regex, by number and by name.
pub(super) fn groups(folded: &str) -> Vec<String> {
    fn walk(hir: &Hir, found: &mut Vec<String>) {
        if let HirKind::Capture(Capture { index, name, .. }) = hir.kind() {
            found.push(index.to_string());
            found.extend(name.as_deref().map(str::to_owned));
        }
        hir.kind().subs().iter().for_each(|sub| walk(sub, found));
    }
    let mut found = vec!["0".to_owned()];
    if let Ok(hir) = parser().parse(folded) {
        walk(&hir, &mut found);
    }
    found
}

fn check_flags(text: &str, end: usize, flags: &str) -> Result<(), PatternError> {
    for (at, flag) in flags.char_indices() {
        let message = match flag {
            'i' | 's' | 'x' if !flags[..at].contains(flag) => continue,
            'i' | 's' | 'x' => format!("flag {flag} is given twice"),
            'm' => "flag m is not needed: ^ and $ are always the ends of lines".to_owned(),
            _ => format!("there is no flag {flag}; there are i, s and x"),
        };
        let column = text[..=end].chars().count() + flags[..at].chars().count() + 1;
        return Err(PatternError::new(PatternErrorKind::Flag, column, message)
            .with_hint(format!("={text} waits for it as text")));
    }
    Ok(())
}

fn parser() -> Parser {
    ParserBuilder::new().utf8(false).multi_line(true).crlf(true).build()
}

fn syntax_error(why: &Error, column: impl Fn(usize) -> usize) -> PatternError {
    match why {
        Error::Parse(why) => {
            let at = column(why.span().start.offset);
            match why.kind() {
                AstError::UnsupportedLookAround => PatternError::new(
                    PatternErrorKind::LookAround,
                    at,
                    "look-around is not supported: it cannot be decided in one pass",
                )
                .with_hint(
                    "match the text around it too and capture the part that matters, \
                     or wait for the one and then for the other",
                ),
                AstError::UnsupportedBackreference => PatternError::new(
                    PatternErrorKind::BackReference,
                    at,
                    "back-references are not supported: they cannot be decided in one pass",
                )
                .with_hint(
                    "capture both places and compare them, or wait twice with ${1} in the second",
                ),
                kind => PatternError::new(PatternErrorKind::Syntax, at, kind.to_string()),
            }
        }
        Error::Translate(why) => PatternError::new(
            PatternErrorKind::Syntax,
            column(why.span().start.offset),
            why.kind().to_string(),
        ),
        _ => PatternError::new(PatternErrorKind::Syntax, column(0), "the regex is not valid"),
    }
}

/// The regex as the automaton is built from it, for a folded regex that [`parse`] has accepted.
///
/// `unix_lines`: what it looks at has CR LF turned into LF, so a CR LF written in the regex is meant as LF.
pub(in crate::expect) fn to_hir(folded: &str, unix_lines: bool) -> Result<Hir, PatternError> {
    let hir = parser().parse(folded).map_err(|why| syntax_error(&why, |_| 1))?;
    Ok(rewrite(hir, unix_lines))
}

fn rewrite(hir: Hir, unix_lines: bool) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(literal) if unix_lines => Hir::literal(unix(&literal.0)),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(class)) => Hir::class(Class::Unicode(class)),
        HirKind::Class(Class::Bytes(class)) => Hir::class(Class::Bytes(class)),
        HirKind::Look(look) => Hir::look(ascii(look)),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let sub = Box::new(rewrite(*sub, unix_lines));
            Hir::repetition(Repetition { min, max, greedy, sub })
        }
        HirKind::Capture(Capture { index, name, sub }) => {
            let sub = Box::new(rewrite(*sub, unix_lines));
            Hir::capture(Capture { index, name, sub })
        }
        HirKind::Concat(subs) => {
            Hir::concat(subs.into_iter().map(|sub| rewrite(sub, unix_lines)).collect())
        }
        HirKind::Alternation(subs) => {
            Hir::alternation(subs.into_iter().map(|sub| rewrite(sub, unix_lines)).collect())
        }
    }
}

/// CR LF to LF, as the text view does it.
pub(in crate::expect) fn unix(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        if byte != b'\r' || !matches!(bytes.get(at + 1), Some(b'\n')) {
            out.push(byte);
        }
    }
    out
}

fn ascii(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        look => look,
    }
}
