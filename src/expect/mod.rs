//! What is waited for and what is answered: patterns, views, the matcher, the dialogue. Pure.

pub mod automaton;
pub mod lane;
pub mod matcher;
pub mod pattern;
pub mod prefilter;
pub mod program;
pub mod resolve;
pub mod search;
pub mod view;
pub mod watch;
pub mod window;
