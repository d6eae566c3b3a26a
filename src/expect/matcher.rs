//! The matcher of one stream (first version: same answers, not yet the same cost).

use std::time::Duration;

use regex_automata::Input;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use super::pattern::{Kind, Pattern, PatternError};
use super::program::View;

/// How a matcher works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatcherConfig {
    /// Bytes kept for matching.
    pub window: usize,
    /// The pause after which an undecided match is decided.
    pub settle: Duration,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
}

/// A decided match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Which pattern: its index in what the matcher was made of.
    pub id: usize,
    /// Whether it was watched for rather than armed.
    pub is_watch: bool,
    /// Where it begins: bytes of the stream before it.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The groups; the first is the whole match, absent ones took no part.
    pub groups: Vec<Option<Vec<u8>>>,
    /// The named groups among them, in the order of the pattern.
    pub names: Vec<(String, Option<Vec<u8>>)>,
    /// The text between the last match and this one, its end where it is long.
    pub before: Vec<u8>,
}

/// Matches the output of one stream against patterns.
#[derive(Debug)]
pub struct Matcher {
    regexes: Vec<Option<Regex>>,
    config: MatcherConfig,
    armed: Vec<usize>,
    watches: Vec<(usize, usize)>,
    text: Vec<u8>,
    cursor: usize,
    last_push: Duration,
    closed: bool,
}

impl Matcher {
    /// A matcher for all patterns that a run can ever arm on this stream; an index is a pattern's id.
    pub fn new(
        patterns: &[(Pattern, View)],
        config: MatcherConfig,
    ) -> Result<Matcher, PatternError> {
        let regexes = patterns
            .iter()
            .map(|(pattern, _)| match &pattern.kind {
                Kind::Text(text) => {
                    let quoted = regex_syntax::escape(&String::from_utf8_lossy(text));
                    Some(Self::regex(&quoted))
                }
                Kind::Regex(regex) => Some(Self::regex(regex)),
                Kind::Event(_) => None,
            })
            .collect();
        Ok(Matcher {
            regexes,
            config,
            armed: Vec::new(),
            watches: Vec::new(),
            text: Vec::new(),
            cursor: 0,
            last_push: Duration::ZERO,
            closed: false,
        })
    }

    fn regex(text: &str) -> Regex {
        Regex::builder()
            .syntax(syntax::Config::new().utf8(false).multi_line(true).crlf(true))
            .build(text)
            .expect("a parsed pattern compiles")
    }

    /// Arms these patterns, in order of precedence, for the text after the cursor.
    pub fn arm(&mut self, ids: &[usize]) {
        self.armed = ids.to_vec();
    }

    /// Watches for these patterns, each with a cursor of its own.
    pub fn watch(&mut self, ids: &[usize]) {
        self.watches = ids.iter().map(|&id| (id, 0)).collect();
    }

    /// Takes what the stream delivered.
    pub fn push(&mut self, now: Duration, bytes: &[u8]) {
        self.last_push = now;
        self.text.extend_from_slice(bytes);
    }

    /// The next decided match. To be called until there is none, after each push and at the deadline.
    pub fn poll(&mut self, now: Duration) -> Option<Match> {
        let paused = self.closed || now >= self.last_push + self.config.settle;
        for at in 0..self.watches.len() {
            let (id, from) = self.watches[at];
            if let Some(found) = self.find(&[id], from, paused) {
                self.watches[at].1 = found.end as usize;
                return Some(Match { is_watch: true, ..found });
            }
        }
        let found = self.find(&self.armed, self.cursor, paused)?;
        self.cursor = found.end as usize;
        Some(found)
    }

    fn find(&self, ids: &[usize], from: usize, paused: bool) -> Option<Match> {
        let mut best: Option<Match> = None;
        for &id in ids {
            let Some(regex) = &self.regexes[id] else { continue };
            let mut groups = regex.create_captures();
            regex.captures(Input::new(&self.text).range(from..), &mut groups);
            let Some(span) = groups.get_match().map(|m| m.span()) else { continue };
            if span.is_empty() || best.as_ref().is_some_and(|b| b.start <= span.start as u64) {
                continue;
            }
            let text = |span: regex_automata::Span| self.text[span.range()].to_vec();
            let names = regex
                .group_info()
                .pattern_names(regex_automata::PatternID::ZERO)
                .enumerate()
                .filter_map(|(i, name)| Some((name?.to_owned(), groups.get_group(i).map(text))))
                .collect();
            best = Some(Match {
                id,
                is_watch: false,
                start: span.start as u64,
                end: span.end as u64,
                groups: groups.iter().map(|g| g.map(text)).collect(),
                names,
                before: self.text[from..span.start].to_vec(),
            });
        }
        let fixed = |id: usize| self.regexes[id].as_ref().is_some_and(|r| r.captures_len() == 1);
        best.filter(|m| paused || m.end < self.text.len() as u64 || fixed(m.id))
    }

    /// When a held match is decided by the pause, if any is held.
    pub fn deadline(&self) -> Option<Duration> {
        let held = |ids: &[usize], from| self.find(ids, from, true).is_some();
        let any = held(&self.armed, self.cursor)
            || self.watches.iter().any(|&(id, from)| held(&[id], from));
        any.then(|| self.last_push + self.config.settle)
    }

    /// The stream has ended: whatever is held decides.
    pub fn close(&mut self, _now: Duration) {
        self.closed = true;
    }

    /// We have typed these bytes while the terminal echoes.
    pub fn expect_echo(&mut self, _bytes: &[u8]) {}

    /// The screen has another size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.config.size = (cols, rows);
    }

    /// How many bytes the stream has delivered.
    pub fn total(&self) -> u64 {
        self.text.len() as u64
    }

    /// Bytes that left the window before they could be matched.
    pub fn dropped(&self) -> u64 {
        0
    }

    /// The last lines of the text view.
    pub fn last_lines(&self, n: usize) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(n)..].iter().map(|l| (*l).to_owned()).collect()
    }

    /// The retained text of a view after the cursor.
    pub fn unmatched(&self, _view: View) -> &[u8] {
        &self.text[self.cursor..]
    }

    /// The retained text of a view before the cursor.
    pub fn matched(&self, _view: View) -> &[u8] {
        &self.text[..self.cursor]
    }
}
