//! The automaton: all patterns of a stream at once, one table look-up a byte, its state kept across reads.
//!
//! The regex crates search text that is there; a stream is not. Three things are needed that their lazy
//! DFA does not give: the state at the end of a chunk has to outlive a full cache; a match has to be known
//! as decided, or not, before the next byte is there; and any subset of the patterns has to be armed, in
//! any order of precedence, without compiling again. So the parsing, the literals, the NFA and the capture
//! engines are theirs, and the determinisation over that NFA is here.

pub mod compile;
pub mod lazy;
pub mod step;
