//! One search for the first match: where it stands, what it has found, and when that is decided.
//!
//! | what is known after a byte | then |
//! | --- | --- |
//! | no match yet | go on |
//! | a match, and an earlier or longer one is still under way | hold it, go on |
//! | a match that nothing can extend or displace any more | decided |
//! | held, and the output pauses or ends | decided as it stands |
//! | held for a whole window of bytes | decided as it stands, so that memory and waiting are bounded |
//!
//! The position at which a match is decided depends on the text alone, not on how it arrived.

use super::automaton::lazy::{Flags, Lazy, StateNo};
use super::prefilter::Prefilter;
use super::window::Window;

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    /// Where it began: no match begins before.
    base: u64,
    /// How far it has got.
    at: u64,
    state: StateNo,
    /// The match so far: pattern and end.
    last: Option<(usize, u64)>,
    /// Where the first match seen ended.
    first_end: u64,
    /// How far all has been looked at before, by a search that led to nothing: what is kept was kept for that.
    seen: u64,
    /// Where the match was lost after which this search began anew: nothing that it finds was known before.
    lost: u64,
}

/// A decided match, its beginning not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which pattern.
    pub pattern: usize,
    /// Where it ends.
    pub end: u64,
    /// With which byte it was decided: the position after it.
    pub at: u64,
    /// No match begins before.
    pub base: u64,
    /// Where the first match seen ended: no later than it ends, and it began before that.
    pub first_end: u64,
    /// How far all had been looked at by then, at least up to `at`.
    pub seen: u64,
    /// With which byte it was known: later than `at` where another match had to be lost first.
    pub known: u64,
}

impl Search {
    /// A search that begins at `at`, when all has been looked at up to `seen`.
    pub fn new(lazy: &mut Lazy, window: &Window, at: u64, seen: u64) -> Search {
        let state = lazy.start(window.byte_before(at));
        Search { base: at, at, state, last: None, first_end: 0, seen, lost: 0 }
    }

    /// A search that begins anew at `at`, after the match of `decision` was lost.
    pub fn after(lazy: &mut Lazy, window: &Window, at: u64, decision: &Decision) -> Search {
        Search { lost: decision.known, ..Search::new(lazy, window, at, decision.seen) }
    }

    /// How far it has got.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Whether no match is under way or held, and everything before `end` has been read.
    pub fn is_idle(&self, lazy: &Lazy, end: u64) -> bool {
        self.at == end && self.last.is_none() && lazy.is_idle(self.state)
    }

    /// Where the match ends that is held, or where it has got.
    pub fn earliest_end(&self) -> u64 {
        self.last.map_or(self.at, |_| self.first_end)
    }

    /// Reads on, at most to `limit`, until a match is decided. `reach` is how long a match is held at most.
    pub fn run(
        &mut self,
        lazy: &mut Lazy,
        prefilter: Option<&Prefilter>,
        window: &Window,
        limit: u64,
        reach: u64,
    ) -> Option<Decision> {
        while self.at < limit {
            let stop = match self.last {
                Some(_) => limit.min(self.first_end + reach),
                None => limit,
            };
            let bytes = window.between(self.at, stop);
            let followed = lazy.follow(&mut self.state, bytes);
            self.at += followed as u64;
            if let Some(&byte) = bytes.get(followed) {
                let (state, flags) = lazy.step(self.state, byte);
                self.state = state;
                self.at += 1;
                if let Some(decision) = self.note(lazy, flags) {
                    return Some(decision);
                }
                if let (true, Some(prefilter)) = (flags.idle, prefilter) {
                    self.jump(lazy, prefilter, window, limit);
                }
            }
            if self.last.is_some() && self.at >= self.first_end + reach {
                return self.decide();
            }
        }
        None
    }

    /// Skips to where a match may begin.
    fn jump(&mut self, lazy: &mut Lazy, prefilter: &Prefilter, window: &Window, limit: u64) {
        let skip = prefilter.skip(window.between(self.at, limit));
        if skip > 0 {
            self.at += skip as u64;
            self.state = lazy.start(window.byte_before(self.at));
        }
    }

    fn note(&mut self, lazy: &Lazy, flags: Flags) -> Option<Decision> {
        if flags.found {
            self.found(lazy.found(self.state)[0] as usize, self.at - 1);
        }
        if flags.sure {
            self.found(lazy.sure(self.state)?, self.at);
        }
        if flags.sure || flags.dead { self.decide() } else { None }
    }

    fn found(&mut self, pattern: usize, end: u64) {
        if self.last.is_none() {
            self.first_end = end;
        }
        self.last = Some((pattern, end));
    }

    fn decide(&self) -> Option<Decision> {
        let (pattern, end) = self.last?;
        let Search { at, base, first_end, seen, lost, .. } = *self;
        Some(Decision {
            pattern,
            end,
            at,
            base,
            first_end,
            seen: seen.max(at),
            known: lost.max(at),
        })
    }

    /// The output paused or ended here: what is held is decided as it stands.
    pub fn force(&mut self, lazy: &mut Lazy) -> Option<Decision> {
        let mut ended = self.clone();
        if let Some(pattern) = lazy.at_end(&mut self.state) {
            ended.found(pattern, self.at);
        }
        ended.decide()
    }

    /// Whether a pause would decide a match.
    pub fn is_held(&mut self, lazy: &mut Lazy) -> bool {
        self.force(lazy).is_some()
    }
}
