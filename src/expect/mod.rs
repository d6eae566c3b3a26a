//! What is waited for and what is answered: patterns, views, the matcher, the dialogue. Pure.

pub mod matcher;
pub mod pattern;
pub mod program;
