//! What is decided: pure, so that any order of events can be replayed in a test in microseconds.
//!
//! Nothing here reads a clock, a file, the environment or a process. `now` is a [`std::time::Duration`]
//! since the run began on the active clock (monotonic, time spent stopped by Ctrl-Z left out); facts come
//! in as values, wishes go out as values.

pub mod foreground;
pub mod identity;
pub mod ladder;
pub mod limits;
pub mod members;
pub mod outcome;
pub mod reap;
pub mod record;
pub mod retry;
pub mod size;
pub mod supervisor;
pub mod wayout;
