//! What is waited for and what is answered: patterns, views, the matcher, the dialogue. Pure.

pub mod automaton;
pub mod detach;
pub mod dialogue;
pub mod escape;
pub mod failure;
pub(crate) mod keypad;
pub mod keys;
pub mod lane;
pub mod mask;
pub mod matcher;
pub mod names;
pub(crate) mod near;
pub mod offline;
pub mod pattern;
pub mod prefilter;
pub mod program;
pub mod resolve;
pub mod search;
pub mod tape;
pub mod view;
pub mod watch;
pub mod window;
