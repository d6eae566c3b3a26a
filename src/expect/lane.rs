//! One view of one stream: its retained text, what is armed on it, what is watched on it.
//!
//! Both give at most one decided match at a time, which waits here until it is delivered: the text behind
//! it means something else once the dialogue has gone on.

use std::rc::Rc;

use regex_syntax::hir::Hir;

use super::automaton::compile::Compiled;
use super::automaton::lazy::{Lazy, Mode};
use super::matcher::{Loss, Match};
use super::prefilter::Prefilter;
use super::resolve::Resolver;
use super::search::{Decision, Search};
use super::watch::Watches;
use super::window::Window;

/// How much text is kept at least, whatever nobody waits for: for hints and the last lines.
const HINTS: u64 = 16 << 10;
/// For how many sets of armed patterns the automaton is kept.
const KEPT: usize = 8;
/// How much the table of an automaton for many patterns may take.
pub const CACHE: usize = 2 << 20;

/// A pattern of a view, and what is known of it whatever the others are.
#[derive(Debug)]
pub struct One {
    /// The pattern itself.
    pub hir: Hir,
    /// How a match is resolved.
    pub resolver: Resolver,
    /// What it has to begin with, where that is known.
    pub beginnings: Option<Vec<Vec<u8>>>,
}

/// The patterns of a view, compiled.
#[derive(Debug)]
pub struct Patterns {
    /// The run's id of each, ascending.
    pub ids: Vec<usize>,
    /// Each of them.
    pub each: Vec<Rc<One>>,
    /// All of them.
    pub compiled: Rc<Compiled>,
    /// How long a match may be, and how long it may be held, in bytes.
    pub reach: u64,
    /// How much of the text before a match is given with it.
    pub before: u64,
}

impl Patterns {
    /// Takes them over, once compiled.
    pub fn new(
        ids: Vec<usize>,
        each: Vec<Rc<One>>,
        compiled: Compiled,
        reach: u64,
        before: u64,
    ) -> Patterns {
        // A window that nothing can fill is none; its multiples have to stay numbers.
        let reach = reach.min(u64::MAX / 8);
        Patterns { ids, each, compiled: Rc::new(compiled), reach, before }
    }

    /// What skips to where one of these may begin, when there is something.
    pub fn prefilter(&self, patterns: &[usize]) -> Option<Prefilter> {
        let known: Option<Vec<&Vec<Vec<u8>>>> =
            patterns.iter().map(|&pattern| self.each[pattern].beginnings.as_ref()).collect();
        let known = known?;
        Prefilter::new(known.iter().flat_map(|literals| literals.iter().map(Vec::as_slice)))
    }

    /// Makes a match of a decision; `cursor` is where the text before it begins.
    pub fn finish(&self, window: &Window, decision: &Decision, cursor: u64) -> Option<Decided> {
        let resolved =
            self.each[decision.pattern].resolver.resolve(window, decision, self.reach)?;
        let start = resolved.start();
        let (groups, names) = resolved.groups(window);
        // What is retained beyond that depends on how the output came.
        let retained = decision.seen.saturating_sub(2 * self.reach);
        let from = cursor.max(start.saturating_sub(self.before)).max(retained);
        let before = window.between(from, start).to_vec();
        let found = Match {
            id: self.ids[decision.pattern],
            is_watch: false,
            start: window.offset_of(start),
            end: window.offset_after(decision.end),
            groups,
            names,
            before,
        };
        Some(Decided { found, end: decision.end, at: decision.known })
    }

    /// What is to be told of a match whose beginning has left the window.
    pub fn loss(&self, window: &Window, decision: &Decision, cursor: u64) -> Loss {
        let from = self.restart(decision);
        Loss {
            id: self.ids[decision.pattern],
            end: window.offset_after(decision.first_end),
            from: window.offset_of(from),
            since: window.offset_of(cursor),
        }
    }

    /// Where to search again after a loss.
    pub fn restart(&self, decision: &Decision) -> u64 {
        let from = decision.first_end.saturating_sub(self.reach);
        // There is always less text to look at than before, so this ends.
        if from > decision.base { from } else { decision.at.max(decision.base + 1) }
    }
}

/// A match that waits for its delivery.
#[derive(Debug)]
pub struct Decided {
    /// The match itself.
    pub found: Match,
    /// Where it ends in the view.
    pub end: u64,
    /// The position with which it was known.
    pub at: u64,
}

