//! The automaton of one attempt.
