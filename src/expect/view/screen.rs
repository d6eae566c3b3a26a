//! The screen view: what a terminal would show, as rows of text.
//!
//! A screen is not a stream of bytes: what it shows is written over, and no byte of it has a place in the
//! output. So it is looked at from time to time, and its matches are of a kind of their own:
//!
//! - It is looked at when the output pauses or ends, and after every 16 KiB without a pause: places that
//!   depend on the output alone, not on how it arrived.
//! - The rows are joined by LF, empty rows at the bottom left out; a pattern is looked for in all of that.
//!   Several armed ones: the one that is found first, from the top left, and on a tie the first armed.
//! - A match begins and ends where the output was when the screen was looked at, and consumes all before.
//! - What has matched once, and stays as it is where it is, does not match again: the pattern has to be
//!   gone from the screen, or found elsewhere or otherwise, before it fires another time.
//! - Our own echo is shown like everything else: this is the screen as it is.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;

use super::emulator::Emulator;
use crate::expect::matcher::Match;

/// How much output goes by without a look.
const STRIDE: u64 = 16 << 10;

/// The screen, and the patterns that look at it.
pub struct ScreenView {
    emulator: Emulator,
    patterns: Vec<(usize, Regex)>,
    total: u64,
    /// Looks that have not been judged yet.
    shots: VecDeque<Shot>,
    /// The last one that was.
    current: Option<Shot>,
    /// Output came, or patterns were armed, since the last look.
    stale: bool,
    /// What has fired and is still there: where on the screen, and what.
    fired: HashMap<usize, (usize, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Shot {
    offset: u64,
    text: Rc<str>,
}

impl ScreenView {
    /// A screen of `size` columns and rows, and the patterns that look at it.
    pub fn new(patterns: Vec<(usize, Regex)>, size: (u16, u16)) -> ScreenView {
        ScreenView {
            emulator: Emulator::new(size, 0),
            patterns,
            total: 0,
            shots: VecDeque::new(),
            current: None,
            stale: true,
            fired: HashMap::new(),
        }
    }

    /// The patterns, with their ids.
    pub fn patterns(&self) -> &[(usize, Regex)] {
        &self.patterns
    }

    /// Other patterns, with the same ids.
    pub fn renew(&mut self, patterns: Vec<(usize, Regex)>) {
        self.patterns = patterns;
        self.stale = true;
    }

    /// Another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.emulator.resize(size);
        self.stale = true;
    }

    /// Takes output.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let left = (STRIDE - self.total % STRIDE) as usize;
            let (now, later) = bytes.split_at(left.min(bytes.len()));
            self.emulator.push(now);
            self.total += now.len() as u64;
            self.stale = true;
            if self.total.is_multiple_of(STRIDE) {
                self.look();
            }
            bytes = later;
        }
    }

    /// The output paused here.
    pub fn look(&mut self) {
        let (cols, _) = self.emulator.size();
        let rows: Vec<String> = self.emulator.screen().rows(0, cols).collect();
        let text = rows.join("\n");
        let text: Rc<str> = text.trim_end_matches('\n').into();
        self.stale = false;
        self.shots.push_back(Shot { offset: self.total, text });
    }

    /// Patterns were armed: the screen as it is has to be looked at once more.
    pub fn arm(&mut self) {
        self.stale = true;
    }

    /// Whether a pause would be reason for a look.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The match of the earliest look that has one, among those taken before `before`; watches first: those
    /// of `watched`, then of `armed`.
    pub fn find(&mut self, before: u64, watched: &[usize], armed: &[usize]) -> Option<Match> {
        while let Some(shot) = self.shots.front().filter(|shot| shot.offset < before).cloned() {
            for &id in watched {
                if let Some((_, found)) = self.judge(id, &shot) {
                    return Some(Match { is_watch: true, ..found });
                }
            }
            let mut first: Option<(usize, Match)> = None;
            for &id in armed {
                let Some((at, found)) = self.judge(id, &shot) else { continue };
                if first.as_ref().is_none_or(|(best, _)| at < *best) {
                    first = Some((at, found));
                }
            }
            if let Some((_, found)) = first {
                return Some(found);
            }
            self.current = self.shots.pop_front();
        }
        None
    }

    /// A match that [`ScreenView::find`] gave is delivered.
    pub fn taken(&mut self, found: &Match) {
        let at = found.before.len();
        let text = found.groups.first().cloned().flatten().unwrap_or_default();
        self.fired.insert(found.id, (at, text));
    }

    /// Where a pattern is found on a screen, unless it is what has fired before.
    fn judge(&mut self, id: usize, shot: &Shot) -> Option<(usize, Match)> {
        let (_, regex) = self.patterns.iter().find(|(other, _)| *other == id)?;
        let text = shot.text.as_bytes();
        let full = |groups: &Captures| groups.get_match().is_some_and(|m| !m.is_empty());
        let Some(groups) = regex.captures_iter(text).find(full) else {
            self.fired.remove(&id);
            return None;
        };
        let span = groups.get_match()?.span();
        let same = |(at, was): &(usize, Vec<u8>)| *at == span.start && was == &text[span.range()];
        if self.fired.get(&id).is_some_and(same) {
            return None;
        }
        let names = groups.group_info().pattern_names(regex_automata::PatternID::ZERO);
        let group = |at: usize| groups.get_group(at).map(|span| text[span.range()].to_vec());
        let names = names.enumerate().filter_map(|(at, name)| Some((name?.to_owned(), group(at))));
        let found = Match {
            id,
            is_watch: false,
            start: shot.offset,
            end: shot.offset,
            names: names.collect(),
            groups: (0..groups.group_len()).map(group).collect(),
            before: text[..span.start].to_vec(),
        };
        Some((span.start, found))
    }

    /// The screen as it was last looked at.
    pub fn text(&self) -> &[u8] {
        let shot = self.shots.back().or(self.current.as_ref());
        shot.map_or(b"", |shot| shot.text.as_bytes())
    }
}

impl std::fmt::Debug for ScreenView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScreenView").field("total", &self.total).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_output_and_no_size_upsets_it(
            parts in proptest::collection::vec(
                (
                    prop_oneof![
                        "(\x1b\\[[0-9;?]{0,5}[A-Za-z@`]|\x1b[78DEMc]|[ab\u{4e00}\u{301}\r\n\t\x08]){0,20}"
                            .prop_map(String::into_bytes),
                        proptest::collection::vec(any::<u8>(), 0..40),
                    ],
                    0_u16..12,
                    0_u16..6,
                ),
                0..12,
            ),
        ) {
            let mut screen = ScreenView::new(Vec::new(), (0, 0));
            for (bytes, cols, rows) in parts {
                screen.push(&bytes);
                screen.look();
                screen.resize((cols, rows));
                screen.look();
            }
            prop_assert!(screen.find(u64::MAX, &[], &[]).is_none());
        }
    }
}
