//! What is waited for and what is answered: patterns, views, the matcher, the dialogue. Pure.

pub mod dialogue;
pub mod escape;
pub mod failure;
pub(crate) mod keypad;
pub mod keys;
pub mod mask;
pub mod matcher;
pub(crate) mod near;
pub mod pattern;
pub mod program;
