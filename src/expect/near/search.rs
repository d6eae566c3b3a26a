//! Searches for near misses: none of them takes long, for the first signal of a limit waits for all of them.
//!
//! With lazy automata alone: what these cannot take, or what makes a new state of every byte, would be searched for by
//! simulating the regex, half a second a mebibyte with a few words in the pattern. Such a pattern has no hint.

use std::cell::RefCell;
use std::ops::Range;

use regex_automata::hybrid::dfa;
use regex_automata::hybrid::regex::{Cache, Regex};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::iter::Searcher;
use regex_automata::{Input, MatchKind};
use regex_syntax::hir::Hir;

/// How large a pattern may be in either direction, in bytes: to compile it takes 5 ms.
const LARGEST: usize = 256 << 10;
/// How much its states may take. Once they are forgotten, it has to be worth while.
const STATES: usize = 1 << 20;
/// How much of the text is searched, from its end.
const LAST: usize = 64 << 10;

/// Finds one pattern.
#[derive(Debug)]
pub(super) struct Finder {
    regex: Regex,
    cache: RefCell<Cache>,
}

impl Finder {
    /// Nothing for what is too large.
    pub(super) fn new(hir: &Hir) -> Option<Finder> {
        let nfa = |reverse| -> Option<NFA> {
            let config = NFA::config().utf8(false).nfa_size_limit(Some(LARGEST)).reverse(reverse);
            let config = config.which_captures(thompson::WhichCaptures::None);
            NFA::compiler().configure(config).build_from_hir(hir).ok()
        };
        let config = dfa::Config::new()
            .unicode_word_boundary(true)
            .cache_capacity(STATES)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(10));
        let dfa = |config, nfa| dfa::Builder::new().configure(config).build_from_nfa(nfa).ok();
        let forward = dfa(config.clone(), nfa(false)?)?;
        let reverse = dfa(config.match_kind(MatchKind::All), nfa(true)?)?;
        let regex = Regex::builder().build_from_dfas(forward, reverse);
        let cache = RefCell::new(regex.create_cache());
        Some(Finder { regex, cache })
    }

    /// Where something of it matches in this part of `text`: the matcher never takes an empty match, so neither is it
    /// a near one.
    pub(super) fn find(&self, text: &[u8], part: Range<usize>) -> Option<Range<usize>> {
        let start = part.start.max(part.end.saturating_sub(LAST));
        let mut searcher = Searcher::new(Input::new(text).range(start..part.end));
        let mut cache = self.cache.borrow_mut();
        loop {
            let found = searcher.try_advance(|input| self.regex.try_search(&mut cache, input));
            let found = found.ok().flatten()?;
            if !found.is_empty() {
                return Some(found.range());
            }
        }
    }
}
