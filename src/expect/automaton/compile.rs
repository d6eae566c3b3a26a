//! Patterns compiled once: one NFA for all of them, and what is known of each.

use std::borrow::Borrow;
use std::cell::RefCell;

use regex_automata::nfa::thompson::{self, NFA, State, WhichCaptures};
use regex_automata::util::primitives::{PatternID, StateID};
use regex_syntax::hir::Hir;

use super::step::Stepper;

/// The most that the automaton of all patterns of a stream may take.
const SIZE_LIMIT: usize = 64 << 20;

/// The NFA of all patterns of a view; a pattern is known by its place among them.
#[derive(Debug)]
pub struct Compiled {
    /// Every pattern has a start of its own in it.
    pub(super) nfa: NFA,
    /// Bytes that no pattern tells apart have the same class.
    pub(super) classes: [u8; 256],
    /// One class more than there are: the end of the text.
    pub(super) stride: usize,
    /// What the patterns ask about the byte before a position.
    pub(super) looks: Looks,
    /// Which pattern a state of the NFA belongs to.
    owners: Vec<u32>,
    /// How many bytes each pattern takes of the NFA.
    sizes: Vec<usize>,
    /// Scratch space for whoever takes a step, as large as the NFA.
    pub(super) stepper: RefCell<Stepper>,
}

/// What has to be known of the byte before a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    /// Whether it is the start of the text or of a line.
    pub(super) line: bool,
    /// Whether it is a CR.
    pub(super) crlf: bool,
    /// Whether it is part of a word.
    pub(super) word: bool,
}

impl Compiled {
    /// Compiles `patterns`.
    pub fn new(patterns: &[impl Borrow<Hir>]) -> Result<Compiled, Box<thompson::BuildError>> {
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let nfa = thompson::Compiler::new().configure(config).build_many_from_hir(patterns)?;
        let set = nfa.look_set_any();
        let looks = Looks {
            line: !set.is_empty(),
            crlf: set.contains_anchor_crlf(),
            word: set.contains_word(),
        };
        let byte_classes = nfa.byte_classes();
        let classes = std::array::from_fn(|byte| byte_classes.get(byte as u8));
        let stride = byte_classes.alphabet_len();
        let (owners, sizes) = owners(&nfa);
        let stepper = RefCell::new(Stepper::new(nfa.states().len()));
        Ok(Compiled { nfa, classes, stride, looks, owners, sizes, stepper })
    }

    /// Where a pattern starts.
    pub(super) fn start(&self, pattern: usize) -> StateID {
        self.nfa.start_pattern(PatternID::must(pattern)).expect("each pattern has a start")
    }

    /// The pattern that a state belongs to.
    pub(super) fn owner(&self, state: StateID) -> u32 {
        self.owners[state.as_usize()]
    }

    /// How many bytes a pattern takes.
    pub fn size(&self, pattern: usize) -> usize {
        self.sizes[pattern]
    }
}

/// Patterns share no state, so walking from each start finds whose each state is, and how much each pattern takes.
fn owners(nfa: &NFA) -> (Vec<u32>, Vec<usize>) {
    let mut owners = vec![u32::MAX; nfa.states().len()];
    let mut sizes = vec![0; nfa.pattern_len()];
    for (pattern, size) in sizes.iter_mut().enumerate() {
        let start = nfa.start_pattern(PatternID::must(pattern)).expect("each pattern has a start");
        let mut stack = vec![start];
        while let Some(id) = stack.pop() {
            if owners[id.as_usize()] != u32::MAX {
                continue;
            }
            owners[id.as_usize()] = pattern as u32;
            let state = nfa.state(id);
            *size += size_of::<State>() + outside(state);
            match state {
                State::ByteRange { trans } => stack.push(trans.next),
                State::Sparse(sparse) => stack.extend(sparse.transitions.iter().map(|t| t.next)),
                State::Dense(dense) => stack.extend(dense.transitions.iter().copied()),
                State::Look { next, .. } | State::Capture { next, .. } => stack.push(*next),
                State::Union { alternates } => stack.extend(alternates.iter().copied()),
                State::BinaryUnion { alt1, alt2 } => stack.extend([*alt1, *alt2]),
                State::Fail | State::Match { .. } => {}
            }
        }
    }
    (owners, sizes)
}

/// What a state has elsewhere.
fn outside(state: &State) -> usize {
    match state {
        State::Sparse(sparse) => size_of_val(&*sparse.transitions),
        State::Dense(dense) => size_of_val(&*dense.transitions),
        State::Union { alternates } => size_of_val(&**alternates),
        _ => 0,
    }
}
