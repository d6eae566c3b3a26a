//! The tracking database and the lock files: what `list`, `reap` and `inspect` know of runs.
//!
//! **A run is never changed by it.** Everything here can fail (no home, a full disk, a damaged file) and
//! then the run is merely untracked, with a warning; unless the user asked for tracking (`--track require`).
//!
//! **Lock files come first.** Before the spawn there is `<run>.lock`, locked by the living heeler, with what
//! `list` needs in it: a file costs a thirtieth of a millisecond, a row half of one, opening the database
//! one and a half. The row of a run that lasts follows while the child runs. At its end a run completes its
//! file and leaves it, and its row is written with those of others ([`ingest`]). A lock cannot be faked by a reused number: held
//! means supervised.
//!
//! **Many processes share the database.** Every connection has a busy timeout before anything else, and every
//! write begins immediate: a read that becomes a write fails at once in spite of the timeout. A run writes
//! twice at most, as a rule once or not at all, and neither write waits for the disk (write-ahead log, `synchronous=NORMAL`, no checkpoint
//! at close). A crash of the machine can lose the last rows; it cannot damage the file.
//!
//! **Strange file systems.** The write-ahead log needs memory shared between processes, which network file
//! systems and shared folders do not give: there it is a rollback journal.
//!
//! **Other versions.** The schema only ever grows ([`migrate`]). A database from a newer heeler is read, and
//! not written. Secrets never get here: the caller passes masked text, and the environment is never kept.

pub mod db;
pub mod id;
mod ingest;
pub mod lockfile;
mod migrate;
pub mod place;
mod read;
pub mod tracker;
mod write;

pub use db::{Store, StoreError};
pub use read::{ActionRow, AttemptRow, Which};
pub use tracker::{AttemptEnd, LeaderFacts, Policy, RunEnd, RunStart, Tracker};
pub use write::Action;

#[cfg(test)]
mod tests;
