//! The states of an automaton as they turn up: a table from state and class of byte to state.
//!
//! The table is filled as the text asks for it and emptied when it is full; the state a search is in
//! survives that, because the caller holds nothing but its number and gets a new one from the same step.

use std::collections::HashMap;
use std::rc::Rc;

use regex_automata::util::primitives::StateID;

use super::compile::Compiled;
use super::step::{Prev, State, Unit};

/// In tests a table starts anew all the time.
const TEST_CACHE: usize = 2 << 10;

/// An entry of the table that needs more than to be followed.
const SPECIAL: u32 = 1 << 31;
/// Not known yet.
const UNKNOWN: u32 = u32::MAX;

/// What an automaton looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The first match, in order of precedence.
    First,
    /// Every place where some match may end.
    Any,
}

/// A state by its number in the table.
pub type StateNo = u32;

/// What there is to know about a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Something was found: see [`Lazy::found`].
    pub found: bool,
    /// First match: a match ends here, whatever comes next.
    pub sure: bool,
    /// First match: nothing can match any more.
    pub dead: bool,
    /// No match is under way.
    pub idle: bool,
}

/// An automaton over some of the patterns, with its table.
#[derive(Debug)]
pub struct Lazy {
    compiled: Rc<Compiled>,
    mode: Mode,
    starts: Box<[StateID]>,
    /// A copy, to be near the table.
    classes: [u8; 256],
    table: Vec<u32>,
    states: Vec<(Rc<State>, Flags)>,
    numbers: HashMap<Rc<State>, StateNo>,
    /// The states in which everything may begin, by what lies before.
    begun: [Option<StateNo>; Prev::ALL],
    size: usize,
    /// How large it may become before it starts anew.
    cache: usize,
    /// Whether an idle state is to stop [`Lazy::follow`].
    stop_idle: bool,
}

impl Lazy {
    /// An automaton over `patterns`, in order of precedence, with a table of about `cache` bytes at most.
    /// `stop_idle`: [`Lazy::follow`] is to stop in idle states.
    pub fn new(
        compiled: Rc<Compiled>,
        patterns: &[usize],
        mode: Mode,
        stop_idle: bool,
        cache: usize,
    ) -> Lazy {
        Lazy {
            mode,
            starts: patterns.iter().map(|&pattern| compiled.start(pattern)).collect(),
            classes: compiled.classes,
            table: Vec::new(),
            states: Vec::new(),
            numbers: HashMap::new(),
            begun: [None; Prev::ALL],
            size: 0,
            cache: if cfg!(test) { TEST_CACHE } else { cache },
            stop_idle,
            compiled,
        }
    }

    /// The state in which everything may begin, after the byte `before` (nothing at the very start).
    pub fn start(&mut self, before: Option<u8>) -> StateNo {
        let prev = match self.mode {
            Mode::First => Prev::of(before, self.compiled.looks),
            Mode::Any => Prev::Other,
        };
        if let Some(state) = self.begun[prev as usize] {
            return state;
        }
        let state = self.number(State::start(prev)) & !SPECIAL;
        self.begun[prev as usize] = Some(state);
        state
    }

    /// Follows known steps over `bytes` from `state` while there is nothing to know about the states on the
    /// way; gives how many bytes that were.
    pub fn follow(&self, state: &mut StateNo, bytes: &[u8]) -> usize {
        let mut at = *state;
        for (taken, &byte) in bytes.iter().enumerate() {
            let next = self.table[at as usize + usize::from(self.classes[usize::from(byte)])];
            if next & SPECIAL != 0 {
                *state = at;
                return taken;
            }
            at = next;
        }
        *state = at;
        bytes.len()
    }

    /// One step, known or not.
    pub fn step(&mut self, state: StateNo, byte: u8) -> (StateNo, Flags) {
        let class = usize::from(self.classes[usize::from(byte)]);
        let next = self.entry(state, class, Unit::Byte(byte));
        (next & !SPECIAL, self.flags(next))
    }

    /// First match: the pattern that matches up to here when the text ends here.
    pub fn at_end(&mut self, state: &mut StateNo) -> Option<usize> {
        let class = self.compiled.stride - 1;
        let known = self.table[*state as usize + class];
        let next = if known == UNKNOWN {
            let kept = Rc::clone(&self.states[self.index(*state)].0);
            let next = self.entry(*state, class, Unit::End);
            // The table may have been emptied on the way.
            *state = self.number((*kept).clone()) & !SPECIAL;
            next
        } else {
            known
        };
        self.found(next).first().map(|&pattern| pattern as usize)
    }

    /// First match: the pattern that matched up to before the last byte. Any match: the patterns that may
    /// match up to here.
    pub fn found(&self, state: StateNo) -> &[u32] {
        &self.states[self.index(state)].0.found
    }

    /// In a sure state: the pattern that matches.
    pub fn sure(&self, state: StateNo) -> Option<usize> {
        let thread = self.states[self.index(state)].0.threads.first()?;
        Some(self.compiled.owner(*thread) as usize)
    }

    /// Whether a match of `pattern` is under way.
    pub fn is_under_way(&self, state: StateNo, pattern: usize) -> bool {
        let threads = &self.states[self.index(state)].0.threads;
        threads.iter().any(|&thread| self.compiled.owner(thread) as usize == pattern)
    }

    /// Whether no match is under way.
    pub fn is_idle(&self, state: StateNo) -> bool {
        self.flags(state).idle
    }

    fn index(&self, state: StateNo) -> usize {
        (state & !SPECIAL) as usize / self.compiled.stride
    }

    fn flags(&self, state: StateNo) -> Flags {
        self.states[self.index(state)].1
    }

    fn entry(&mut self, state: StateNo, class: usize, unit: Unit) -> u32 {
        let cell = (state & !SPECIAL) as usize + class;
        if self.table[cell] != UNKNOWN {
            return self.table[cell];
        }
        let from = Rc::clone(&self.states[self.index(state)].0);
        let mut stepper = self.compiled.stepper.borrow_mut();
        let next = match self.mode {
            Mode::First => stepper.first(&self.compiled, &self.starts, &from, unit),
            Mode::Any => stepper.any(&self.compiled, &self.starts, &from, unit),
        };
        drop(stepper);
        if self.size > self.cache {
            self.table.clear();
            self.states.clear();
            self.numbers.clear();
            self.begun = [None; Prev::ALL];
            self.size = 0;
            return self.number(next);
        }
        let next = self.number(next);
        self.table[cell] = next;
        next
    }

    fn number(&mut self, state: State) -> u32 {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let flags = self.judge(&state);
        let special = flags.found || flags.sure || flags.dead || (flags.idle && self.stop_idle);
        let stride = self.compiled.stride;
        let number = (self.states.len() * stride) as u32 | if special { SPECIAL } else { 0 };
        self.table.resize(self.table.len() + stride, UNKNOWN);
        // The rest is the state's own fields and its share of the map, roughly.
        self.size += stride * 4 + state.threads.len() * 4 + state.found.len() * 4 + 128;
        let state = Rc::new(state);
        self.states.push((Rc::clone(&state), flags));
        self.numbers.insert(state, number);
        number
    }

    fn judge(&self, state: &State) -> Flags {
        let first = self.mode == Mode::First;
        Flags {
            found: !state.found.is_empty(),
            sure: first && state.threads.len() == 1 && {
                let node = self.compiled.nfa.state(state.threads[0]);
                matches!(node, regex_automata::nfa::thompson::State::Match { .. })
            },
            dead: first && state.threads.is_empty() && !state.searching,
            idle: state.threads.is_empty() && state.searching,
        }
    }
}
