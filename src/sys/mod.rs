//! Everything unsafe and everything platform: verbs with the same signature on every platform, no policy.
//! Knows nothing of ours.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;
