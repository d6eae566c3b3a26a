//! Watches: what is judged whenever it appears. Each has a cursor of its own, so each is a search of its
//! own; that would cost every watch on every byte. One automaton for all of them goes first and says where
//! a match of which watch may end; only then does that watch's own search follow.

use std::rc::Rc;

use super::automaton::lazy::{Lazy, Mode, StateNo};
use super::lane::{CACHE, Decided, Patterns};
use super::matcher::Loss;
use super::prefilter::Prefilter;
use super::search::{Decision, Search};
use super::window::Window;

/// How much the table of one watch may take; there may be many.
const CACHE_OF_ONE: usize = 256 << 10;

/// How far a watch may stay behind before it is looked after.
const LAG: u64 = 16 << 10;

/// The watches of a view.
#[derive(Debug)]
pub struct Watches {
    patterns: Rc<Patterns>,
    list: Vec<Watch>,
    gate: Option<Gate>,
}

#[derive(Debug)]
struct Watch {
    pattern: usize,
    /// Its place in the run's order.
    order: usize,
    lazy: Lazy,
    search: Search,
    /// Where the text before its next match begins.
    cursor: u64,
    /// The last position at which it may match, as far as the gate has got.
    alarm: u64,
    /// A match has been seen and is held.
    held: bool,
    decided: Option<Decided>,
}

/// The automaton that goes first.
#[derive(Debug)]
struct Gate {
    lazy: Lazy,
    prefilter: Option<Prefilter>,
    state: StateNo,
    at: u64,
    /// For each pattern, its watch's place in the list.
    places: Vec<usize>,
}

impl Watches {
    /// None yet.
    pub fn new(patterns: Rc<Patterns>) -> Watches {
        Watches { patterns, list: Vec::new(), gate: None }
    }

    /// Watches for these patterns, given with their places in the run's order, from `floor` on, all having been
    /// looked at up to `seen`. Those that are watched for already go on where they are.
    pub fn set(&mut self, wanted: &[(usize, usize)], window: &Window, floor: u64, seen: u64) {
        let mut old = std::mem::take(&mut self.list);
        for &(order, pattern) in wanted {
            if self.list.iter().any(|watch| watch.pattern == pattern) {
                continue;
            }
            let known = old.iter().position(|watch| watch.pattern == pattern);
            let watch = known.map_or_else(
                || self.fresh(pattern, window, floor, seen),
                |known| old.swap_remove(known),
            );
            self.list.push(Watch { order, ..watch });
        }
        self.gate = (!self.list.is_empty()).then(|| {
            let patterns: Vec<usize> = self.list.iter().map(|watch| watch.pattern).collect();
            let prefilter = self.patterns.prefilter(&patterns);
            let compiled = Rc::clone(&self.patterns.compiled);
            let mut lazy = Lazy::new(compiled, &patterns, Mode::Any, true, CACHE);
            let mut places = vec![usize::MAX; self.patterns.ids.len()];
            for (place, &pattern) in patterns.iter().enumerate() {
                places[pattern] = place;
            }
            Gate { state: lazy.start(None), lazy, prefilter, at: floor, places }
        });
    }

