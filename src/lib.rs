//! heeler keeps a command at heel: it runs it over pipes or a terminal, answers its prompts, holds it to
//! limits, ends its whole process tree, and says how it ended.
//!
//! The library exists so that tests, benches and fuzzers reach the modules; its API is not a promise. The
//! promises are the exit codes, the report, the script format and the control protocol.
//!
//! Imports run one way: `command` uses everything below it; `runtime`, `store` and `report` use `core` and
//! `expect`; `reaper` ends what `store` knows of; `core`, `expect` and `script` are pure; `sys` knows
//! nothing of ours.

pub mod cli;
pub mod command;
pub mod config;
pub mod control;
pub mod core;
pub mod expect;
pub mod reaper;
pub mod report;
pub mod runtime;
pub mod script;
pub mod store;
pub mod sys;
