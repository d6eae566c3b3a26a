//! One step of the automaton, from one state and one byte to the next state: the subset construction.
//!
//! A state is a list of threads, places in the NFA, in order of precedence: the match that began earlier
//! goes before the one that began later, and among those that began together the order in which patterns
//! are armed and alternatives are written decides. That is what leftmost-first means, so a thread that has
//! matched ends all threads after it and none before it.
//!
//! What is asked about the byte behind a place (`$`, `\b`) stays in the list until that byte is known.

use regex_automata::nfa::thompson::State as Node;
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;

use super::compile::{Compiled, Looks};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// This byte.
    Byte(u8),
    /// Nothing: the text ends here, for good or for the length of a pause.
    End,
}

/// What lies before a place, as far as a pattern asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Prev {
    Start,
    Lf,
    Cr,
    Word,
    Other,
}

impl Prev {
    /// How many there are.
    pub(super) const ALL: usize = 5;

    pub(super) fn of(byte: Option<u8>, looks: Looks) -> Prev {
        match byte {
            None if looks.line => Prev::Start,
            Some(b'\n') if looks.line => Prev::Lf,
            Some(b'\r') if looks.crlf => Prev::Cr,
            Some(byte) if looks.word && is_word(byte) => Prev::Word,
            _ => Prev::Other,
        }
    }
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The threads: places that take a byte, that ask about the next one, or that match.
    pub(super) threads: Box<[StateID]>,
    /// First match: the pattern that matched up to before the last byte. Any match: the patterns that may
    /// match up to here.
    pub(super) found: Box<[u32]>,
    pub(super) prev: Prev,
    /// Whether a match may still begin here or later.
    pub(super) searching: bool,
}

impl State {
    /// No thread yet, all patterns may begin.
    pub(super) fn start(prev: Prev) -> State {
        State { threads: Box::default(), found: Box::default(), prev, searching: true }
    }
}

/// Scratch space for steps.
#[derive(Debug)]
pub(super) struct Stepper {
    here: Seen,
    there: Seen,
    stack: Vec<StateID>,
    spread: Vec<StateID>,
    threads: Vec<StateID>,
}

impl Stepper {
    /// For an NFA with so many places.
    pub(super) fn new(nodes: usize) -> Stepper {
        Stepper {
            here: Seen::new(nodes),
            there: Seen::new(nodes),
            stack: Vec::new(),
            spread: Vec::new(),
            threads: Vec::new(),
        }
    }

