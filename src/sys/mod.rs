//! Everything unsafe and everything platform: verbs with the same signature on every platform, no policy.
//! Knows nothing of ours.
//!
//! The rule for a new platform: a folder beside `linux` that defines the same names. Whatever a platform
//! cannot do answers with an error or an empty list, never with a guess.

#![expect(unsafe_code, reason = "the one layer that may; every block argues its safety")]

pub mod cpu;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;
