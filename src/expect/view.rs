//! What patterns look at: the stream as it came, without terminal escapes, or as a screen shows it.

pub mod echo;
pub mod modes;
pub mod plain;
pub mod screen;
pub mod text;
