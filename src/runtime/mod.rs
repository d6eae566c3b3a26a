//! The effects of a run: the loop, spawning, streams, the terminal, signals, containment.

pub mod reaper;
pub mod survey;
