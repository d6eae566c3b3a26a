//! Near misses: what came close to an unmet pattern, with what to write instead.
//!
//! Computed once, when a dialogue fails, from what the window still holds. Each hint is checked against the
//! output before it is given: a sentence that says `use X` has tried X.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use super::escape::show;
use super::mask::Mask;
use super::pattern::{Kind, Pattern};
use super::program::{StreamId, View};

/// How many hints are given at most: the first ones belong to the patterns tried first.
const MOST: usize = 5;
/// How many patterns are looked at: each costs a few searches of the whole window.
const TRIED: usize = 20;
/// How many characters of output a sentence quotes.
const QUOTED: usize = 60;

/// A pattern that was armed and did not match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) pattern: &'a Pattern,
    pub(crate) view: View,
    pub(crate) stream: Option<StreamId>,
}

/// What one stream showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) stream: StreamId,
    /// What is retained of view text.
    pub(crate) text: Shown<'a>,
    /// What is retained of view raw.
    pub(crate) raw: Shown<'a>,
    /// Whether the terminal echoed something we typed: an echo is in the text, and is no output.
    pub(crate) echoed: bool,
}

/// What is retained of one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) all: &'a [u8],
    /// Where the text begins that no match has consumed.
    pub(crate) cursor: usize,
}

impl<'a> Shown<'a> {
    fn after(&self) -> &'a [u8] {
        &self.all[self.cursor..]
    }

    fn before(&self) -> &'a [u8] {
        &self.all[..self.cursor]
    }

    /// A quotation: masked as a part of everything that is known, and cut only then.
    fn quote(&self, mask: &Mask, part: Range<usize>) -> String {
        show(&mask.part(self.all, part), QUOTED)
    }
}

impl<'a> Seen<'a> {
    fn view(&self, view: View) -> Shown<'a> {
        match view {
            View::Text | View::Screen => self.text,
            View::Raw => self.raw,
        }
    }
}

/// What came close, most useful first, and what looks like a question.
pub(crate) fn misses(wanted: &[Wanted<'_>], seen: &[Seen<'_>], mask: &Mask) -> Vec<String> {
    let mut out = close(wanted, seen, mask);
    out.extend(prompts(seen, mask));
    out
}

/// What came close.
pub(crate) fn close(wanted: &[Wanted<'_>], seen: &[Seen<'_>], mask: &Mask) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for wanted in wanted.iter().take(TRIED) {
        if let Some(hint) = hint(wanted, seen, mask)
            && !out.contains(&hint)
        {
            out.push(hint);
        }
    }
    out.truncate(MOST);
    out
}

/// What looks like a question that nobody answered.
pub(crate) fn prompts(seen: &[Seen<'_>], mask: &Mask) -> Vec<String> {
    seen.iter().filter_map(|seen| prompt(seen, mask)).collect()
}

fn hint(wanted: &Wanted<'_>, seen: &[Seen<'_>], mask: &Mask) -> Option<String> {
    let listens = |seen: &&Seen<'_>| wanted.stream.is_none_or(|stream| stream == seen.stream);
    let heard = || seen.iter().filter(listens);
    let source = show(&mask.bytes(wanted.pattern.source.as_bytes()), QUOTED);
    let find = |regex: &Regex| {
        heard().find_map(|seen| {
            let shown = seen.view(wanted.view);
            let found = occurs(regex, shown.after())?;
            let found = found.start + shown.cursor..found.end + shown.cursor;
            Some(shown.quote(mask, found))
        })
    };
    let exact = exact(wanted.pattern)?;
    if let Some(seen) =
        heard().find(|seen| occurs(&exact, seen.view(wanted.view).after()).is_some())
    {
        if wanted.view == View::Screen {
            return Some(format!("`{source}` would match in view text; use `--view text`"));
        }
        return seen.echoed.then(|| {
            format!(
                "`{source}` appeared as the echo of what was typed, which is no output; wait for what the \
                 command itself prints"
            )
        });
    }
    for (regex, instead) in variants(wanted.pattern, mask) {
        if let Some(found) = find(&regex) {
            return Some(format!("`{found}` appeared; your pattern says `{source}`; {instead}"));
        }
    }
    let (other, flag) = match wanted.view {
        View::Text | View::Screen => (View::Raw, "raw"),
        View::Raw => (View::Text, "text"),
    };
    if heard().any(|seen| occurs(&exact, seen.view(other).after()).is_some()) {
        return Some(format!("`{source}` would match in view {flag}; use `--view {flag}`"));
    }
    if let Some(found) = heard().find_map(|seen| {
        let found = occurs(&exact, seen.text.before())?;
        Some(seen.text.quote(mask, found))
    }) {
        return Some(format!(
            "`{found}` appeared before the cursor: an earlier match had already consumed it; wait for it in an \
             earlier step, or answer it with `--on`"
        ));
    }
    let elsewhere = seen.iter().find(|seen| {
        !listens(seen)
            && (occurs(&exact, seen.view(wanted.view).after()).is_some()
                || occurs(&exact, seen.text.before()).is_some())
    })?;
    Some(format!(
        "`{source}` appeared on {}; your pattern listens to {}; drop its `--stream`",
        name(elsewhere.stream),
        wanted.stream.map_or("all", name)
    ))
}

