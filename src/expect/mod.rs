//! What is waited for and what is answered: patterns, views, the matcher, the dialogue. Pure.

pub mod escape;
pub(crate) mod keypad;
pub mod keys;
pub mod mask;
pub mod pattern;
pub mod program;
