//! Near misses: what came close to an unmet pattern, with what to write instead.
//!
//! Computed once, when a dialogue fails, from what the window still holds. Each hint is checked against the
//! output before it is given: a sentence that says `use X` has read X as a pattern, letter by letter, and tried it
//! with the matcher's own reading of it. Where X cannot be shown as it is, the sentence says what differs.

mod search;

use std::ops::Range;

use self::search::Finder;
use super::escape::show;
use super::mask::Mask;
use super::pattern::{Kind, Pattern};
use super::program::{StreamId, View};
use super::view::plain;

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
    /// What we typed and the terminal echoed: that is no output.
    pub(crate) echoed: &'a [u8],
}

/// What is retained of one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) all: &'a [u8],
    /// Where the text begins that no match has consumed.
    pub(crate) cursor: usize,
}

impl Shown<'_> {
    /// Where something of it matches behind the cursor.
    fn after(&self, finder: &Finder) -> Option<Range<usize>> {
        finder.find(self.all, self.cursor..self.all.len())
    }

    fn before(&self, finder: &Finder) -> Option<Range<usize>> {
        finder.find(&self.all[..self.cursor], 0..self.cursor)
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
    seen.iter().filter_map(|seen| prompt(seen.text, mask)).collect()
}

/// The same of output that was kept without a dialogue, its secrets masked: of its end.
pub(crate) fn question(tail: &[u8]) -> Option<String> {
    prompt(Shown { all: &plain::text(tail), cursor: 0 }, &Mask::default())
}

fn hint(wanted: &Wanted<'_>, seen: &[Seen<'_>], mask: &Mask) -> Option<String> {
    let Wanted { pattern, view, stream } = *wanted;
    let listens = |seen: &&Seen<'_>| stream.is_none_or(|stream| stream == seen.stream);
    let heard = || seen.iter().filter(listens);
    let source = show(&mask.bytes(pattern.source.as_bytes()), QUOTED);
    let exact = finder(pattern, view)?;
    if let Some(seen) = heard().find(|seen| seen.view(view).after(&exact).is_some()) {
        if view == View::Screen {
            return Some(format!("`{source}` would match in view text; use `--view text`"));
        }
        return (!seen.echoed.is_empty()).then(|| only_echoed(&source));
    }
    for instead in variants(pattern) {
        let Some(tried) = instead.pattern().and_then(|pattern| finder(&pattern, view)) else {
            continue;
        };
        if let Some(found) = heard().find_map(|seen| {
            let shown = seen.view(view);
            Some(shown.quote(mask, shown.after(&tried)?))
        }) {
            let advice = instead.advice(pattern, mask);
            return Some(format!("`{found}` appeared; your pattern says `{source}`; {advice}"));
        }
    }
    let whole = |bytes| Shown { all: bytes, cursor: 0 };
    if heard().any(|seen| whole(seen.echoed).after(&exact).is_some()) {
        return Some(only_echoed(&source));
    }
    let (other, flag) = match view {
        View::Text | View::Screen => (View::Raw, "raw"),
        View::Raw => (View::Text, "text"),
    };
    let there = finder(pattern, other)?;
    if heard().any(|seen| seen.view(other).after(&there).is_some()) {
        return Some(format!("`{source}` would match in view {flag}; use `--view {flag}`"));
    }
    if let Some(found) =
        heard().find_map(|seen| Some(seen.text.quote(mask, seen.text.before(&exact)?)))
    {
        return Some(format!(
            "`{found}` appeared before the cursor: an earlier match had already consumed it; wait for it in an \
             earlier step, or answer it with `--on`"
        ));
    }
    let elsewhere = seen.iter().find(|seen| {
        !listens(seen)
            && (seen.view(view).after(&exact).is_some() || seen.text.before(&exact).is_some())
    })?;
    Some(format!(
        "`{source}` appeared on {}; your pattern listens to {}; drop its `--stream`",
        name(elsewhere.stream),
        stream.map_or("all", name)
    ))
}

fn only_echoed(source: &str) -> String {
    format!(
        "`{source}` appeared as the echo of what was typed, which is no output; wait for what the command itself \
         prints"
    )
}

fn name(stream: StreamId) -> &'static str {
    match stream {
        StreamId::Stdout => "stdout",
        StreamId::Stderr => "stderr",
        StreamId::Terminal => "the terminal",
    }
}

/// A pattern that may have been meant.
struct Instead {
    /// As it would have to be typed.
    typed: String,
    /// What precedes it in a sentence.
    lead: &'static str,
    /// What is said where it cannot be shown as it is.
    differs: &'static str,
}

impl Instead {
    /// What it means, where it is a pattern at all.
    fn pattern(&self) -> Option<Pattern> {
        Pattern::parse(&self.typed).ok()
    }