    /// Whether this pattern is watched for.
    pub fn has(&self, pattern: usize) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.places[pattern] != usize::MAX)
    }

    /// Whether all of them have looked at the text, which ends at `end`, and nothing is under way.
    pub fn rests(&self, end: u64) -> bool {
        let Some(gate) = &self.gate else { return true };
        let rests = |watch: &Watch| watch.decided.is_none() && !watch.held && watch.alarm < end;
        gate.at == end && gate.lazy.is_idle(gate.state) && self.list.iter().all(rests)
    }

    /// In how many bytes nothing begins, when nothing is under way.
    pub fn skip(&self, bytes: &[u8]) -> usize {
        let skip = |gate: &Gate| {
            gate.prefilter.as_ref().map_or(0, |prefilter| prefilter.skip_lines(bytes))
        };
        self.gate.as_ref().map_or(usize::MAX, skip)
    }

    /// The text up to here has nothing that any of them waits for.
    pub fn pass(&mut self, window: &Window) {
        let end = window.end();
        if let Some(gate) = &mut self.gate {
            gate.at = end;
            gate.state = gate.lazy.start(None);
        }
        for watch in &mut self.list {
            watch.search_from(window, end, end);
        }
    }

    /// The first place up to which something is held, or to which a watch has got.
    pub fn earliest_end(&self) -> Option<u64> {
        self.list.iter().map(|watch| watch.search.earliest_end()).min()
    }

    fn fresh(&self, pattern: usize, window: &Window, at: u64, seen: u64) -> Watch {
        let compiled = Rc::clone(&self.patterns.compiled);
        let mut lazy = Lazy::new(compiled, &[pattern], Mode::First, false, CACHE_OF_ONE);
        let search = Search::new(&mut lazy, window, at, seen);
        let (order, cursor, alarm, held, decided) = (0, at, 0, false, None);
        Watch { pattern, order, lazy, search, cursor, alarm, held, decided }
    }

    /// Looks on, up to `limit`.
    pub fn scan(&mut self, window: &Window, limit: u64, losses: &mut Vec<Loss>) {
        if let Some(gate) = &mut self.gate {
            gate.run(window, &mut self.list);
        }
        for watch in &mut self.list {
            watch.scan(&self.patterns, window, limit, losses);
        }
    }

    /// The output has paused or ended at `limit`.
    pub fn force(&mut self, window: &Window, limit: u64, losses: &mut Vec<Loss>) {
        for watch in &mut self.list {
            while watch.decided.is_none() && watch.held && watch.search.at() == limit {
                let Some(decision) = watch.search.force(&mut watch.lazy) else { break };
                watch.settle(&self.patterns, window, &decision, losses);
                watch.scan(&self.patterns, window, limit, losses);
            }
        }
    }

    /// The match that waits and comes first: the key of its place among those of all views, its place in
    /// the run's order, and the match.
    pub fn first(&self, window: &Window) -> Option<(u64, usize, &Decided)> {
        let keyed = self.list.iter().filter_map(|watch| {
            let decided = watch.decided.as_ref()?;
            Some((window.seen_at(decided.at), watch.order, decided))
        });
        keyed.min_by_key(|&(key, order, _)| (key, order))
    }

    /// Takes the match of the watch with this place in the run's order; it goes on behind it.
    pub fn take(&mut self, order: usize, window: &Window) -> Option<Decided> {
        let watch = self.list.iter_mut().find(|watch| watch.order == order)?;
        let decided = watch.decided.take()?;
        watch.cursor = decided.end;
        watch.search_from(window, decided.end, decided.end);
        Some(decided)
    }

    /// Everything has been looked at. True when a pause would decide something.
    pub fn rest(&mut self, window: &Window, losses: &mut Vec<Loss>) -> bool {
        let Some(gate) = &mut self.gate else { return false };
        let end = window.end();
        for watch in &mut self.list {
            // What a match asks about its neighbour is answered by the byte after the alarm.
            if watch.held
                || watch.alarm == end
                || watch.search.at() + LAG.min(self.patterns.reach) > end
            {
                continue;
            }
            if !gate.lazy.is_under_way(gate.state, watch.pattern) {
                // Nothing of it has begun and not yet ended: the same as beginning here.
                watch.search_from(window, end, end);
            } else if watch.search.at() + self.patterns.reach < end {
                // It would lose its text, so it has to follow without cause.
                watch.alarm = end;
            }
        }
        for watch in &mut self.list {
            watch.scan(&self.patterns, window, end, losses);
        }
        self.list.iter().any(|watch| watch.held)
    }
}

impl Gate {
    fn run(&mut self, window: &Window, list: &mut [Watch]) {
        let end = window.end();
        while self.at < end {
            let bytes = window.between(self.at, end);
            let followed = self.lazy.follow(&mut self.state, bytes);
            self.at += followed as u64;
            let Some(&byte) = bytes.get(followed) else { break };
            let (state, flags) = self.lazy.step(self.state, byte);
            self.state = state;
            self.at += 1;
            if flags.found {
                for &pattern in self.lazy.found(state) {
                    list[self.places[pattern as usize]].alarm = self.at;
                }
            }
            if let (true, Some(prefilter)) = (flags.idle, &self.prefilter) {
                self.at += prefilter.skip(window.between(self.at, end)) as u64;
            }
        }
    }
}

impl Watch {
    fn search_from(&mut self, window: &Window, at: u64, seen: u64) {
        self.search = Search::new(&mut self.lazy, window, at, seen);
        self.held = false;
    }

    fn scan(&mut self, patterns: &Patterns, window: &Window, limit: u64, losses: &mut Vec<Loss>) {
        while self.decided.is_none() {
            let target = if self.held { limit } else { (self.alarm + 1).min(limit) };
            if self.search.at() >= target {
                return;
            }
            match self.search.run(&mut self.lazy, None, window, target, patterns.reach) {
                Some(decision) => self.settle(patterns, window, &decision, losses),
                None => self.held = self.search.is_held(&mut self.lazy),
            }
        }
    }

    fn settle(
        &mut self,
        patterns: &Patterns,
        window: &Window,
        decision: &Decision,
        losses: &mut Vec<Loss>,
    ) {
        self.decided = patterns.finish(window, decision, self.cursor);
        if self.decided.is_none() {
            losses.push(patterns.loss(window, decision, self.cursor));
            let at = patterns.restart(decision);
            self.search = Search::after(&mut self.lazy, window, at, decision);
            self.held = false;
        }
    }
}