    /// The step of a search for the first match of `starts`, in order of precedence. A match is never
    /// empty: a thread that has taken no byte cannot match.
    pub(super) fn first(
        &mut self,
        compiled: &Compiled,
        starts: &[StateID],
        from: &State,
        unit: Unit,
    ) -> State {
        self.clear();
        let mut found = None;
        let mut sealed = false;
        'threads: for &thread in &from.threads {
            self.stack.push(thread);
            while let Some(id) = self.stack.pop() {
                if !self.here.insert(id) {
                    continue;
                }
                if let Node::Match { pattern_id } = compiled.nfa.state(id) {
                    found = Some(pattern_id.as_u32());
                    self.stack.clear();
                    break 'threads;
                }
                sealed |= self.advance(compiled, id, from.prev, unit, sealed);
            }
        }
        if found.is_none() && from.searching {
            for &start in starts {
                self.stack.push(start);
                while let Some(id) = self.stack.pop() {
                    if self.here.insert(id) {
                        sealed |= self.advance(compiled, id, from.prev, unit, sealed);
                    }
                }
            }
        }
        State {
            threads: self.threads.as_slice().into(),
            searching: from.searching && found.is_none() && !sealed,
            found: found.into_iter().collect(),
            prev: match unit {
                Unit::Byte(byte) => Prev::of(Some(byte), compiled.looks),
                Unit::End => Prev::Other,
            },
        }
    }

    /// Moves one thread over `unit`. True when that led to a match that nothing can take back: what comes
    /// after it in the order is then of no account (`sealed`).
    fn advance(
        &mut self,
        compiled: &Compiled,
        id: StateID,
        prev: Prev,
        unit: Unit,
        sealed: bool,
    ) -> bool {
        let next = match compiled.nfa.state(id) {
            Node::Look { look, next } => {
                if holds(*look, prev, unit) {
                    self.stack.push(*next);
                }
                return false;
            }
            Node::Capture { next, .. } => {
                self.stack.push(*next);
                return false;
            }
            Node::Union { alternates } => {
                self.stack.extend(alternates.iter().rev());
                return false;
            }
            Node::BinaryUnion { alt1, alt2 } => {
                self.stack.extend([*alt2, *alt1]);
                return false;
            }
            node => takes(node, unit),
        };
        match next {
            Some(next) if !sealed => self.spread_first(compiled, next),
            _ => false,
        }
    }

    /// Adds the threads that a place leads to without a byte. True when one of them matches.
    fn spread_first(&mut self, compiled: &Compiled, id: StateID) -> bool {
        self.spread.push(id);
        while let Some(id) = self.spread.pop() {
            if !self.there.insert(id) {
                continue;
            }
            match compiled.nfa.state(id) {
                Node::Capture { next, .. } => self.spread.push(*next),
                Node::Union { alternates } => self.spread.extend(alternates.iter().rev()),
                Node::BinaryUnion { alt1, alt2 } => self.spread.extend([*alt2, *alt1]),
                Node::Fail => {}
                Node::Match { .. } => {
                    self.threads.push(id);
                    self.spread.clear();
                    return true;
                }
                _ => self.threads.push(id),
            }
        }
        false
    }

    /// The step of a search for every place where a match may end, of whichever pattern, from wherever.
    /// Questions about neighbours count as answered with yes: it may say too much, never too little.
    pub(super) fn any(
        &mut self,
        compiled: &Compiled,
        starts: &[StateID],
        from: &State,
        unit: Unit,
    ) -> State {
        self.clear();
        let mut found = Vec::new();
        self.stack.extend(from.threads.iter().chain(starts));
        while let Some(id) = self.stack.pop() {
            if !self.here.insert(id) {
                continue;
            }
            match compiled.nfa.state(id) {
                Node::Look { next, .. } | Node::Capture { next, .. } => self.stack.push(*next),
                Node::Union { alternates } => self.stack.extend(alternates.iter()),
                Node::BinaryUnion { alt1, alt2 } => self.stack.extend([*alt1, *alt2]),
                node => {
                    if let Some(next) = takes(node, unit) {
                        self.spread_any(compiled, next, &mut found);
                    }
                }
            }
        }
        self.threads.sort_unstable();
        found.sort_unstable();
        State {
            threads: self.threads.as_slice().into(),
            found: found.into(),
            prev: Prev::Other,
            searching: true,
        }
    }

    fn spread_any(&mut self, compiled: &Compiled, id: StateID, found: &mut Vec<u32>) {
        self.spread.push(id);
        while let Some(id) = self.spread.pop() {
            if !self.there.insert(id) {
                continue;
            }
            match compiled.nfa.state(id) {
                Node::Look { next, .. } | Node::Capture { next, .. } => self.spread.push(*next),
                Node::Union { alternates } => self.spread.extend(alternates.iter()),
                Node::BinaryUnion { alt1, alt2 } => self.spread.extend([*alt1, *alt2]),
                Node::Fail => {}
                Node::Match { pattern_id } => found.push(pattern_id.as_u32()),
                _ => self.threads.push(id),
            }
        }
    }

    fn clear(&mut self) {
        self.here.clear();
        self.there.clear();
        self.threads.clear();
    }
}

fn takes(node: &Node, unit: Unit) -> Option<StateID> {
    let Unit::Byte(byte) = unit else { return None };
    match node {
        Node::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        Node::Sparse(sparse) => sparse.matches_byte(byte),
        Node::Dense(dense) => dense.matches_byte(byte),
        _ => None,
    }
}

fn holds(look: Look, prev: Prev, unit: Unit) -> bool {
    let before = prev == Prev::Word;
    let after = matches!(unit, Unit::Byte(byte) if is_word(byte));
    let end = unit == Unit::End;
    let lf = unit == Unit::Byte(b'\n');
    match look {
        Look::Start => prev == Prev::Start,
        Look::End => end,
        Look::StartLF => matches!(prev, Prev::Start | Prev::Lf),
        Look::EndLF => end || lf,
        Look::StartCRLF => matches!(prev, Prev::Start | Prev::Lf) || (prev == Prev::Cr && !lf),
        Look::EndCRLF => end || unit == Unit::Byte(b'\r') || (lf && prev != Prev::Cr),
        Look::WordAscii | Look::WordUnicode => before != after,
        Look::WordAsciiNegate | Look::WordUnicodeNegate => before == after,
        Look::WordStartAscii | Look::WordStartUnicode => !before && after,
        Look::WordEndAscii | Look::WordEndUnicode => before && !after,
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => !before,
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => !after,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A set of places, emptied at no cost.
#[derive(Debug)]
struct Seen {
    marks: Vec<u32>,
    mark: u32,
}

impl Seen {
    fn new(len: usize) -> Seen {
        Seen { marks: vec![0; len], mark: 1 }
    }

    fn clear(&mut self) {
        if self.mark == u32::MAX {
            self.marks.fill(0);
            self.mark = 0;
        }
        self.mark += 1;
    }

    /// Whether it was not in it.
    fn insert(&mut self, id: StateID) -> bool {
        let mark = &mut self.marks[id.as_usize()];
        let new = *mark != self.mark;
        *mark = self.mark;
        new
    }
}