    /// What is said of it, in place of `pattern`.
    fn advice(&self, pattern: &Pattern, mask: &Mask) -> String {
        let Instead { typed, lead, differs } = self;
        // A regex spells what is masked in other letters, so it is the original that is asked.
        let bytes = match &pattern.kind {
            Kind::Text(bytes) => bytes,
            _ => pattern.source.as_bytes(),
        };
        let is_whole = |bytes: &[u8]| mask.bytes(bytes) == bytes;
        if is_whole(bytes) && is_whole(typed.as_bytes()) && show(typed.as_bytes(), QUOTED) == *typed
        {
            format!("{lead} `{typed}`")
        } else {
            (*differs).to_owned()
        }
    }
}

/// What the pattern may have been meant to be, likeliest first.
fn variants(pattern: &Pattern) -> Vec<Instead> {
    let mut out = Vec::new();
    let mut add = |typed, lead, differs| out.push(Instead { typed, lead, differs });
    match &pattern.kind {
        Kind::Text(bytes) => {
            add(format!("/{}/i", escaped(bytes)), "use", "it differs in upper and lower case");
            let Ok(text) = std::str::from_utf8(bytes) else { return out };
            let trimmed = text.trim();
            if !trimmed.is_empty() {
                if trimmed != text {
                    add(
                        spell(trimmed.as_bytes()),
                        "use",
                        "it differs in the white space at its ends",
                    );
                }
                let words: Vec<String> =
                    text.split_whitespace().map(|word| escaped(word.as_bytes())).collect();
                let any_space = format!("/{}/", words.join(r"\s+"));
                add(any_space, "the white space differs; use", "the white space differs");
            }
            if looks_like_regex(text) {
                add(
                    format!("/{text}/"),
                    "plain text is taken literally; use",
                    "plain text is taken literally; a regex stands between slashes",
                );
            }
        }
        Kind::Regex(_) => {
            let source = &pattern.source;
            add(format!("{source}i"), "use", "it differs in upper and lower case");
            let inner = source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
            let plain = inner.map(|(inner, _)| spell(inner.as_bytes()));
            if let Some(plain) = plain.filter(|plain| !plain.starts_with('/')) {
                add(
                    plain,
                    "slashes make it a regex; as plain text it is",
                    "slashes make it a regex; it appeared as plain text",
                );
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

/// The pattern that takes exactly these bytes, as it is typed.
fn spell(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if show(bytes, usize::MAX) == text => {
            let mark = if text.starts_with(['/', '=', '@']) { "=" } else { "" };
            format!("{mark}{text}")
        }
        _ => format!("/{}/", escaped(bytes)),
    }
}

/// A regex that takes exactly these bytes, and can be typed.
fn escaped(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let c = c.to_string();
            match show(c.as_bytes(), 1) {
                shown if shown == c => out += &regex_syntax::escape(&c),
                shown if shown == r"\e" => out += r"\x1b",
                shown => out += &shown,
            }
        }
        out.extend(chunk.invalid().iter().map(|byte| format!(r"(?-u:\x{byte:02x})")));
    }
    out
}

/// What finds a pattern in a view; nothing for an event, or where it is large.
fn finder(pattern: &Pattern, view: View) -> Option<Finder> {
    Finder::new(&pattern.kind.hir(view != View::Raw).ok()??)
}

/// An unfinished last line that ends as prompts end.
fn prompt(text: Shown<'_>, mask: &Mask) -> Option<String> {
    let Shown { all, cursor } = text;
    let rest = &all[cursor..];
    let start = memchr::memrchr(b'\n', rest).map_or(0, |at| at + 1);
    // A carriage return began it anew, as ssh begins its prompts.
    let again = memchr::memrchr(b'\r', rest[start..].trim_ascii_end()).map_or(0, |at| at + 1);
    let start = start + again;
    let line = &rest[start..];
    let last = line.trim_ascii_end().last()?;
    let ends = matches!(last, b':' | b'?' | b'>' | b'$' | b'#' | b'%' | b']' | b')');
    (ends && line.len() <= 200).then(|| {
        let whole = cursor + start..all.len();
        let shown = text.quote(mask, whole.clone());
        let typed = spell(line.trim_ascii());
        let is_shown = mask.part(all, whole) == line && show(typed.as_bytes(), QUOTED) == typed;
        let pattern = if is_shown { quoted(&typed) } else { "…".to_owned() };
        let lower = typed.to_ascii_lowercase();
        let secret = lower.contains("passw") || lower.contains("passphrase");
        let answer = if secret { "--send-secret NAME" } else { "--line …" };
        format!(
            "the last line looks like a prompt: `{shown}`; answer it with `--on {pattern} {answer}`"
        )
    })
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
