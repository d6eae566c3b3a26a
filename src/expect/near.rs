//! Near misses: what came close to an unmet pattern, with what to write instead.
//!
//! Computed once, when a dialogue fails, from what the window still holds. Each hint is checked against the
//! output before it is given: a sentence that says `use X` has tried X.

use regex::bytes::{Regex, RegexBuilder};

use super::escape::show;
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
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) stream: StreamId,
    /// After the cursor, in view text.
    pub(crate) text: Vec<u8>,
    /// After the cursor, in view raw.
    pub(crate) raw: Vec<u8>,
    /// Before the cursor, in view text.
    pub(crate) consumed: Vec<u8>,
    /// Whether the terminal echoed something we typed: an echo is in the text, and is no output.
    pub(crate) echoed: bool,
}

impl Seen {
    fn after_cursor(&self, view: View) -> &[u8] {
        match view {
            View::Text | View::Screen => &self.text,
            View::Raw => &self.raw,
        }
    }
}

/// What came close, most useful first.
pub(crate) fn misses(wanted: &[Wanted<'_>], seen: &[Seen]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for wanted in wanted.iter().take(TRIED) {
        if let Some(hint) = hint(wanted, seen)
            && !out.contains(&hint)
        {
            out.push(hint);
        }
    }
    out.truncate(MOST);
    out.extend(seen.iter().filter_map(prompt));
    out
}

