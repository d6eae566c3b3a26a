//! Recordings: asciicast version 2 is written, versions 2 and 3 are read.
//!
//! The formats: asciinema's documentation, "asciicast v2" and "asciicast v3". A header line, then one JSON
//! array a line, `[seconds, code, text]`; in version 3 seconds count from the line before.
//!
//! | code | here | players |
//! | --- | --- | --- |
//! | `o` | output, secrets masked | show it |
//! | `i` | input, with `--record-input` and from `learn`; never what was typed unseen | leave it out |
//! | `r` | a change of the size, `100x30` | follow it |
//! | `m` | `attempt 2` and so on, before each attempt but the first | know it as a chapter |
//! | `x` | the exit code, 128+n for a signal; in version 3 since its beginning | version 2: leave it out |
//!
//! The header's `heeler.mode` is `pipe` where the command had pipes: a player's terminal wants CR LF where
//! a pipe has LF, so LF is written as CR LF then, and read back as LF.

pub mod read;
pub mod write;

pub use read::{Cast, CastError, read};
pub use write::{Encoder, Header};
