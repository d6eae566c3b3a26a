//! The ladder that ends a tree: rungs of a signal and the grace it gives, `TERM:10s,KILL`.
//!
//! The grace belongs to the tree, not to the leader: a leader that obeys TERM while its child ignores it
//! does not end the climb (process-compose#520, dumb-init#212).

use std::time::Duration;

/// How long a tree may take to vanish after the last rung before it is called unkillable (a process in
/// uninterruptible sleep cannot be ended by anyone).
pub const LAST_WAIT: Duration = Duration::from_secs(5);

/// One rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Signal number.
    pub signal: i32,
    /// How long the tree has before the next rung.
    pub grace: Duration,
}

/// The rungs, in order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    rungs: Vec<Rung>,
}

impl Ladder {
    /// A ladder of `rungs`, or nothing when there are none.
    pub fn new(rungs: Vec<Rung>) -> Option<Ladder> {
        (!rungs.is_empty()).then_some(Ladder { rungs })
    }

    /// The rungs.
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }
}