/// One view of one stream.
#[derive(Debug)]
pub struct Lane {
    /// The retained text.
    pub window: Window,
    /// What is watched.
    pub watches: Watches,
    /// What could not be matched any more.
    pub losses: Vec<Loss>,
    patterns: Rc<Patterns>,
    armed: Option<Armed>,
    kept: Vec<Automaton>,
    /// Where the text after the last match begins: an offset, and the position that is.
    consumed: u64,
    cursor: u64,
    /// No pattern of this view can match before, so that it is no loss when it is gone.
    passed: u64,
    /// Whether every pattern has looked from the cursor on, once that was asked.
    covered: Option<bool>,
    /// Where the last match of a watch ends, or where the last watch began to look: what lies between the cursor
    /// and here its pattern may still match, once it is armed.
    watched: u64,
    /// Whether the patterns have changed: they may once more, and then what has passed counts again.
    renewed: bool,
}

/// What is armed.
#[derive(Debug)]
struct Armed {
    automaton: Automaton,
    search: Search,
    decided: Option<Decided>,
}

/// An automaton for a set of armed patterns.
#[derive(Debug)]
struct Automaton {
    order: Vec<usize>,
    /// The view's other patterns.
    others: Vec<usize>,
    lazy: Lazy,
    prefilter: Option<Prefilter>,
}

impl Automaton {
    /// In how many bytes nothing begins, when nothing is under way.
    fn skip(&self, bytes: &[u8]) -> usize {
        self.prefilter.as_ref().map_or(0, |prefilter| prefilter.skip_lines(bytes))
    }
}

impl Lane {
    /// A view with nothing in it.
    pub fn new(patterns: Rc<Patterns>, window: Window) -> Lane {
        Lane {
            window,
            watches: Watches::new(Rc::clone(&patterns)),
            losses: Vec::new(),
            patterns,
            armed: None,
            kept: Vec::new(),
            consumed: 0,
            cursor: 0,
            passed: 0,
            covered: None,
            watched: 0,
            renewed: false,
        }
    }

    /// All patterns of this view.
    pub fn patterns(&self) -> &Rc<Patterns> {
        &self.patterns
    }

    /// The number that a run's pattern has in this view.
    pub fn number(&self, id: usize) -> Option<usize> {
        self.patterns.ids.binary_search(&id).ok()
    }

    /// The first position that may be looked at again when all has been looked at up to `seen`.
    fn floor(&self, seen: u64) -> u64 {
        seen.saturating_sub(self.patterns.reach)
    }

    /// Arms patterns by number, for the text from `cursor` on, an offset. Where that is not all there any
    /// more, gives the offset from which on it is.
    pub fn arm(&mut self, order: &[usize], cursor: u64, looked: u64) -> Option<u64> {
        self.consumed = cursor;
        self.cursor = self.window.position_at(cursor);
        self.covered = None;
        if let Some(armed) = self.armed.take() {
            if self.kept.len() == KEPT {
                self.kept.remove(0);
            }
            self.kept.push(armed.automaton);
        }
        if order.is_empty() {
            return None;
        }
        let automaton = self.automaton(order);
        let seen = self.window.seen_by(looked);
        let (from, lost) = self.from(seen);
        self.armed = Some(Armed::new(automaton, &self.window, from, seen));
        lost
    }

    /// Where to search from when all has been looked at up to `seen`; and where what was lost ends, when that is
    /// not where it should be.
    fn from(&self, seen: u64) -> (u64, Option<u64>) {
        let wanted = self.cursor.max(self.passed);
        let from = wanted.max(self.floor(seen)).max(self.window.base());
        (from, (from > wanted).then(|| self.window.offset_of(from)))
    }

    /// These are the patterns from here on, with the same ids. Nothing is armed; watches go on with theirs,
    /// which are the same.
    pub fn renew(&mut self, patterns: Rc<Patterns>) {
        self.patterns = patterns;
        self.armed = None;
        self.kept.clear();
        self.renewed = true;
    }