fn hint(wanted: &Wanted<'_>, seen: &[Seen]) -> Option<String> {
    let listens = |seen: &&Seen| wanted.stream.is_none_or(|stream| stream == seen.stream);
    let heard = || seen.iter().filter(listens);
    let source = show(wanted.pattern.source.as_bytes(), QUOTED);
    let find = |regex: &Regex| {
        heard().find_map(|seen| {
            let found = occurs(regex, seen.after_cursor(wanted.view))?;
            Some(show(found, QUOTED))
        })
    };
    let exact = exact(wanted.pattern)?;
    if let Some(seen) =
        heard().find(|seen| occurs(&exact, seen.after_cursor(wanted.view)).is_some())
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
    for (regex, instead) in variants(wanted.pattern) {
        if let Some(found) = find(&regex) {
            return Some(format!("`{found}` appeared; your pattern says `{source}`; {instead}"));
        }
    }
    let (other, flag) = match wanted.view {
        View::Text | View::Screen => (View::Raw, "raw"),
        View::Raw => (View::Text, "text"),
    };
    if heard().any(|seen| occurs(&exact, seen.after_cursor(other)).is_some()) {
        return Some(format!("`{source}` would match in view {flag}; use `--view {flag}`"));
    }
    if let Some(found) = heard().find_map(|seen| occurs(&exact, &seen.consumed)) {
        return Some(format!(
            "`{}` appeared before the cursor: an earlier match had already consumed it; wait for it in an \
             earlier step, or answer it with `--on`",
            show(found, QUOTED)
        ));
    }
    let elsewhere = seen.iter().find(|seen| {
        !listens(seen)
            && (occurs(&exact, seen.after_cursor(wanted.view)).is_some()
                || occurs(&exact, &seen.consumed).is_some())
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
fn variants(pattern: &Pattern) -> Vec<(Regex, String)> {
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
            let shown = show(plain.as_bytes(), QUOTED);
            add(&format!("(?i){plain}"), format!("use `/{shown}/i`"));
            let words: Vec<String> = text.split_whitespace().map(regex::escape).collect();
            if !words.is_empty() {
                let trimmed = text.trim();
                if trimmed != text {
                    let trimmed = show(trimmed.as_bytes(), QUOTED);
                    add(&regex::escape(text.trim()), format!("use `{trimmed}`"));
                }
                let loose = words.join(r"\s+");
                add(
                    &loose,
                    format!("the white space differs; use `/{}/`", show(loose.as_bytes(), QUOTED)),
                );
            }
            if text != plain && looks_like_regex(text) {
                let shown = show(text.as_bytes(), QUOTED);
                add(text, format!("plain text is taken literally; use `/{shown}/`"));
            }
        }
        Kind::Regex(source) => {
            add(&format!("(?i){source}"), format!("use `{}`", with_i(&pattern.source)));
            if let Some((inner, _)) =
                pattern.source.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'))
            {
                let shown = show(inner.as_bytes(), QUOTED);
                add(
                    &regex::escape(inner),
                    format!("slashes make it a regex; as plain text it is `={shown}`"),
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

fn with_i(source: &str) -> String {
    format!("{}i", show(source.as_bytes(), QUOTED))
}

fn literal(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(regex::escape)
}

fn regex(source: &str) -> Option<Regex> {
    RegexBuilder::new(source).multi_line(true).crlf(true).size_limit(1 << 20).build().ok()
}

/// Where something of it matches: the matcher never takes an empty match, so neither is it a near one.
fn occurs<'a>(regex: &Regex, text: &'a [u8]) -> Option<&'a [u8]> {
    regex.find_iter(text).map(|found| found.as_bytes()).find(|found| !found.is_empty())
}

/// An unfinished last line that ends as prompts end.
fn prompt(seen: &Seen) -> Option<String> {
    let start = memchr::memrchr(b'\n', &seen.text).map_or(0, |at| at + 1);
    let line = &seen.text[start..];
    let last = line.trim_ascii_end().last()?;
    let ends = matches!(last, b':' | b'?' | b'>' | b'$' | b'#' | b'%' | b']' | b')');
    (ends && line.len() <= 200).then(|| {
        let line = show(line, QUOTED);
        let text = line.trim();
        format!(
            "the last line looks like a prompt: `{line}`; answer it with `--on '{text}' --line …`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Pattern {
        Pattern { source: source.to_owned(), kind: Kind::Text(source.as_bytes().to_vec()) }
    }

    fn regex_of(source: &str) -> Pattern {
        let kind = Kind::Regex(source.trim_matches('/').to_owned());
        Pattern { source: source.to_owned(), kind }
    }

    fn seen(text: &str) -> Seen {
        Seen {
            stream: StreamId::Terminal,
            text: text.as_bytes().to_vec(),
            raw: text.as_bytes().to_vec(),
            consumed: Vec::new(),
            echoed: false,
        }
    }

    fn one(pattern: &Pattern, seen: Seen) -> Vec<String> {
        misses(&[Wanted { pattern, view: View::Text, stream: None }], &[seen])
    }

    #[test]
    fn another_case() {
        assert_eq!(
            one(&text("Password:"), seen("the password: is\n")),
            ["`password:` appeared; your pattern says `Password:`; use `/Password:/i`"]
        );
        assert_eq!(
            one(&regex_of("/^Done/"), seen("x\ndone\n")),
            ["`done` appeared; your pattern says `/^Done/`; use `/^Done/i`"]
        );
    }

    #[test]
    fn other_white_space() {
        assert_eq!(
            one(&text("login: "), seen("login:\n")),
            ["`login:` appeared; your pattern says `login: `; use `login:`"]
        );
        assert_eq!(
            one(&text("a b"), seen("a  b\n")),
            ["`a  b` appeared; your pattern says `a b`; the white space differs; use `/a\\s+b/`"]
        );
    }

    #[test]
    fn a_regex_without_slashes_and_a_literal_with_them() {
        assert_eq!(
            one(&text(r"id=\d+"), seen("id=77\n")),
            [
                r"`id=77` appeared; your pattern says `id=\d+`; plain text is taken literally; use `/id=\d+/`"
            ]
        );
        assert_eq!(
            one(&regex_of("/Continue? [y/N]/"), seen("Continue? [y/N] no\n")),
            [
                "`Continue? [y/N]` appeared; your pattern says `/Continue? [y/N]/`; slashes make it a regex; \
              as plain text it is `=Continue? [y/N]`"
            ]
        );
    }

    #[test]
    fn before_the_cursor() {
        let seen = Seen { consumed: b"hello world".to_vec(), ..seen("more\n") };
        let hints = one(&text("hello"), seen);
        assert!(hints[0].starts_with("`hello` appeared before the cursor"), "{hints:?}");
    }

    #[test]
    fn in_another_view() {
        let seen = Seen { raw: b"\x1b[31mred\r\n".to_vec(), ..seen("red\n") };
        let raw = Pattern { source: "[31m".to_owned(), kind: Kind::Text(b"[31m".to_vec()) };
        assert_eq!(one(&raw, seen), ["`[31m` would match in view raw; use `--view raw`"]);
    }

    #[test]
    fn only_as_an_echo() {
        let seen = Seen { echoed: true, ..seen("status\n") };
        let hints = one(&text("status"), seen);
        assert!(hints[0].starts_with("`status` appeared as the echo"), "{hints:?}");
    }

    #[test]
    fn not_on_the_screen_any_more() {
        let pattern = text("gone");
        let wanted = Wanted { pattern: &pattern, view: View::Screen, stream: None };
        assert_eq!(
            misses(&[wanted], &[seen("gone\n")]),
            ["`gone` would match in view text; use `--view text`"]
        );
    }

    #[test]
    fn on_another_stream() {
        let pattern = text("ready");
        let out = Seen { stream: StreamId::Stdout, ..seen("") };
        let err = Seen { stream: StreamId::Stderr, ..seen("ready\n") };
        let wanted = Wanted { pattern: &pattern, view: View::Text, stream: Some(StreamId::Stdout) };
        assert_eq!(
            misses(&[wanted], &[out, err]),
            ["`ready` appeared on stderr; your pattern listens to stdout; drop its `--stream`"]
        );
    }

    #[test]
    fn an_unfinished_line_that_ends_as_prompts_do() {
        assert_eq!(
            one(&text("never"), seen("x\nContinue? [y/N] ")),
            [
                "the last line looks like a prompt: `Continue? [y/N] `; answer it with `--on 'Continue? [y/N]' --line …`"
            ]
        );
        assert!(one(&text("never"), seen("Continue? [y/N]\n")).is_empty());
        assert!(one(&text("never"), seen("working")).is_empty());
    }

    #[test]
    fn foreign_bytes_are_spelled_out() {
        let hints = one(&text("A\u{7}"), seen("a\u{7}\n"));
        assert_eq!(hints, [r"`a\x07` appeared; your pattern says `A\x07`; use `/A\x07/i`"]);
    }

    #[test]
    fn the_same_hint_is_given_once_and_not_too_many() {
        let patterns: Vec<Pattern> = (0..9).map(|n| text(&format!("X{n}"))).collect();
        let wanted: Vec<Wanted<'_>> = patterns
            .iter()
            .chain([&patterns[0]])
            .map(|pattern| Wanted { pattern, view: View::Text, stream: None })
            .collect();
        let hints = misses(&wanted, &[seen("x0 x1 x2 x3 x4 x5 x6 x7 x8\n")]);
        assert_eq!(hints.len(), MOST);
    }
}
