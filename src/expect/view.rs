//! What patterns look at: the stream as it came, without terminal escapes, or as a screen shows it.

pub mod dialect;
pub mod echo;
pub mod emulator;
pub mod modes;
pub mod plain;
pub mod query;
pub mod screen;
mod special;
pub mod text;