    /// The automaton for a set of patterns: the one that was used for it before, when that is still there.
    fn automaton(&mut self, order: &[usize]) -> Automaton {
        if let Some(at) = self.kept.iter().position(|kept| kept.order == order) {
            return self.kept.remove(at);
        }
        let prefilter = self.patterns.prefilter(order);
        let compiled = Rc::clone(&self.patterns.compiled);
        let lazy = Lazy::new(compiled, order, Mode::First, prefilter.is_some(), CACHE);
        let mut armed = vec![false; self.patterns.ids.len()];
        for &pattern in order {
            armed[pattern] = true;
        }
        let others = (0..armed.len()).filter(|&pattern| !armed[pattern]).collect();
        Automaton { order: order.to_vec(), others, lazy, prefilter }
    }

    /// Goes on with what is armed, from `cursor` on, as [`Lane::arm`] does.
    pub fn advance(&mut self, cursor: u64, looked: u64) -> Option<u64> {
        self.consumed = cursor;
        self.cursor = self.window.position_at(cursor);
        self.covered = None;
        self.armed.as_ref()?;
        let seen = self.window.seen_by(looked);
        let (from, lost) = self.from(seen);
        let armed = self.armed.as_mut()?;
        armed.search_from(&self.window, from, seen);
        lost
    }

    /// A view may show bytes late (a CR, what may be our echo): some that another view's match has consumed
    /// may have come since.
    fn pass_consumed(&mut self) {
        let cursor = self.window.position_at(self.consumed);
        if cursor <= self.cursor {
            return;
        }
        self.cursor = cursor;
        self.covered = None;
        if let Some(armed) = self.armed.as_mut().filter(|armed| armed.search.at() < cursor) {
            armed.search_from(&self.window, cursor, cursor);
        }
    }

    /// Watches for these patterns, given with their places in the run's order.
    pub fn watch(&mut self, wanted: &[(usize, usize)], looked: u64) {
        self.covered = None;
        let seen = self.window.seen_by(looked);
        let from = self.floor(seen).max(self.passed).max(self.window.base());
        self.watched = self.watched.max(from);
        self.watches.set(wanted, &self.window, from, seen);
    }

    /// Takes bytes that came from `offset` on: of text, lines. Where nothing is under way those in which no match can
    /// begin are looked at where they are, instead of being taken over: most output is nothing that anybody waits
    /// for, and copying it costs more than looking at it. That none begins in the first `skip` is known.
    pub fn take(&mut self, offset: u64, bytes: &[u8], skip: usize) {
        let keep = self.kept_at_rest() as usize;
        let rests = bytes.len() > keep && self.rests();
        let skip = if rests { skip + self.skip(&bytes[skip..]) } else { 0 };
        if skip <= keep || !self.window.pass_lines(offset, &bytes[..skip], keep) {
            return self.window.push_lines(offset, bytes);
        }
        self.passed = self.window.end();
        self.watches.pass(&self.window);
        if let Some(armed) = &mut self.armed {
            armed.search_from(&self.window, self.passed, self.passed);
        }
        self.window.push_lines(offset + skip as u64, &bytes[skip..]);
    }

    /// In how many bytes no match begins, when nothing is under way.
    pub fn skip(&self, bytes: &[u8]) -> usize {
        let armed = self.armed.as_ref().map_or(usize::MAX, |armed| armed.automaton.skip(bytes));
        self.watches.skip(bytes).min(armed).min(bytes.len())
    }

    /// Whether all patterns that there are have looked at all there is, and nothing is under way: then no match
    /// will ever begin in it, whatever is armed next.
    fn rests(&mut self) -> bool {
        if self.renewed || !self.losses.is_empty() {
            return false;
        }
        let end = self.window.end();
        let idle = |armed: &Armed| {
            armed.decided.is_none() && armed.search.is_idle(&armed.automaton.lazy, end)
        };
        self.armed.as_ref().is_none_or(idle) && self.watches.rests(end) && self.is_covered()
    }

    fn is_covered(&mut self) -> bool {
        let covered = self.covered.unwrap_or_else(|| {
            let watched = self.watched <= self.cursor;
            let looks = |pattern| watched && self.watches.has(pattern);
            match &self.armed {
                Some(armed) => armed.automaton.others.iter().all(|&pattern| looks(pattern)),
                None => (0..self.patterns.ids.len()).all(looks),
            }
        });
        *self.covered.insert(covered)
    }

    /// How much text is kept whatever is under way: one reach for the beginning of a match, one for holding it,
    /// one byte for what lies before it.
    fn kept(&self) -> u64 {
        2 * self.patterns.reach + 1
    }