fn name(stream: StreamId) -> &'static str {
    match stream {
        StreamId::Stdout => "stdout",
        StreamId::Stderr => "stderr",
        StreamId::Terminal => "the terminal",
    }
}

/// The pattern itself.
fn exact(pattern: &Pattern) -> Option<Regex> {
    match &pattern.kind {
        Kind::Text(bytes) => regex(&literal(bytes)?),
        Kind::Regex(source) => regex(source),
        Kind::Event(_) => None,
    }
}

/// What the pattern may have been meant to be, each with the advice that fits.
fn variants(pattern: &Pattern, mask: &Mask) -> Vec<(Regex, String)> {
    let mut out = Vec::new();
    let mut add = |source: &str, instead: String| {
        out.extend(regex(source).map(|regex| (regex, instead)));
    };
    match &pattern.kind {
        Kind::Text(bytes) => {
            let (Some(text), Some(plain)) = (std::str::from_utf8(bytes).ok(), literal(bytes))
            else {
                return out;
            };
            // Only what is shown is masked; what is searched for is the real one.
            let safe = mask.text(bytes);
            let say = |text: &str| show(text.as_bytes(), QUOTED);
            let any_space = |text: &str| {
                text.split_whitespace().map(regex::escape).collect::<Vec<_>>().join(r"\s+")
            };
            add(&format!("(?i){plain}"), format!("use `/{}/i`", say(&regex::escape(&safe))));
            let trimmed = text.trim();
            if !trimmed.is_empty() {
                if trimmed != text {
                    add(&regex::escape(trimmed), format!("use `{}`", say(safe.trim())));
                }
                let instead =
                    format!("the white space differs; use `/{}/`", say(&any_space(&safe)));
                add(&any_space(text), instead);
            }
            if text != plain && looks_like_regex(text) {
                add(text, format!("plain text is taken literally; use `/{}/`", say(&safe)));
            }
        }
        Kind::Regex(source) => {
            let safe = mask.text(pattern.source.as_bytes());
            let say = |text: &str| show(text.as_bytes(), QUOTED);
            add(&format!("(?i){source}"), format!("use `{}i`", say(&safe)));
            let inner = |source: &str| {
                let (inner, _) = source.strip_prefix('/')?.rsplit_once('/')?;
                Some(inner.to_owned())
            };
            if let (Some(real), Some(safe)) = (inner(&pattern.source), inner(&safe)) {
                let instead =
                    format!("slashes make it a regex; as plain text it is `={}`", say(&safe));
                add(&regex::escape(&real), instead);
            }
        }
        Kind::Event(_) => {}
    }
    out
}

/// Whether someone who writes this may mean a regex: most prompts have a `.` or a `?`, and are none.
fn looks_like_regex(text: &str) -> bool {
    [".*", ".+", "\\d", "\\s", "\\w", "|", "[^", "(?"].iter().any(|mark| text.contains(mark))
        || text.starts_with('^')
        || text.ends_with('$')
        || (text.contains('[') && text.contains("]+"))
}

fn literal(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(regex::escape)
}

fn regex(source: &str) -> Option<Regex> {
    RegexBuilder::new(source).multi_line(true).crlf(true).size_limit(1 << 20).build().ok()
}

/// Where something of it matches: the matcher never takes an empty match, so neither is it a near one.
fn occurs(regex: &Regex, text: &[u8]) -> Option<Range<usize>> {
    regex.find_iter(text).map(|found| found.range()).find(|found| !found.is_empty())
}

/// An unfinished last line that ends as prompts end.
fn prompt(seen: &Seen<'_>, mask: &Mask) -> Option<String> {
    let text = seen.text.after();
    let start = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
    // A carriage return began it anew, as ssh begins its prompts.
    let again = memchr::memrchr(b'\r', text[start..].trim_ascii_end()).map_or(0, |at| at + 1);
    let start = start + again;
    let line = &text[start..];
    let last = line.trim_ascii_end().last()?;
    let ends = matches!(last, b':' | b'?' | b'>' | b'$' | b'#' | b'%' | b']' | b')');
    (ends && line.len() <= 200).then(|| {
        let line = seen.text.quote(mask, seen.text.cursor + start..seen.text.all.len());
        let text = line.trim();
        let lower = text.to_ascii_lowercase();
        let secret = lower.contains("passw") || lower.contains("passphrase");
        let answer = if secret { "--send-secret NAME" } else { "--line …" };
        format!(
            "the last line looks like a prompt: `{line}`; answer it with `--on '{text}' {answer}`"
        )
    })
}

#[cfg(test)]
mod tests;
