//! The effects of a run: the loop, spawning, streams, the terminal, signals, containment.
//!
//! One thread waits in one place (`sys::poll`) for child exit, signals, output, input and the next
//! deadline; what happened goes to the pure core as an event, and what the core answers is carried out.

pub mod attempt;
pub mod clock;
pub mod fault;
pub mod helper;
pub mod input;
pub mod launch;
pub mod outlets;
pub mod player;
pub mod proof;
pub mod remote;
pub mod run;
pub mod sending;
pub mod strangers;
pub mod stream;
pub mod terminal;
pub mod tree;