    /// How much is kept when nothing is: what a match shows of the text before it, and what hints look at.
    fn kept_at_rest(&self) -> u64 {
        self.kept().min(self.patterns.before.max(HINTS) + 1)
    }

    /// Takes the match of a watch; the watch goes on behind it.
    pub fn take_watch(&mut self, order: usize) -> Option<Decided> {
        let decided = self.watches.take(order, &self.window)?;
        self.watched = self.watched.max(decided.end);
        self.covered = None;
        Some(decided)
    }

    /// Looks on, up to the end.
    pub fn scan(&mut self) {
        self.pass_consumed();
        let limit = self.window.end();
        self.watches.scan(&self.window, limit, &mut self.losses);
        if let Some(armed) = &mut self.armed {
            armed.scan(&self.patterns, &self.window, limit, self.cursor, &mut self.losses);
        }
    }

    /// The output has paused or ended where [`Lane::scan`] stopped.
    pub fn force(&mut self) {
        let limit = self.window.end();
        self.watches.force(&self.window, limit, &mut self.losses);
        let Some(armed) = &mut self.armed else { return };
        while armed.decided.is_none() {
            let Some(decision) = armed.search.force(&mut armed.automaton.lazy) else { return };
            armed.settle(&self.patterns, &self.window, &decision, self.cursor, &mut self.losses);
            armed.scan(&self.patterns, &self.window, limit, self.cursor, &mut self.losses);
        }
    }

    /// The armed match that waits, and the key of its place among those of all views.
    pub fn armed(&self) -> Option<(u64, &Decided)> {
        let decided = self.armed.as_ref()?.decided.as_ref()?;
        Some((self.window.seen_at(decided.at), decided))
    }

    /// Takes the armed match that waits; [`Lane::advance`] has to follow.
    pub fn take_armed(&mut self) -> Option<Decided> {
        self.armed.as_mut()?.decided.take()
    }

    /// Everything has been looked at: forgets what is no longer needed. True when a pause would decide
    /// something.
    pub fn rest(&mut self) -> bool {
        let mut held = self.watches.rest(&self.window, &mut self.losses);
        if let Some(armed) = &mut self.armed {
            held |= armed.search.is_held(&mut armed.automaton.lazy);
        }
        let end = self.window.end();
        let keep = if self.rests() {
            self.passed = end;
            self.kept_at_rest()
        } else {
            // Few matches are held for as long as they may be: what is held now says how far back it can begin.
            let armed = self.armed.as_ref().map(|armed| armed.search.earliest_end());
            let earliest = armed.into_iter().chain(self.watches.earliest_end()).fold(end, u64::min);
            self.kept()
                .min(end - earliest + self.patterns.reach + self.patterns.before.max(HINTS) + 1)
        };
        self.window.trim(end.saturating_sub(keep));
        held
    }

    /// The retained text, and where in it the cursor is.
    pub fn retained(&self) -> (&[u8], usize) {
        (self.window.bytes(), self.window.index(self.cursor))
    }
}

impl Armed {
    fn new(mut automaton: Automaton, window: &Window, at: u64, seen: u64) -> Armed {
        let search = Search::new(&mut automaton.lazy, window, at, seen);
        Armed { automaton, search, decided: None }
    }

    fn search_from(&mut self, window: &Window, at: u64, seen: u64) {
        self.search = Search::new(&mut self.automaton.lazy, window, at, seen);
        self.decided = None;
    }

    fn scan(
        &mut self,
        patterns: &Patterns,
        window: &Window,
        limit: u64,
        cursor: u64,
        losses: &mut Vec<Loss>,
    ) {
        while self.decided.is_none() {
            let Automaton { lazy, prefilter, .. } = &mut self.automaton;
            let reach = patterns.reach;
            let run = self.search.run(lazy, prefilter.as_ref(), window, limit, reach);
            let Some(decision) = run else { return };
            self.settle(patterns, window, &decision, cursor, losses);
        }
    }

    fn settle(
        &mut self,
        patterns: &Patterns,
        window: &Window,
        decision: &Decision,
        cursor: u64,
        losses: &mut Vec<Loss>,
    ) {
        self.decided = patterns.finish(window, decision, cursor);
        if self.decided.is_none() {
            losses.push(patterns.loss(window, decision, cursor));
            let at = patterns.restart(decision);
            self.search = Search::after(&mut self.automaton.lazy, window, at, decision);
        }
    }
}
